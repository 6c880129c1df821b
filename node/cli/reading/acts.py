"""`concord find`, `retrieve`, `outbox` and `emergency`: what is read across institutions, and what waits."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from node.cli.api_client import ApiClient
from node.cli.failures import REFUSED, UNREACHED, UsageError
from node.cli.files import write_file
from node.cli.output import progress, show

_EVIDENCE_MODE = 0o600
"""What was retrieved holds patients' data."""
_POLL_S = 0.2
_FOUND_COLUMNS = ("origin", "leaf_index", "holder", "kind", "version", "status", "withdrawn", "recalled", "performed_at")
_ON_THE_WAY = ("requested", "received")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for whom, and why."""

    number: str | None
    """The institution's number for the patient."""
    system: str
    """Its identifier system."""
    card: str | None
    """Or the text of the patient's card."""
    purpose: str
    """Why."""
    staff: str
    """Number of the clinician."""
    department: str
    """Code of the department."""
    role: str
    """Role there."""
    authentication: str
    """How the clinician was authenticated."""

    def document(self) -> dict[str, Any]:
        """Return what both routes take.

        Raises:
            UsageError: Neither or both of number and card are given.
        """
        if (self.number is None) == (self.card is None):
            raise UsageError("name the patient by --number, with --system, or by --card")
        patient = {"card": self.card} if self.card else {"system": self.system, "number": self.number}
        actor = {
            "department": self.department,
            "staff_number": self.staff,
            "role": self.role,
            "authentication": self.authentication,
        }
        return {"patient": patient, "purpose": self.purpose, "actor": actor}


def find(url: str, api_key: str, asking: Asking, *, as_json: bool) -> None:
    """Show what exists of a patient."""
    with ApiClient(url, api_key) as client:
        found = client.post("/v1/find", _encode(asking.document()))
    if as_json:
        show(found, as_json=True)
        return
    records = [{name: record[name] for name in _FOUND_COLUMNS} for record in found["records"]]
    show({"request": found["request_id"], "records": records}, as_json=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be retrieved, and where it goes."""

    targets: Sequence[str]
    """ORIGIN#INDEX each; none for all that a find shows."""
    emergency: str | None
    """An emergency that is cited, or None."""
    consents: Path | None
    """A file of consents to show, or None for those that the node keeps."""
    output: Path | None
    """Folder for evidence files, or None."""
    timeout_s: float
    """How long to wait for the holders."""


def retrieve(url: str, api_key: str, asking: Asking, wanted: Wanted, *, as_json: bool) -> None:
    """Order records, wait for their holders, save what was verified; exit with 1 where anything was denied or rejected.

    Raises:
        UsageError: A target is none, or nothing exists.
    """
    with ApiClient(url, api_key) as client:
        order = asking.document() | {"targets": _targets(client, asking, wanted.targets)}
        if wanted.emergency is not None:
            order["emergency_id"] = wanted.emergency
        if wanted.consents is not None:
            order["consents"] = _consents(wanted.consents)
        ordered = client.post("/v1/retrievals", _encode(order))
        done = _wait(client, ordered, wanted.timeout_s, quiet=as_json)
        requests = [_saved(client, done["retrieval_id"], request, wanted.output) for request in done["requests"]]
    columns = ("holder", "origin", "leaf_index", "state", "reason", "recalled", "saved")
    shown = requests if as_json else [{name: request[name] for name in columns} for request in requests]
    show({"retrieval": done["retrieval_id"], "requests": shown}, as_json=as_json)
    states = {request["state"] for request in requests}
    if states != {"verified"}:
        raise typer.Exit(UNREACHED if states <= {"verified", "holder-away", *_ON_THE_WAY} else REFUSED)


def list_outbox(url: str, api_key: str, limit: int, *, as_json: bool) -> None:
    """Show messages that other members have not acknowledged yet."""
    with ApiClient(url, api_key) as client:
        show(client.get_json("/v1/outbox", {"limit": limit}), as_json=as_json)


def list_emergencies(url: str, api_key: str, *, only_open: bool, as_json: bool) -> None:
    """Show emergencies, and how long their reviews are open."""
    with ApiClient(url, api_key) as client:
        found = client.get_json("/v1/emergencies")
    if only_open:
        found["emergencies"] = [each for each in found["emergencies"] if each["reviewed_at"] is None]
    show(found, as_json=as_json)


def open_emergency(url: str, api_key: str, asking: Asking, reason: str, *, as_json: bool) -> None:
    """Open an emergency and show its id, which a retrieval cites."""
    document = asking.document()
    if asking.number is None:
        raise UsageError("an emergency is opened for a patient on file: give --number")
    body = {"patient": document["patient"], "actor": document["actor"], "reason": reason}
    with ApiClient(url, api_key) as client:
        opened = client.post("/v1/emergencies", _encode(body))
    show(opened if as_json else {"emergency": opened["emergency_id"]}, as_json=as_json)


def review_emergency(url: str, api_key: str, emergency: str, staff: str, remark: str, *, justified: bool, as_json: bool) -> None:
    """Review an emergency as another person than the one who opened it."""
    body = {"reviewer": {"staff_number": staff}, "justified": justified, "remark": remark}
    with ApiClient(url, api_key) as client:
        show(client.post(f"/v1/emergencies/{emergency}:review", _encode(body)), as_json=as_json)


def _targets(client: ApiClient, asking: Asking, given: Sequence[str]) -> list[dict[str, object]]:
    if not given:
        found = client.post("/v1/find", _encode(asking.document()))["records"]
        if not found:
            raise UsageError("nothing was found for this patient: nothing to retrieve")
        return [{"origin": each["origin"], "leaf_index": each["leaf_index"]} for each in found]
    targets: list[dict[str, object]] = []
    for target in given:
        origin, mark, index = target.rpartition("#")
        if not mark or not origin or not index.isascii() or not index.isdecimal():
            raise UsageError(f"{target!r} is no target: give ORIGIN#INDEX, as `concord find` shows them")
        targets.append({"origin": origin, "leaf_index": int(index)})
    return targets


def _consents(path: Path) -> list[object]:
    try:
        consents = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as a JSON list of consents") from error
    return consents if isinstance(consents, list) else [consents]


def _wait(client: ApiClient, ordered: Mapping[str, Any], timeout_s: float, *, quiet: bool) -> Any:  # noqa: ANN401 - JSON
    path, deadline = f"/v1/retrievals/{ordered['retrieval_id']}", time.monotonic() + timeout_s
    shown, answered = ordered, 0
    with progress("waiting for the holders", len(ordered["requests"]), quiet=quiet) as advance:
        while True:
            now = sum(request["state"] not in _ON_THE_WAY for request in shown["requests"])
            advance(now - answered)
            answered = now
            if all(request["settled_at"] is not None for request in shown["requests"]) or time.monotonic() >= deadline:
                return shown
            time.sleep(_POLL_S)
            shown = client.get_json(path)


def _saved(client: ApiClient, retrieval: str, request: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """Save what a request brought; verified by the node, and by whoever opens the file."""
    if folder is None or request["state"] != "verified":
        return {**request, "saved": None}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{request['request_id']}.evidence.json"
    evidence = client.get_bytes(f"/v1/retrievals/{retrieval}/{request['request_id']}/evidence")
    write_file(path, evidence, mode=_EVIDENCE_MODE)
    return {**request, "saved": str(path)}


def _encode(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
