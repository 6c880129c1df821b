"""Relocations in `records.db` (`ports.custody.relocations.RelocationStore`)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from node.adapters.database.custody.tables_relocations import relocation_jobs, relocations
from node.adapters.database.records.rows import Row, entry_from
from node.adapters.database.records.tables import entries, headers
from node.adapters.database.records.transaction import connection_of
from node.domain.access import ConsentId
from node.domain.entry import InstitutionId, Origin
from node.ports.custody.relocations import Relocated, RelocationJob
from node.ports.records.transaction import EntryRow, RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""


class SqlRelocationStore:
    """Keeps jobs and relocations."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def add(self, transaction: RecordsTransaction, jobs: Sequence[RelocationJob]) -> None:
        """Keep jobs."""
        if jobs:
            connection_of(transaction).execute(relocation_jobs.insert(), [_values(job) for job in jobs])

    def due(self, now_ms: int, limit: int) -> list[RelocationJob]:
        """Return jobs whose time has come, the oldest first."""
        query = sa.select(relocation_jobs).where(relocation_jobs.c.due_at_ms <= now_ms)
        with self._readers.connect() as connection:
            return [_job(row) for row in connection.execute(query.order_by(relocation_jobs.c.due_at_ms).limit(limit))]

    def scheduled(self, institution: InstitutionId) -> list[RelocationJob]:
        """Return all jobs of an institution."""
        query = sa.select(relocation_jobs).where(relocation_jobs.c.institution == institution)
        with self._readers.connect() as connection:
            return [_job(row) for row in connection.execute(query)]

    def finish(self, transaction: RecordsTransaction, job: RelocationJob) -> bool:
        """Remove a job; False when it is gone already."""
        gone = relocation_jobs.delete().where(relocation_jobs.c.job_id == job.job_id)
        return connection_of(transaction).execute(gone).rowcount > 0

    def drop(self, transaction: RecordsTransaction, consent_id: ConsentId) -> None:
        """Remove the jobs that rest on a consent."""
        connection_of(transaction).execute(relocation_jobs.delete().where(relocation_jobs.c.consent_id == consent_id))

    def remember(self, transaction: RecordsTransaction, relocated: Relocated) -> None:
        """Keep where an entry was relocated to."""
        connection_of(transaction).execute(
            relocations.insert().values(
                origin=relocated.origin,
                leaf_index=relocated.leaf_index,
                target=relocated.target,
                consent_id=relocated.consent_id,
            )
        )

    def of_targets(self, transaction: RecordsTransaction, origin: Origin, targets: Sequence[bytes]) -> list[EntryRow]:
        """Return the relocations of entries, by their leaf hashes, that still have a header."""
        found: list[EntryRow] = []
        for start in range(0, len(targets), _CHUNK):
            chosen = relocations.c.target.in_(targets[start : start + _CHUNK])
            found += self._entries(transaction, sa.and_(relocations.c.origin == origin, chosen))
        return found

    def of_consent(self, transaction: RecordsTransaction, consent_id: ConsentId) -> list[EntryRow]:
        """Return the relocations that rest on a consent and still have a header."""
        return self._entries(transaction, relocations.c.consent_id == consent_id)

    def waiting(self, institution: InstitutionId) -> int:
        """Return how many jobs wait."""
        query = sa.select(sa.func.count()).where(relocation_jobs.c.institution == institution)
        with self._readers.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def _entries(self, transaction: RecordsTransaction, chosen: sa.ColumnElement[bool]) -> list[EntryRow]:
        def same_place(table: sa.Table) -> sa.ColumnElement[bool]:
            return sa.and_(table.c.origin == entries.c.origin, table.c.leaf_index == entries.c.leaf_index)

        query = (
            sa.select(entries)
            .join(relocations, same_place(relocations))
            .join(headers, same_place(headers))
            .where(chosen)
            .order_by(entries.c.leaf_index)
        )
        return [entry_from(row) for row in connection_of(transaction).execute(query)]


def _values(job: RelocationJob) -> dict[str, object]:
    return {
        "job_id": job.job_id,
        "institution": job.institution,
        "due_at_ms": job.due_at_ms,
        "sealed": job.sealed,
        "consent_id": job.consent_id,
    }


def _job(row: Row) -> RelocationJob:
    return RelocationJob(
        job_id=row.job_id,
        institution=InstitutionId(row.institution),
        due_at_ms=row.due_at_ms,
        sealed=row.sealed,
        consent_id=None if row.consent_id is None else ConsentId(row.consent_id),
    )
