"""Each engine, started once for all tests that only talk to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eth_account import Account
from web3 import Web3
from web3.contract.contract import Contract

from devnet.engines import EmbeddedEngine, Engine, GethEngine, RunningEngine
from devnet.engines.build_geth import binary_path
from tests.integration.engines.clients import Sender, connect, deploy, disconnect

RICH = Account.from_key("0x" + "5a" * 32)
CHAIN_ID = 424_242
MakeEngine = Callable[[], Engine]

EMBEDDED = pytest.param("embedded", id="embedded")
GETH = pytest.param("geth", id="geth", marks=pytest.mark.engine_geth)


def engine_named(name: str) -> Engine:
    if name == "embedded":
        return EmbeddedEngine(chain_id=CHAIN_ID, funded=(RICH.address,), allow_reorg=True)
    if not os.access(binary_path(), os.X_OK):
        message = f"no geth at {binary_path()}: build it with `make engines`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return GethEngine(chain_id=CHAIN_ID, funded=(RICH.address,))


@pytest.fixture(scope="module", params=[EMBEDDED, GETH])
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_named(request.param)


@pytest.fixture(scope="module")
def running(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    started = engine.start(tmp_path_factory.mktemp(engine.name))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    started = engine_named("embedded").start(tmp_path_factory.mktemp("embedded"))
    yield started
    started.stop()


@pytest.fixture
def web3(running: RunningEngine) -> Iterator[Web3]:
    client = connect(running.rpc_url)
    yield client
    disconnect(client)


@pytest.fixture
def sender(web3: Web3) -> Sender:
    return Sender.fresh(web3)


@pytest.fixture
def register(web3: Web3, sender: Sender) -> Contract:
    return deploy(web3, sender)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "engine"
