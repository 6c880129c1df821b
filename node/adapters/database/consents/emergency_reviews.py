"""Uses of emergencies in `records.db` (`ports.consents.emergency_reviews`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from node.adapters.database.records.transaction import connection_of
from node.adapters.database.supervision.tables_figures import emergency_uses
from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId, Origin
from node.ports.consents.emergency_reviews import EmergencyUse
from node.ports.records.transaction import RecordsTransaction
from node.supervision.consent_scope import PersonName
from node.supervision.findings import EntryPlace

_CHUNK: Final = 500


class SqlEmergencyReviewStore:
    """An `EmergencyReviewStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(self, transaction: RecordsTransaction, uses: Sequence[EmergencyUse], look_at_ms: int) -> None:
        """Keep uses, and when to ask about their emergencies."""
        rows = [
            {
                "origin": use.place.origin,
                "leaf_index": use.place.leaf_index,
                "leaf_hash": use.place.leaf_hash,
                "tree_size": use.place.tree_size,
                "emergency_id": use.emergency,
                "institution": use.institution,
                "person": use.person,
                "moment_ms": use.moment_ms,
                "look_at_ms": look_at_ms,
            }
            for use in uses
        ]
        if rows:
            connection_of(transaction).execute(emergency_uses.insert(), rows)

    def due(self, now_ms: int, limit: int) -> list[EmergencyId]:
        """Return emergencies to ask about, the longest overdue first."""
        table = emergency_uses
        first = sa.func.min(table.c.look_at_ms)
        query = sa.select(table.c.emergency_id).where(table.c.look_at_ms <= now_ms).group_by(table.c.emergency_id)
        with self._readers.connect() as connection:
            return [EmergencyId(bytes(each)) for each in connection.scalars(query.order_by(first).limit(limit))]

    def uses(self, emergencies: Collection[EmergencyId]) -> list[EmergencyUse]:
        """Return all uses of some emergencies."""
        wanted, found = list(emergencies), []
        with self._readers.connect() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chosen = emergency_uses.c.emergency_id.in_(wanted[start : start + _CHUNK])
                for row in connection.execute(sa.select(emergency_uses).where(chosen)):
                    place = EntryPlace(Origin(row.origin), row.leaf_index, bytes(row.leaf_hash), row.tree_size)
                    emergency, person = EmergencyId(bytes(row.emergency_id)), PersonName(bytes(row.person))
                    found.append(EmergencyUse(emergency, InstitutionId(row.institution), place, person, row.moment_ms))
        return found

    def look_again(self, transaction: RecordsTransaction, looks: Mapping[EmergencyId, int | None]) -> None:
        """Set when to ask about emergencies, unix ms; None for never again."""
        connection = connection_of(transaction)
        for emergency, look_at_ms in looks.items():
            chosen = emergency_uses.update().where(emergency_uses.c.emergency_id == emergency)
            connection.execute(chosen.values(look_at_ms=look_at_ms))
