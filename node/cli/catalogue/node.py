"""`concord catalogue` on a running node: publish documents, see which are published and hold, and what maps lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from node.cli.api_client import ApiClient, Parameters, ProblemError
from node.cli.failures import REFUSED, UsageError
from node.cli.output import show


def publish(url: str, api_key: str, paths: Sequence[Path], *, as_json: bool) -> None:
    """Publish documents one after the other; exit with 1 where one was refused, the others being published all the same.

    Raises:
        UsageError: The paths name no document.
    """
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if not files:
        raise UsageError("no document there: give JSON files, or folders of them")
    contents = [(file, file.read_bytes()) for file in files]
    with ApiClient(url, api_key) as client:
        answers = [_publish(client, file, data) for file, data in contents]
    published = [answer for answer in answers if "refused" not in answer]
    told = {
        "published": [{name: value for name, value in answer.items() if name != "contradictions"} for answer in published],
        "refused": [answer for answer in answers if "refused" in answer],
        "contradictions": list(dict.fromkeys(each for answer in published for each in answer["contradictions"])),
    }
    show(told, as_json=as_json)
    if told["refused"]:
        raise typer.Exit(REFUSED)


def show_published(url: str, api_key: str, kind: str | None, *, everything: bool, as_json: bool) -> None:
    """Show what holds, or every version that the node knows."""
    parameters: Parameters = {"in_force": "false" if everything else "true"} | ({} if kind is None else {"kind": kind})
    with ApiClient(url, api_key) as client:
        answer = client.get_json("/v1/catalogue/documents", parameters)
    if not as_json:
        answer["documents"] = [_row(each) for each in answer["documents"]]
    show(answer, as_json=as_json)


def show_worklist(url: str, api_key: str, limit: int, *, as_json: bool) -> None:
    """Show codes that occurred and have no row in a map."""
    with ApiClient(url, api_key) as client:
        show(client.get_json("/v1/recognition/unmapped", {"limit": limit}), as_json=as_json)


def _publish(client: ApiClient, file: Path, data: bytes) -> dict[str, Any]:
    try:
        return {"file": str(file), **client.post("/v1/catalogue/documents", data)}
    except ProblemError as error:
        return {"file": str(file), "refused": str(error)}


def _row(document: Mapping[str, Any]) -> dict[str, object]:
    place = document["published"]
    return {
        "document": document["kind"],
        "of": document["subject"],
        "serial": document["serial"],
        "in_force": document["in_force"],
        "published": "-" if place is None else f"{place['origin']}#{place['leaf_index']}",
        "digest": document["digest"],
    }
