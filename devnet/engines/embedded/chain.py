"""One open chain: its file, its writer, and a reader for each thread that asks."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devnet.engines.embedded import rules
from devnet.engines.embedded.mining import Miner
from devnet.engines.embedded.nodes import NodeCache, NodeDatabase, atomic
from devnet.engines.embedded.store import SCHEMA_VERSION, BlockRow, ChainStore, open_connection, transaction
from devnet.engines.embedded.writer import Writer
from devnet.engines.errors import EngineDirectoryError

DATABASE_NAME = "chain.db"
LOCK_NAME = "lock"


def wall_clock_s() -> int:
    """Return the time now, unix seconds."""
    return int(time.time())


@dataclass(frozen=True, slots=True)
class Reader:
    """One thread's view of the chain."""

    store: ChainStore
    """Rows."""
    nodes: NodeDatabase
    """State."""


class Chain:
    """The chain of a directory, held by one process at a time. Close it."""

    def __init__(
        self, directory: Path, chain_id: int, funded: Iterable[bytes] = (), now_s: Callable[[], int] = wall_clock_s
    ) -> None:
        """Open the chain, or make it with `funded` accounts if the directory holds none.

        Raises:
            EngineDirectoryError: another process holds it, or it is of another chain id or release.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.chain_id = chain_id
        self._path = directory / DATABASE_NAME
        self._cache = NodeCache()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._lock_file = _lock(directory)
        self._connection = open_connection(self._path)
        try:
            store = ChainStore(self._connection)
            nodes = NodeDatabase(store, self._cache)
            if store.schema_version() == 0:
                _create(store, nodes, chain_id, now_s(), funded)
            _check(directory, store, chain_id)
            self.writer = Writer(Miner(store, nodes, chain_id, now_s))
        except BaseException:
            self._connection.close()
            os.close(self._lock_file)
            raise

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Hold one snapshot of the chain for the length of a request."""
        reader = self._reader()
        try:
            with transaction(reader.store.connection, write=False):
                yield reader
        finally:
            # A reader executes calls, whose writes belong to nobody.
            reader.nodes.forget()

    def genesis(self) -> BlockRow:
        """Return block 0."""
        with self.read() as reader:
            block = reader.store.block_by_number(0)
        if block is None:
            raise EngineDirectoryError(self._path.parent, "the chain has no block 0; remove the directory")
        return block

    def close(self) -> None:
        """Finish what is queued, then close the file. No reader may be in use."""
        self.writer.close()
        with self._readers_lock:
            for connection in self._readers:
                connection.close()
            self._readers.clear()
        self._connection.close()
        os.close(self._lock_file)

    def _reader(self) -> Reader:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            connection = open_connection(self._path, read_only=True)
            with self._readers_lock:
                self._readers.append(connection)
            store = ChainStore(connection)
            reader = self._local.reader = Reader(store, NodeDatabase(store, self._cache))
        return reader


def _lock(directory: Path) -> int:
    """Take the directory for this process; the lock goes with the process, however it ends."""
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise EngineDirectoryError(directory, "another process runs a chain here; stop it first") from error
    return descriptor


def _create(store: ChainStore, nodes: NodeDatabase, chain_id: int, now_s: int, funded: Iterable[bytes]) -> None:
    # One transaction: a directory holds a whole genesis or none.
    with transaction(store.connection, write=True):
        store.create()
        header = rules.build_genesis(atomic(nodes), now_s, funded)
        genesis = BlockRow(0, rules.block_hash(header), rules.encode_header(header))
        nodes[genesis.hash] = genesis.header
        nodes.flush()
        store.add_block(genesis, [], [])
        store.set_meta("chain_id", str(chain_id).encode())
        store.set_meta("branch", (0).to_bytes(4, "big"))
    nodes.settle()


def _check(directory: Path, store: ChainStore, chain_id: int) -> None:
    version = store.schema_version()
    if version != SCHEMA_VERSION:
        raise EngineDirectoryError(directory, f"its tables are of version {version}, this release has {SCHEMA_VERSION}")
    found = int(store.meta("chain_id") or b"0")
    if found != chain_id:
        raise EngineDirectoryError(directory, f"it holds chain {found}, not {chain_id}; name the other or use a new one")
