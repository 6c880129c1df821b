"""What entries about recognition say, in words: checks at order time, decisions, reversals. Part of `patient_words`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from node.cli.texts import Texts
from node.domain.recognition import DecisionOutcome
from node.domain.recognition_acts import CheckContent, DecisionContent, OfferedResult, RecognitionContent, ReversalContent

_TABLE: Final = "patient"
_SHOWN_DIGITS: Final = 8


def describe_recognition(content: RecognitionContent, common: Mapping[str, str], texts: Texts) -> str:
    """Say an entry about recognition; `common` says who logged it, who acted, and when."""
    match content:
        case CheckContent():
            lines = [line for check in content.checks if check.answered for line in check.lines]
            offered = {offer.leaf for line in lines for offer in line.offers}
            return texts.say(_TABLE, "checked", {**common, "lines": str(len(lines)), "offers": str(len(offered))})
        case DecisionContent():
            return _decision(content, common, texts)
        case ReversalContent():
            return texts.say(_TABLE, "decision_reversed", {**common, "decision": content.decision_id[:_SHOWN_DIGITS]})


def recognition_json(content: RecognitionContent) -> dict[str, object]:
    """Show an entry about recognition to programs, who acted apart."""
    match content:
        case CheckContent():
            checks = [
                {
                    "check_id": check.check_id,
                    "checked_at_ms": check.checked_at_ms,
                    "answered": check.answered,
                    "lines": [
                        {"orderable": each.line.orderable, "offers": [_offer(offer) for offer in each.offers]}
                        for each in check.lines
                    ],
                }
                for check in content.checks
            ]
            return {"about": "check", "checks": checks}
        case DecisionContent():
            return {
                "about": "decision",
                "decision_id": content.decision_id,
                "check_id": content.check_id,
                "outcome": content.outcome.value,
                "orderable": content.line.orderable,
                "items": list(content.items),
                "results": [_offer(result) for result in content.results],
                "reason": None if content.reason is None else int(content.reason),
                "sub_reason": content.sub_reason,
                "saving_fen": content.saving_fen,
                "occurred_at_ms": content.decided_at_ms,
            }
        case ReversalContent():
            return {"about": "reversal", "decision_id": content.decision_id, "occurred_at_ms": content.occurred_at_ms}


def recognition_time(content: RecognitionContent, claimed_time_ms: int) -> int:
    """Return when it happened, unix ms: of checks, the first."""
    match content:
        case CheckContent():
            return min((check.checked_at_ms for check in content.checks), default=claimed_time_ms)
        case DecisionContent():
            return content.decided_at_ms
        case ReversalContent():
            return content.occurred_at_ms


def _decision(content: DecisionContent, common: Mapping[str, str], texts: Texts) -> str:
    values = {**common, "items": texts.listed(content.items) or content.line.orderable}
    if content.outcome is DecisionOutcome.RECOGNISED:
        values |= {"results": str(len(content.results)), "yuan": _yuan(content.saving_fen)}
        return texts.say(_TABLE, "decision_recognised", values)
    reason = texts.say(_TABLE, "no_reason") if content.reason is None else texts.say("reason", str(int(content.reason)))
    return texts.say(_TABLE, "decision_reordered", {**values, "reason": reason})


def _offer(offer: OfferedResult) -> dict[str, object]:
    return {
        "origin": offer.leaf.origin,
        "leaf_hash": offer.leaf.leaf_hash.hex(),
        "institution": offer.institution,
        "items": list(offer.items),
    }


def _yuan(fen: int) -> str:
    # as `node.recognition.warning` spells it, which an offline verifier must not load
    return f"{fen // 100}.{fen % 100:02d}"
