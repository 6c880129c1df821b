"""What `concord verify` says of the certificate of a decision: what was decided, on what, and what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from node.cli.texts import Texts
from node.cli.verify.lines import Shown, describe_heads, heads_json, say_findings
from node.cli.verify.record import show_slip
from node.domain.certificate_verdict import (
    CertificateVerdict,
    CertifiedResult,
    LaterVersion,
    ProvedRetrieval,
    ReadProof,
)
from node.domain.moments import moment
from node.domain.money import yuan
from node.domain.recognition import DecisionOutcome
from node.domain.trust import TrustRoot
from node.wire.certificate.file import parse_certificate
from node.wire.certificate.slip import verify_slip
from node.wire.certificate.verification import verify_certificate
from node.wire.evidence.qr_evidence import parse_qr_evidence
from node.wire.evidence.verdict_json import findings_json, verdict_json

_TABLE: Final = "certificate"
_SHOWN_DIGITS: Final = 16


def check_certificate(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    """Verify the certificate of a decision.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    verdict = verify_certificate(parse_certificate(data), root, now=now)
    return _json(verdict), _describe(verdict, texts)


def check_slip(data: bytes, certificate: bytes, root: TrustRoot, now: datetime, max_age: timedelta | None, texts: Texts) -> Shown:
    """Verify the text of a slip's QR code against the certificate of its decision.

    Raises:
        ConcordError: One of them is unreadable, does not hold, or they do not agree.
    """
    evidence = parse_qr_evidence(data)
    return show_slip(verify_slip(evidence, parse_certificate(certificate), root, now=now, max_age=max_age), texts)


# For people


def _describe(verdict: CertificateVerdict, texts: Texts) -> list[str]:
    entry = verdict.entry
    level = "witnessed" if entry.witnessed and entry.level.value != "anchored" else entry.level.value
    head = {
        "institution": entry.institution,
        "origin": entry.origin,
        "index": str(entry.leaf_index),
        "level": texts.say("report", f"level_{level}"),
        "time": f"{entry.as_of:%Y-%m-%d %H:%M}Z",
        "basis": texts.say("report", f"basis_{entry.as_of_basis.value}"),
        "serial": str(verdict.trust_root_serial),
    }
    said = [texts.say(_TABLE, "verified"), *_decision(verdict, texts)]
    said += [texts.say("report", "issuer", head), texts.say("report", "level", head), texts.say(_TABLE, "in_log_by", head)]
    said += _check(verdict, texts)
    said += [*describe_heads(verdict.heads, texts), texts.say("report", "trust_root", head), "", texts.say(_TABLE, "shown")]
    for result in verdict.results:
        said += [f"  {line}" for line in _result(result, texts)]
    if not verdict.results:
        said.append(f"  {texts.say(_TABLE, 'nothing_shown')}")
    said += ["", texts.say(_TABLE, "documents_heading")]
    said += [
        texts.say(
            _TABLE,
            "embedded" if each.published is None else "published",
            {
                "kind": f"{each.kind} {each.subject}".rstrip(),
                "digest": each.digest.hex()[:_SHOWN_DIGITS],
                "publisher": each.publisher or "",
                "standing": texts.say(_TABLE, f"standing_{each.standing.value.replace('-', '_')}"),
                "origin": "" if each.published is None else each.published[0],
                "index": "" if each.published is None else str(each.published[1]),
            },
        )
        for each in verdict.documents
    ]
    groups = (("remarks", verdict.remarks), ("proved", verdict.proved), ("not_proved", verdict.not_proved))
    return [*said, *say_findings(groups, _TABLE, texts)]


def _decision(verdict: CertificateVerdict, texts: Texts) -> list[str]:
    decision = verdict.decision
    values = {
        "time": _time(decision.decided_at_ms),
        "department": decision.actor.department or "-",
        "staff": decision.actor.staff_number or "-",
        "institution": decision.actor.institution,
        "decision": decision.decision_id,
        "order": decision.line.order_id,
        "orderable": decision.line.orderable,
        "items": texts.listed(decision.items),
        "yuan": yuan(decision.saving_fen),
        "price": "-" if verdict.price_fen is None else yuan(verdict.price_fen),
        "reason": texts.say("patient", "no_reason") if decision.reason is None else texts.say("reason", str(int(decision.reason))),
        "sub_reason": decision.sub_reason or "-",
        "words": verdict.free_text,
    }
    is_recognised = decision.outcome is DecisionOutcome.RECOGNISED
    said = [texts.say(_TABLE, "decided", values), texts.say(_TABLE, "recognised" if is_recognised else "reordered", values)]
    if verdict.free_text:
        said.append(texts.say(_TABLE, "words", values))
    if verdict.reversed_at_ms is not None:
        reversal = {"time": _time(verdict.reversed_at_ms), "index": str(verdict.reversal_index)}
        said.append(texts.say(_TABLE, "taken_back", reversal))
    return said


def _check(verdict: CertificateVerdict, texts: Texts) -> list[str]:
    values = {"time": _time(verdict.checked_at_ms), "index": str(verdict.check_index), "check": verdict.decision.check_id}
    return [texts.say(_TABLE, "check_asserted_by" if verdict.check_index is None else "check_in_log", values)]


def _result(result: CertifiedResult, texts: Texts) -> list[str]:
    values = {
        "time": _time(result.performed_at_ms),
        "institution": result.institution,
        "origin": result.reference.origin,
        "index": str(result.leaf_index),
        "version": "?" if result.version is None else str(result.version),
        "status": result.status or "?",
        "size": "?" if result.read_to is None else str(result.read_to),
        "reasons": texts.listed(texts.say("obstacle", each.value) for each in result.obstacles),
        "items": texts.listed(each.item for each in result.offered),
        "refused": texts.listed(each.item for each in result.refused),
    }
    said = [texts.say(_TABLE, "result_used" if result.used else "result", values)]
    if result.version is None:
        said.append(f"  {texts.say(_TABLE, 'stated_alone')}")
    for each in result.offered:
        mark = {"item": each.item, "mark": each.mark, "certificate": each.certificate or "-"}
        said.append(f"  {texts.say(_TABLE, 'offered' if each.mark else 'offered_unmarked', mark)}")
    if result.refused:
        said.append(f"  {texts.say(_TABLE, 'refused', values)}")
    if result.retrieval is not None:
        said.append(f"  {_retrieval(result.retrieval, texts)}")
    said.append(f"  {texts.say(_TABLE, 'read_to', values)}")
    head = result.read_head
    if head is not None:
        told = {"head": str(head.size), "time": _time((head.witnessed_at_s or 0) * 1000)}
        said.append(f"  {texts.say(_TABLE, 'read_head' if head.witnessed_at_s is None else 'read_head_witnessed', told)}")
    said += [f"  {_later(each, texts)}" for each in result.later]
    return said


def _retrieval(retrieval: ProvedRetrieval, texts: Texts) -> str:
    values = {"time": _time(retrieval.occurred_at_ms), "index": str(retrieval.leaf_index)}
    said = texts.say(_TABLE, "retrieval", values)
    if retrieval.consent is not None and retrieval.block is not None:
        block = {"number": str(retrieval.block.number), "hash": retrieval.block.block_hash.hex()[:_SHOWN_DIGITS]}
        said += texts.say(_TABLE, "retrieval_consent", {"consent": retrieval.consent.hex()[:_SHOWN_DIGITS], **block})
    if retrieval.emergency is not None:
        said += texts.say(_TABLE, "retrieval_emergency", {"emergency": retrieval.emergency.hex()[:_SHOWN_DIGITS]})
    if retrieval.holder_index is not None:
        said += texts.say(_TABLE, "retrieval_pair", {"index": str(retrieval.holder_index)})
    return said


def _later(later: LaterVersion, texts: Texts) -> str:
    key = "later_withdrawal" if later.withdrawn else "later_amendment"
    when = texts.say(_TABLE, "after_decision" if later.is_after_decision else "before_decision")
    said = texts.say(_TABLE, key, {"time": _time(later.claimed_time_ms), "index": str(later.leaf_index), "when": when})
    if later.was_in_log is None:
        return said
    return said + texts.say(_TABLE, "was_in_log" if later.was_in_log else "was_not_in_log")


# For programs


def _json(verdict: CertificateVerdict) -> dict[str, object]:
    decision = verdict.decision
    return {
        "verdict": "verified",
        "about": "decision-certificate",
        "decision": {
            "decision_id": decision.decision_id,
            "outcome": decision.outcome.value,
            "institution": decision.actor.institution,
            "department": decision.actor.department,
            "staff_number": decision.actor.staff_number,
            "encounter": decision.encounter,
            "order_id": decision.line.order_id,
            "orderable": decision.line.orderable,
            "items": list(decision.items),
            "reason": None if decision.reason is None else int(decision.reason),
            "sub_reason": decision.sub_reason,
            "free_text": verdict.free_text,
            "price_fen": verdict.price_fen,
            "saving_fen": decision.saving_fen,
            "decided_at_ms": decision.decided_at_ms,
            "reversed_at_ms": verdict.reversed_at_ms,
            "reversal_index": verdict.reversal_index,
        },
        "check": {
            "check_id": decision.check_id,
            "checked_at_ms": verdict.checked_at_ms,
            "logged": verdict.check_index is not None,
            "leaf_index": verdict.check_index,
        },
        "entry": verdict_json(verdict.entry),
        "results": [_result_json(each) for each in verdict.results],
        "documents": [
            {
                "kind": each.kind,
                "subject": each.subject,
                "digest": each.digest.hex(),
                "publisher": each.publisher,
                "standing": each.standing.value,
                "published": None if each.published is None else {"origin": each.published[0], "leaf_index": each.published[1]},
            }
            for each in verdict.documents
        ],
        "read": None if verdict.read is None else _read_json(verdict.read),
        "heads": heads_json(verdict.heads),
        "trust_root_serial": verdict.trust_root_serial,
        "proved": findings_json(verdict.proved),
        "not_proved": findings_json(verdict.not_proved),
        "remarks": findings_json(verdict.remarks),
    }


def _read_json(read: ReadProof) -> dict[str, object]:
    return {
        "logs": [{"origin": each.origin, "size": each.size} for each in read.logs],
        "heads": [{"origin": origin, "tree_size": head.size, "witnessed_at_s": head.witnessed_at_s} for origin, head in read.heads],
        "unread": list(read.unread),
    }


def _result_json(result: CertifiedResult) -> dict[str, object]:
    return {
        "origin": result.reference.origin,
        "leaf_hash": result.reference.leaf_hash.hex(),
        "institution": result.institution,
        "leaf_index": result.leaf_index,
        "relocated": result.is_relocated,
        "performed_at_ms": result.performed_at_ms,
        "version": result.version,
        "status": result.status,
        "offered": [{"item": each.item, "mark": each.mark, "certificate": each.certificate} for each in result.offered],
        "refused": [{"item": each.item, "obstacle": each.obstacle.value} for each in result.refused],
        "used": result.used,
        "read_to": result.read_to,
        "retrieval": None if result.retrieval is None else _retrieval_json(result.retrieval),
        "later": [
            {
                "leaf_index": each.leaf_index,
                "withdrawn": each.withdrawn,
                "claimed_time_ms": each.claimed_time_ms,
                "after_decision": each.is_after_decision,
                "was_in_log": each.was_in_log,
            }
            for each in result.later
        ],
    }


def _retrieval_json(retrieval: ProvedRetrieval) -> dict[str, object]:
    block = retrieval.block
    return {
        "leaf_index": retrieval.leaf_index,
        "occurred_at_ms": retrieval.occurred_at_ms,
        "consent_id": None if retrieval.consent is None else retrieval.consent.hex(),
        "block": None if block is None else {"number": block.number, "hash": block.block_hash.hex()},
        "emergency_id": None if retrieval.emergency is None else retrieval.emergency.hex(),
        "holder_index": retrieval.holder_index,
    }


def _time(at_ms: int) -> str:
    # whoever wrote the entry can have written any number
    return f"{moment(at_ms):%Y-%m-%d %H:%M}Z"
