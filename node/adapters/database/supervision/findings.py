"""Supervision in `records.db` (`ports.supervision.findings.findings`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.records.transaction import connection_of
from node.adapters.database.supervision.tables_supervision import (
    supervision_blamed,
    supervision_cursors,
    supervision_due,
    supervision_findings,
    supervision_receipts,
    supervision_waiting,
)
from node.domain.access import RequestId
from node.domain.entry import InstitutionId, Origin
from node.ports.records.transaction import RecordsTransaction
from node.ports.supervision.findings import FindingFilter, KeptFinding, LogCursor, ReceiptRow, SupervisionUpdate
from node.supervision.findings import EntryPlace, FindingCode, FindingId, SupervisionFinding

_CHUNK: Final = 500
_CODES: Final = frozenset(FindingCode)
_CURSORS: Final = Statement(sa.select(supervision_cursors))
_FORGET_CURSOR: Final = Statement(supervision_cursors.delete().where(supervision_cursors.c.origin == sa.bindparam("log")))
_KEEP_CURSOR: Final = Statement(supervision_cursors.insert())
_ARRIVED: Final = Statement(
    supervision_waiting.delete().where(
        supervision_waiting.c.origin == sa.bindparam("log"), supervision_waiting.c.leaf_index == sa.bindparam("at")
    )
)
_WAITING: Final = Statement(supervision_waiting.insert())
_RECEIPTS: Final = Statement(
    sa.select(supervision_receipts).where(supervision_receipts.c.request_id.in_(sa.bindparam("requests", expanding=True)))
)
_KEEP_RECEIPTS: Final = Statement(supervision_receipts.insert())
_NOT_DUE: Final = Statement(supervision_due.delete().where(supervision_due.c.request_id == sa.bindparam("request")))
_KEEP_DUE: Final = Statement(supervision_due.insert())
_OF_GROUP: Final = supervision_findings.c.group_key == sa.bindparam("group")
_GROUP: Final = Statement(sa.select(supervision_findings.c.finding_id).where(_OF_GROUP))
_SETTLE: Final = Statement(
    supervision_findings.update()
    .where(
        _OF_GROUP,
        supervision_findings.c.settled_at_ms.is_(None),
        supervision_findings.c.finding_id.in_(sa.bindparam("gone", expanding=True)),
    )
    .values(settled_at_ms=sa.bindparam("now"))
)
_AGAIN: Final = Statement(
    supervision_findings.update()
    .where(supervision_findings.c.finding_id == sa.bindparam("finding"))
    .values(details=sa.bindparam("said"), settled_at_ms=None)
)
_RAISE: Final = Statement(supervision_findings.insert())
_BLAME: Final = Statement(supervision_blamed.insert())


class _Details(msgspec.Struct):
    entries: list[EntryPlace]
    values: list[tuple[str, str]]


class SqlSupervisionStore:
    """A `SupervisionStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def cursors(self) -> Mapping[Origin, LogCursor]:
        """Return how far each log was read."""
        rows = _CURSORS.read(self._readers)
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
                found += [_receipt(row) for row in _RECEIPTS.rows(connection, requests=wanted[start : start + _CHUNK])]
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
        _FORGET_CURSOR.run_all(connection, [{"log": origin} for origin in update.cursors])
        cursors = [
            {"origin": origin, "next_index": cursor.next_index, "complete_at_ms": cursor.complete_at_ms}
            for origin, cursor in update.cursors.items()
        ]
        _KEEP_CURSOR.run_all(connection, cursors)
        _ARRIVED.run_all(connection, [{"log": origin, "at": index} for origin, index in (*update.arrived, *update.waiting)])
        _WAITING.run_all(connection, [{"origin": origin, "leaf_index": index} for origin, index in update.waiting])
        _KEEP_RECEIPTS.run_all(connection, [_receipt_values(each) for each in update.receipts])
        _NOT_DUE.run_all(connection, [{"request": request_id} for request_id in update.due])
        due = [{"request_id": request, "look_at_ms": at_ms} for request, at_ms in update.due.items() if at_ms is not None]
        _KEEP_DUE.run_all(connection, due)
        for group, findings in update.groups.items():
            _keep_group(connection, group, findings, update.now_ms)

    def _findings(self, query: sa.Select[Any]) -> list[KeptFinding]:
        with self._readers.connect() as connection:
            rows = connection.execute(query).all()
        # of a kind that only another release knows, nothing can be said here
        return [_finding(row) for row in rows if row.code in _CODES]


def _keep_group(connection: sa.Connection, group: str, findings: Sequence[SupervisionFinding], now_ms: int) -> None:
    known = {row.finding_id for row in _GROUP.rows(connection, group=group)}
    current = {finding.finding_id: finding for finding in findings}
    gone = sorted(known - current.keys())
    for start in range(0, len(gone), _CHUNK):
        _SETTLE.run(connection, group=group, gone=gone[start : start + _CHUNK], now=now_ms)
    for finding_id, finding in current.items():
        details = msgspec.json.encode(_Details(list(finding.entries), list(finding.values)))
        if finding_id in known:
            _AGAIN.run(connection, finding=finding_id, said=details)
            continue
        _RAISE.run(
            connection,
            finding_id=finding_id,
            group_key=group,
            code=finding.code.value,
            subject=finding.subject,
            institutions=msgspec.json.encode(finding.institutions),
            details=details,
            raised_at_ms=now_ms,
            settled_at_ms=None,
        )
        _BLAME.run_all(connection, [{"finding_id": finding_id, "institution": each} for each in finding.institutions])


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


def _receipt(row: Any) -> ReceiptRow:  # noqa: ANN401 - a row of `supervision_receipts`
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
