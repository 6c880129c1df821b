"""The own headers that a recall searches, in `records.db` (`ports.recognition.recalls.OwnHeaders`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from node.adapters.database.records.rows import patient_from
from node.adapters.database.records.tables import entries, headers, patients
from node.domain.entry import EntryType, Origin
from node.ports.recognition.recalls import OwnHeader
from node.ports.records.transaction import PatientId, PatientRow

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_SEARCHED = tuple(int(each) for each in (EntryType.RECORD, EntryType.AMENDMENT, EntryType.RELOCATION))


class SqlOwnHeaders:
    """An `OwnHeaders`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def size(self, origin: Origin) -> int:
        """Return how many entries a log has, those that are staged included."""
        last = sa.select(sa.func.max(entries.c.leaf_index)).where(entries.c.origin == origin)
        with self._readers.connect() as connection:
            found = connection.scalar(last)
        return 0 if found is None else int(found) + 1

    def between(self, origin: Origin, start: int, end: int, staged_from_ms: int) -> list[OwnHeader]:
        """Return headers of a run of entries, in order, of those that were staged at a time or later, unix ms."""
        at = sa.and_(headers.c.origin == entries.c.origin, headers.c.leaf_index == entries.c.leaf_index)
        columns = (entries.c.leaf_index, entries.c.entry_type, entries.c.leaf, entries.c.leaf_hash, entries.c.owner_sealed)
        query = (
            sa.select(*columns, headers.c.header)
            .join(headers, at)
            .where(
                entries.c.origin == origin,
                entries.c.leaf_index >= start,
                entries.c.leaf_index < end,
                entries.c.entry_type.in_(_SEARCHED),
                entries.c.staged_at_ms >= staged_from_ms,
            )
            .order_by(entries.c.leaf_index)
        )
        with self._readers.connect() as connection:
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

    def patients(self, patient_ids: Collection[PatientId]) -> Mapping[PatientId, PatientRow]:
        """Return patients by id, those that are not known apart."""
        wanted, found = sorted(patient_ids), dict[PatientId, PatientRow]()
        with self._readers.connect() as connection:
            for start in range(0, len(wanted), _CHUNK):
                query = sa.select(patients).where(patients.c.patient_id.in_(wanted[start : start + _CHUNK]))
                found.update((row.patient_id, row) for row in map(patient_from, connection.execute(query)))
        return found
