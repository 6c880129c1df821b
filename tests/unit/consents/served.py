"""A node with a patient, over a simulated contract of consents."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from node.bootstrap.operation import Outside
from node.domain.access import Actor, ConsentContent, ConsentId
from node.domain.consent import ConsentSalt, ConsentTerms, PatientGrant
from node.domain.consent_message import MessageSignature
from node.domain.consent_state import ConsentStanding
from node.domain.entry import EntryType, Origin
from node.domain.record import PatientNumber
from node.identity.codes import exchange_private_key, keys_of_seed
from node.ports.chain.consortium import Registry
from node.ports.consents.store import MessageStage
from node.services.consents.grants import ConsentEvidence, Queued
from node.services.patients.index import Registration
from node.services.surface.consenting import Consenting
from node.wire.consent.document import EvidenceMethod
from node.wire.consent.patient import grant_as_patient, revoke_as_patient
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import pairwise_key
from tests.unit.consents.samples import OTHER_SEED, SEED, TERMS
from tests.unit.consents.simulated_chain import SimulatedConsents
from tests.unit.services_records.world import HOSPITAL, LOCATOR_SECRETS, MovingClock, World, make_world

NUMBER = PatientNumber("urn:mrn", "00042")

KEYS = keys_of_seed(SEED, LOCATOR_SECRETS, provisional=False)

ACTOR = Actor(HOSPITAL, "03.04", "N 4711", "", "password+token")

OTHER_ACTOR = replace(ACTOR, staff_number="N 4712")

EVIDENCE = ConsentEvidence(EvidenceMethod.SIGNATURE, b"e" * 32, ACTOR)

DEADLINE_S = 20.0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Node:
    """A node with a patient, over a simulated contract."""

    def __init__(self, directory: Path, *, depth: int = 0, **settings: object) -> None:
        clock = MovingClock()
        self.chain = SimulatedConsents(clock, depth=depth)
        self.world: World = make_world(directory, consents={"poll_interval_s": 0.02, **settings})
        self.world.clock = clock
        self.world.outside = Outside(lambda: Registry(0, 0, (), ()), None, self.chain)
        self.world.start()
        self.world.running.node.patients.register(HOSPITAL, Registration(NUMBER, KEYS))
        wait_for(lambda: self.services.watch.staleness_s() is not None)

    @property
    def services(self) -> Consenting:
        found = self.world.running.node.consenting
        assert found is not None
        return found

    @property
    def terms(self) -> ConsentTerms:
        return replace(TERMS, expires_at_s=int(self.world.clock.now().timestamp()) + 3600)

    def grant(self) -> PatientGrant:
        consent, salt = ConsentId(secrets.token_bytes(32)), ConsentSalt(secrets.token_bytes(32))
        return grant_as_patient(SEED, self.terms, self.chain.domain, consent, salt)

    def standing(self, consent: ConsentId) -> ConsentStanding:
        return self.services.watch.read(consent).standing(self.world.clock.now())

    def stage(self, queued: Queued) -> MessageStage | None:
        message = self.services.store.message(queued.message)
        return None if message is None else message.stage

    def settled(self, queued: Queued) -> Queued:
        wait_for(lambda: self.stage(queued) is not MessageStage.WAITING)
        return queued

    def asserted(self) -> Queued:
        return self.settled(self.services.consents.assert_grant(HOSPITAL, NUMBER, self.terms, EVIDENCE))

    def documents(self) -> list[ConsentContent]:
        """Return the consent documents as the patient opens their headers."""
        key = pairwise_key(exchange_private_key(SEED), self.world.running.sharing.identities[HOSPITAL].exchange_public_key)
        found: list[ConsentContent] = []
        for origin, leaf, header in self.world.rows(
            "select entries.origin, leaf, header from entries join headers using (origin, leaf_index) where entry_type = 7 "
            "order by leaf_index"
        ):
            place = HeaderPlace(Origin(origin), EntryType.CONSENT_DOCUMENT, parse_leaf(leaf).tag)
            content = open_header_reader(header, place, key).content
            assert isinstance(content, ConsentContent)
            found.append(content)
        return found


def signature_of(node: Node, consent: ConsentId, *, other: bool = False) -> MessageSignature:
    return revoke_as_patient(OTHER_SEED if other else SEED, node.chain.domain, consent).signature
