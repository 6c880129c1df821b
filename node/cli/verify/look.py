"""What is said of a certificate whose logs were read again: each entry of the patient, and whether the check accounts for it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from node.cli.texts import Texts
from node.cli.verify.lines import Shown, say_findings
from node.domain.look_verdict import HIDDEN, UNDECIDED, Account, AccountedEntry, LookedThrough, LookVerdict
from node.domain.moments import moment
from node.domain.recognition import DecisionOutcome
from node.domain.trust import TrustRoot
from node.wire.certificate.look_file import parse_look
from node.wire.certificate.look_verification import verify_look
from node.wire.evidence.verdict_json import findings_json

_TABLE: Final = "look"


def check_look(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    """Verify what was found when logs were read again.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    verdict = verify_look(parse_look(data), root, now=now)
    return look_json(verdict), describe_look(verdict, texts)


def describe_look(verdict: LookVerdict, texts: Texts) -> list[str]:
    """Say in words what was found."""
    decision = verdict.certificate.decision
    values = {
        "decision": decision.decision_id,
        "institution": decision.actor.institution,
        "orderable": decision.line.orderable,
        "outcome": texts.say(_TABLE, "recognised" if decision.outcome is DecisionOutcome.RECOGNISED else "reordered"),
        "checked": _time(verdict.certificate.checked_at_ms),
        "serial": str(verdict.trust_root_serial),
        "count": str(len(verdict.hidden)),
    }
    heading = "hidden" if verdict.hidden else "undecided" if verdict.undecided else "accounted"
    said = [texts.say(_TABLE, f"heading_{heading}", values), texts.say(_TABLE, "decision", values)]
    said += [texts.say(_TABLE, "log", _log_values(each)) for each in verdict.logs]
    said += [texts.say("report", "trust_root", values), "", texts.say(_TABLE, "entries", values)]
    for entry in verdict.entries:
        said += [f"  {line}" for line in _entry(entry, texts)]
    if not verdict.entries:
        said.append(f"  {texts.say(_TABLE, 'nothing')}")
    groups = (("remarks", verdict.remarks), ("proved", verdict.proved), ("not_proved", verdict.not_proved))
    return [*said, *say_findings(groups, _TABLE, texts)]


def _log_values(log: LookedThrough) -> dict[str, str]:
    return {
        "origin": log.origin,
        "institution": log.institution,
        "read": str(log.read_size),
        "size": str(log.head_size),
        "count": str(log.entries),
    }


def _entry(entry: AccountedEntry, texts: Texts) -> list[str]:
    values = {
        "time": "?" if entry.performed_at_ms is None else _time(entry.performed_at_ms),
        "logged": _time(entry.claimed_time_ms),
        "institution": entry.institution,
        "origin": entry.origin,
        "index": str(entry.leaf_index),
        "version": "?" if entry.version is None else str(entry.version),
        "status": entry.status or "?",
        "items": ", ".join(entry.items) or "-",
        "reasons": ", ".join(texts.say("obstacle", each.value) for each in entry.obstacles) or "-",
        "replaces": "" if entry.replaces is None else str(entry.replaces),
        "epoch": str(entry.epoch),
    }
    said = [texts.say(_TABLE, "entry" if entry.version is not None else "entry_closed", values)]
    said.append(f"  {texts.say(_TABLE, f'standing_{_standing(entry.account)}')}: {texts.say(_TABLE, _key(entry.account), values)}")
    if entry.account in HIDDEN:
        said.append(f"  {texts.say(_TABLE, 'entry_key_held' if entry.key_held else 'entry_key_unknown', values)}")
    return said


def _standing(account: Account) -> str:
    """Return whether it is proved that the check accounts for it, or proved that it does not, or neither."""
    if account in HIDDEN or account in UNDECIDED:
        return "against" if account in HIDDEN else "open"
    return "stated" if account is Account.BY_CONSENT else "proved"


def _key(account: Account) -> str:
    return f"account_{account.value.replace('-', '_')}"


def look_json(verdict: LookVerdict) -> dict[str, object]:
    """Show to programs what was found."""
    decision = verdict.certificate.decision
    return {
        "verdict": "verified",
        "about": "look-again",
        "decision": {
            "decision_id": decision.decision_id,
            "institution": decision.actor.institution,
            "outcome": decision.outcome.value,
            "checked_at_ms": verdict.certificate.checked_at_ms,
        },
        "all_accounted_for": not verdict.hidden and not verdict.undecided,
        "hidden": len(verdict.hidden),
        "made_at_ms": verdict.made_at_ms,
        "logs": [
            {
                "origin": each.origin,
                "institution": each.institution,
                "read_size": each.read_size,
                "tree_size": each.head_size,
                "witnessed": each.witnessed,
                "compared": each.compared,
                "entries": each.entries,
            }
            for each in verdict.logs
        ],
        "left_out": list(verdict.left_out),
        "entries": [_entry_json(each) for each in verdict.entries],
        "trust_root_serial": verdict.trust_root_serial,
        "proved": findings_json(verdict.proved),
        "not_proved": findings_json(verdict.not_proved),
        "remarks": findings_json(verdict.remarks),
    }


def _entry_json(entry: AccountedEntry) -> dict[str, object]:
    return {
        "origin": entry.origin,
        "institution": entry.institution,
        "leaf_index": entry.leaf_index,
        "epoch": entry.epoch,
        "entry_type": int(entry.entry_type),
        "claimed_time_ms": entry.claimed_time_ms,
        "account": entry.account.value,
        "standing": _standing(entry.account),
        "obstacles": [each.value for each in entry.obstacles],
        "items": list(entry.items),
        "version": entry.version,
        "status": entry.status,
        "performed_at_ms": entry.performed_at_ms,
        "replaces": entry.replaces,
        "key_held": entry.key_held,
    }


def _time(at_ms: int) -> str:
    # whoever wrote the entry can have written any number
    return f"{moment(at_ms):%Y-%m-%d %H:%M}Z"
