"""Supervision in `records.db` (`ports.supervision`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from node.adapters.database.tables_supervision import (
    supervision_blamed,
    supervision_cursors,
    supervision_due,
    supervision_findings,
    supervision_receipts,
    supervision_waiting,
)
from node.adapters.database.transaction import connection_of
from node.domain.access import RequestId
from node.domain.entry import InstitutionId, Origin
from node.ports.records import RecordsTransaction
from node.ports.supervision import FindingFilter, KeptFinding, LogCursor, ReceiptRow, SupervisionUpdate
from node.supervision.findings import EntryPlace, FindingCode, FindingId, SupervisionFinding

_CHUNK: Final = 500
_CODES: Final = frozenset(FindingCode)


class _Details(msgspec.Struct):
    entries: list[EntryPlace]
    values: list[tuple[str, str]]


class SqlSupervisionStore:
    """A `SupervisionStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def cursors(self) -> Mapping[Origin, LogCursor]:
        """Return how far each log was read."""
        with self._readers.connect() as connection:
            rows = connection.execute(sa.select(supervision_cursors)).all()
        return {Origin(row.origin): LogCursor(row.next_index, row.complete_at_ms) for row in rows}

    def waiting(self, limit: int) -> Mapping[Origin, Sequence[int]]:
        """Return entries whose header has not come, by log, lowest first; the limit counts over all logs."""
        table, found = supervision_waiting, defaultdict[Origin, list[int]](list)
        query = sa.select(table).order_by(table.c.origin, table.c.leaf_index).limit(limit)
        with self._readers.connect() as connection:
            for row in connection.execute(query):
                found[Origin(row.origin)].append(row.leaf_index)
        return found

    def receipts(self, request_ids: Collection[RequestId]) -> list[ReceiptRow]:
        """Return all receipts of some requests."""
        wanted, found = list(request_ids), []
        with self._readers.connect() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chosen = supervision_receipts.c.request_id.in_(wanted[start : start + _CHUNK])
                found += [_receipt(row) for row in connection.execute(sa.select(supervision_receipts).where(chosen))]
        return found

    def due(self, now_ms: int, limit: int) -> list[RequestId]:
        """Return requests that have to be judged again, the longest overdue first."""
        table = supervision_due
        query = sa.select(table.c.request_id).where(table.c.look_at_ms <= now_ms).order_by(table.c.look_at_ms).limit(limit)
        with self._readers.connect() as connection:
            return [RequestId(request_id) for request_id in connection.scalars(query)]

    def findings(self, wanted: FindingFilter, before: tuple[int, FindingId] | None, limit: int) -> list[KeptFinding]:
        """Return findings, newest first; after a page, those raised before its last."""
        table = supervision_findings
        query = sa.select(table).order_by(table.c.raised_at_ms.desc(), table.c.finding_id.desc()).limit(limit)
        if wanted.codes:
            query = query.where(table.c.code.in_(list(wanted.codes)))
        if wanted.open_only:
            query = query.where(table.c.settled_at_ms.is_(None))
        if wanted.institution is not None:
            blamed = sa.select(supervision_blamed.c.finding_id).where(supervision_blamed.c.institution == wanted.institution)
            query = query.where(table.c.finding_id.in_(blamed))
        if before is not None:
            earlier = sa.and_(table.c.raised_at_ms == before[0], table.c.finding_id < before[1])
            query = query.where(sa.or_(table.c.raised_at_ms < before[0], earlier))
        return self._findings(query)

    def finding(self, finding_id: FindingId) -> KeptFinding | None:
        """Return a finding."""
        found = self._findings(sa.select(supervision_findings).where(supervision_findings.c.finding_id == finding_id))
        return found[0] if found else None

    def keep(self, transaction: RecordsTransaction, update: SupervisionUpdate) -> None:
        """Keep what a step found."""
        connection = connection_of(transaction)
        for origin, cursor in update.cursors.items():
            connection.execute(supervision_cursors.delete().where(supervision_cursors.c.origin == origin))
            values = {"origin": origin, "next_index": cursor.next_index, "complete_at_ms": cursor.complete_at_ms}
            connection.execute(supervision_cursors.insert().values(values))
        for origin, index in (*update.arrived, *update.waiting):
            place = sa.and_(supervision_waiting.c.origin == origin, supervision_waiting.c.leaf_index == index)
            connection.execute(supervision_waiting.delete().where(place))
        if update.waiting:
            connection.execute(
                supervision_waiting.insert(), [{"origin": origin, "leaf_index": index} for origin, index in update.waiting]
            )
        if update.receipts:
            connection.execute(supervision_receipts.insert(), [_receipt_values(each) for each in update.receipts])
        for request_id, look_at_ms in update.due.items():
            connection.execute(supervision_due.delete().where(supervision_due.c.request_id == request_id))
            if look_at_ms is not None:
                connection.execute(supervision_due.insert().values(request_id=request_id, look_at_ms=look_at_ms))
        for group, findings in update.groups.items():
            _keep_group(connection, group, findings, update.now_ms)

    def _findings(self, query: sa.Select[Any]) -> list[KeptFinding]:
        with self._readers.connect() as connection:
            rows = connection.execute(query).all()
        # of a kind that only another release knows, nothing can be said here
        return [_finding(row) for row in rows if row.code in _CODES]


def _keep_group(connection: sa.Connection, group: str, findings: Sequence[SupervisionFinding], now_ms: int) -> None:
    table = supervision_findings
    known = set(connection.scalars(sa.select(table.c.finding_id).where(table.c.group_key == group)))
    current = {finding.finding_id: finding for finding in findings}
    gone = sa.and_(table.c.group_key == group, table.c.settled_at_ms.is_(None), table.c.finding_id.not_in(list(current)))
    connection.execute(table.update().where(gone).values(settled_at_ms=now_ms))
    for finding_id, finding in current.items():
        details = msgspec.json.encode(_Details(list(finding.entries), list(finding.values)))
        if finding_id in known:
            again = table.update().where(table.c.finding_id == finding_id)
            connection.execute(again.values(details=details, settled_at_ms=None))
            continue
        connection.execute(
            table.insert().values(
                finding_id=finding_id,
                group_key=group,
                code=finding.code.value,
                subject=finding.subject,
                institutions=msgspec.json.encode(finding.institutions),
                details=details,
                raised_at_ms=now_ms,
                settled_at_ms=None,
            )
        )
        blamed = [{"finding_id": finding_id, "institution": each} for each in finding.institutions]
        connection.execute(supervision_blamed.insert(), blamed)


def _finding(row: sa.Row[Any]) -> KeptFinding:
    details = msgspec.json.decode(row.details, type=_Details)
    finding = SupervisionFinding(
        code=FindingCode(row.code),
        institutions=tuple(InstitutionId(each) for each in msgspec.json.decode(row.institutions, type=list[str])),
        subject=row.subject,
        entries=tuple(details.entries),
        values=tuple(details.values),
    )
    return KeptFinding(finding, row.raised_at_ms, row.settled_at_ms)


def _receipt(row: sa.Row[Any]) -> ReceiptRow:
    place = EntryPlace(Origin(row.origin), row.leaf_index, bytes(row.leaf_hash), row.tree_size)
    return ReceiptRow(place, RequestId(row.request_id), row.first_seen_ms, row.absent_at_ms)


def _receipt_values(receipt: ReceiptRow) -> dict[str, object]:
    return {
        "origin": receipt.place.origin,
        "leaf_index": receipt.place.leaf_index,
        "leaf_hash": receipt.place.leaf_hash,
        "tree_size": receipt.place.tree_size,
        "request_id": receipt.request_id,
        "first_seen_ms": receipt.first_seen_ms,
        "absent_at_ms": receipt.absent_at_ms,
    }
