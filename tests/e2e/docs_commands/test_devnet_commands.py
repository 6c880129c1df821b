"""The commands that the documents show against a devnet work against one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.docs_commands.run import collect, environment, run
from tests.e2e.documents import HISTORY
from tools.docs import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.network]

ON_A_DEVNET = collect("devnet")
PAGES = sorted({command.source for command in ON_A_DEVNET})
UP_DEADLINE_S = 180


@dataclass(frozen=True, slots=True)
class Reader:
    """Someone who has followed the documents so far."""

    directory: Path
    """Where they stand: the examples are there, and the devnet's directory."""
    variables: dict[str, str]
    """What they have exported."""
    records: list[str]
    """Examination results, one for each page: one of the pages erases its own."""


def devnet_command(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the project's own command
        ["concord-devnet", *arguments, "--dir", "devnet-state"],  # noqa: S607 - found as a reader would
        cwd=directory,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=UP_DEADLINE_S,
        check=False,
    )


def exports(printed: dict[str, Any]) -> dict[str, str]:
    """Make the variables that docs/operations/devnet.md exports from what `up --json` printed."""
    first = printed["institutions"][0]
    return {
        "CONCORD_URL": first["url"],
        "CONCORD_API_KEY": first["api_key"],
        "CONCORD_TRUST_ROOT": printed["trust_root"],
        "CONCORD_RPC": printed["chain"]["rpc_url"],
        "LOG": first["log_url"],
    }


def reports(variables: dict[str, str]) -> list[str]:
    """Submit a history; return the ids of the examination results in it."""
    answer = httpx.post(
        f"{variables['CONCORD_URL']}/v1/records",
        params={"wait": "anchored"},
        headers={"Authorization": f"Bearer {variables['CONCORD_API_KEY']}"},
        content=HISTORY.read_bytes(),
        timeout=60,
        trust_env=False,
    )
    assert answer.is_success, answer.text
    return [str(receipt["record_id"]) for receipt in answer.json()["receipts"] if receipt["kind"] == "exam-result"]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    directory = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", directory / "examples")
    up = devnet_command(directory, "up", "--detach", "--json")
    assert up.returncode == 0, up.stderr
    try:
        variables = exports(json.loads(up.stdout))
        yield Reader(directory, variables, reports(variables))
    finally:
        down = devnet_command(directory, "down")
    assert down.returncode == 0, down.stderr


def test_the_documents_show_the_main_job() -> None:
    shown = "\n".join(command.text for command in ON_A_DEVNET)
    for promised in ("concord ingest", "concord evidence", "concord verify", "concord log fsck", "concord records erase"):
        assert promised in shown


@pytest.mark.parametrize("page", PAGES)
def test_the_page_works_as_shown(reader: Reader, page: str) -> None:
    # a page as a whole: its commands build on each other, and no other page's
    for command in ON_A_DEVNET:
        if command.source == page:
            run(command, reader.directory, **reader.variables, RECORD=reader.records[PAGES.index(page)])
