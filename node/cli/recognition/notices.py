"""`concord notices`: show notices and acknowledge them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from node.cli.api_client import ApiClient
from node.cli.failures import UsageError
from node.cli.output import show
from node.cli.recognition.acts import Clinician

_ROUTE = "/v1/recognition/notices"
_LEAF_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Named:
    """Which notices are meant."""

    notices: Sequence[str]
    """Their ids."""
    reason: str | None
    """Or the entry that is the reason of all: ORIGIN#LEAF_HASH."""


def list_notices(url: str, api_key: str, limit: int, *, everything: bool, as_json: bool) -> None:
    """Show what others amended, withdrew or recalled."""
    with ApiClient(url, api_key) as client:
        answer = client.get_json(_ROUTE, {"limit": limit, "waiting": "false" if everything else "true"})
    _show([answer] if as_json else [_shown(each) for each in answer["notices"]], as_json=as_json)


def acknowledge(url: str, api_key: str, notice: str, by: Clinician, *, as_json: bool) -> None:
    """Say that a person took notice."""
    with ApiClient(url, api_key) as client:
        answer = client.post(f"{_ROUTE}/{notice}:acknowledge", json.dumps({"actor": by.document()}, ensure_ascii=False).encode())
    _show([answer if as_json else _shown(answer)], as_json=as_json)


def acknowledge_all(url: str, api_key: str, named: Named, by: Clinician, *, as_json: bool) -> None:
    """Say that a person took notice of many: of all, or of none.

    Raises:
        UsageError: Neither notices nor a reason are named, or both.
    """
    if bool(named.notices) == (named.reason is not None):
        raise UsageError("name notices, or --reason: the entry that all of them tell of, such as the announcement of a recall")
    what: dict[str, object] = {"notices": list(named.notices)} if named.reason is None else {"entry": _named_entry(named.reason)}
    with ApiClient(url, api_key) as client:
        answer = client.post(f"{_ROUTE}:acknowledge", json.dumps({"actor": by.document(), **what}, ensure_ascii=False).encode())
    if not as_json:
        rows = [{"notice": each["notice_id"], "issuer": each["issuer"], "change": each["change"]} for each in answer["notices"]]
        answer = {"acknowledged": answer["acknowledged"], "acknowledged before": answer["before"], "notices": rows}
    show(answer, as_json=as_json)


def _named_entry(text: str) -> dict[str, str]:
    origin, mark, leaf_hash = text.rpartition("#")
    if not mark or _LEAF_HASH.fullmatch(leaf_hash) is None:
        raise UsageError(f"--reason {text}: give ORIGIN#LEAF_HASH, as `concord notices list` shows it at `entry`")
    return {"origin": origin, "leaf_hash": leaf_hash}


def sent(url: str, api_key: str, record: str | None, limit: int, *, unacknowledged: bool, as_json: bool) -> None:
    """Show whom this institution told, and how far each notice got."""
    parameters: dict[str, str | int] = {"limit": limit, "unacknowledged": "true" if unacknowledged else "false"}
    if record is not None:
        parameters["record"] = record
    with ApiClient(url, api_key) as client:
        answer = client.get_json(f"{_ROUTE}:sent", parameters)
    if not as_json:
        answer = {**answer, "notices": [shown_sent(each) for each in answer["notices"]]}
    show(answer, as_json=as_json)


def shown_sent(notice: Mapping[str, Any]) -> dict[str, object]:
    """Return a row about a notice to another member."""
    return {
        "recipient": notice["recipient"],
        "change": notice["change"],
        "record": notice["record_id"] or "",
        "concerned": len(notice["concerned"]),
        "told_at": notice["told_at"],
        "state": notice["state"],
        "acknowledged_at": notice["acknowledged_at"] or "",
    }


def _shown(notice: Mapping[str, Any]) -> dict[str, object]:
    by = notice["acknowledged_by"]
    is_over = notice["is_lifted"] or notice["lifts"] is not None
    reversible = [each for each in notice["decisions"] if each["reverse"]]
    shown: dict[str, object] = {
        "notice": notice["notice_id"],
        "issuer": notice["issuer"],
        "what": f"{notice['change']}, lifted since" if notice["is_lifted"] else notice["change"],
        "at": notice["revised_at"],
        "state": notice["state"] if by is None else f"{notice['state']} by {by} at {notice['acknowledged_at']}",
        "entry": _entry(notice["entry"]),
        "concerned": [_entry(each) for each in notice["concerned"]],
        "decisions": [_decision(each) for each in notice["decisions"]],
        "retrievals": [_retrieval(each) for each in notice["retrievals"]],
        "suggestion": [] if is_over else [f"concord decide reverse {each['decision_id']}" for each in reversible],
    }
    if notice["lifts"] is not None:
        shown["lifts"] = _entry(notice["lifts"])
    return {name: value for name, value in shown.items() if value != []}


def _decision(decision: Mapping[str, Any]) -> dict[str, object]:
    return {
        "decision": decision["decision_id"],
        "order": decision["order_id"],
        "encounter": decision["encounter"],
        "department": decision["department"],
        "staff": decision["staff_number"],
        "decided_at": decision["decided_at"],
        "reversed_at": decision["reversed_at"] or "",
    }


def _retrieval(retrieval: Mapping[str, Any]) -> dict[str, object]:
    return {
        "retrieval": retrieval["retrieval_id"],
        "state": retrieval["state"],
        "department": retrieval["department"] or "",
        "staff": retrieval["staff_number"] or "",
        "ordered_at": retrieval["ordered_at"],
    }


def _entry(entry: Mapping[str, Any]) -> str:
    return f"{entry['origin']}#{entry['leaf_hash']}"


def _show(documents: list[dict[str, object]], *, as_json: bool) -> None:
    for document in documents:
        show(document, as_json=as_json)
    if not documents:
        show({"notices": []}, as_json=as_json)
