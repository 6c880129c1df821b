"""Whether a consent that a receipt names was in force when something was disclosed under it (docs/operations/regulators.md).

Pure: a receipt's words and the chain's in, an answer out. What was granted and revoked is compared with the block that a receipt
cites, wherever the chain holds that block; times are compared with a tolerance, since a holder's clock, the regulator's and the
chain's differ. Left out: what a consent covers, which its document says, and asking the chain
(`node.services.consents.consent_review`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from node.domain.access import AccessContent, AccessOutcome, AccessSide, BlockStamp, ConsentId
from node.domain.consent_state import ConsentHistory, SeenBlock
from node.domain.entry import InstitutionId
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding

TOLERANCE_MS: Final = 5 * 60_000
"""How much clocks may differ before times say anything."""
_ID_DIGITS: Final = 16


class ConsentAnswer(StrEnum):
    """Why a consent was not in force; part of the key of a finding's words."""

    NEVER_GRANTED = "never_granted"
    """The chain has none of this id."""
    GRANTED_LATER = "granted_later"
    """It was granted after the cited state, or after the disclosure."""
    REVOKED_BEFORE = "revoked_before"
    """It was revoked in the cited state, or before the disclosure."""
    EXPIRED_BEFORE = "expired_before"
    """Its time was over."""


class JudgedBy(StrEnum):
    """What was compared."""

    FINAL = "final"
    """Nothing: no final block holds the consent."""
    BLOCK = "block"
    """Block numbers: the chain holds the cited block."""
    TIME = "time"
    """The receipt's time with the blocks' times, with a tolerance."""


@dataclass(frozen=True, slots=True)
class ConsentJudgement:
    """That a consent was not in force."""

    answer: ConsentAnswer
    """Why."""
    by: JudgedBy
    """What shows it."""


@dataclass(frozen=True, slots=True)
class ConsentUse:
    """A receipt by which something was disclosed under a consent."""

    place: EntryPlace
    """The receipt."""
    institution: InstitutionId
    """Whose log it is in."""
    side: AccessSide
    """Which side wrote it."""
    consent: ConsentId
    """The consent that it names."""
    cited: BlockStamp | None
    """The block that it cites; None for none."""
    moment_ms: int
    """When it was, as it says, or when supervision saw it if that is earlier; unix ms."""


@dataclass(frozen=True, slots=True)
class KnownConsent:
    """What the chain said of a consent, up to a final block."""

    history: ConsentHistory | None
    """What happened to it; None where there is none of this id."""
    final: SeenBlock
    """The final block up to which that holds."""


def use_of(access: AccessContent, institution: InstitutionId, place: EntryPlace, seen_at_ms: int) -> ConsentUse | None:
    """Return what a receipt says of a consent; None where nothing was disclosed to another institution under one.

    Args:
        access: The receipt's content.
        institution: Whose log it is in.
        place: The entry.
        seen_at_ms: When supervision read it, unix ms.
    """
    is_other = access.counterpart != institution
    # an emergency is reviewed, whatever consent is named besides
    if (
        access.consent_id is None
        or access.emergency_id is not None
        or not is_other
        or access.outcome is not AccessOutcome.DISCLOSED
    ):
        return None
    moment_ms = min(access.occurred_at_ms, seen_at_ms)
    return ConsentUse(place, institution, access.side, access.consent_id, access.consent_block, moment_ms)


def is_told(use: ConsentUse, known: KnownConsent) -> bool:
    """Tell whether what is known reaches far enough to judge a receipt: later blocks change nothing about it."""
    if known.history is not None and known.history.revoked is not None:
        return True
    final_ms = known.final.timestamp_s * 1000
    if use.cited is not None and use.cited.number > known.final.stamp.number:
        # this client of the chain may be behind; a number that the chain does not reach in time was made up
        return final_ms > use.moment_ms + TOLERANCE_MS
    return final_ms >= use.moment_ms


def needs_cited_block(use: ConsentUse, known: KnownConsent) -> bool:
    """Tell whether it matters which block a receipt cites: for a consent that was in force all the time it does not."""
    history, cited = known.history, use.cited
    if history is None or cited is None or cited.number > known.final.stamp.number:
        return False
    changed = history.revoked is not None or history.granted.stamp.number > cited.number
    return changed or judge_use(use, known, None) is not None


def judge_use(use: ConsentUse, known: KnownConsent, cited: SeenBlock | None) -> ConsentJudgement | None:
    """Tell why a consent was not in force; None where it was, or where nothing shows that it was not.

    Args:
        use: The receipt.
        known: What the chain says, far enough (`is_told`).
        cited: The cited block as the chain has it; None where none is cited, or the chain has another one in its place.
    """
    history = known.history
    if history is None:
        return ConsentJudgement(ConsentAnswer.NEVER_GRANTED, JudgedBy.FINAL)
    if cited is not None:
        by_block = _by_block(history, cited)
        if by_block is not None:
            return ConsentJudgement(by_block, JudgedBy.BLOCK)
    by_time = _by_time(use, history, cited)
    return None if by_time is None else ConsentJudgement(by_time, JudgedBy.TIME)


def unfounded(use: ConsentUse, known: KnownConsent, judgement: ConsentJudgement) -> SupervisionFinding:
    """Return the finding: the receipt, what the chain answered, and up to which final block."""
    values = (
        ("side", use.side.value),
        ("consent", use.consent.hex()[:_ID_DIGITS]),
        ("answer", judgement.answer.value),
        ("at_block", _changed_at(known, judgement.answer)),
        ("cited_block", "-" if use.cited is None else str(use.cited.number)),
        ("asked_at_block", str(known.final.stamp.number)),
        ("judged_by", judgement.by.value),
    )
    subject = f"{use.place.origin}#{use.place.leaf_index}"
    return SupervisionFinding(FindingCode.ACCESS_WITHOUT_CONSENT, (use.institution,), subject, (use.place,), values)


def _by_block(history: ConsentHistory, cited: SeenBlock) -> ConsentAnswer | None:
    if history.granted.stamp.number > cited.stamp.number:
        return ConsentAnswer.GRANTED_LATER
    if history.revoked is not None and history.revoked.stamp.number <= cited.stamp.number:
        return ConsentAnswer.REVOKED_BEFORE
    return None


def _by_time(use: ConsentUse, history: ConsentHistory, cited: SeenBlock | None) -> ConsentAnswer | None:
    moment_ms, revoked = use.moment_ms, history.revoked
    if cited is not None and use.side is AccessSide.REQUESTER:
        # an answer may arrive long after the holder decided; the holder's own receipt shows whether it decided on old state
        moment_ms = min(moment_ms, cited.timestamp_s * 1000)
    if cited is None and history.granted.timestamp_s * 1000 > moment_ms + TOLERANCE_MS:
        return ConsentAnswer.GRANTED_LATER
    if revoked is not None and revoked.timestamp_s * 1000 + TOLERANCE_MS < moment_ms:
        return ConsentAnswer.REVOKED_BEFORE
    if history.expires_at_s * 1000 + TOLERANCE_MS < moment_ms:
        return ConsentAnswer.EXPIRED_BEFORE
    return None


def _changed_at(known: KnownConsent, answer: ConsentAnswer) -> str:
    history = known.history
    if history is not None and answer is ConsentAnswer.GRANTED_LATER:
        return str(history.granted.stamp.number)
    if history is not None and history.revoked is not None and answer is ConsentAnswer.REVOKED_BEFORE:
        return str(history.revoked.stamp.number)
    return "-"
