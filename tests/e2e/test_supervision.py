"""A consortium of real processes: what one side of a disclosure never logged becomes a finding at the regulator's node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from devnet.engines.process import wait_until
from devnet.topology import Devnet, running_devnet
from node.adapters.directory import DirectoryLock
from node.bootstrap.operation import open_node
from node.cli.main import app
from node.domain.access import AccessOutcome
from node.domain.entry import InstitutionId, Level, Origin
from node.errors import DirectoryInUseError
from node.settings import FILE_NAME, load_settings
from tests.unit.services_supervision.consortium import HOLDER, log_entry, make_access

pytestmark = [pytest.mark.slow, pytest.mark.network]

HOLDING, SILENT = InstitutionId("hospital-a"), InstitutionId("hospital-b")
FINDING_DEADLINE_S = 60.0
FREE_DEADLINE_S = 30.0


def regulator_of(devnet: Devnet) -> str:
    return next(name for name in devnet.institutions if "regulator" in name)


def plant_an_unpaired_access(devnet: Devnet) -> None:
    """Log, at the holder, that somebody read, of which the other side logs nothing."""
    node = devnet.institutions[HOLDING][0]
    devnet.kill_node(node)
    assert wait_until(lambda: is_free(devnet.node_directory(node)), FREE_DEADLINE_S)
    running = open_node(load_settings(devnet.node_directory(node)))
    try:
        staged = log_entry(running, HOLDING, make_access(HOLDER, AccessOutcome.DISCLOSED))
        running.node.progress.reached(staged.origin, staged.leaf_index, Level.LOGGED).result(30)
    finally:
        running.close()
    devnet.start_node(node)
    devnet.wait_ready(node)


def is_free(directory: Path) -> bool:
    """Tell whether the killed node's workers have let go of its directory, too."""
    try:
        DirectoryLock(directory).release()
    except DirectoryInUseError:
        return False
    return True


def shorten_the_grace_period(devnet: Devnet, regulator: str) -> None:
    node = devnet.institutions[regulator][0]
    devnet.kill_node(node)
    settings = devnet.node_directory(node) / FILE_NAME
    lines = ["receipt_grace_s = 1.0" if "receipt_grace_s" in line else line for line in settings.read_text().splitlines()]
    settings.write_text("\n".join(lines) + "\n")
    devnet.start_node(node)
    devnet.wait_ready(node)


def test_an_access_that_only_the_holder_logged_becomes_a_finding_that_proves_itself(tmp_path: Path) -> None:
    with running_devnet(tmp_path / "devnet") as devnet:
        regulator = regulator_of(devnet)
        shorten_the_grace_period(devnet, regulator)
        plant_an_unpaired_access(devnet)
        client = devnet.client(regulator)

        def found() -> list[dict[str, Any]]:
            page = client.get("/v1/supervision/findings", params={"code": "holder_alone"}).raise_for_status()
            findings: list[dict[str, Any]] = page.json()["findings"]
            return findings

        assert wait_until(lambda: bool(found()), FINDING_DEADLINE_S)
        (finding,) = found()
        assert finding["institutions"] == [SILENT]
        assert finding["entries"][0]["origin"] == Origin(f"{HOLDING}.example/log")
        evidence = client.get(f"/v1/supervision/findings/{finding['finding_id']}/evidence").raise_for_status()
        file = tmp_path / "finding.json"
        file.write_bytes(evidence.content)
        told = CliRunner().invoke(app, ["verify", str(file), "--trust-root", str(devnet.trust_root), "--json"])
        assert told.exit_code == 0, told.output
        document = json.loads(told.stdout)
        assert (document["about"], document["lines"][0]["outcome"]) == ("finding", "disclosed")
