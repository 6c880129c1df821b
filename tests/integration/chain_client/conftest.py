"""One founded consortium for each engine, shared by the tests that leave the engine running."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from devnet.engines import EmbeddedEngine, Engine, GethEngine
from devnet.engines.build_geth import binary_path
from node.domain.trust import ChainPin
from tests.integration.chain_client.consortium_chain import CHAIN_ID, FUNDED, ORIGINS, ConsortiumChain, Node, found
from tests.unit.chain_client_anchors.logs import GrowingLog

MakeNode = Callable[..., Node]

ENGINES = [pytest.param("embedded", id="embedded"), pytest.param("geth", id="geth", marks=pytest.mark.engine_geth)]


def engine_named(name: str) -> Engine:
    if name == "embedded":
        return EmbeddedEngine(chain_id=CHAIN_ID, funded=FUNDED, allow_reorg=True)
    if not os.access(binary_path(), os.X_OK):
        message = f"no geth at {binary_path()}: build it with `make engines`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return GethEngine(chain_id=CHAIN_ID, funded=FUNDED)


def founded(name: str, directory: Path) -> Iterator[ConsortiumChain]:
    running = engine_named(name).start(directory / "chain")
    try:
        yield ConsortiumChain(running, found(running.rpc_url, directory / "deployment.json", origins=ORIGINS, threshold=1))
    finally:
        running.stop()


@pytest.fixture(scope="session", params=ENGINES)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsortiumChain]:
    """Either engine."""
    yield from founded(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsortiumChain]:
    """The embedded engine, which makes reorgs on demand; a chain of its own, for its past changes."""
    yield from founded("embedded", tmp_path_factory.mktemp("reorganised"))


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    """Make nodes that are closed at the test's end."""
    with ExitStack() as stack:

        def make(rpc_url: str, pin: ChainPin, log: GrowingLog, anchor_key: bytes, database: str = "records") -> Node:
            node = Node(rpc_url, pin, log, anchor_key, tmp_path / f"{database}.db")
            stack.callback(node.close)
            return node

        yield make
