"""A directory holds one chain, of one id, for one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from devnet.engines.embedded.chain import DATABASE_NAME, Chain
from devnet.engines.embedded.errors import ServerError
from devnet.engines.embedded.methods import Methods
from devnet.engines.embedded.params import Params
from devnet.engines.embedded.store import open_connection
from devnet.engines.errors import EngineDirectoryError
from tests.unit.engines_embedded.chains import CHAIN_ID, KEYS, admitted, raw_transaction


def test_two_chains_made_at_once_differ(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        chain = Chain(tmp_path / name, CHAIN_ID, now_s=lambda: 1_800_000_000)
        hashes.add(chain.genesis().hash)
        chain.close()
    assert len(hashes) == 2


def test_a_chain_goes_on_where_it_was(directory: Path) -> None:
    chain = Chain(directory, CHAIN_ID)
    genesis = chain.genesis()
    one = admitted(KEYS[0], 0)
    assert chain.writer.submit([one]).result() == [one.hash]
    chain.close()
    again = Chain(directory, CHAIN_ID)
    assert again.genesis() == genesis
    with again.read() as reader:
        assert reader.store.head().number == 1
    two = admitted(KEYS[0], 1)
    assert again.writer.submit([two]).result() == [two.hash]
    again.close()


def test_the_state_is_that_of_its_block_for_ever(directory: Path) -> None:
    chain = Chain(directory, CHAIN_ID)
    methods = Methods(chain, allow_reorg=False)
    methods.send([raw_transaction(KEYS[0], nonce, value=1) for nonce in range(3)])
    methods.send([raw_transaction(KEYS[0], 3, value=1)])
    balance = methods.find("eth_getBalance")
    assert balance is not None
    target = "0x" + "11" * 20
    assert [balance(Params([target, block])) for block in ("0x0", "0x1", "0x2", "latest")] == ["0x0", "0x3", "0x4", "0x4"]
    chain.close()


def test_one_process_at_a_time(directory: Path) -> None:
    chain = Chain(directory, CHAIN_ID)
    with pytest.raises(EngineDirectoryError, match="another process runs a chain here"):
        Chain(directory, CHAIN_ID)
    chain.close()
    Chain(directory, CHAIN_ID).close()


def test_another_chain_id_is_refused(directory: Path) -> None:
    with pytest.raises(EngineDirectoryError, match=f"it holds chain {CHAIN_ID}, not 5"):
        Chain(directory, 5)
    Chain(directory, CHAIN_ID).close()


def test_tables_of_another_release_are_refused(directory: Path) -> None:
    connection = open_connection(directory / DATABASE_NAME)
    connection.execute("PRAGMA user_version = 77")
    connection.close()
    with pytest.raises(EngineDirectoryError, match="version 77"):
        Chain(directory, CHAIN_ID)


def test_nothing_is_taken_after_the_end(directory: Path) -> None:
    chain = Chain(directory, CHAIN_ID)
    pending = chain.writer.submit([admitted(KEYS[0], 0)])
    chain.close()
    assert pending.result(0) == [admitted(KEYS[0], 0).hash]
    with pytest.raises(ServerError, match="stopping"):
        chain.writer.submit([admitted(KEYS[0], 1)])
    with pytest.raises(ServerError, match="stopping"):
        chain.writer.revert_to(0)
    chain.writer.close()  # once more is no error
