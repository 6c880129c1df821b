"""Do a year of the model with real nodes: checks, retrievals, decisions, results, logs, figures, in simulated time.

A period goes like this. Visits in order of time: check, retrieve what is used, decide. At its end: check leaves and results are
staged, messages delivered, every log with news is signed, every node follows it, the regulator reads and pairs. Nothing
here decides anything: what clinicians do is the model's, what is offered is the nodes', and where they differ it is counted.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time
from typing import Final

from devnet.simulation.consortium import LOCATOR_SECRETS, Consortium, HostNode
from devnet.simulation.documents import ResultDocuments, patient_number
from devnet.simulation.happenings import LineOrdered, OrderingVisit, PersonNumber, Recognition, Reordering, ResultMade, Year
from devnet.simulation.model import MINUTE_MS, RETRIEVES_AFTER_MS
from devnet.simulation.region import LOG_SUFFIX, REGULATOR, Region, origin_of
from node.domain.access import Actor, ConsentContent, ConsentId, Purpose
from node.domain.consent import PresentedConsent
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.patient import PatientKeys, PatientSeed
from node.domain.recognition import OrderLine
from node.domain.record import Part
from node.domain.retrieval import RequestState
from node.errors import ConcordError
from node.identity.codes import keys_of_seed
from node.ports.clock import unix_ms
from node.recognition.decision import Recognise, Reorder
from node.services.consents.grants import CONSENT_DOCUMENT
from node.services.patients.index import Registration
from node.services.reading.retrieval import RetrievalOrder
from node.services.recognition.checking import CheckAnswer, CheckOrder
from node.services.recognition.deciding import DecisionOrder
from node.services.records.entries import ActEntry
from node.services.records.ingest import Answer
from node.services.surface.reading import Reading
from node.services.surface.recognition import Recognition as RecognitionServices

_WAIT_S: Final = 120.0


@dataclass
class Stages:
    """What the world's time was spent on, in seconds of the machine, and what was counted on the way."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By stage."""
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """The same in processor time of all threads: what other programs of the machine do is not in it."""
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often each was done."""

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time one stage."""
        start, start_cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            self.seconds[name] += perf_counter() - start
            self.cpu_seconds[name] += process_time() - start_cpu
            self.counts[name] += 1


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the nodes did and the model did not expect."""

    visit: int
    """In which visit."""
    what: str
    """What differs; no patient's data."""


class World:
    """A region that lives through a year."""

    def __init__(self, region: Region, year: Year, consortium: Consortium, seed: int) -> None:
        """Take the parts; nothing happens yet."""
        self.region = region
        self.year = year
        self.consortium = consortium
        self.stages = Stages()
        self.differences: list[Difference] = []
        self.references: dict[int, tuple[LeafReference, int]] = {}
        self.decided: dict[str, LeafReference] = {}
        self._seed = seed
        self._documents = ResultDocuments(region)
        self._hosts = {each: node for node in consortium.hosts for each in node.institutions}
        self._keys: dict[PersonNumber, PatientKeys] = {}
        self._registered: set[tuple[InstitutionId, PersonNumber]] = set()
        self._consents: dict[tuple[InstitutionId, PersonNumber], PresentedConsent] = {}
        self.results = {each.number: each for each in year.results}
        self._sizes: dict[Origin, int] = {}
        self._ends_s = year.periods[-1][1] // 1000 + 365 * 86_400

    def live(self, lived: Callable[[int], None] = lambda _: None) -> None:
        """Live through the year.

        Args:
            lived: Told how many periods are over.
        """
        visits, results = defaultdict(list), defaultdict(list)
        for visit in self.year.ordering:
            visits[visit.period].append(visit)
        for result in self.year.results:
            results[result.period].append(result)
        for period, (_, end_ms) in enumerate(self.year.periods):
            for visit in visits.pop(period, ()):
                self._visit(visit)
            self.close_period(end_ms, results.pop(period, ()))
            if (period + 1) % self.region.config.regulator_periods == 0:
                self.supervise()
            lived(period + 1)
        self.supervise()

    # people

    def seed_of(self, person: PersonNumber) -> PatientSeed:
        """Return a person's seed."""
        return PatientSeed(hashlib.sha256(f"{self._seed}/{person}".encode()).digest())

    def keys_of(self, person: PersonNumber) -> PatientKeys:
        """Return a person's keys."""
        keys = self._keys.get(person)
        if keys is None:
            keys = keys_of_seed(self.seed_of(person), LOCATOR_SECRETS, provisional=False, regulator_id=REGULATOR)
            self._keys[person] = keys
        return keys

    def register(self, institution: InstitutionId, person: PersonNumber) -> None:
        """Let an institution have a person's keys."""
        if (institution, person) not in self._registered:
            self._registered.add((institution, person))
            with self.stages.of("register"):
                registration = Registration(patient_number(person), self.keys_of(person))
                self._hosts[institution].running.node.patients.register(institution, registration)

    def _consent(self, institution: InstitutionId, person: PersonNumber) -> PresentedConsent:
        place = institution, person
        if place not in self._consents:
            self._consents[place] = self.consortium.contracts.grant(self.seed_of(person), institution, self._ends_s)
            self._document(institution, person, self._consents[place].consent)
        return self._consents[place]

    def _document(self, institution: InstitutionId, person: PersonNumber, consent: ConsentId) -> None:
        """Log a consent's document, as the node does that takes the patient's grant to the chain."""
        now_ms, sharing = unix_ms(self.consortium.clock), self._hosts[institution].running.sharing
        content = ConsentContent(
            consent_id=consent,
            asserted=False,
            granter=institution,
            grantee=institution,
            purposes=(Purpose.TREATMENT,),
            expires_at_ms=self._ends_s * 1000,
            revoked=False,
            occurred_at_ms=now_ms,
        )
        part = Part("application/json", "consent-document", "", b"{}", "")
        keys = self.keys_of(person)
        entry = ActEntry(EntryType.CONSENT_DOCUMENT, CONSENT_DOCUMENT, content, (part,), now_ms, keys, tag_class=1)
        sharing.writer.submit(lambda tx: sharing.composer.stage(tx, institution, [entry])).result(_WAIT_S)
        self._hosts[institution].running.sequencing.staged(origin_of(institution))

    # what entries are called

    def index_of(self, entry: LeafReference) -> int:
        """Return the index of an entry of an institution's log."""
        node = self._hosts[InstitutionId(entry.origin.removesuffix(LOG_SUFFIX))]
        rows = node.running.sharing.writer.submit(lambda transaction: transaction.entries_from(entry.origin, 0)).result(_WAIT_S)
        return next(row.leaf_index for row in rows if row.leaf_hash == entry.leaf_hash)

    def withdraw(self, result: ResultMade) -> None:
        """Let an institution take a result back."""
        ingest = self._hosts[result.institution].running.node.ingest
        ingest.submit(result.institution, self._documents.document(result, "entered-in-error")).result(_WAIT_S)

    # a visit

    def _visit(self, visit: OrderingVisit) -> None:
        self.consortium.clock.set(visit.at_ms)
        self.register(visit.institution, visit.person)
        recognition = _recognition(self._hosts[visit.institution])
        lines = tuple(OrderLine(line.order_id, line.orderable) for line in visit.lines)
        order = CheckOrder(patient_number(visit.person), _actor(visit), visit.encounter, lines, visit.campus)
        if not visit.is_answered:
            with self.stages.of("check"):
                recognition.checking.note_unchecked(visit.institution, order)
            return
        with self.stages.of("check"):
            answer = recognition.checking.check(visit.institution, order)
        if visit.checks_twice:
            self.consortium.clock.set(visit.at_ms + MINUTE_MS)
            with self.stages.of("check"):
                answer = recognition.checking.check(visit.institution, order)
        self._compare(visit, answer)
        try:
            self._retrieve(visit)
            for line in visit.lines:
                self._decide(visit, line, answer, recognition)
        except ConcordError as error:
            self.differences.append(Difference(visit.number, type(error).__name__))

    def _compare(self, visit: OrderingVisit, answer: CheckAnswer) -> None:
        for line, checked in zip(visit.lines, answer.outcome.lines, strict=True):
            expected = {(self.references[each.result][0], frozenset(each.items)) for each in line.offers}
            offered = {(each.leaf, frozenset(item.item for item in each.items)) for each in checked.offers}
            if expected != offered:
                what = f"{line.orderable}: {len(offered - expected)} offers too many, {len(expected - offered)} missing"
                self.differences.append(Difference(visit.number, what))

    def _retrieve(self, visit: OrderingVisit) -> None:
        used = dict.fromkeys(
            result for line in visit.lines if isinstance(line.decision, Recognition) for result in line.decision.results
        )
        origin = origin_of(visit.institution)
        places = [self.references[each] for each in used]
        targets = tuple((reference.origin, index) for reference, index in places if reference.origin != origin)
        if not targets:
            return
        self.consortium.clock.set(visit.at_ms + RETRIEVES_AFTER_MS)
        reading = _reading(self._hosts[visit.institution])
        order = RetrievalOrder(
            patient=patient_number(visit.person),
            targets=targets,
            purpose=Purpose.TREATMENT,
            actor=_actor(visit),
            consents=(self._consent(visit.institution, visit.person),),
            emergency=None,
            encounter=visit.encounter,
        )
        with self.stages.of("retrieve"):
            requests = reading.retrieval.order(visit.institution, order)
            self._hosts[visit.institution].step("retrieval")
            requests = reading.retrieval.show(visit.institution, requests[0].retrieval_id)
        bad = [each.state.value for each in requests if each.state is not RequestState.VERIFIED]
        self.differences += [Difference(visit.number, f"a retrieval ended as {state}") for state in bad]

    def _decide(self, visit: OrderingVisit, line: LineOrdered, answer: CheckAnswer, recognition: RecognitionServices) -> None:
        if line.decision is None:
            return
        self.consortium.clock.set(line.decided_at_ms)
        order = DecisionOrder(answer.check_id, line.order_id, _actor(visit), self._wish(line.decision))
        with self.stages.of("decide"):
            taken = recognition.deciding.decide(visit.institution, order)
        self.decided[line.order_id] = taken.entry
        if line.reversed_at_ms is not None:
            self.consortium.clock.set(line.reversed_at_ms)
            with self.stages.of("decide"):
                recognition.deciding.reverse(visit.institution, taken.decision_id, _actor(visit))

    def _wish(self, decision: Recognition | Reordering) -> Recognise | Reorder:
        if isinstance(decision, Recognition):
            return Recognise(tuple(self.references[each][0] for each in decision.results))
        return Reorder(decision.reason, decision.sub_reason, decision.free_text)

    # the end of a period

    def close_period(self, at_ms: int, results: Sequence[ResultMade] = ()) -> None:
        """File results, sign and follow logs, let the regulator read."""
        self.consortium.clock.set(at_ms)
        for node in self.consortium.hosts:
            with self.stages.of("check leaves"):
                node.step("check-leaves")
        with self.stages.of("file results"):
            self._file(results)
        for node in self.consortium.hosts:
            with self.stages.of("messages"):
                node.step("outbox")
        for node in self.consortium.nodes:
            with self.stages.of("sign logs"):
                node.running.sequencing.grow()
        self.follow()

    def _file(self, results: Sequence[ResultMade]) -> None:
        by_institution: defaultdict[InstitutionId, list[ResultMade]] = defaultdict(list)
        for result in results:
            self.register(result.institution, result.person)
            by_institution[result.institution].append(result)
        waiting = []
        for institution, made in by_institution.items():
            ingest = self._hosts[institution].running.node.ingest
            documents = [self._documents.document(each) for each in made]
            waiting.append((made, ingest.submit_many(institution, documents)))
        for made, future in waiting:
            self._filed(made, future)

    def _filed(self, made: Sequence[ResultMade], future: Future[list[Answer]]) -> None:
        for result, answer in zip(made, future.result(_WAIT_S), strict=True):
            if isinstance(answer, BaseException):
                raise answer
            (receipt,) = answer.receipts
            if receipt.leaf_hash is None or receipt.leaf_index is None:
                raise RuntimeError(f"result {result.number} is no entry")
            origin = Origin(receipt.origin)
            self.references[result.number] = LeafReference(origin, receipt.leaf_hash), receipt.leaf_index

    def follow(self) -> None:
        """Let the nodes of the institutions follow the logs that grew; the regulator hears of them too."""
        grown = self._grown()
        self.consortium.regulator.running.node.following.told(grown)
        for node in self.consortium.hosts:
            node.running.node.following.told(grown)
            with self.stages.of("follow"):
                _follow(node)

    def _grown(self) -> list[Origin]:
        grown = []
        for node in self.consortium.nodes:
            for hosted in node.running.node.institutions.values():
                size, _ = node.running.node.progress.sizes(hosted.origin)
                if size != self._sizes.get(hosted.origin, 0):
                    self._sizes[hosted.origin] = size
                    grown.append(hosted.origin)
        return grown

    @property
    def entries(self) -> int:
        """Return how many entries all logs hold."""
        return sum(self._sizes.values())

    def supervise(self) -> None:
        """Let the regulator follow what it heard of, and read and judge until nothing is left."""
        with self.stages.of("follow at the regulator"):
            _follow(self.consortium.regulator)
        for name, loop in (
            ("figures", "figures"),
            ("pairing", "pairing"),
            ("pairing", "emergency-reviews"),
            ("pairing", "consent-review"),
            ("documents", "documents"),
        ):
            each = self.consortium.regulator.running.loops[loop]
            with self.stages.of(name):
                each.once()
                while each.is_woken:
                    each.once()


def _follow(node: HostNode) -> None:
    while node.running.node.following.step():
        pass


def _actor(visit: OrderingVisit) -> Actor:
    return Actor(visit.institution, "03.04", visit.clinician, "110", "password+token", "physician")


def _recognition(node: HostNode) -> RecognitionServices:
    found = node.running.node.recognition
    if found is None:
        raise RuntimeError(f"{node.name} has no rules of recognition")
    return found


def _reading(node: HostNode) -> Reading:
    found = node.running.node.reading
    if found is None:
        raise RuntimeError(f"{node.name} knows no members")
    return found
