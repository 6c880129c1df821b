"""The journal of anchors: nonces and signed transactions, durable before anything is sent.

A nonce is allocated and its transaction signed and stored in one database transaction: after a crash at any point the
same bytes are sent again, and no nonce is lost or given twice. Rows are never changed but for their state, so that a
transaction that was replaced stays in the history beside the one that took its nonce.

The functions join their caller's transaction and know nothing of the chain. Left out: what becomes of a row
(`settlement`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from ledger.hashing import RootHash, TreeSize
from node.domain.entry import Origin
from node.errors import AnchorPendingError, NonceTakenError
from node.ports.chain.anchoring import PendingAnchor, TransactionId

KEPT_ROWS: Final = 10_000
"""Rows of a sender that are kept: older settled ones are removed, for their heads are anchored many times over."""

_HASH_BYTES: Final = 32


class State(StrEnum):
    """What is known of a row."""

    OPEN = "open"
    """On its way: sent again until its nonce is used or its proof's base has gone."""
    ANCHORED = "anchored"
    """The contract's state showed its head at the finality, put there by its own transaction."""
    COVERED = "covered"
    """The same, put there by another transaction; its own nonce is free for another one unless it is used."""
    SUPERSEDED = "superseded"
    """It will not come; its nonce is free for another transaction unless it is used."""
    REFUSED = "refused"
    """The contract reverted it."""


HELD: Final = (State.ANCHORED.value, State.COVERED.value)
"""States of rows whose head the contract held."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed transaction and its nonce."""

    sender: bytes
    """The anchor key's account, 20 bytes."""
    nonce: int
    """Its nonce there."""
    tx_hash: bytes
    """Hash, 32 bytes."""
    raw: bytes
    """The bytes that are sent, every time the same."""
    gas_price_wei: int
    """Its price: one that replaces it in the nodes' pools must offer more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A head that shall be anchored."""

    origin: Origin
    """The log."""
    size: TreeSize
    """Tree size."""
    root: RootHash
    """Root of the tree of that size."""
    base_size: TreeSize
    """Size of the anchored head that the proof starts from; 0 for none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One submission."""

    id: TransactionId
    """Its name."""
    wanted: Wanted
    """The head."""
    state: State
    """What is known of it."""
    transaction: Transaction | None
    """None where the chain already held the head when it was submitted: nothing had to be sent."""
    block_number: int | None
    """The block that accepted it, once anchored."""


@dataclass(frozen=True, slots=True)
class JournalTables:
    """The journal's tables."""

    transactions: sa.Table
    """Submissions, and how each was signed."""
    senders: sa.Table
    """Accounts whose earlier transactions, made elsewhere, an operator has accepted."""
    reports: sa.Table
    """News that `settle` found and its caller may not have recorded yet."""


def tables(metadata: sa.MetaData) -> JournalTables:
    """Declare the journal's tables in a database's metadata."""
    transactions = sa.Table(
        "chain_transactions",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary(_HASH_BYTES), nullable=False),
        sa.Column("base_size", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("sender", sa.LargeBinary(20), comment="null, like the next four, where nothing had to be sent"),
        sa.Column("nonce", sa.BigInteger),
        sa.Column("tx_hash", sa.LargeBinary(_HASH_BYTES), unique=True),
        sa.Column("raw", sa.LargeBinary, comment="the signed transaction, verbatim"),
        sa.Column("gas_price_wei", sa.BigInteger),
        sa.Column("block_number", sa.BigInteger, comment="the block that accepted it, once anchored"),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Index("chain_transactions_by_nonce", "sender", "nonce"),
        sa.Index("chain_transactions_by_head", "origin", "size"),
        sa.Index("chain_transactions_by_state", "state", "origin", "size"),
        sqlite_autoincrement=True,
    )
    senders = sa.Table(
        "chain_senders",
        metadata,
        sa.Column("sender", sa.LargeBinary(20), primary_key=True),
        sa.Column("first_nonce", sa.BigInteger, nullable=False, comment="earlier ones were used elsewhere"),
    )
    reports = sa.Table(
        "chain_reports",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("transaction_id", sa.Integer, nullable=False),
        sa.Column("origin", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary(_HASH_BYTES), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(256), nullable=False),
        sa.Column("head_size", sa.BigInteger, comment="null, like the next four, while the chain holds no head"),
        sa.Column("head_root", sa.LargeBinary(_HASH_BYTES)),
        sa.Column("head_block_number", sa.BigInteger),
        sa.Column("head_block_hash", sa.LargeBinary(_HASH_BYTES)),
        sa.Column("head_timestamp_s", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    return JournalTables(transactions, senders, reports)


class Journal:
    """Reads and writes the journal within a transaction of its caller's."""

    def __init__(self, connection: sa.Connection, declared: JournalTables) -> None:
        self._connection = connection
        self._transactions = declared.transactions
        self._senders = declared.senders

    def open_rows(self) -> list[Row]:
        """Return what is on its way, by sender and nonce."""
        table = self._transactions
        return self._rows(
            sa.select(table).where(table.c.state == State.OPEN.value).order_by(table.c.sender, table.c.nonce, table.c.id)
        )

    def find(self, wanted: Wanted) -> Row | None:
        """Return the submission of this very head that is on its way or anchored."""
        table = self._transactions
        found = self._rows(
            sa.select(table)
            .where(
                table.c.origin == wanted.origin,
                table.c.size == wanted.size,
                table.c.root == wanted.root,
                table.c.state.in_((State.OPEN.value, *HELD)),
            )
            .order_by(table.c.id.desc())
            .limit(1)
        )
        return found[0] if found else None

    def pending(self, origin: Origin) -> PendingAnchor | None:
        """Return the newest head of a log that is on its way."""
        table = self._transactions
        found = self._rows(
            sa.select(table)
            .where(table.c.origin == origin, table.c.state == State.OPEN.value)
            .order_by(table.c.size.desc())
            .limit(1)
        )
        if not found:
            return None
        return PendingAnchor(found[0].id, origin, found[0].wanted.size, found[0].wanted.root)

    def above(self, origin: Origin, size: int, root: bytes | None, seen_block: int) -> list[Row]:
        """Return anchored rows that a head contradicts: larger ones, and one of the same size with another root.

        Args:
            origin: The log.
            size: Size of the head; 0 for none.
            root: Its root, or None.
            seen_block: The block at which the head was read: rows accepted later than that are left out, because a
                chain's node that is merely behind cannot know of them.
        """
        table = self._transactions
        other = sa.and_(table.c.size == size, table.c.root != root) if root is not None else sa.false()
        return self._rows(
            sa.select(table)
            .where(
                table.c.state.in_(HELD),
                table.c.origin == origin,
                sa.or_(table.c.size > size, other),
                table.c.block_number <= seen_block,
            )
            .order_by(table.c.id)
        )

    def from_nonce(self, sender: bytes, nonce: int) -> list[Row]:
        """Return all rows of a sender from a nonce on, by nonce and age: the last one of a nonce is its newest."""
        table = self._transactions
        return self._rows(
            sa.select(table).where(table.c.sender == sender, table.c.nonce >= nonce).order_by(table.c.nonce, table.c.id)
        )

    def at_nonce(self, sender: bytes, nonce: int) -> list[Row]:
        """Return all rows that were signed with a nonce, oldest first."""
        table = self._transactions
        return self._rows(sa.select(table).where(table.c.sender == sender, table.c.nonce == nonce).order_by(table.c.id))

    def known_count(self, sender: bytes) -> int:
        """Return how many nonces of a sender are accounted for: the next new one."""
        table = self._transactions
        last = self._connection.execute(sa.select(sa.func.max(table.c.nonce)).where(table.c.sender == sender)).scalar()
        first = self._connection.execute(sa.select(self._senders.c.first_nonce).where(self._senders.c.sender == sender)).scalar()
        return max(first or 0, 0 if last is None else last + 1)

    def free_nonces(self, sender: bytes, count: int) -> list[int]:
        """Return the nonces that a new transaction may take, best first: slots whose transaction will not come, the next.

        Args:
            sender: The account.
            count: How many of its transactions the newest block counts.

        Raises:
            NonceTakenError: The chain counts more than are accounted for.
            AnchorPendingError: The chain has taken back a transaction that was anchored; settle first.
        """
        known = self.known_count(sender)
        if count > known:
            raise NonceTakenError(f"0x{sender.hex()}", known, count)
        taken: set[int] = set()
        for row in self.from_nonce(sender, count):
            if row.state is State.ANCHORED:
                raise AnchorPendingError(row.wanted.origin, row.wanted.size)
            if row.state is State.OPEN and row.transaction is not None:
                taken.add(row.transaction.nonce)
        return [*(nonce for nonce in range(count, known) if nonce not in taken), known]

    def add(self, wanted: Wanted, transaction: Transaction | None, created_at_ms: int) -> TransactionId:
        """Store a submission as on its way and return its name."""
        values: dict[str, object] = {
            "origin": wanted.origin,
            "size": wanted.size,
            "root": wanted.root,
            "base_size": wanted.base_size,
            "state": State.OPEN.value,
            "created_at_ms": created_at_ms,
        }
        if transaction is not None:
            values |= {
                "sender": transaction.sender,
                "nonce": transaction.nonce,
                "tx_hash": transaction.tx_hash,
                "raw": transaction.raw,
                "gas_price_wei": transaction.gas_price_wei,
            }
        returned = self._connection.execute(self._transactions.insert().values(values).returning(self._transactions.c.id))
        return TransactionId(returned.scalar_one())

    def set_state(self, ids: Iterable[TransactionId], state: State, block_number: int | None = None) -> None:
        """Note what is known of rows now."""
        table = self._transactions
        self._connection.execute(
            table.update().where(table.c.id.in_(list(ids))).values(state=state.value, block_number=block_number)
        )

    def adopt(self, sender: bytes, count: int) -> None:
        """Account for a sender's transactions up to the chain's count, whoever sent them."""
        self._connection.execute(self._senders.delete().where(self._senders.c.sender == sender))
        self._connection.execute(self._senders.insert().values(sender=sender, first_nonce=count))

    def prune(self, sender: bytes, before_nonce: int) -> None:
        """Remove settled rows of a sender below a nonce."""
        table = self._transactions
        self._connection.execute(
            table.delete().where(table.c.sender == sender, table.c.nonce < before_nonce, table.c.state != State.OPEN.value)
        )

    def _rows(self, query: sa.Select[Any]) -> list[Row]:
        return [_row(found) for found in self._connection.execute(query).mappings()]


def _row(found: sa.RowMapping) -> Row:
    wanted = Wanted(Origin(found["origin"]), TreeSize(found["size"]), RootHash(found["root"]), TreeSize(found["base_size"]))
    transaction = None
    if found["tx_hash"] is not None:
        transaction = Transaction(found["sender"], found["nonce"], found["tx_hash"], found["raw"], found["gas_price_wei"])
    return Row(TransactionId(found["id"]), wanted, State(found["state"]), transaction, found["block_number"])
