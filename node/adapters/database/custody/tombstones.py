"""Tombstones and acknowledgements in `records.db` (`ports.custody.tombstones.TombstoneRegister`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from node.adapters.database.custody.tables_tombstones import tombstone_acknowledgements as acknowledgements
from node.adapters.database.custody.tables_tombstones import tombstones as table
from node.adapters.database.records.tables import bodies as body_table
from node.adapters.database.records.tables import entries as entry_table
from node.adapters.database.records.tables import headers as header_table
from node.adapters.database.records.transaction import connection_of, shredding
from node.domain.entry import InstitutionId, Origin
from node.ports.custody.tombstones import TombstoneRow, TombstoneState
from node.ports.records.transaction import EntryRow, RecordsTransaction


class SqlTombstoneRegister:
    """Keeps tombstones."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def insert(self, transaction: RecordsTransaction, tombstones: Sequence[TombstoneRow], members: Sequence[InstitutionId]) -> None:
        """Keep tombstones, and the members that are told."""
        connection = connection_of(transaction)
        rows = [
            {
                "origin": one.origin,
                "leaf_index": one.leaf_index,
                "institution": one.institution,
                "target": one.target,
                "staged_at_ms": one.staged_at_ms,
            }
            for one in tombstones
        ]
        told = [{"origin": one.origin, "leaf_index": one.leaf_index, "member": member} for one in tombstones for member in members]
        if rows:
            connection.execute(table.insert(), rows)
        if told:
            connection.execute(acknowledgements.insert(), told)

    def acknowledge(
        self, transaction: RecordsTransaction, origin: Origin, leaf_index: int, member: InstitutionId, at_ms: int
    ) -> None:
        """Keep a member's acknowledgement; the first one counts, and one that nobody waits for is passed over."""
        at = acknowledgements.c
        change = acknowledgements.update().where(
            at.origin == origin, at.leaf_index == leaf_index, at.member == member, at.acknowledged_at_ms.is_(None)
        )
        connection_of(transaction).execute(change.values(acknowledged_at_ms=at_ms))

    def forget(self, transaction: RecordsTransaction, entries: Sequence[EntryRow], *, bodies: bool) -> None:
        """Delete the headers of entries; with `bodies` also those, and the names of their secrets, which the sweep then takes."""
        connection = connection_of(transaction)
        with shredding(connection):
            for entry in entries:
                for target in (header_table, *((body_table,) if bodies else ())):
                    connection.execute(
                        target.delete().where(target.c.origin == entry.origin, target.c.leaf_index == entry.leaf_index)
                    )
                if bodies:
                    at = (entry_table.c.origin == entry.origin, entry_table.c.leaf_index == entry.leaf_index)
                    connection.execute(entry_table.update().where(*at).values(secret_id=None))

    def page(self, institution: InstitutionId, *, waiting: bool, limit: int) -> list[TombstoneState]:
        """Return an institution's tombstones, newest first; with `waiting` only those that some member has not acknowledged."""
        query = sa.select(table).where(table.c.institution == institution)
        if waiting:
            at = acknowledgements.c
            query = query.where(
                sa.exists().where(at.origin == table.c.origin, at.leaf_index == table.c.leaf_index, at.acknowledged_at_ms.is_(None))
            )
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(table.c.origin, table.c.leaf_index.desc()).limit(limit)).all()
            told = self._told(connection, [(row.origin, row.leaf_index) for row in rows])
        return [
            TombstoneState(
                TombstoneRow(Origin(row.origin), row.leaf_index, institution, row.target, row.staged_at_ms),
                told[row.origin, row.leaf_index],
            )
            for row in rows
        ]

    def _told(
        self, connection: sa.Connection, places: Sequence[tuple[str, int]]
    ) -> defaultdict[tuple[str, int], dict[InstitutionId, int | None]]:
        found: defaultdict[tuple[str, int], dict[InstitutionId, int | None]] = defaultdict(dict)
        for origin in {origin for origin, _ in places}:
            indices = [index for each, index in places if each == origin]
            query = sa.select(acknowledgements).where(
                acknowledgements.c.origin == origin, acknowledgements.c.leaf_index.in_(indices)
            )
            for row in connection.execute(query.order_by(acknowledgements.c.member)):
                found[row.origin, row.leaf_index][InstitutionId(row.member)] = row.acknowledged_at_ms
        return found
