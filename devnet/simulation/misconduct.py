"""Misconduct that is put into a simulated region at known places: every kind of finding, and what has to be found of it.

All of it happens when the year is over, so that the figures of the year stay what the model says; what misconduct says of
retrievals that never were, the regulator cannot tell from others, and `Plan.retrievals` has it. Receipts are staged by the
institutions' own composers: whoever cheats owns the keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.config import RegionConfig
from devnet.simulation.forgery import CONSENT, ForgedRequest, Forger, made_up_actor
from devnet.simulation.happenings import Recognition, Reordering, ResultNumber, RetrievalMade, Status
from devnet.simulation.model import HOUR_MS, MINUTE_MS
from devnet.simulation.region import REGULATOR, Region, origin_of
from devnet.simulation.rules import DAY_MS, RegionRulesRead
from devnet.simulation.silences import Silences
from devnet.simulation.world import World
from ledger.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from ledger.hashing import RootHash
from ledger.notes import parse_note
from node.domain.access import AccessOutcome, AccessSide, BlockStamp, ConsentContent, ConsentId, Purpose
from node.domain.consent_message import EmergencyId
from node.domain.entry import EntryType, InstitutionId, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.record import Item, Kind, RecordStatus
from node.services.records.entries import StagedAct
from node.supervision.findings import FindingCode
from node.wire.catalogue.documents import encode_document

MIN_INSTITUTIONS: Final = 7
"""Three with a part of their own, and enough to ask each other."""
_DISCLOSED, _DENIED = AccessOutcome.DISCLOSED, AccessOutcome.DENIED
_HOLDER, _REQUESTER = AccessSide.HOLDER, AccessSide.REQUESTER

FindingKey = tuple[FindingCode, tuple[InstitutionId, ...], str]
"""What makes a finding the same: its kind, who has to answer for it, and what it is about."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Institutions with a part of their own in all this."""

    silent: InstitutionId
    """Files nothing in the second half of the year."""
    forked: InstitutionId
    """Signs two histories."""
    withholding: InstitutionId
    """Does not hand out a header."""
    others: tuple[InstitutionId, ...]
    """All the others."""


@dataclass
class Plan:
    """What was planted."""

    expected: set[FindingKey] = field(default_factory=set)
    """All that has to be found, and nothing else."""
    retrievals: list[RetrievalMade] = field(default_factory=list)
    """Retrievals that receipts speak of."""


def choose_parts(region: Region, seed: int) -> Parts:
    """Choose who does what."""
    rng = Random(f"misconduct/{region.config.name}/{seed}")  # noqa: S311 - a model, not a secret
    drawn = rng.sample([each.institution for each in region.institutions], len(region.institutions))
    silent, forked, withholding, *others = drawn
    return Parts(silent, forked, withholding, tuple(others))


class Misconduct:
    """Does it."""

    def __init__(self, world: World, parts: Parts, seed: int) -> None:
        """Take a world whose year is over."""
        self._world = world
        self._parts = parts
        self._clock = world.consortium.clock
        self._end_ms = world.year.periods[-1][1]
        self._rng = Random(f"cases/{seed}")  # noqa: S311 - a model, not a secret
        self._forger = Forger(world, self._end_ms + HOUR_MS, parts.others, self._rng)
        self.plan = Plan(retrievals=self._forger.retrievals)

    def commit(self) -> Plan:
        """Do all of it, let the time pass in which it could be explained, and let the regulator look."""
        self._clock.set(self._end_ms + HOUR_MS)
        self._look_everywhere()
        self._world.consortium.contracts.open_consent(CONSENT, (self._end_ms + DAY_MS) // 1000)
        for case in self._cases():
            case()
        self._clock.set(self._end_ms + 2 * HOUR_MS)
        self._world.close_period(self._end_ms + 2 * HOUR_MS)
        self._world.supervise()
        self._fork()
        for after_ms in (3 * HOUR_MS, 2 * DAY_MS, 2 * DAY_MS + HOUR_MS, 10 * DAY_MS, last_look_ms(self._world.region.config)):
            self._clock.set(self._end_ms + after_ms)
            self._look_everywhere()
        self._expect_what_clinicians_did()
        self._expect(FindingCode.LOG_SILENT, origin_of(self._parts.silent), self._parts.silent)
        return self.plan

    def _cases(self) -> Iterator[Callable[[], None]]:
        yield self._regulator_says_something
        for each in (
            self._holder_alone,
            self._requester_alone,
            self._outcomes_differ,
            self._contents_differ,
            self._actor_foreign,
            self._delivery_rejected,
            self._delivery_unconfirmed,
            self._without_consent,
            self._consent_invented,
            self._consent_revoked,
            self._emergency,
            self._emergency_of_another,
            self._leaf_ahead,
            self._leaf_behind,
            self._unreadable,
            self._outside_consent,
            self._consent_undocumented,
            self._reason_denied,
            self._unretrieved,
            self._mark,
            self._document,
        ):
            yield from (each, each)
        yield self._withhold
        yield self._withdraw

    def _look_everywhere(self) -> None:
        world = self._world
        origins = [each.origin for each in world.region.institutions]
        world.consortium.regulator.running.node.following.told([*origins, origin_of(REGULATOR)])
        world.supervise()

    # between two institutions

    def _holder_alone(self) -> None:
        receipt = self._forger.request()
        self._forger.log(receipt, _HOLDER)
        self._expect(FindingCode.HOLDER_ALONE, receipt.subject, receipt.requester)

    def _requester_alone(self) -> None:
        receipt = self._forger.request(outcome=_DENIED)
        self._forger.log(receipt, _REQUESTER)
        self._expect(FindingCode.REQUESTER_ALONE, receipt.subject, receipt.holder)

    def _outcomes_differ(self) -> None:
        receipt = self._forger.request()
        self._forger.log(receipt, _HOLDER, outcome=_DENIED)
        self._forger.log(receipt, _REQUESTER)
        self._expect(FindingCode.OUTCOMES_DIFFER, receipt.subject, receipt.holder, receipt.requester)

    def _contents_differ(self) -> None:
        receipt = self._forger.request()
        self._forger.log(receipt, _HOLDER)
        self._forger.log(receipt, _REQUESTER, purpose=Purpose.FOLLOW_UP)
        self._expect(FindingCode.CONTENTS_DIFFER, receipt.subject, receipt.holder, receipt.requester)

    def _actor_foreign(self) -> None:
        receipt = self._forger.request(outcome=_DENIED)
        stranger = next(each for each in self._parts.others if each not in (receipt.holder, receipt.requester))
        for side in (_HOLDER, _REQUESTER):
            staged = self._forger.log(receipt, side, actor=made_up_actor(stranger))
            self._expect(FindingCode.ACTOR_FOREIGN, _place(staged), receipt.writer(side))

    def _delivery_rejected(self) -> None:
        receipt = self._forger.request()
        self._forger.log(receipt, _HOLDER)
        self._forger.log(receipt, _REQUESTER, outcome=AccessOutcome.REJECTED)
        self._expect(FindingCode.DELIVERY_REJECTED, receipt.subject, receipt.holder)

    def _delivery_unconfirmed(self) -> None:
        receipt = self._forger.request()
        self._forger.log(receipt, _HOLDER)
        self._forger.log(receipt, _REQUESTER, outcome=AccessOutcome.UNANSWERED)
        self._expect(FindingCode.DELIVERY_UNCONFIRMED, receipt.subject, receipt.holder, receipt.requester)

    def _without_consent(self) -> None:
        self._both_found(FindingCode.ACCESS_WITHOUT_CONSENT, self._forger.request(), consent_id=None)

    def _consent_invented(self) -> None:
        """Agree on a consent that nobody ever gave."""
        receipt = self._forger.request()
        self._both_found(FindingCode.ACCESS_WITHOUT_CONSENT, receipt, consent_id=_consent_of(receipt), consent_block=self._head())

    def _consent_revoked(self) -> None:
        """Disclose by a state of the chain in which the consent was revoked already."""
        receipt, contracts = self._forger.request(), self._world.consortium.contracts
        consent = _consent_of(receipt)
        contracts.open_consent(consent, (self._end_ms + DAY_MS) // 1000)
        contracts.revoke(consent)
        self._both_found(FindingCode.ACCESS_WITHOUT_CONSENT, receipt, consent_id=consent, consent_block=self._head())

    def _outside_consent(self) -> None:
        """Disclose under a consent that lets somebody else read."""
        receipt = self._forger.request()
        stranger = next(each for each in self._parts.others if each not in (receipt.holder, receipt.requester))
        self._forger.document(receipt, _consent_of(receipt), grantee=stranger)
        self._under(FindingCode.ACCESS_OUTSIDE_CONSENT, receipt)

    def _consent_undocumented(self) -> None:
        """Disclose under a consent that came to the chain by nobody's log."""
        receipt = self._forger.request()
        self._forger.leave_undocumented(receipt)
        self._under(FindingCode.CONSENT_UNDOCUMENTED, receipt)

    def _under(self, code: FindingCode, receipt: ForgedRequest) -> None:
        consent = _consent_of(receipt)
        self._world.consortium.contracts.open_consent(consent, (self._end_ms + DAY_MS) // 1000)
        self._both_found(code, receipt, consent_id=consent, consent_block=self._head())

    def _both_found(self, code: FindingCode, receipt: ForgedRequest, **basis: object) -> None:
        for side in (_HOLDER, _REQUESTER):
            self._expect(code, _place(self._forger.log(receipt, side, **basis)), receipt.writer(side))

    def _head(self) -> BlockStamp:
        return self._world.consortium.contracts.head().newest.stamp

    def _emergency(self) -> None:
        receipt = self._forger.request()
        self._in_emergency(receipt, receipt.requester)

    def _emergency_of_another(self) -> None:
        """Read under an emergency that somebody else opened."""
        receipt = self._forger.request()
        opener = next(each for each in self._parts.others if each not in (receipt.holder, receipt.requester))
        for staged in self._in_emergency(receipt, opener):
            self._expect(FindingCode.EMERGENCY_REUSED, _place(staged), receipt.requester)

    def _in_emergency(self, receipt: ForgedRequest, opener: InstitutionId) -> list[StagedAct]:
        """Read under an emergency that nobody reviews; return both receipts."""
        emergency = EmergencyId(hashlib.sha256(receipt.request_id.encode()).digest())
        self._world.consortium.contracts.open_emergency(emergency, opener)
        self._expect(FindingCode.EMERGENCY_UNREVIEWED, emergency.hex(), receipt.requester)
        basis = {"consent_id": None, "emergency_id": emergency, "purpose": Purpose.EMERGENCY}
        return [self._forger.log(receipt, side, **basis) for side in (_HOLDER, _REQUESTER)]

    # in one log

    def _unretrieved(self) -> None:
        """Recognise a result of another institution that nobody there retrieved; without a person, so that no figure counts it."""
        other, institution = self._forger.draw(2)
        decision = self._forger.recognition(institution, other)
        staged = self._forger.stage(institution, decision, EntryType.RECOGNITION_DECISION, is_named=False)
        self._expect(FindingCode.RECOGNISED_UNRETRIEVED, _place(staged), institution)

    def _reason_denied(self) -> None:
        """Order again what a check offered, deny that a reason was due, and leave out whom: no figure counts it."""
        other, institution = self._forger.draw(2)
        check, decision = self._forger.denied_reason(institution, other)
        for content, entry_type in ((check, EntryType.CHECK_OUTCOME), (decision, EntryType.RECOGNITION_DECISION)):
            staged = self._forger.stage(institution, content, entry_type, is_named=False)
        self._expect(FindingCode.REORDER_WITHOUT_REASON, _place(staged), institution)

    def _leaf_ahead(self) -> None:
        self._mistimed(FindingCode.LEAF_AHEAD, 6 * HOUR_MS)

    def _leaf_behind(self) -> None:
        self._mistimed(FindingCode.LEAF_BEHIND, -3 * DAY_MS)

    def _mistimed(self, code: FindingCode, by_ms: int) -> None:
        (institution,) = self._forger.draw(1)
        self._clock.set(self._end_ms + HOUR_MS + by_ms)
        staged = self._forger.stage(institution, self._forger.search(institution))
        self._clock.set(self._end_ms + HOUR_MS)
        self._expect(code, _place(staged), institution)

    def _unreadable(self) -> None:
        """Log a receipt whose header says something else than a receipt has to."""
        (institution,) = self._forger.draw(1)
        now_ms = self._end_ms + HOUR_MS
        content = ConsentContent(
            consent_id=CONSENT,
            asserted=True,
            granter=institution,
            grantee=institution,
            purposes=(Purpose.TREATMENT,),
            expires_at_ms=now_ms + DAY_MS,
            revoked=False,
            occurred_at_ms=now_ms,
        )
        staged = self._forger.stage(institution, content)
        self._expect(FindingCode.HEADER_UNREADABLE, _place(staged), institution)

    def _mark(self) -> None:
        (institution,) = self._forger.draw(1)
        content = HeaderContent(
            kind=Kind("exam-result"),
            record_id=RecordId(f"{len(self.plan.expected):024}"),
            version=Version(1),
            status=RecordStatus("final"),
            performed_at_ms=self._end_ms + HOUR_MS,
            items=(Item("http://loinc.org", "1742-6", "", "U/L"),),
            study="",
            parts=(PartSummary("application/json", "report", 2),),
            supersedes=None,
            mark="粤HR",
            certificate="NOBODY-ISSUED-THIS",
        )
        staged = self._forger.stage(institution, content, EntryType.RECORD)
        self._expect(FindingCode.MARK_WITHOUT_CERTIFICATE, _place(staged), institution)

    def _document(self) -> None:
        """Publish what is a regulator's to publish."""
        (institution,) = self._forger.draw(1)
        regions = self._world.region.documents.regions
        index = self._forger.publish(institution, encode_document(regions))
        self._expect(FindingCode.DOCUMENT_REFUSED, f"{origin_of(institution)}#{index}", institution)

    def _withhold(self) -> None:
        institution = self._parts.withholding
        staged = self._forger.stage(institution, self._forger.search(institution))
        self._world.consortium.meddling.hidden.add((staged.origin, staged.leaf_index))
        self._expect(FindingCode.HEADER_WITHHELD, staged.origin, institution)

    def _regulator_says_something(self) -> None:
        self._forger.stage(REGULATOR, self._forger.search(REGULATOR))

    def _fork(self) -> None:
        """Show the regulator another tree of the same size, then log what its institution can no longer answer."""
        institution, consortium = self._parts.forked, self._world.consortium
        origin = origin_of(institution)
        note = consortium.host_of(institution).running.node.reader.log(origin).checkpoint()
        if note is None:
            raise RuntimeError(f"{origin} has no checkpoint")
        honest = parse_checkpoint(parse_note(note).text)
        other = Checkpoint(origin, honest.size, RootHash(hashlib.sha256(honest.root).digest()))
        consortium.meddling.forged[origin] = sign_checkpoint(other, consortium.signer(institution))
        self._clock.set(self._end_ms + 2 * HOUR_MS + MINUTE_MS)
        self._look_everywhere()
        self._expect(FindingCode.LOG_FROZEN, origin, institution)
        receipt = replace(self._forger.request(), requester=institution)
        self._forger.log(receipt, _HOLDER, occurred_at_ms=self._end_ms + 2 * HOUR_MS + MINUTE_MS)
        self._world.close_period(self._end_ms + 2 * HOUR_MS + 2 * MINUTE_MS)
        self._expect(FindingCode.COUNTERPART_UNSEEN, receipt.subject, institution)

    # what the year itself holds

    def _withdraw(self) -> None:
        """Withdraw a result on which recognitions rest that nobody takes back."""
        world, relied = self._world, self._relied()
        if not relied:
            return
        number = self._rng.choice(sorted(relied))
        made = world.results[number]
        world.withdraw(made)
        for institution, order_id in relied[number]:
            self._expect(FindingCode.RECOGNISED_THEN_WITHDRAWN, self._world.decision_place(order_id), institution)

    def _relied(self) -> dict[ResultNumber, list[tuple[InstitutionId, str]]]:
        relied: dict[ResultNumber, list[tuple[InstitutionId, str]]] = {}
        taken_back = aftermath_of(self._world.year).taken_back
        gone = {each.result.number for each in self._world.year.revisions if each.status is Status.WITHDRAWN}
        for visit in self._world.year.ordering:
            for line in visit.lines:
                if isinstance(line.decision, Recognition) and line.reversed_at_ms is None and line.order_id not in taken_back:
                    for each in line.decision.results:
                        issuer = self._world.results[each].institution
                        # who has to be silent withdraws nothing
                        if issuer not in (visit.institution, self._parts.silent) and each not in gone:
                            relied.setdefault(each, []).append((visit.institution, line.order_id))
        return relied

    def _expect_what_clinicians_did(self) -> None:
        for visit in self._world.year.ordering:
            for line in visit.lines:
                unreasoned = isinstance(line.decision, Reordering) and line.decision.reason is None
                if unreasoned and line.reversed_at_ms is None:
                    self._expect(FindingCode.REORDER_WITHOUT_REASON, self._world.decision_place(line.order_id), visit.institution)
        rules, year = RegionRulesRead(self._world.region), self._world.year
        for result in Silences(rules, year, aftermath_of(year)).found():
            reference, index = self._world.entries_of.versions[result.first.name]
            self._expect(FindingCode.REORDERED_SILENTLY, f"{reference.origin}#{index}", result.institution)

    def _expect(self, code: FindingCode, subject: str, *institutions: InstitutionId) -> None:
        self.plan.expected.add((code, tuple(sorted(institutions)), subject))


def last_look_ms(config: RegionConfig) -> int:
    """Return when the regulator looks for the last time, from the year's end: when the longest grace is over."""
    return max(10, config.withdrawn_grace_days + 3) * DAY_MS + HOUR_MS


def _consent_of(receipt: ForgedRequest) -> ConsentId:
    return ConsentId(hashlib.sha256(f"consent {receipt.request_id}".encode()).digest())


def _place(staged: StagedAct) -> str:
    return f"{staged.origin}#{staged.leaf_index}"
