"""`concord recall`: announce recalls and show them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.cli.api_client import ApiClient
from node.cli.failures import UsageError
from node.cli.notices import shown_sent
from node.cli.output import show
from node.cli.recognition import Clinician

_ROUTE = "/v1/recalls"
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which results, and why."""

    item: str
    """Item or own code."""
    device: str
    """Device."""
    lot: str
    """Reagent lot."""
    performed_from: str
    """Performed at this time or later."""
    performed_to: str
    """Performed before."""
    reason: str
    """Why."""

    def document(self) -> dict[str, str]:
        """Return what the route takes.

        Raises:
            UsageError: A time is none, or says no zone: which results are recalled must not depend on where somebody reads it.
        """
        return {
            "item": self.item,
            "device": self.device,
            "lot": self.lot,
            "performed_from": _time("--from", self.performed_from),
            "performed_to": _time("--to", self.performed_to),
            "reason": self.reason,
        }


def _time(option: str, text: str) -> str:
    try:
        is_placed = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        is_placed = False
    if not is_placed:
        raise UsageError(f"{option} {text}: give date, time and zone, such as 2026-02-20T00:00:00+08:00")
    return text


def announce(
    url: str, api_key: str, criteria: Criteria, by: Clinician, recall_id: str | None, *, preview: bool, as_json: bool
) -> None:
    """Announce a recall, or say which results it would list."""
    body = {
        **criteria.document(),
        "actor": by.document(),
        # drawn here: who has to ask again because no answer came asks for the same recall
        "recall_id": recall_id or secrets.token_hex(_ID_BYTES),
        "preview": preview,
    }
    with ApiClient(url, api_key) as client:
        answer = client.post(_ROUTE, json.dumps(body, ensure_ascii=False).encode())
    if as_json:
        show(answer, as_json=True)
        return
    report = answer["report"]
    shown = {} if report is None else _shown(report)
    shown |= {"results": _results(answer["results"]), "total": answer["total"], "could_not_be_searched": answer["unreadable"]}
    show(shown, as_json=False)


def list_recalls(url: str, api_key: str, *, as_json: bool) -> None:
    """Show the recalls that this institution announced."""
    with ApiClient(url, api_key) as client:
        answer = client.get_json(_ROUTE)
    if not as_json:
        answer = {"recalls": [{name: row[name] for name in row if name != "entry"} for row in answer["recalls"]]}
    show(answer, as_json=as_json)


def show_recall(url: str, api_key: str, recall: str, *, as_json: bool) -> None:
    """Show a recall, what it lists, and who knows of it."""
    with ApiClient(url, api_key) as client:
        answer = client.get_json(f"{_ROUTE}/{recall}")
    show(answer if as_json else _shown(answer) | {"results": _results(answer["results"])}, as_json=as_json)


def _shown(report: Mapping[str, Any]) -> dict[str, object]:
    recall = report["recall"]
    shown: dict[str, object] = {name: value for name, value in recall.items() if value != "" and name != "entry"}
    return shown | {
        "entry": f"{recall['entry']['origin']}#{recall['entry']['leaf_hash']}",
        "announced_by": report["staff_number"],
        "told": report["told"],
        "unacknowledged": report["unacknowledged"],
        "notices": [shown_sent(each) for each in report["notices"]],
    }


def _results(results: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [{"record": each["record_id"], "entry": f"{each['entry']['origin']}#{each['entry']['leaf_hash']}"} for each in results]
