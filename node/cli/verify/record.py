"""What `concord verify` says of evidence of one entry: an evidence file, or the text of a slip's QR code."""

from __future__ import annotations

from datetime import datetime, timedelta

from node.cli.texts import Texts
from node.cli.verify.fork import findings_of
from node.cli.verify.lines import Shown
from node.domain.entry import EntryType
from node.domain.moments import moment
from node.domain.money import yuan
from node.domain.slip import DecisionSummary, SummarisedResult
from node.domain.trust import TrustRoot
from node.domain.verdict import Verdict
from node.wire.evidence.qr_evidence import parse_qr_evidence
from node.wire.evidence.verdict_json import verdict_json
from node.wire.evidence.verification import verify_evidence
from node.wire.recognition.decision_parts import find_summary


def check_qr(data: bytes, root: TrustRoot, now: datetime, max_age: timedelta | None, texts: Texts) -> Shown:
    """Verify the text of a QR code.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    return show_slip(verify_evidence(parse_qr_evidence(data), root, now=now, max_age=max_age), texts)


def show_slip(verdict: Verdict, texts: Texts) -> Shown:
    """Say what a slip proves, and its summary.

    Raises:
        WireError: Its summary is unreadable.
    """
    summary = find_summary(verdict.parts) if verdict.entry_type is EntryType.RECOGNITION_DECISION else None
    if summary is None:
        return verdict_json(verdict), describe(verdict, texts)
    shown = {**verdict_json(verdict), "summary": _summary_json(summary)}
    return shown, [*describe(verdict, texts), "", texts.say("slip", "summary"), *_describe_summary(summary, texts)]


def describe(verdict: Verdict, texts: Texts) -> list[str]:
    """Say a verdict in words, line by line."""
    level = "witnessed" if verdict.witnessed and verdict.level.value != "anchored" else verdict.level.value
    head = {
        "institution": verdict.institution,
        "origin": verdict.origin,
        "index": str(verdict.leaf_index),
        "level": texts.say("report", f"level_{level}"),
        "time": f"{verdict.as_of:%Y-%m-%dT%H:%M:%SZ}",
        "basis": texts.say("report", f"basis_{verdict.as_of_basis.value}"),
        "serial": str(verdict.trust_root_serial),
    }
    names = ("verified", "issuer", "level", "as_of", "trust_root")
    return [
        *(texts.say("report", name, head) for name in names),
        *findings_of("remarks", verdict.remarks, texts),
        *findings_of("proved", verdict.proved, texts),
        *findings_of("not_proved", verdict.not_proved, texts),
    ]


def _describe_summary(summary: DecisionSummary, texts: Texts) -> list[str]:
    decision = {
        "decision": summary.decision_id,
        "institution": summary.institution,
        "staff": summary.staff_number,
        "department": summary.department,
        "decided": _time(summary.decided_at_ms),
    }
    order = {"order": summary.line.order_id, "orderable": summary.line.orderable, "yuan": yuan(summary.saving_fen)}
    results = (texts.say("slip", "said_result", _result(each, summary, texts)) for each in summary.results)
    return [
        f"  {line}" for line in (texts.say("slip", "said_decision", decision), texts.say("slip", "said_order", order), *results)
    ]


def _result(result: SummarisedResult, summary: DecisionSummary, texts: Texts) -> dict[str, str]:
    items = texts.listed(f"{each.item} {each.mark} {each.certificate or ''}".strip() for each in result.items)
    return {
        "institution": result.institution,
        "performed": _time(result.performed_at_ms),
        "items": items,
        "origin": result.leaf.origin,
        "leaf": result.leaf.leaf_hash.hex(),
        "level": result.level.value,
        "checked": _time(summary.checked_at_ms),
    }


def _summary_json(summary: DecisionSummary) -> dict[str, object]:
    return {
        "decision_id": summary.decision_id,
        "institution": summary.institution,
        "staff_number": summary.staff_number,
        "department": summary.department,
        "order_id": summary.line.order_id,
        "orderable": summary.line.orderable,
        "saving_fen": summary.saving_fen,
        "checked_at": _time(summary.checked_at_ms),
        "decided_at": _time(summary.decided_at_ms),
        "results": [
            {
                "institution": each.institution,
                "origin": each.leaf.origin,
                "leaf_hash": each.leaf.leaf_hash.hex(),
                "performed_at": _time(each.performed_at_ms),
                "level": each.level.value,
                "items": [{"item": item.item, "mark": item.mark, "certificate": item.certificate} for item in each.items],
            }
            for each in summary.results
        ],
    }


def _time(at_ms: int) -> str:
    return f"{moment(at_ms):%Y-%m-%dT%H:%M:%SZ}"
