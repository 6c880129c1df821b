"""The parts of a decision's entry, compared: what a slip says is what the clinician decided (docs/spec/slip.md, "Summary"). Pure.

A recognition commits to two parts, the decision with the clinician's words and the summary that a slip discloses. Its
institution could have written two different things into them. Where both are open they are compared; where the summary is open
alone, as in a QR code, that they agree is not proved. With a decision certificate it is: that has the check's words as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from node.domain.entry import EntryType
from node.domain.recognition import DecisionOutcome
from node.domain.slip import DecisionSummary
from node.domain.verdict import Finding, ProvedPart, Verdict
from node.errors import SummaryRefutedError
from node.wire.recognition.decision_summary import SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, parse_summary
from node.wire.recognition.text import DECISION_MEDIA_TYPE, DecisionText, parse_decision

DECISION_ROLE = "decision"

_OF_THE_CHECK = frozenset({"results", "checked_at_ms"})
"""What a summary says in the words of the check, which a decision does not repeat."""


def find_summary(parts: Sequence[ProvedPart]) -> DecisionSummary | None:
    """Return the summary among opened parts of a decision's entry.

    Raises:
        MalformedJsonError, UnknownFormatError: It is committed to as one, and is none.
    """
    found = _part(parts, SUMMARY_ROLE, SUMMARY_MEDIA_TYPE)
    return None if found is None else parse_summary(found.content)


def verify_decision_parts(verdict: Verdict) -> Verdict:
    """Compare the opened parts of a decision's entry, and return the verdict with what that proved.

    Raises:
        WireError: One of them is unreadable.
        SummaryRefutedError: The summary says something else than the decision, or is of another institution than the log.
    """
    if verdict.entry_type is not EntryType.RECOGNITION_DECISION:
        return verdict
    summary = find_summary(verdict.parts)
    if summary is None:
        return verdict
    if summary.institution != verdict.institution:
        raise SummaryRefutedError("institution")
    part = _part(verdict.parts, DECISION_ROLE, DECISION_MEDIA_TYPE)
    if part is None:
        return replace(verdict, not_proved=(*verdict.not_proved, Finding("summary_alone")))
    _verify_text(summary, parse_decision(part.content))
    return replace(verdict, proved=(*verdict.proved, Finding("summary_matches")))


def verify_summary(summary: DecisionSummary, expected: DecisionSummary | None) -> None:
    """Verify that a summary is the one that a decision and its check have.

    Args:
        summary: What was disclosed.
        expected: Made from the decision and its check; None where it recognises nothing, and has no summary.

    Raises:
        SummaryRefutedError: It says something else.
    """
    if expected is None:
        raise SummaryRefutedError("outcome")
    for field in fields(summary):
        if getattr(summary, field.name) != getattr(expected, field.name):
            raise SummaryRefutedError(field.name)


def _verify_text(summary: DecisionSummary, text: DecisionText) -> None:
    decision = text.decision
    if decision.outcome is not DecisionOutcome.RECOGNISED:
        raise SummaryRefutedError("outcome")
    told = replace(
        summary,
        decision_id=text.decision_id,
        institution=text.actor.institution,
        staff_number=text.actor.staff_number,
        department=text.actor.department,
        line=decision.line,
        saving_fen=decision.saving_fen,
        decided_at_ms=decision.decided_at_ms,
    )
    for field in fields(summary):
        if field.name not in _OF_THE_CHECK and getattr(summary, field.name) != getattr(told, field.name):
            raise SummaryRefutedError(field.name)
    used = {each.leaf: (each.institution, each.items) for each in text.results}
    stated = [(each.leaf, (each.institution, tuple(item.item for item in each.items))) for each in summary.results]
    if stated != [(leaf, used.get(leaf)) for leaf in decision.recognised]:
        raise SummaryRefutedError("results")


def _part(parts: Sequence[ProvedPart], role: str, media_type: str) -> ProvedPart | None:
    return next((each for each in parts if (each.role, each.media_type) == (role, media_type)), None)
