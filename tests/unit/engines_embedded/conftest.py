from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devnet.engines.embedded.chain import Chain
from devnet.engines.embedded.jsonrpc import Dispatcher
from devnet.engines.embedded.methods import Methods
from tests.unit.engines_embedded.chains import CHAIN_ID, KEYS, Bench, bench


def make_chain(directory: Path) -> Chain:
    return Chain(directory, CHAIN_ID, [bytes.fromhex(KEYS[0].address[2:])], lambda: 1_800_000_000)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Hold a chain at block 0."""
    make_chain(tmp_path / "chain").close()
    return tmp_path / "chain"


@pytest.fixture
def mined(directory: Path) -> Iterator[Bench]:
    with bench(directory) as opened:
        yield opened


@pytest.fixture(scope="module")
def dispatcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dispatcher]:
    chain = make_chain(tmp_path_factory.mktemp("chain"))
    yield Dispatcher(Methods(chain, allow_reorg=True))
    chain.close()
