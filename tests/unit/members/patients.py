"""Patients whom both nodes know, and what hospital-a has filed of them."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from node.domain.access import AccessContent, Actor, Purpose, RequestId
from node.domain.consent import ConsentTerms, PresentedConsent
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.patient import PatientKeys, PatientSeed
from node.domain.receipt import Receipt
from node.domain.record import PatientNumber
from node.domain.retrieval import RetrievalRequest
from node.identity.codes import exchange_private_key, keys_of_seed
from node.services.patients.index import Registration
from node.services.reading.finding_patients import FindOrder, FoundRecord
from node.services.reading.retrieval import RetrievalOrder
from node.services.reading.retrieval_work import DISCLOSURES_PATH
from node.services.surface.reading import Reading
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import locator_tag, pairwise_key
from tests.unit.fhir_split.documents import Json
from tests.unit.members.consents import terms
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.services_records.world import HOSPITAL, LOCATOR_SECRETS, World, report

WAIT_S = 60.0
ACTOR = Actor(OTHER, "03.04", "b-17", "110", "password+token", "physician")
_numbers = itertools.count(1)


def eventually(true: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def reading(world: World) -> Reading:
    found = world.running.node.reading
    assert found is not None
    return found


@dataclass
class Patient:
    """A patient of both hospitals."""

    neighbours: Neighbourhood
    number: int = field(default_factory=lambda: next(_numbers))
    receipts: list[Receipt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.here = PatientNumber("urn:mrn", f"A-{self.number:05}")
        self.there = PatientNumber("urn:mrn", f"B-{self.number:05}")
        self.seed = PatientSeed(hashlib.sha256(self.number.to_bytes(4, "big")).digest())
        self.keys: PatientKeys = keys_of_seed(self.seed, LOCATOR_SECRETS, provisional=False, regulator_id="regulator")
        nodes = (self.neighbours.here, HOSPITAL, self.here), (self.neighbours.there, OTHER, self.there)
        for world, institution, number in nodes:
            world.running.node.patients.register(institution, Registration(number, self.keys))

    def file(self, **changes: object) -> Receipt:
        """Let hospital-a file a report, and hospital-b follow it."""
        return self.file_document(report(f"F-{self.number}-{len(self.receipts)}", patient=self.here.value, **changes))  # type: ignore[arg-type]

    def file_document(self, document: Json) -> Receipt:
        receipt = self.neighbours.here.receipt(document)
        self.neighbours.here.wait_logged(receipt)
        self.receipts.append(receipt)
        self.neighbours.there.follow(Origin(receipt.origin))
        at = int(receipt.leaf_index or 0)
        eventually(lambda: any(each.target.leaf_index == at for each in self.records()), "hospital-b does not follow")
        return receipt

    def records(self) -> list[FoundRecord]:
        """Return what hospital-b finds, logging nothing."""
        return reading(self.neighbours.there).finding.look(OTHER, self.there)[1]

    def find(self) -> tuple[RequestId, list[FoundRecord]]:
        order = FindOrder(self.there, ACTOR, Purpose.TREATMENT, "encounter-1")
        return reading(self.neighbours.there).finding.find(OTHER, order)

    def grant(self, granted: ConsentTerms | None = None) -> PresentedConsent:
        return self.neighbours.ledger.grant(self.seed, granted or terms(OTHER))

    def order(self, *consents: PresentedConsent, purpose: Purpose = Purpose.TREATMENT, **changes: object) -> RetrievalOrder:
        targets = tuple((each.entry.place.origin, int(each.entry.place.index)) for each in self.records())
        values: dict[str, object] = {"actor": ACTOR, "emergency": None, "encounter": "", "targets": targets} | changes
        return RetrievalOrder(patient=self.there, purpose=purpose, consents=consents, **values)  # type: ignore[arg-type]

    def retrieve(self, *consents: PresentedConsent, **changes: object) -> list[RetrievalRequest]:
        """Order what hospital-b finds, and wait for the holder's answer."""
        service = reading(self.neighbours.there).retrieval
        ordered = service.order(OTHER, self.order(*consents, **changes))  # type: ignore[arg-type]
        return service.wait(OTHER, ordered[0].retrieval_id, WAIT_S)

    def log(self, world: World, institution: InstitutionId) -> list[AccessContent]:
        """Return what the patient finds in an institution's log: the acts about the patient, in order."""
        private = exchange_private_key(self.seed)
        key = pairwise_key(private, world.running.sharing.identities[institution].exchange_public_key)
        origin = Origin(f"{institution}.example/log")
        query = "select entries.leaf, header from entries join headers using (origin, leaf_index) where origin = ?"
        rows = {parse_leaf(leaf).tag: (leaf, header) for leaf, header in world.rows(query, origin)}
        found: list[AccessContent] = []
        while (tag := locator_tag(key, origin, 1, len(found))) in rows:
            leaf, header = rows[tag]
            place = HeaderPlace(origin, EntryType(parse_leaf(leaf).entry_type), tag)
            content = open_header_reader(header, place, key).content
            assert isinstance(content, AccessContent)
            found.append(content)
        return found

    @property
    def disclosure_requests(self) -> list[httpx.Request]:
        """Return the requests for the patient's entries that went out, in order; other patients' and messages are left out."""
        hashes = [receipt.leaf_hash.hex().encode() for receipt in self.receipts if receipt.leaf_hash is not None]
        sent = [each for each in self.neighbours.network.sent if each.url.path == DISCLOSURES_PATH]
        return [each for each in sent if any(leaf_hash in each.content for leaf_hash in hashes)]

    @property
    def holder_log(self) -> list[AccessContent]:
        return self.log(self.neighbours.here, HOSPITAL)

    @property
    def requester_log(self) -> list[AccessContent]:
        return self.log(self.neighbours.there, OTHER)


def leave_nothing_open(neighbours: Neighbourhood) -> None:
    """Forget the orders that holders did not answer: they would be asked, and would log that, in the midst of another test."""
    for world in (neighbours.here, neighbours.there):
        query = "select distinct institution, retrieval_id from retrieval_requests where settled_at_ms is null"
        for institution, retrieval_id in world.rows(query):
            reading(world).retrieval.forget(institution, retrieval_id)
        reading(world).work.finish()


def states(requests: Sequence[RetrievalRequest]) -> list[tuple[str, str]]:
    return [(request.state.value, request.reason) for request in requests]
