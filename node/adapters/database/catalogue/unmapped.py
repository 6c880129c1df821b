"""Codes that occurred and lead nowhere, in `records.db` (`ports.catalogue.unmapped.UnmappedStore`)."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from node.adapters.database.catalogue.tables_unmapped import unmapped_codes as table
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId
from node.ports.catalogue.unmapped import CountedCode, OccurredCode, Occurrence
from node.ports.records.transaction import RecordsTransaction


class SqlUnmappedStore:
    """An `UnmappedStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def add(self, transaction: RecordsTransaction, counts: Mapping[OccurredCode, int], now_ms: int) -> None:
        """Add to what is counted."""
        connection = connection_of(transaction)
        for each, times in counts.items():
            key = {
                "institution": each.institution,
                "occurrence": each.occurrence.value,
                "mapped_by": each.mapped_by,
                "system": each.system,
                "code": each.code,
                "specimen": each.specimen,
            }
            at = sa.and_(*(table.c[name] == value for name, value in key.items()))
            known = connection.execute(table.update().where(at).values(times=table.c.times + times, last_seen_ms=now_ms)).rowcount
            if not known:
                connection.execute(table.insert().values(**key, times=times, first_seen_ms=now_ms, last_seen_ms=now_ms))

    def counted(self, institution: InstitutionId) -> list[CountedCode]:
        """Return an institution's codes, the newest first."""
        order = (table.c.last_seen_ms.desc(), table.c.times.desc(), table.c.system, table.c.code, table.c.specimen)
        with self._readers.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.institution == institution).order_by(*order)).all()
        return [
            CountedCode(
                OccurredCode(
                    institution, Occurrence(row.occurrence), InstitutionId(row.mapped_by), row.system, row.code, row.specimen
                ),
                row.times,
                row.first_seen_ms,
                row.last_seen_ms,
            )
            for row in rows
        ]

    def forget(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove codes that did not occur since a time."""
        connection_of(transaction).execute(table.delete().where(table.c.last_seen_ms < before_ms))
