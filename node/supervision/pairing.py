"""Double entry: the receipts of both sides of a disclosure, held against each other (FORMATS "Retrieval").

Each request has a holder and a requester, and each of them logs a receipt under the request's id. `judge_request` takes
all receipts of one request and says what is wrong with them now, and when to look again: a new receipt costs the
receipts of its own request, whatever else was logged. The same receipts at the same time give the same judgement, in
whatever order they came.

- What one side logged and the other did not is a finding after the grace period, which counts from when supervision saw
  the entry: the clocks of institutions cannot stretch it. A log that could not be followed until then has not failed to log.
- Retries keep the request id; of several receipts of a side the one that got furthest counts, and none may name another
  actor, purpose or subject.
- Searches and releases of keys have no other side. A receipt that names its own institution as counterpart has none
  either; if somebody else claims to be the other side of it, that claim stays alone, and is found.

Left out: reading and opening headers, keeping findings (`node.services.oversight.pairing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import InstitutionId
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding

AHEAD_MS: Final = 5 * 60_000
"""How far a leaf's claimed time may lie after the time at which it was first seen (FORMATS "Leaf")."""
BEHIND_MS: Final = 24 * 3_600_000
"""How far it may lie before."""
PAIRED: Final = frozenset({AccessOutcome.DISCLOSED, AccessOutcome.DENIED, AccessOutcome.REJECTED})
"""Outcomes of which the other side must have a receipt."""
REACH: Final = (AccessOutcome.DISCLOSED, AccessOutcome.REJECTED, AccessOutcome.DENIED, AccessOutcome.UNANSWERED)
"""Outcomes of a request, the one that got furthest first."""

_AGREEING: Final = {
    AccessOutcome.DISCLOSED: frozenset({AccessOutcome.DISCLOSED, AccessOutcome.REJECTED, AccessOutcome.UNANSWERED}),
    AccessOutcome.DENIED: frozenset({AccessOutcome.DENIED, AccessOutcome.UNANSWERED}),
}
"""What the requester may say where the holder says that."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that was found in a verified log and opened."""

    place: EntryPlace
    """Where it is."""
    institution: InstitutionId
    """Whose log that is."""
    leaf_time_ms: int
    """The time that the leaf claims, unix ms, on the minute."""
    first_seen_ms: int
    """When supervision first saw it, by its own clock."""
    absent_at_ms: int | None
    """When supervision last looked at the log without finding it there; None if it never looked before."""
    content: AccessContent
    """What its header says."""

    @property
    def link(self) -> tuple[InstitutionId, InstitutionId]:
        """Return holder and requester, as the receipt has them."""
        other = self.content.counterpart
        return (self.institution, other) if self.content.side is AccessSide.HOLDER else (other, self.institution)

    @property
    def is_paired(self) -> bool:
        """Tell whether it has another side at all."""
        return self.content.outcome in REACH and self.content.counterpart != self.institution


@dataclass(frozen=True, slots=True)
class PairingRules:
    """What a judgement goes by."""

    grace_ms: int
    """How long the other side has, from when a receipt was seen."""
    seen_until_ms: Callable[[InstitutionId], int]
    """Until when all logs of an institution were followed without a gap, by supervision's clock; 0 for never."""
    recheck_ms: int
    """When to look again where a log was not followed so far."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is wrong with a request now."""

    findings: tuple[SupervisionFinding, ...]
    """All that is found now; what was found before and is not here has settled."""
    look_again_at_ms: int | None
    """When the passing of time alone may change that; None for never."""


def judge_request(receipts: Iterable[Receipt], now_ms: int, rules: PairingRules) -> Judgement:
    """Judge all receipts of one request.

    Args:
        receipts: All that were seen under one request id.
        now_ms: Supervision's time.
        rules: What it goes by.
    """
    ordered = sorted(receipts, key=lambda receipt: receipt.place)
    links: dict[tuple[InstitutionId, InstitutionId], list[Receipt]] = {}
    for receipt in ordered:
        if receipt.is_paired:
            links.setdefault(receipt.link, []).append(receipt)
    findings = list(chain.from_iterable(map(_alone, ordered)))
    times: list[int] = []
    for link, both in sorted(links.items()):
        judged = _Link(link, both, now_ms, rules)
        findings += judged.findings()
        times += judged.times()
    return Judgement(tuple(findings), min(times, default=None))


def mistimed(
    institution: InstitutionId, place: EntryPlace, leaf_time_ms: int, first_seen_ms: int, absent_at_ms: int | None
) -> Iterator[SupervisionFinding]:
    """Find that a leaf claims a time that cannot be.

    Args:
        institution: Whose log it is in.
        place: Where it is.
        leaf_time_ms: The time that it claims, unix ms.
        first_seen_ms: When it was seen first, unix ms.
        absent_at_ms: When the log was last complete without it, unix ms; None for never.
    """
    subject = f"{place.origin}#{place.leaf_index}"
    if leaf_time_ms - first_seen_ms > AHEAD_MS:
        yield SupervisionFinding(FindingCode.LEAF_AHEAD, (institution,), subject, (place,))
    if absent_at_ms is not None and absent_at_ms - leaf_time_ms > BEHIND_MS:
        yield SupervisionFinding(FindingCode.LEAF_BEHIND, (institution,), subject, (place,))


def _alone(receipt: Receipt) -> Iterator[SupervisionFinding]:
    """Find what a receipt shows by itself."""
    place, actor = receipt.place, receipt.content.actor.institution
    subject = f"{place.origin}#{place.leaf_index}"
    yield from mistimed(receipt.institution, place, receipt.leaf_time_ms, receipt.first_seen_ms, receipt.absent_at_ms)
    if receipt.is_paired and actor != receipt.link[1]:
        yield SupervisionFinding(FindingCode.ACTOR_FOREIGN, (receipt.institution,), subject, (place,), (("actor", actor),))


class _Link:
    """The receipts of one request between one holder and one requester."""

    def __init__(
        self, link: tuple[InstitutionId, InstitutionId], receipts: Sequence[Receipt], now_ms: int, rules: PairingRules
    ) -> None:
        self._holder, self._requester = link
        self._now_ms, self._rules = now_ms, rules
        self._request = receipts[0].content.request_id
        sides = {side: [each for each in receipts if each.content.side is side] for side in AccessSide}
        self._at_holder, self._at_requester = sides[AccessSide.HOLDER], sides[AccessSide.REQUESTER]

    def findings(self) -> Iterator[SupervisionFinding]:
        """Find what is wrong now."""
        if self._at_holder and self._at_requester:
            yield from self._contents()
            yield from self._outcomes()
        elif self._is_over():
            yield from self._missing()

    def times(self) -> Iterator[int]:
        """Return when time alone may change that: at the end of the grace period, or when a log has been followed."""
        deadline = self._deadline()
        if deadline is None:
            return
        if self._now_ms < deadline:
            yield deadline
        elif not (self._at_holder and self._at_requester) and not self._was_seen(deadline):
            yield self._now_ms + self._rules.recheck_ms

    def _deadline(self) -> int | None:
        """Return the end of the grace period; None where nothing has another side to wait for."""
        waiting = [*self._at_holder, *(each for each in self._at_requester if each.content.outcome in PAIRED)]
        if not waiting:
            return None
        # once both sides are there, the last of their retries counts
        count_from = max if self._at_holder and self._at_requester else min
        return count_from(each.first_seen_ms for each in waiting) + self._rules.grace_ms

    def _is_over(self) -> bool:
        deadline = self._deadline()
        return deadline is not None and self._now_ms >= deadline

    def _was_seen(self, deadline: int) -> bool:
        return self._rules.seen_until_ms(self._absent()) >= deadline

    def _absent(self) -> InstitutionId:
        return self._requester if self._at_holder else self._holder

    def _missing(self) -> Iterator[SupervisionFinding]:
        deadline, absent = self._deadline() or 0, self._absent()
        present = self._at_holder or [each for each in self._at_requester if each.content.outcome in PAIRED]
        code = FindingCode.HOLDER_ALONE if self._at_holder else FindingCode.REQUESTER_ALONE
        if not self._was_seen(deadline):
            if self._now_ms < deadline + self._rules.grace_ms:
                return  # logs are looked at now and then; what was logged in time may not have been seen yet
            code = FindingCode.COUNTERPART_UNSEEN
        yield self._finding(code, present, (absent,), outcome=_furthest(present))

    def _contents(self) -> Iterator[SupervisionFinding]:
        both = [*self._at_holder, *self._at_requester]
        differing = [name for name, values in _named(both).items() if len(set(values)) > 1]
        if differing:
            yield self._finding(
                FindingCode.CONTENTS_DIFFER, both, (self._holder, self._requester), fields=", ".join(sorted(differing))
            )

    def _outcomes(self) -> Iterator[SupervisionFinding]:
        if not self._is_over():
            return  # the rest of a retry may be on its way
        holds, says = _furthest(self._at_holder), _furthest(self._at_requester)
        both, sides = [*self._at_holder, *self._at_requester], (self._holder, self._requester)
        if says not in _AGREEING.get(holds, ()):
            yield self._finding(FindingCode.OUTCOMES_DIFFER, both, sides, holder=holds, requester=says)
        elif says is AccessOutcome.REJECTED:
            yield self._finding(FindingCode.DELIVERY_REJECTED, both, (self._holder,))
        elif holds is AccessOutcome.DISCLOSED and says is AccessOutcome.UNANSWERED:
            yield self._finding(FindingCode.DELIVERY_UNCONFIRMED, both, sides)

    def _finding(
        self, code: FindingCode, receipts: Sequence[Receipt], institutions: Sequence[InstitutionId], **values: str
    ) -> SupervisionFinding:
        named = {"holder_id": self._holder, "requester_id": self._requester, **values}
        places = tuple(sorted(each.place for each in receipts))
        # the other side belongs to what it is about: one request id may be claimed for several links
        subject = f"{self._request} {self._holder} {self._requester}"
        return SupervisionFinding(code, tuple(sorted(institutions)), subject, places, tuple(sorted(named.items())))


def _named(receipts: Sequence[Receipt]) -> Mapping[str, Sequence[object]]:
    """Return what all receipts of a request must agree on, and what those of a disclosure must."""
    contents = [each.content for each in receipts]
    disclosed = [content for content in contents if content.outcome is AccessOutcome.DISCLOSED]
    return {
        "actor": [content.actor for content in contents],
        "purpose": [content.purpose for content in contents],
        "subjects": [frozenset(content.subjects) for content in contents],
        "consent": [content.consent_id for content in disclosed],
        "emergency": [content.emergency_id for content in disclosed],
    }


def _furthest(receipts: Sequence[Receipt]) -> AccessOutcome:
    return min((each.content.outcome for each in receipts), key=REACH.index)
