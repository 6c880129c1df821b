"""A chain on disk without a server around it, and transactions for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from devnet.engines.embedded.admission import Admitted, admit
from devnet.engines.embedded.mining import Miner
from devnet.engines.embedded.nodes import NodeCache, NodeDatabase
from devnet.engines.embedded.store import ChainStore, open_connection

CHAIN_ID = 99
KEYS = [Account.from_key(bytes([n]) * 32) for n in range(1, 5)]


def raw_transaction(key: LocalAccount, nonce: int, **fields: object) -> bytes:
    transaction: dict[str, Any] = {
        "chainId": CHAIN_ID,
        "nonce": nonce,
        "gas": 21_000,
        "gasPrice": 0,
        "value": 0,
        "to": "0x" + "11" * 20,
    }
    transaction |= fields
    if transaction["to"] is None:
        del transaction["to"]
    if "maxFeePerGas" in fields:
        del transaction["gasPrice"]
    return bytes(key.sign_transaction(transaction).raw_transaction)


def admitted(key: LocalAccount, nonce: int, **fields: object) -> Admitted:
    return admit(raw_transaction(key, nonce, **fields), CHAIN_ID)


class Bench:
    """A miner and its store."""

    def __init__(self, path: Path, now_s: Callable[[], int]) -> None:
        self.connection = open_connection(path)
        self.store = ChainStore(self.connection)
        self.nodes = NodeDatabase(self.store, NodeCache())
        self.miner = Miner(self.store, self.nodes, CHAIN_ID, now_s)

    def transactions(self, number: int) -> list[bytes]:
        return [row.hash for row in self.store.transactions_of(number)]


@contextmanager
def bench(directory: Path, now_s: Callable[[], int] = lambda: 1_800_000_000) -> Iterator[Bench]:
    """Open the chain of a directory that `Chain` made."""
    opened = Bench(directory / "chain.db", now_s)
    try:
        yield opened
    finally:
        opened.connection.close()
