"""Recognitions of what was later withdrawn: who relies on a result of another institution that its issuer took back or recalled.

Pure. `said_of_reliance` tells what an entry says of it; `judge_reliance` what is wrong with one recognition now, and when to look
again. Whoever recognised has time to take the decision back, from when supervision saw both: no institution's clock stretches
it. A result counts as withdrawn when a later version of it is: an amendment that is withdrawn leaves nothing to rely on.
A recall that was lifted counts for what was recognised while it stood, by the times that the entries claim, and for nothing else.

Left out: following versions through the logs and keeping what is known (`node.ports.recognition.reliance`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import EntryType, InstitutionId, LeafReference
from node.domain.header import HeaderContent
from node.domain.recall import RecallId
from node.domain.recognition import DecisionOutcome
from node.domain.recognition_acts import DecisionContent, ReversalContent
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.reading import ReadEntry

FOLLOWED_MS: Final = 300_000
"""After how long everybody may be expected to know of a recall; as much as clocks may differ."""
RETRIEVAL_GRACE_MS: Final = 900_000
"""How much later than a recognition the receipt of its retrieval may be read: headers come when they come."""
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Reliance:
    """A recognition that uses a result of another institution."""

    decision: EntryPlace
    """The decision."""
    institution: InstitutionId
    """Who decided, and has to answer for it."""
    issuer: InstitutionId
    """Whose result it is."""
    result: LeafReference
    """The result."""
    at_ms: int
    """When the decision was taken, as its entry claims, unix ms, to the minute."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """An entry that amends, withdraws or recalls a result of the same log."""

    place: EntryPlace
    """The amendment, withdrawal or recall."""
    replaces: bytes
    """Leaf hash of the version that it replaces, 32 bytes."""
    is_withdrawal: bool
    """Whether the result is not to be relied on any more."""
    at_ms: int
    """When, as the entry claims, unix ms."""
    recall_id: RecallId | None = None
    """The recall; None for amendments and withdrawals."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """A recall of the same log that was lifted; it says nothing of what the recall lists after it."""

    place: EntryPlace
    """The lifting."""
    recall_id: RecallId
    """The recall."""
    at_ms: int
    """When, as the entry claims, unix ms."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A decision that was taken back."""

    institution: InstitutionId
    """Who did; it counts for its own decisions only."""
    decision: LeafReference
    """The decision's entry."""


@dataclass(frozen=True, slots=True)
class RetrievedResult:
    """A result of another institution that was retrieved and verified, as the requester's receipt says."""

    institution: InstitutionId
    """Who did."""
    result: LeafReference
    """The result."""


ReliancePart = Reliance | Replaced | Lifted | TakenBack | RetrievedResult
"""What one entry says."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal as it was seen."""

    place: EntryPlace
    """The entry."""
    issuer: InstitutionId
    """Whose result was withdrawn."""
    seen_at_ms: int
    """When supervision had read both, the recognition and the withdrawal, unix ms."""


@dataclass(frozen=True, slots=True)
class RelianceJudgement:
    """What is wrong with a recognition now."""

    finding: SupervisionFinding | None
    """What was found; None for nothing, or not yet."""
    look_again_at_ms: int | None
    """When time alone changes that, unix ms; None for never."""


def said_of_reliance(entry: ReadEntry, entry_type: EntryType, place: EntryPlace, at_ms: int) -> Iterator[ReliancePart]:
    """Yield what an entry says of recognitions and of what they rest on; nothing for most.

    Args:
        entry: The entry.
        entry_type: Its type.
        place: Where it is.
        at_ms: The time that its leaf claims, unix ms.
    """
    match entry.header.content:
        case DecisionContent(outcome=DecisionOutcome.RECOGNISED) as decision:
            for result in decision.results:
                if result.institution != entry.institution:
                    yield Reliance(place, entry.institution, result.institution, result.leaf, at_ms)
        case ReversalContent() as reversal:
            yield TakenBack(entry.institution, reversal.decision)
        case AccessContent(side=AccessSide.REQUESTER, outcome=AccessOutcome.DISCLOSED) as receipt:
            for subject in receipt.subjects if receipt.counterpart != entry.institution else ():
                yield RetrievedResult(entry.institution, subject)
        case HeaderContent(supersedes=LeafReference() as replaced) if replaced.origin == place.origin:
            # nobody amends or withdraws what is in somebody else's log
            yield Replaced(place, replaced.leaf_hash, entry_type is EntryType.WITHDRAWAL, at_ms)


def still_counts(recognised_at_ms: int, recalled_at_ms: int, lifted_at_ms: int | None) -> bool:
    """Tell whether a recall counts against a recognition: while it stands, always; once lifted, if that was recognised meanwhile.

    What is in doubt is decided for who recognised: decisions are logged to the minute, and a recall takes a while to be followed.

    Args:
        recognised_at_ms: When the decision was taken, unix ms.
        recalled_at_ms: When the result was recalled, unix ms.
        lifted_at_ms: When the recall was lifted, unix ms; None while it stands.
    """
    if lifted_at_ms is None:
        return True
    return recalled_at_ms + FOLLOWED_MS <= recognised_at_ms < lifted_at_ms - lifted_at_ms % _MINUTE_MS


def judge_reliance(
    decision: EntryPlace, institution: InstitutionId, withdrawals: Sequence[Withdrawal], now_ms: int, grace_ms: int
) -> RelianceJudgement:
    """Judge a recognition that stands.

    Args:
        decision: The decision's entry.
        institution: Who decided.
        withdrawals: Of the results that it uses, those that were withdrawn.
        now_ms: The time, unix ms.
        grace_ms: How long a decision may stand after that.
    """
    if not withdrawals:
        return RelianceJudgement(None, None)
    over = [each for each in withdrawals if now_ms >= each.seen_at_ms + grace_ms]
    again = min((each.seen_at_ms + grace_ms for each in withdrawals if each not in over), default=None)
    if not over:
        return RelianceJudgement(None, again)
    issuers = ", ".join(sorted({each.issuer for each in over}))
    finding = SupervisionFinding(
        FindingCode.RECOGNISED_THEN_WITHDRAWN,
        (institution,),
        subject_of(decision),
        tuple(sorted({decision, *(each.place for each in over)})),
        (("issuer", issuers),),
    )
    return RelianceJudgement(finding, again)


def judge_retrievals(
    decision: EntryPlace, institution: InstitutionId, unretrieved: Sequence[Reliance]
) -> SupervisionFinding | None:
    """Judge a recognition that stands by what was retrieved: its own log has to hold that, before it.

    Args:
        decision: The decision's entry.
        institution: Who decided.
        unretrieved: Results that it uses and that nobody there logged to have retrieved.
    """
    if not unretrieved:
        return None
    issuers = (("issuer", ", ".join(sorted({each.issuer for each in unretrieved}))),)
    return SupervisionFinding(FindingCode.RECOGNISED_UNRETRIEVED, (institution,), subject_of(decision), (decision,), issuers)


def subject_of(decision: EntryPlace) -> str:
    """Return what names a decision in findings."""
    return f"{decision.origin}#{decision.leaf_index}"
