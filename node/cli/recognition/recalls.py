"""`concord recall`: announce recalls, lift them, show how far they got."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from node.cli.api_client import ApiClient
from node.cli.failures import UnreachedError, UsageError
from node.cli.output import progress, show
from node.cli.recognition.acts import Clinician
from node.cli.recognition.notices import shown_sent

_ROUTE = "/v1/recalls"
_ID_BYTES = 16
_LOOK_S: Final = 0.5
"""How often a command that waits asks how far it is."""
_UNDER_WAY: Final = frozenset({"running", "lifting"})


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


def preview(url: str, api_key: str, criteria: Criteria, by: Clinician, *, as_json: bool) -> None:
    """Say which results a recall would find; nothing is announced."""
    body = {**criteria.document(), "actor": by.document(), "preview": True}
    found: dict[str, Mapping[str, Any]] = {}
    unreadable = searched = 0
    with ApiClient(url, api_key) as client, progress("searching", None, quiet=as_json) as advance:
        while True:
            answer = client.post(_ROUTE, _encoded({**body, "preview_from": searched}))
            # a relocation may name what was found where it lies
            found |= {each["entry"]["leaf_hash"]: each for each in answer["results"]}
            unreadable += answer["unreadable"]
            advance(answer["searched"] - searched)
            searched = answer["searched"]
            if searched >= answer["filed"]:
                break
    answer = {**answer, "unreadable": unreadable, "results": list(found.values())}
    if not as_json:
        counts = {"total": len(found), "could_not_be_searched": unreadable}
        answer = {"announced": False, "results": _results(answer["results"]), **counts}
    show(answer, as_json=as_json)


def announce(
    url: str, api_key: str, criteria: Criteria, by: Clinician, recall_id: str | None, *, wait: bool, as_json: bool
) -> None:
    """Announce a recall; with `wait`, return when what was filed before it is searched.

    Raises:
        UnreachedError: No answer came: nobody knows here whether it was announced. The message has the id to ask again with.
    """
    # drawn here: who has to ask again because no answer came asks for the same recall
    recall_id = recall_id or secrets.token_hex(_ID_BYTES)
    body = {**criteria.document(), "actor": by.document(), "recall_id": recall_id}
    with ApiClient(url, api_key) as client:
        try:
            answer = client.post(_ROUTE, _encoded(body))
        except UnreachedError as error:
            doubt = f"{error}; whether the recall was announced is not known: ask again with --recall-id {recall_id}"
            raise UnreachedError(doubt, recall_id=recall_id) from error
        _show(_settled(client, answer, quiet=as_json) if wait else answer, as_json=as_json)


def lift(url: str, api_key: str, recall: str, reason: str, by: Clinician, *, wait: bool, as_json: bool) -> None:
    """Lift a recall; with `wait`, return when a notice for everybody who was told of it is on its way."""
    with ApiClient(url, api_key) as client:
        answer = client.post(f"{_ROUTE}/{recall}:lift", _encoded({"actor": by.document(), "reason": reason}))
        _show(_settled(client, answer, quiet=as_json) if wait else answer, as_json=as_json)


def list_recalls(url: str, api_key: str, *, as_json: bool) -> None:
    """Show the recalls that this institution announced."""
    with ApiClient(url, api_key) as client:
        answer = client.get_json(_ROUTE)
    if not as_json:
        left_out = {"entry", "lifting"}
        answer = {"recalls": [{name: row[name] for name in row if name not in left_out} for row in answer["recalls"]]}
    show(answer, as_json=as_json)


def show_recall(url: str, api_key: str, recall: str, start: int, *, wait: bool, as_json: bool) -> None:
    """Show a recall, how far it got, what it found, and who knows of it."""
    with ApiClient(url, api_key) as client:
        answer = client.get_json(f"{_ROUTE}/{recall}", {"start": start})
        if wait and answer["search"]["state"] in _UNDER_WAY:
            _settled(client, answer, quiet=as_json)
            answer = client.get_json(f"{_ROUTE}/{recall}", {"start": start})
    _show(answer, as_json=as_json)


def _settled(client: ApiClient, answer: Mapping[str, Any], *, quiet: bool) -> Mapping[str, Any]:
    """Wait until nothing is under way, showing how far it is; return the recall as it is then."""
    recall_id, shown = answer["recall"]["recall_id"], 0
    with progress("searching", answer["search"]["filed"], quiet=quiet) as advance:
        while answer["search"]["state"] in _UNDER_WAY:
            time.sleep(_LOOK_S)
            try:
                answer = client.get_json(f"{_ROUTE}/{recall_id}")
            except UnreachedError as error:
                doubt = f"{error}; the recall is in the log, how far it got is not known: concord recall show {recall_id}"
                raise UnreachedError(doubt, recall_id=recall_id) from error
            advance(answer["search"]["searched"] - shown)
            shown = answer["search"]["searched"]
    return answer


def _encoded(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _show(report: Mapping[str, Any], *, as_json: bool) -> None:
    show(report if as_json else _shown(report), as_json=as_json)


def _shown(report: Mapping[str, Any]) -> dict[str, object]:
    recall, search = report["recall"], report["search"]
    left_out = ("entry", "lifting", "total", "state")
    shown = {name: value for name, value in recall.items() if value not in ("", None) and name not in left_out}
    so_far = " so far" if search["state"] == "running" else ""
    return shown | {
        "entry": _entry(recall["entry"]),
        "announced_by": report["staff_number"],
        **({} if report["lifted_by"] is None else {"lifted_by": report["lifted_by"], "lifting": _entry(recall["lifting"])}),
        "told": report["told"],
        "unacknowledged": report["unacknowledged"],
        "notices": [shown_sent(each) for each in report["notices"]],
        "results": _results(report["results"]),
        "state": search["state"],
        "searched": f"{search['searched']} of {search['filed']} entries that were filed before it",
        "total": f"{search['total']}{so_far}",
        "could_not_be_searched": f"{search['unreadable']}{so_far}",
    }


def _results(results: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    return [{"record": each["record_id"], "entry": _entry(each["entry"])} for each in results]


def _entry(entry: Mapping[str, Any]) -> str:
    return f"{entry['origin']}#{entry['leaf_hash']}"
