"""Do a year of the model with real nodes: checks, retrievals, decisions, results, logs, figures, in simulated time.

A period goes like this. In order of time: visits (check, retrieve what is used, decide), and what becomes of reports
(`corrections`). At its end: check leaves and results are staged, recalls searched on, messages delivered, every log with news is
signed, every node follows it, the regulator reads and pairs. Nothing here decides anything: what clinicians do is the model's, what
is offered is the nodes', and where they differ it is counted.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

from devnet.simulation.consortium import LOCATOR_SECRETS, Consortium, HostNode, recognition_of
from devnet.simulation.corrections import CorrectedWorld, Corrections, Entries
from devnet.simulation.documents import ResultDocuments, patient_number
from devnet.simulation.happenings import (
    Happening,
    Lifting,
    LineOrdered,
    ListWorked,
    OrderingVisit,
    PersonNumber,
    RecallMade,
    Recognition,
    Reordering,
    ResultMade,
    Status,
    VersionMade,
    VersionName,
    Year,
)
from devnet.simulation.model import MINUTE_MS, RETRIEVES_AFTER_MS
from devnet.simulation.region import LOG_SUFFIX, REGULATOR, Region, origin_of
from devnet.simulation.stages import Difference, Stages
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


class World:
    """A region that lives through a year."""

    def __init__(self, region: Region, year: Year, consortium: Consortium, seed: int) -> None:
        """Take the parts; nothing happens yet."""
        self.region = region
        self.year = year
        self.consortium = consortium
        self.stages = Stages()
        self.differences: list[Difference] = []
        self.entries_of = Entries()
        self.decided: dict[str, LeafReference] = {}
        self._seed = seed
        self._documents = ResultDocuments(region)
        self._hosts = {each: node for node in consortium.hosts for each in node.institutions}
        corrected = CorrectedWorld(self._hosts, consortium.clock, self._documents, lambda: self.stages, self.differences)
        self.corrections = Corrections(corrected, self.entries_of, seed)
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
        happenings, results = defaultdict[int, list[Happening]](list), defaultdict[int, list[ResultMade]](list)
        for happening in self.year.timeline():
            happenings[happening.period].append(happening)
        for result in self.year.results:
            results[result.period].append(result)
        for period, (_, end_ms) in enumerate(self.year.periods):
            for happening in happenings.pop(period, ()):
                self._happen(happening)
            self.close_period(end_ms, results.pop(period, ()))
            if (period + 1) % self.region.config.regulator_periods == 0:
                self.supervise()
            lived(period + 1)
        self.supervise()

    def _happen(self, happening: Happening) -> None:
        match happening:
            case OrderingVisit():
                self._visit(happening)
            case VersionMade():
                self.corrections.file(happening)
            case RecallMade():
                self.corrections.recall(happening)
            case Lifting():
                self.corrections.lift(happening)
            case ListWorked():
                self.corrections.work_list(happening)

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

    def decision_place(self, order_id: str) -> str:
        """Return what findings call the decision on an order line."""
        entry = self.decided.get(order_id)
        if entry is None:
            return f"{order_id} was never decided"
        return f"{entry.origin}#{self.index_of(entry)}"

    def withdraw(self, result: ResultMade) -> None:
        """Let an institution take a result back now, after whatever versions the year made of it."""
        filed = [each for each in self.year.revisions if each.result == result]
        at_ms = unix_ms(self.consortium.clock)
        last = filed[-1] if filed else result.first
        self.corrections.file(replace(last, version=last.version + 1, status=Status.WITHDRAWN, at_ms=at_ms))

    # a visit

    def _visit(self, visit: OrderingVisit) -> None:
        self.consortium.clock.set(visit.at_ms)
        self.register(visit.institution, visit.person)
        recognition = recognition_of(self._hosts[visit.institution])
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
            self.differences.append(Difference(f"visit {visit.number}", type(error).__name__))

    def _compare(self, visit: OrderingVisit, answer: CheckAnswer) -> None:
        for line, checked in zip(visit.lines, answer.outcome.lines, strict=True):
            expected = {(self._reference(each.name), frozenset(each.items)) for each in line.offers}
            offered = {(each.leaf, frozenset(item.item for item in each.items)) for each in checked.offers}
            if expected != offered:
                what = f"{line.orderable}: {len(offered - expected)} offers too many, {len(expected - offered)} missing"
                self.differences.append(Difference(f"visit {visit.number}", what))
            wanted = {(self._reference(each.name), each.item, each.obstacle.value) for each in line.refused}
            refused = {(each.leaf, item.item, item.obstacle.value) for each in checked.unrecognisable for item in each.items}
            if wanted != refused:
                what = f"{line.orderable}: {len(refused - wanted)} reasons too many, {len(wanted - refused)} missing"
                self.differences.append(Difference(f"visit {visit.number}", what))

    def _retrieve(self, visit: OrderingVisit) -> None:
        if not visit.retrieved:
            return
        places = [self.entries_of.versions[each] for each in visit.retrieved]
        self.consortium.clock.set(visit.at_ms + RETRIEVES_AFTER_MS)
        reading = _reading(self._hosts[visit.institution])
        order = RetrievalOrder(
            patient=patient_number(visit.person),
            targets=tuple((reference.origin, index) for reference, index in places),
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
        self.differences += [Difference(f"visit {visit.number}", f"a retrieval ended as {state}") for state in bad]

    def _decide(self, visit: OrderingVisit, line: LineOrdered, answer: CheckAnswer, recognition: RecognitionServices) -> None:
        if line.decision is None:
            return
        self.consortium.clock.set(line.decided_at_ms)
        order = DecisionOrder(answer.check_id, line.order_id, _actor(visit), self._wish(line))
        with self.stages.of("decide"):
            taken = recognition.deciding.decide(visit.institution, order)
        self.decided[line.order_id] = taken.entry
        expected_fen = line.decision.saving_fen if isinstance(line.decision, Recognition) else 0
        if taken.decision.saving_fen != expected_fen:
            what = f"{line.orderable}: {taken.decision.saving_fen} fen saved, {expected_fen} expected"
            self.differences.append(Difference(f"visit {visit.number}", what))
        if line.reversed_at_ms is not None:
            self.consortium.clock.set(line.reversed_at_ms)
            with self.stages.of("decide"):
                recognition.deciding.reverse(visit.institution, taken.decision_id, _actor(visit))

    def _wish(self, line: LineOrdered) -> Recognise | Reorder:
        decision = line.decision
        if isinstance(decision, Reordering):
            return Reorder(decision.reason, decision.sub_reason, decision.free_text)
        return Recognise(tuple(self._reference(each.name) for each in line.used))

    def _reference(self, version: VersionName) -> LeafReference:
        return self.entries_of.versions[version][0]

    # the end of a period

    def close_period(self, at_ms: int, results: Sequence[ResultMade] = ()) -> None:
        """File results, sign and follow logs, let the regulator read."""
        self.consortium.clock.set(at_ms)
        for node in self.consortium.hosts:
            with self.stages.of("check leaves"):
                node.step("check-leaves")
        with self.stages.of("file results"):
            self._file(results)
        self.corrections.search_on()
        for node in self.consortium.hosts:
            with self.stages.of("messages"):
                node.step("outbox")
                while node.running.loops["outbox"].is_woken:
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
            documents = [self._documents.document(each.first) for each in made]
            waiting.append((made, ingest.submit_many(institution, documents)))
        for made, future in waiting:
            self._filed(made, future)

    def _filed(self, made: Sequence[ResultMade], future: Future[list[Answer]]) -> None:
        for result, answer in zip(made, future.result(_WAIT_S), strict=True):
            if isinstance(answer, BaseException):
                raise answer
            (receipt,) = answer.receipts
            self.entries_of.filed(result.first, receipt)

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


def _reading(node: HostNode) -> Reading:
    found = node.running.node.reading
    if found is None:
        raise RuntimeError(f"{node.name} knows no members")
    return found
