"""Recalls of followed logs, in `index.db`: rows of what entries said, and what stands of it, in memory (`ports.logs.index`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.adapters.database.logs.tables_index import followed_liftings, followed_recall_results, followed_recalls
from node.domain.recall import (
    LiftingReason,
    RecallAnnouncement,
    RecallCriteria,
    RecallId,
    RecallLifting,
    RecallListing,
    RecallReason,
    RecallStatement,
)
from node.recognition.recalls import LogRecalls

RECALL_TABLES = (followed_recalls, followed_recall_results, followed_liftings)
"""Each has a row's log and place: what is forgotten of a log is forgotten in all of them."""


def read_recalls(connection: sa.Connection, log_id: int) -> LogRecalls:
    """Return what a log is known to have said of recalls."""
    read = LogRecalls()
    read.take(_statements(connection, log_id))
    return read


def keep_recalls(connection: sa.Connection, log_id: int, said: Sequence[tuple[int, RecallStatement]]) -> None:
    """Keep what entries say; what is kept is passed over."""
    for index, statement in said:
        at = {"log_id": log_id, "leaf_index": index, "recall_id": statement.recall_id}
        match statement:
            case RecallAnnouncement(_, criteria, reason):
                period = {"from_ms": criteria.from_ms, "to_ms": criteria.to_ms, "reason": reason.value}
                names = {"item": criteria.item, "device": criteria.device, "lot": criteria.lot}
                _insert_new(connection, followed_recalls, [{**at, **names, **period}])
            case RecallListing(_, leaf_hashes):
                _insert_new(connection, followed_recall_results, [{**at, "leaf_hash": each} for each in leaf_hashes])
            case RecallLifting(_, lifting_reason):
                _insert_new(connection, followed_liftings, [{**at, "reason": lifting_reason.value}])


def _statements(connection: sa.Connection, log_id: int) -> Iterator[tuple[int, RecallStatement]]:
    for row in _rows(connection, followed_recalls, log_id):
        criteria = RecallCriteria(row.item, row.device, row.lot, row.from_ms, row.to_ms)
        yield row.leaf_index, RecallAnnouncement(RecallId(row.recall_id), criteria, RecallReason(row.reason))
    for row in _rows(connection, followed_recall_results, log_id):
        yield row.leaf_index, RecallListing(RecallId(row.recall_id), (bytes(row.leaf_hash),))
    for row in _rows(connection, followed_liftings, log_id):
        yield row.leaf_index, RecallLifting(RecallId(row.recall_id), LiftingReason(row.reason))


def _rows(connection: sa.Connection, table: sa.Table, log_id: int) -> sa.CursorResult[Any]:
    return connection.execute(sa.select(table).where(table.c.log_id == log_id))


def _insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, object]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), rows)
