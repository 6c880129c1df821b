"""Starting, stopping, killing, and finding an engine again; what was acknowledged is there afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from web3.types import TxReceipt

from devnet.engines import EmbeddedEngine, Engine, GethEngine, RunningEngine, attach
from devnet.engines.errors import EngineDirectoryError, EngineMissingError, EngineStartError
from devnet.engines.process import wait_until
from devnet.engines.record import RECORD_NAME
from tests.integration.engines.clients import Sender, connect, deploy, disconnect
from tests.integration.engines.conftest import CHAIN_ID, EMBEDDED, GETH, engine_named

pytestmark = [pytest.mark.network, pytest.mark.slow]


@pytest.fixture(params=[EMBEDDED, GETH])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_named(request.param)


@pytest.fixture
def started(engine: Engine, directory: Path) -> Iterator[RunningEngine]:
    running = engine.start(directory)
    yield running
    left = attach(directory)
    if left is not None:
        left.kill()


def test_a_restart_keeps_chain_address_and_state(engine: Engine, started: RunningEngine, directory: Path) -> None:
    client = connect(started.rpc_url)
    sender = Sender.fresh(client)
    register = deploy(client, sender)
    written = sender.send(to=register.address, data=register.encode_abi("write", [5]))
    started.stop()
    assert not started.is_alive()
    assert attach(directory) is None
    again = engine.start(directory)
    assert (again.rpc_url, again.genesis_hash, again.chain_id) == (started.rpc_url, started.genesis_hash, CHAIN_ID)
    assert again.pids != started.pids
    assert client.eth.get_transaction_receipt(written["transactionHash"]) == written
    assert register.functions.value().call() == 5
    assert register.functions.value().call(block_identifier=written["blockNumber"] - 1) == 0
    later = sender.send(to=register.address, data=register.encode_abi("write", [6]))
    assert later["blockNumber"] > written["blockNumber"]
    assert client.eth.get_block(written["blockNumber"])["hash"] == written["blockHash"]
    disconnect(client)


def test_a_kill_amid_a_load_loses_nothing_that_was_acknowledged(engine: Engine, started: RunningEngine, directory: Path) -> None:
    acknowledged: list[TxReceipt] = []
    threads = [threading.Thread(target=_write_until_it_dies, args=(started.rpc_url, acknowledged)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert wait_until(lambda: len(acknowledged) >= 25, 60)
    started.kill()
    for thread in threads:
        thread.join()
    again = engine.start(directory)
    assert again.rpc_url == started.rpc_url
    client = connect(again.rpc_url)
    for receipt in acknowledged:
        assert client.eth.get_transaction_receipt(receipt["transactionHash"]) == receipt
        assert client.eth.get_block(receipt["blockNumber"])["hash"] == receipt["blockHash"]
    # what waited for a block may have come into one meanwhile
    head = client.eth.block_number
    last = Sender.fresh(client).send()["blockNumber"]
    assert last > head
    for number in range(1, last + 1):
        assert client.eth.get_block(number)["parentHash"] == client.eth.get_block(number - 1)["hash"]
    disconnect(client)


def _write_until_it_dies(url: str, acknowledged: list[TxReceipt]) -> None:
    client = connect(url)
    sender = Sender.fresh(client)
    try:
        while True:
            acknowledged.append(sender.send())
    except OSError:  # what requests raises when the server is gone
        disconnect(client)


def test_another_process_finds_it_and_stops_it(started: RunningEngine, directory: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from devnet.engines import attach\n"
        "found = attach(pathlib.Path(sys.argv[1]))\n"
        "print(found.rpc_url, found.genesis_hash)\n"
        "found.stop()\n"
        "print(found.is_alive())\n"
    )
    shown = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script, str(directory)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    ).stdout.split()
    assert shown == [started.rpc_url, started.genesis_hash, "False"]
    assert not started.is_alive()
    assert attach(directory) is None
    started.stop()  # once more is no error


def test_it_lives_in_a_session_of_its_own(started: RunningEngine) -> None:
    (pid,) = started.pids
    assert os.getsid(pid) == pid != os.getsid(0)


def test_a_directory_has_one_engine_and_one_chain(engine: Engine, started: RunningEngine, directory: Path) -> None:
    with pytest.raises(EngineDirectoryError, match="runs here already"):
        engine.start(directory)
    other: Engine = GethEngine(binary=Path(sys.executable)) if engine.name == "embedded" else EmbeddedEngine()
    with pytest.raises(EngineDirectoryError, match="holds a chain of"):
        other.start(directory)
    started.stop()
    stranger: Engine = type(engine)(chain_id=CHAIN_ID + 1)  # type: ignore[call-arg] # both engines take it
    with pytest.raises((EngineDirectoryError, EngineStartError), match=f"holds chain {CHAIN_ID}, not {CHAIN_ID + 1}"):
        stranger.start(directory)
    assert attach(directory) is None


def test_a_process_that_only_has_the_pid_is_left_alone(started: RunningEngine, directory: Path) -> None:
    started.stop()
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        record = json.loads((directory / RECORD_NAME).read_text(encoding="utf-8"))
        (directory / RECORD_NAME).write_text(json.dumps(record | {"pid": bystander.pid}), encoding="utf-8")
        assert attach(directory) is None
        assert bystander.poll() is None
    finally:
        bystander.communicate(b"\n")
    assert bystander.returncode == 0


def test_a_missing_binary_is_named(directory: Path) -> None:
    with pytest.raises(EngineMissingError, match="make engines"):
        GethEngine(binary=directory / "geth").start(directory)


def test_a_process_that_cannot_start_shows_its_log(directory: Path) -> None:
    running = EmbeddedEngine(chain_id=CHAIN_ID).start(directory)
    try:
        port = int(running.rpc_url.rpartition(":")[2])
        with pytest.raises(EngineStartError, match=f"port {port} of 127.0.0.1 is taken"):
            EmbeddedEngine(chain_id=CHAIN_ID, port=port).start(directory.with_name("second"))
        assert attach(directory.with_name("second")) is None
    finally:
        running.stop()
        unexpected = attach(directory.with_name("second"))
        if unexpected is not None:
            unexpected.kill()
