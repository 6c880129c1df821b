"""Recalls, and the own headers that they search, in `records.db` (`ports.recalls`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from node.adapters.database.rows import patient_from
from node.adapters.database.tables import entries, headers, patients
from node.adapters.database.tables_recalls import recalled_entries, recalls
from node.adapters.database.transaction import connection_of
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId
from node.domain.recall import RecallCriteria, RecallId, RecallReason
from node.ports.recalls import KeptRecall, OwnHeader, RecalledResult
from node.ports.records import PatientId, PatientRow, RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_SEARCHED = tuple(int(each) for each in (EntryType.RECORD, EntryType.AMENDMENT, EntryType.RELOCATION))


class SqlOwnHeaders:
    """An `OwnHeaders`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def page(
        self, transaction: RecordsTransaction | None, origin: Origin, start: int, staged_from_ms: int, limit: int
    ) -> list[OwnHeader]:
        """Return headers from an index on, in order, of entries that were staged at a time or later, unix ms."""
        at = sa.and_(headers.c.origin == entries.c.origin, headers.c.leaf_index == entries.c.leaf_index)
        columns = (entries.c.leaf_index, entries.c.entry_type, entries.c.leaf, entries.c.leaf_hash, entries.c.owner_sealed)
        query = (
            sa.select(*columns, headers.c.header)
            .join(headers, at)
            .where(
                entries.c.origin == origin,
                entries.c.leaf_index >= start,
                entries.c.entry_type.in_(_SEARCHED),
                entries.c.staged_at_ms >= staged_from_ms,
            )
            .order_by(entries.c.leaf_index)
            .limit(limit)
        )
        with self._connection(transaction) as connection:
            return [
                OwnHeader(
                    leaf_index=row.leaf_index,
                    entry_type=EntryType(row.entry_type),
                    leaf=row.leaf,
                    leaf_hash=row.leaf_hash,
                    owner_sealed=row.owner_sealed,
                    header=row.header,
                )
                for row in connection.execute(query)
            ]

    def patients(
        self, transaction: RecordsTransaction | None, patient_ids: Collection[PatientId]
    ) -> Mapping[PatientId, PatientRow]:
        """Return patients by id, those that are not known apart."""
        wanted, found = sorted(patient_ids), dict[PatientId, PatientRow]()
        with self._connection(transaction) as connection:
            for start in range(0, len(wanted), _CHUNK):
                query = sa.select(patients).where(patients.c.patient_id.in_(wanted[start : start + _CHUNK]))
                found.update((row.patient_id, row) for row in map(patient_from, connection.execute(query)))
        return found

    @contextmanager
    def _connection(self, transaction: RecordsTransaction | None) -> Iterator[sa.Connection]:
        if transaction is not None:
            yield connection_of(transaction)
            return
        with self._readers.connect() as connection:
            yield connection


class SqlRecallStore:
    """A `RecallStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, recall: KeptRecall, results: Sequence[RecalledResult]) -> None:
        """Keep a recall."""
        connection, criteria = connection_of(transaction), recall.criteria
        connection.execute(
            recalls.insert().values(
                recall_id=recall.recall_id,
                institution=recall.institution,
                item=criteria.item,
                device=criteria.device,
                lot=criteria.lot,
                from_ms=criteria.from_ms,
                to_ms=criteria.to_ms,
                reason=recall.reason.value,
                total=recall.total,
                origin=recall.entry.origin,
                leaf_hash=recall.entry.leaf_hash,
                leaf_index=recall.leaf_index,
                pages=recall.pages,
                announced_at_ms=recall.announced_at_ms,
                actor_sealed=recall.actor,
            )
        )
        rows = [
            {
                "leaf_hash": each.entry.leaf_hash,
                "origin": each.entry.origin,
                "recall_id": recall.recall_id,
                "position": position,
                "record_id": each.record_id,
            }
            for position, each in enumerate(results)
        ]
        connection.execute(recalled_entries.insert(), rows)

    def known(self, transaction: RecordsTransaction, recall_id: RecallId) -> KeptRecall | None:
        """Return a recall, whoever announced it."""
        row = connection_of(transaction).execute(sa.select(recalls).where(recalls.c.recall_id == recall_id)).one_or_none()
        return None if row is None else _recall(row)

    def naming(self, transaction: RecordsTransaction, entry: LeafReference) -> list[LeafReference]:
        """Return the first entries of the recalls that name a result, the oldest first."""
        query: sa.Select[Any] = (
            sa.select(recalls.c.origin, recalls.c.leaf_hash)
            .join(recalled_entries, recalled_entries.c.recall_id == recalls.c.recall_id)
            .where(recalled_entries.c.leaf_hash == entry.leaf_hash, recalled_entries.c.origin == entry.origin)
            .order_by(recalls.c.announced_at_ms, recalls.c.recall_id)
        )
        return [_reference(row) for row in connection_of(transaction).execute(query)]

    def recall(self, institution: InstitutionId, recall_id: RecallId) -> KeptRecall | None:
        """Return an institution's recall; None for another institution's."""
        query = sa.select(recalls).where(recalls.c.institution == institution, recalls.c.recall_id == recall_id)
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _recall(row)

    def results(self, recall_id: RecallId) -> list[RecalledResult]:
        """Return what a recall lists, in the order of its entries."""
        table = recalled_entries
        query = sa.select(table).where(table.c.recall_id == recall_id).order_by(table.c.position)
        with self._readers.connect() as connection:
            return [RecalledResult(_reference(row), RecordId(row.record_id)) for row in connection.execute(query)]

    def page(self, institution: InstitutionId, limit: int) -> list[KeptRecall]:
        """Return an institution's recalls, the newest first."""
        query = sa.select(recalls).where(recalls.c.institution == institution)
        newest = query.order_by(recalls.c.announced_at_ms.desc(), recalls.c.recall_id).limit(limit)
        with self._readers.connect() as connection:
            return [_recall(row) for row in connection.execute(newest)]


def _recall(row: sa.Row[Any]) -> KeptRecall:
    return KeptRecall(
        recall_id=RecallId(row.recall_id),
        institution=InstitutionId(row.institution),
        criteria=RecallCriteria(row.item, row.device, row.lot, row.from_ms, row.to_ms),
        reason=RecallReason(row.reason),
        total=row.total,
        entry=_reference(row),
        leaf_index=row.leaf_index,
        pages=row.pages,
        announced_at_ms=row.announced_at_ms,
        actor=row.actor_sealed,
    )


def _reference(row: sa.Row[Any]) -> LeafReference:
    return LeafReference(Origin(row.origin), row.leaf_hash)
