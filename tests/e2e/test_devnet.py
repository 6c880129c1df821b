"""A whole consortium of real processes: what it stored survives the death of any of them, on both chain engines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.engines.build_geth import binary_path
from devnet.engines.process import wait_until
from devnet.topology import Devnet, identity_of, running_devnet
from tests.e2e.documents import HISTORY, new_report

pytestmark = [pytest.mark.slow, pytest.mark.network]

CONCORD_DEVNET = str(Path(sys.executable).with_name("concord-devnet"))
FSCK_DEADLINE_S = 60
LEVEL_DEADLINE_S = 30.0


@pytest.fixture
def go_binaries() -> Path:
    return Path(os.environ.get("CONCORD_GO_BIN") or Path(__file__).parents[2] / ".cache" / "bin")


def submit(client: httpx.Client, document: bytes, wait: str | None = None) -> list[dict[str, Any]]:
    answer = client.post("/v1/records", content=document, params={} if wait is None else {"wait": wait})
    assert answer.is_success, answer.text
    receipts: list[dict[str, Any]] = answer.json()["receipts"]
    return receipts


def level_of(client: httpx.Client, record_id: str, wait: str) -> str:
    answer = client.get(f"/v1/records/{record_id}", params={"wait": wait})
    assert answer.is_success, answer.text
    return str(answer.json()["level"])


def logs_of(devnet: Devnet, institution: str) -> dict[str, dict[str, Any]]:
    status = devnet.client(institution).get("/v1/status").raise_for_status().json()
    return {log["institution"]: log for log in status["logs"]}


def check_survival(devnet: Devnet) -> None:
    """Records reach `anchored`, and stay there whoever dies."""
    client = devnet.client("hospital-a")
    receipts = submit(client, HISTORY.read_bytes(), wait="anchored")
    assert {receipt["level"] for receipt in receipts} == {"anchored"}
    node = devnet.institutions["hospital-a"][0]

    devnet.kill_node(node)
    devnet.start_node(node)
    devnet.wait_ready(node)
    again = submit(client, HISTORY.read_bytes())
    assert {receipt["outcome"] for receipt in again} == {"same"}
    assert [receipt["leaf_hash"] for receipt in again] == [receipt["leaf_hash"] for receipt in receipts]

    assert devnet.chain is not None
    devnet.chain.kill()
    (stored,) = submit(client, new_report("while-the-chain-is-away"), wait="logged")
    assert stored["level"] == "logged"
    devnet.start_chain()
    assert level_of(client, stored["record_id"], "anchored") == "anchored"

    (other,) = submit(devnet.client("primary-care-a"), new_report("of-the-health-centre"), wait="anchored")
    assert (other["origin"], other["leaf_index"]) == ("primary-care-a.example/log", 0)
    assert client.get(f"/v1/records/{other['record_id']}").status_code == httpx.codes.NOT_FOUND


def test_what_was_stored_survives_every_death(tmp_path: Path) -> None:
    with running_devnet(tmp_path / "devnet") as devnet:
        check_survival(devnet)


@pytest.mark.engine_geth
def test_the_same_on_geth(tmp_path: Path) -> None:
    if not os.access(binary_path(), os.X_OK):
        reason = f"no geth at {binary_path()}: build it with `make engines`"
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    with running_devnet(tmp_path / "devnet", engine="geth") as devnet:
        check_survival(devnet)


@pytest.fixture(scope="module")
def command_line_devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A devnet that `concord-devnet up --detach --json` started, and what it printed."""
    directory = tmp_path_factory.mktemp("detached") / "devnet"
    up = run_devnet("up", "--dir", str(directory), "--detach", "--json")
    assert up.returncode == 0, up.stderr
    yield directory, json.loads(up.stdout)
    down = run_devnet("down", "--dir", str(directory))
    assert down.returncode == 0, down.stderr
    assert not any(identity_of(node).is_alive() for node in Devnet.open(directory).state.nodes)


def run_devnet(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the project's own command
        [CONCORD_DEVNET, *arguments], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=180
    )


def test_the_printed_document_suffices_to_use_it(command_line_devnet: tuple[Path, dict[str, Any]]) -> None:
    directory, printed = command_line_devnet
    assert list(printed) == ["institutions", "chain", "trust_root"]
    roles = {each["name"]: each["role"] for each in printed["institutions"]}
    assert roles == {
        "hospital-a": "hospital",
        "primary-care-a": "primary-care",
        "hospital-b": "hospital",
        "regulator": "regulator",
        "code-service": "code-service",
    }
    for each in printed["institutions"]:
        assert list(each) == ["name", "role", "url", "log_url", "vkey", "api_key"]
        headers = {"Authorization": f"Bearer {each['api_key']}"}
        answer = httpx.get(f"{each['url']}/v1/status", headers=headers, timeout=LEVEL_DEADLINE_S, trust_env=False)
        assert answer.status_code == httpx.codes.OK
    assert Path(printed["trust_root"]).is_file()
    assert printed["chain"]["chain_id"] == 20260

    status = run_devnet("status", "--dir", str(directory), "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["up"] is True


@pytest.mark.go_tools
def test_tessera_accepts_the_served_log(
    command_line_devnet: tuple[Path, dict[str, Any]], go_binaries: Path, tmp_path: Path
) -> None:
    tool = go_binaries / "fsck"
    if not tool.exists():
        reason = f"no {tool}: build it with `make go-tools`"
        assert "CI" not in os.environ, reason
        pytest.skip(reason)
    directory, printed = command_line_devnet
    devnet = Devnet.open(directory)
    submit(devnet.client("hospital-b"), HISTORY.read_bytes(), wait="logged")
    devnet.disconnect()
    hospital = next(each for each in printed["institutions"] if each["name"] == "hospital-b")
    key = tmp_path / "vkey"
    key.write_text(hospital["vkey"])
    arguments = [f"--storage_url={hospital['log_url']}/", f"--public_key={key}", "--N=2", "--ui=false"]
    done = subprocess.run(  # noqa: S603 - a tool that make built
        [str(tool), *arguments], check=False, capture_output=True, text=True, timeout=FSCK_DEADLINE_S
    )
    assert "Successfully fsck'd" in done.stdout + done.stderr, done.stdout + done.stderr


def test_stopped_and_started_again_it_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "devnet"
    with running_devnet(directory) as devnet:
        (receipt,) = submit(devnet.client("hospital-a"), new_report("before"), wait="anchored")
        before = devnet.describe()
    with running_devnet(directory) as devnet:
        assert devnet.describe()["institutions"] == before["institutions"]
        client = devnet.client("hospital-a")
        assert wait_until(lambda: logs_of(devnet, "hospital-a")["hospital-a"]["state"] == "signing", LEVEL_DEADLINE_S)
        assert level_of(client, receipt["record_id"], "anchored") == "anchored"
        (later,) = submit(client, new_report("after"), wait="anchored")
        assert later["leaf_index"] == receipt["leaf_index"] + 1


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    down = run_devnet("down", "--dir", str(tmp_path / "nothing"))
    assert down.returncode == 1
    assert down.stderr.startswith("error: there is no devnet in")
