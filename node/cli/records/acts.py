"""`concord records`, `tombstones`, `evidence` and `status`: what a running node answers, shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer

from node.cli.api_client import ApiClient
from node.cli.failures import REFUSED, UsageError
from node.cli.files import write_file
from node.cli.output import show, show_json

_EVIDENCE_MODE = 0o600
"""Disclosed parts hold patients' data."""


def list_entries(url: str, api_key: str, limit: int, before: int | None, *, as_json: bool) -> None:
    """List a page of entries."""
    with ApiClient(url, api_key) as client:
        page = client.get_json("/v1/records", {"limit": limit} | ({} if before is None else {"before": before}))
    show(page, as_json=as_json)


def show_record(url: str, api_key: str, record: str, *, as_json: bool) -> None:
    """Show one record."""
    with ApiClient(url, api_key) as client:
        show(client.get_json(_path(record)), as_json=as_json)


def erase(url: str, api_key: str, record: str, *, yes: bool, as_json: bool) -> None:
    """Erase one record.

    Raises:
        UsageError: Nobody can be asked, and `yes` is not given.
    """
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("erasing cannot be undone: give --yes to do it without being asked")
        typer.confirm(f"Erase record {record} with all its versions? This cannot be undone", abort=True, err=True)
    with ApiClient(url, api_key) as client:
        show(client.delete(_path(record)), as_json=as_json)


def list_tombstones(url: str, api_key: str, limit: int, *, everything: bool, as_json: bool) -> None:
    """List tombstones and who has not acknowledged them."""
    parameters: dict[str, str | int] = {"limit": limit, "waiting": "false" if everything else "true"}
    with ApiClient(url, api_key) as client:
        show(client.get_json("/v1/tombstones", parameters), as_json=as_json)


@dataclass(frozen=True, slots=True)
class Exported:
    """What is to be proved: a record, or a decision."""

    record: str | None
    """The record's id."""
    decision: str | None
    """The decision's id."""
    parts: str | None
    """Numbers of the record's parts to disclose; None for all."""
    version: int | None
    """The record's version; None for the latest."""


def export_evidence(url: str, api_key: str, what: Exported, output: Path, *, as_json: bool) -> None:
    """Write the evidence of a record, or the certificate of a decision, to a file.

    Raises:
        UsageError: Both are named, or none.
    """
    if (what.record is None) == (what.decision is None):
        raise UsageError("name a record, or a decision with --decision; one of the two")
    if what.decision is not None and (what.parts, what.version) != (None, None):
        raise UsageError("--parts and --version are of records: a certificate shows a decision as it was taken")
    parameters: dict[str, str | int] = {} if what.parts is None else {"parts": what.parts}
    if what.version is not None:
        parameters["version"] = what.version
    if what.decision is None:
        named, path = {"record": what.record or ""}, f"{_path(what.record or '')}/evidence"
    else:
        named = {"decision": what.decision}
        path = f"/v1/recognition/decisions/{quote(what.decision, safe='')}/certificate"
    with ApiClient(url, api_key) as client:
        evidence = client.get_bytes(path, parameters)
    write_file(output, evidence, mode=_EVIDENCE_MODE)
    show({**named, "written": str(output), "bytes": len(evidence)}, as_json=as_json)


def show_status(url: str, api_key: str, *, as_json: bool) -> None:
    """Show how a node does; exit with 1 where it does not store, or a log refuses to sign."""
    with ApiClient(url, api_key) as client:
        report = client.get_json("/v1/status")
    if as_json:
        show_json(report)
    else:
        logs = [{name: log[name] for name in _LOG_COLUMNS} for log in report["logs"]]
        followed = [{name: log[name] for name in _FOLLOWED_COLUMNS} for log in report["followed"]]
        show({**report, "logs": logs, "followed": followed, "documents": _documents(report["documents"])}, as_json=False)
    if not report["ready"] or any(log["state"] == "halted" for log in report["logs"]):
        raise typer.Exit(REFUSED)


def _documents(report: Mapping[str, Any] | None) -> str:
    """Say in a line which catalogue, maps and prices hold; `concord catalogue published` has the whole."""
    if report is None:
        return "-"
    notes = [f"held back: {each}" for each in report["held_back"]]
    notes += ["what was published no longer counts"] if report["stale"] else []
    return "; ".join([report["source"], *notes])


_LOG_COLUMNS = (
    "institution",
    "origin",
    "staged",
    "logged",
    "witnessed",
    "anchored",
    "state",
    "reason",
    "anchor_refused",
    "exchange_key",
)
_FOLLOWED_COLUMNS = ("origin", "state", "reason", "trusted_size", "indexed", "withheld_headers")


def _path(record: str) -> str:
    return f"/v1/records/{quote(record, safe='')}"
