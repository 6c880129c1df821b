"""The chain's SQLite file: state nodes by hash, and what JSON-RPC asks for by other keys.

Everything py-evm reads or writes is content-addressed (trie nodes, contract code, headers), so `nodes` only ever grows and a state
root names one consistent state for ever: readers need no lock, and dropping blocks leaves states alone. Blocks, transactions and
logs of the canonical chain are rows, indexed, so that no query costs more as the chain grows. One transaction holds one block.

WAL with synchronous=FULL: a commit that returned survives kill -9 and power loss.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE nodes (hash BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks (
    number INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE
);
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY,
    block INTEGER NOT NULL,
    position INTEGER NOT NULL,
    raw BLOB NOT NULL,
    sender BLOB NOT NULL,
    succeeded INTEGER NOT NULL,
    gas_used INTEGER NOT NULL,
    cumulative_gas_used INTEGER NOT NULL,
    UNIQUE (block, position)
) WITHOUT ROWID;
CREATE TABLE logs (
    block INTEGER NOT NULL,
    position INTEGER NOT NULL,
    tx_position INTEGER NOT NULL,
    tx_hash BLOB NOT NULL,
    address BLOB NOT NULL,
    topic0 BLOB,
    topic1 BLOB,
    topic2 BLOB,
    topic3 BLOB,
    data BLOB NOT NULL,
    PRIMARY KEY (block, position)
) WITHOUT ROWID;
CREATE INDEX logs_by_address ON logs (address, block);
CREATE INDEX logs_by_topic0 ON logs (topic0, block);
CREATE TABLE pool (
    sender BLOB NOT NULL,
    nonce INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    raw BLOB NOT NULL,
    PRIMARY KEY (sender, nonce)
) WITHOUT ROWID;
"""

SELECT_BLOCK = "SELECT number, blocks.hash, nodes.value FROM blocks JOIN nodes ON nodes.hash = blocks.hash"


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block of the canonical chain."""

    number: int
    """Its height."""
    hash: bytes
    """32 bytes."""
    header: bytes
    """RLP of its header, which is the node of its hash."""


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A transaction of the canonical chain, with what its receipt says."""

    hash: bytes
    """32 bytes."""
    block: int
    """Height of its block."""
    position: int
    """Index in its block."""
    raw: bytes
    """The bytes that were submitted."""
    sender: bytes
    """20 bytes, recovered from the signature."""
    succeeded: bool
    """False if it was reverted."""
    gas_used: int
    """Gas of this transaction."""
    cumulative_gas_used: int
    """Gas of the block up to and including it."""


@dataclass(frozen=True, slots=True)
class LogRow:
    """An event of the canonical chain."""

    block: int
    """Height of its block."""
    position: int
    """Index of the log in its block."""
    tx_position: int
    """Index of its transaction in the block."""
    tx_hash: bytes
    """32 bytes."""
    address: bytes
    """The contract, 20 bytes."""
    topics: tuple[bytes, ...]
    """Up to four, 32 bytes each."""
    data: bytes
    """What is not indexed."""


@dataclass(frozen=True, slots=True)
class PooledRow:
    """A transaction that waits for an earlier nonce of its sender."""

    sender: bytes
    """20 bytes."""
    nonce: int
    """Its nonce, above the sender's next one."""
    hash: bytes
    """32 bytes."""
    raw: bytes
    """The bytes that were submitted."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What `eth_getLogs` looks for."""

    first_block: int
    """Lowest height, inclusive."""
    last_block: int
    """Highest height, inclusive."""
    addresses: tuple[bytes, ...]
    """Any of these; empty means any address."""
    topics: tuple[tuple[bytes, ...], ...]
    """For each position any of these; an empty one means any topic, and as many positions as there are must be filled."""
    limit: int
    """Most rows to return."""


def open_connection(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file for one thread at a time; the caller closes it."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # Each thread of the server has a connection, and nodes have a cache of their own: readers need little.
    connection.execute(f"PRAGMA cache_size = {-2048 if read_only else -16384}")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    """Hold one transaction: a snapshot for a reader, all or nothing for the writer."""
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk ends some transactions by itself, and others not.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class ChainStore:
    """Rows of one connection. Writes belong inside `transaction(connection, write=True)`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    # -- meta and nodes

    def create(self) -> None:
        """Create the tables in an empty file; the caller holds a write transaction."""
        for statement in SCHEMA.split(";"):
            if statement.strip():
                self.connection.execute(statement)
        self.connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def schema_version(self) -> int:
        """Return the version of the file's tables; 0 in an empty file."""
        return int(self.connection.execute("PRAGMA user_version").fetchone()[0])

    def meta(self, key: str) -> bytes | None:
        """Return a setting of this chain."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def set_meta(self, key: str, value: bytes) -> None:
        """Set a setting of this chain."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def node(self, key: bytes) -> bytes | None:
        """Return what has this hash."""
        row = self.connection.execute("SELECT value FROM nodes WHERE hash = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def add_nodes(self, nodes: dict[bytes, bytes]) -> None:
        """Add content-addressed values; those that are there already stay."""
        # Sorted keys touch each B-tree page once.
        self.connection.executemany("INSERT OR IGNORE INTO nodes VALUES (?, ?)", sorted(nodes.items()))

    # -- blocks

    def add_block(self, block: BlockRow, transactions: list[TransactionRow], logs: list[LogRow]) -> None:
        """Append a block with its transactions and logs to the canonical chain; its header is among the nodes."""
        self.connection.execute("INSERT INTO blocks VALUES (?, ?)", (block.number, block.hash))
        self.connection.executemany(
            "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(t.hash, t.block, t.position, t.raw, t.sender, t.succeeded, t.gas_used, t.cumulative_gas_used) for t in transactions],
        )
        self.connection.executemany(
            "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(g.block, g.position, g.tx_position, g.tx_hash, g.address, *_four(g.topics), g.data) for g in logs],
        )

    def drop_blocks_above(self, number: int) -> None:
        """Take every block above this height off the canonical chain."""
        for statement in (
            "DELETE FROM logs WHERE block > ?",
            "DELETE FROM transactions WHERE block > ?",
            "DELETE FROM blocks WHERE number > ?",
        ):
            self.connection.execute(statement, (number,))

    def head(self) -> BlockRow:
        """Return the newest block."""
        return BlockRow(*self.connection.execute(f"{SELECT_BLOCK} ORDER BY number DESC LIMIT 1").fetchone())

    def block_by_number(self, number: int) -> BlockRow | None:
        """Return the block at this height."""
        row = self.connection.execute(f"{SELECT_BLOCK} WHERE number = ?", (number,)).fetchone()
        return None if row is None else BlockRow(*row)

    def block_by_hash(self, block_hash: bytes) -> BlockRow | None:
        """Return the canonical block with this hash."""
        row = self.connection.execute(f"{SELECT_BLOCK} WHERE blocks.hash = ?", (block_hash,)).fetchone()
        return None if row is None else BlockRow(*row)

    # -- transactions, logs, pool

    def transaction_by_hash(self, transaction_hash: bytes) -> TransactionRow | None:
        """Return a transaction of the canonical chain."""
        row = self.connection.execute("SELECT * FROM transactions WHERE hash = ?", (transaction_hash,)).fetchone()
        return None if row is None else _transaction_row(row)

    def transactions_of(self, number: int) -> list[TransactionRow]:
        """Return the transactions of a block in their order."""
        rows = self.connection.execute("SELECT * FROM transactions WHERE block = ? ORDER BY position", (number,))
        return [_transaction_row(row) for row in rows]

    def logs_of(self, number: int) -> list[LogRow]:
        """Return the logs of a block in their order."""
        rows = self.connection.execute("SELECT * FROM logs WHERE block = ? ORDER BY position", (number,))
        return [_log_row(row) for row in rows]

    def find_logs(self, query: LogQuery) -> list[LogRow]:
        """Return the logs that match, oldest first, at most `query.limit`."""
        conditions, values = ["block BETWEEN ? AND ?"], [query.first_block, query.last_block]
        wanted = [("address", query.addresses), *((f"topic{i}", topics) for i, topics in enumerate(query.topics))]
        arguments: list[int | bytes] = [*values]
        for column, choices in wanted:
            if choices:
                conditions.append(f"{column} IN ({','.join('?' * len(choices))})")
                arguments.extend(choices)
        if query.topics:
            conditions.append(f"topic{len(query.topics) - 1} IS NOT NULL")
        sql = f"SELECT * FROM logs WHERE {' AND '.join(conditions)} ORDER BY block, position LIMIT ?"  # noqa: S608 - column names are ours, values are bound
        return [_log_row(row) for row in self.connection.execute(sql, (*arguments, query.limit))]

    def pooled_by_hash(self, transaction_hash: bytes) -> PooledRow | None:
        """Return a waiting transaction."""
        row = self.connection.execute("SELECT * FROM pool WHERE hash = ?", (transaction_hash,)).fetchone()
        return None if row is None else PooledRow(*row)

    def pooled_of(self, sender: bytes) -> list[PooledRow]:
        """Return what waits for an earlier nonce of this sender, lowest nonce first."""
        rows = self.connection.execute("SELECT * FROM pool WHERE sender = ? ORDER BY nonce", (sender,))
        return [PooledRow(*row) for row in rows]

    def pool_size(self) -> int:
        """Return how many transactions wait."""
        return int(self.connection.execute("SELECT count(*) FROM pool").fetchone()[0])

    def add_pooled(self, row: PooledRow) -> None:
        """Keep a transaction until its turn comes; it replaces what waits at the same nonce."""
        self.connection.execute("INSERT OR REPLACE INTO pool VALUES (?, ?, ?, ?)", (row.sender, row.nonce, row.hash, row.raw))

    def drop_pooled(self, sender: bytes, below_nonce: int) -> None:
        """Forget what waits of this sender below a nonce: it was mined, or can no longer be."""
        self.connection.execute("DELETE FROM pool WHERE sender = ? AND nonce < ?", (sender, below_nonce))

    def drop_pooled_at(self, sender: bytes, nonce: int) -> None:
        """Forget what waits at one nonce of this sender."""
        self.connection.execute("DELETE FROM pool WHERE sender = ? AND nonce = ?", (sender, nonce))


def _four(topics: tuple[bytes, ...]) -> tuple[bytes | None, ...]:
    return (*topics, None, None, None, None)[:4]


def _transaction_row(row: tuple[bytes, int, int, bytes, bytes, int, int, int]) -> TransactionRow:
    transaction_hash, block, position, raw, sender, succeeded, gas_used, cumulative = row
    return TransactionRow(transaction_hash, block, position, raw, sender, bool(succeeded), gas_used, cumulative)


def _log_row(row: tuple[int, int, int, bytes, bytes, bytes | None, bytes | None, bytes | None, bytes | None, bytes]) -> LogRow:
    block, position, tx_position, tx_hash, address = row[:5]
    present = tuple(topic for topic in row[5:9] if topic is not None)
    data = row[9]
    return LogRow(block, position, tx_position, tx_hash, address, present, data)
