"""News of anchors that were found and may not have been recorded yet, kept in the journal's database.

They are stored in the transaction that changes the journal, returned by `settle`, and removed by the next one: a crash
between the two returns them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from ledger.hashing import RootHash, TreeSize
from node.adapters.chain.journal import JournalTables
from node.domain.entry import Origin
from node.ports.chain.anchoring import AnchoredHead, Outcome, Settled, TransactionId

REASON_CHARACTERS: Final = 256
"""A revert that no release knows may say anything; this much of it is kept."""


def add_reports(connection: sa.Connection, declared: JournalTables, news: Iterable[Settled]) -> None:
    """Store news."""
    rows = [_values(each) for each in news]
    if rows:
        connection.execute(declared.reports.insert(), rows)


def read_reports(connection: sa.Connection, declared: JournalTables) -> dict[int, Settled]:
    """Return the news that were not removed, in order, by number."""
    table = declared.reports
    return {row.id: _report(row) for row in connection.execute(sa.select(table).order_by(table.c.id))}


def drop_reports(connection: sa.Connection, declared: JournalTables, numbers: Iterable[int]) -> None:
    """Remove news that their reader has recorded."""
    wanted = list(numbers)
    if wanted:
        connection.execute(declared.reports.delete().where(declared.reports.c.id.in_(wanted)))


def _values(news: Settled) -> dict[str, object]:
    head = news.head
    return {
        "transaction_id": news.transaction,
        "origin": news.origin,
        "size": news.size,
        "root": news.root,
        "outcome": news.outcome.value,
        "reason": news.reason[:REASON_CHARACTERS],
        "head_size": None if head is None else head.size,
        "head_root": None if head is None else head.root,
        "head_block_number": None if head is None else head.block_number,
        "head_block_hash": None if head is None else head.block_hash,
        "head_timestamp_s": None if head is None else head.timestamp_s,
    }


def _report(row: sa.Row[tuple[object, ...]]) -> Settled:
    origin = Origin(row.origin)
    head = None
    if row.head_size is not None:
        head = AnchoredHead(
            origin,
            TreeSize(row.head_size),
            RootHash(row.head_root),
            row.head_block_number,
            row.head_block_hash,
            row.head_timestamp_s,
        )
    return Settled(
        TransactionId(row.transaction_id),
        origin,
        TreeSize(row.size),
        RootHash(row.root),
        Outcome(row.outcome),
        head,
        row.reason,
    )
