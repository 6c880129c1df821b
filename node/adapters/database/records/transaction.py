"""One transaction on `records.db`, as the services' writer sees it (`ports.records.transaction.RecordsTransaction`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from ledger.ports import LogStore
from ledger.store.sql import SqlLogStore
from node.adapters.database.catalogue.tables_publication import catalogue_publications
from node.adapters.database.custody.tables_relocations import relocations
from node.adapters.database.custody.tables_tombstones import tombstone_acknowledgements, tombstones
from node.adapters.database.driver import insert_rows, look_up
from node.adapters.database.records import rows, statements
from node.adapters.database.records.tables import (
    anchors,
    bodies,
    checkpoints,
    clients,
    entries,
    headers,
    patients,
    records,
)
from node.adapters.database.records.tables_own_entries import entry_labels
from node.domain.entry import InstitutionId, Origin, RecordId
from node.ports.records.transaction import (
    AnchorRow,
    ClientRow,
    CounterKey,
    EntryRow,
    IdentityMac,
    LocatorId,
    PatientId,
    PatientRow,
    RecordRow,
    RecordsTransaction,
)

_LOOKUP_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""

_NUMBERED = (
    entries,
    headers,
    bodies,
    entry_labels,
    relocations,
    tombstones,
    tombstone_acknowledgements,
    catalogue_publications,
)
"""Tables whose rows are named after entries of own logs."""


class SqlRecordsTransaction:
    """Joins one connection's transaction."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def log(self, origin: Origin) -> LogStore:
        """Return a log's store, joined to this transaction."""
        return SqlLogStore(self._connection, origin)

    def records_by_identity(self, institution: InstitutionId, identities: Sequence[IdentityMac]) -> dict[IdentityMac, RecordRow]:
        """Return the records that have these identities, with all versions."""
        matches = look_up(self._connection, statements.RECORDS_BY_IDENTITY, identities, institution)
        versions = self._versions([record_id for record_id, *_ in matches])
        found = (rows.record_from(match, tuple(versions[match[0]])) for match in matches)
        return {record.identity_mac: record for record in found}

    def record(self, record_id: RecordId) -> RecordRow | None:
        """Return a record with all versions."""
        found = look_up(self._connection, statements.RECORDS, [record_id])
        return rows.record_from(found[0], tuple(self._versions([record_id])[record_id])) if found else None

    def _versions(self, record_ids: Sequence[str]) -> Mapping[str, list[EntryRow]]:
        versions: defaultdict[str, list[EntryRow]] = defaultdict(list)
        for row in look_up(self._connection, statements.VERSIONS, record_ids):
            entry = rows.entry_from(row)
            versions[entry.record_id or ""].append(entry)
        return versions

    def insert_records(self, new: Sequence[RecordRow]) -> None:
        """Insert records (their entries apart)."""
        insert_rows(self._connection, statements.INSERT_RECORDS, list(map(rows.record_values, new)))

    def insert_entries(self, new: Sequence[EntryRow]) -> None:
        """Insert entries."""
        insert_rows(self._connection, statements.INSERT_ENTRIES, list(map(rows.entry_values, new)))

    def insert_headers(self, new: Sequence[tuple[Origin, int, bytes]]) -> None:
        """Insert headers as (origin, leaf index, bytes)."""
        insert_rows(self._connection, statements.INSERT_HEADERS, new)

    def insert_bodies(self, new: Sequence[tuple[Origin, int, bytes]]) -> None:
        """Insert sealed bodies as (origin, leaf index, bytes)."""
        insert_rows(self._connection, statements.INSERT_BODIES, new)

    def patients_by_number(self, institution: InstitutionId, numbers: Sequence[bytes]) -> dict[bytes, PatientRow]:
        """Return the patients that have these numbers (keyed hashes)."""
        found = map(rows.patient_from, look_up(self._connection, statements.PATIENTS_BY_NUMBER, numbers, institution))
        return {patient.number_mac: patient for patient in found}

    def insert_patients(self, new: Sequence[PatientRow]) -> None:
        """Insert patients."""
        insert_rows(self._connection, statements.INSERT_PATIENTS, list(map(rows.patient_values, new)))

    def replace_patient_keys(self, patient_id: PatientId, keys_sealed: bytes, *, provisional: bool) -> None:
        """Replace a patient's keys."""
        change = patients.update().where(patients.c.patient_id == patient_id)
        self._connection.execute(change.values(keys_sealed=keys_sealed, provisional=provisional))

    def patients(self, institution: InstitutionId) -> Iterable[PatientRow]:
        """Iterate over an institution's patients."""
        query = sa.select(patients).where(patients.c.institution == institution)
        return [rows.patient_from(row) for row in self._connection.execute(query)]

    def counters(self, locators: Sequence[LocatorId]) -> dict[CounterKey, int]:
        """Return the next values of all counters of these keys; those never used are absent."""
        return dict(map(rows.counter_from, look_up(self._connection, statements.COUNTERS, locators)))

    def set_counters(self, values: Mapping[CounterKey, int]) -> None:
        """Store the next values of counters."""
        change = statements.SET_COUNTERS[self._connection.dialect.name]
        counters = [(key.origin, key.locator_id, key.tag_class, value) for key, value in values.items()]
        insert_rows(self._connection, change, counters)

    def forget(self, record_id: RecordId, erased_at_ms: int) -> None:
        """Remove a record's headers, bodies and content digests and mark it erased."""
        with shredding(self._connection):
            places = sa.select(entries.c.origin, entries.c.leaf_index).where(entries.c.record_id == record_id)
            for origin, leaf_index in self._connection.execute(places).all():
                for table in (headers, bodies):
                    at = (table.c.origin == origin, table.c.leaf_index == leaf_index)
                    self._connection.execute(table.delete().where(*at))
            change = entries.update().where(entries.c.record_id == record_id)
            self._connection.execute(change.values(sameness_mac=None))
            mark = records.update().where(records.c.record_id == record_id)
            self._connection.execute(mark.values(erased_at_ms=erased_at_ms))

    def forget_secret_ids(self, record_id: RecordId) -> None:
        """Remove the names of a record's secrets, once those are destroyed."""
        self._connection.execute(entries.update().where(entries.c.record_id == record_id).values(secret_id=None))

    def records_of_leaves(self, origin: Origin, leaf_hashes: Sequence[bytes]) -> list[RecordId]:
        """Return the records that have not been erased and have these leaves; reads all entries of the log once."""
        found: dict[RecordId, None] = {}
        for start in range(0, len(leaf_hashes), _LOOKUP_CHUNK):
            chunk = leaf_hashes[start : start + _LOOKUP_CHUNK]
            query = (
                sa.select(records.c.record_id)
                .join(entries, entries.c.record_id == records.c.record_id)
                .where(entries.c.origin == origin, entries.c.leaf_hash.in_(chunk), records.c.erased_at_ms.is_(None))
            )
            found.update((RecordId(record_id), None) for record_id in self._connection.scalars(query))
        return list(found)

    def entries_from(self, origin: Origin, start: int) -> list[EntryRow]:
        """Return all entries from an index on, in order."""
        query = sa.select(entries).where(entries.c.origin == origin, entries.c.leaf_index >= start)
        return [rows.entry_from(row) for row in self._connection.execute(query.order_by(entries.c.leaf_index))]

    def header(self, origin: Origin, leaf_index: int) -> bytes | None:
        """Return an entry's header, or None when it was deleted."""
        query = sa.select(headers.c.header).where(headers.c.origin == origin, headers.c.leaf_index == leaf_index)
        return self._connection.execute(query).scalar_one_or_none()

    def replace_entry(self, origin: Origin, leaf_index: int, leaf: bytes, leaf_hash: bytes, header: bytes) -> None:
        """Replace leaf and header of an entry that was staged and never logged."""
        change = entries.update().where(entries.c.origin == origin, entries.c.leaf_index == leaf_index)
        self._connection.execute(change.values(leaf=leaf, leaf_hash=leaf_hash, tag_prefix=rows.leaf_tag_prefix(leaf)))
        change = headers.update().where(headers.c.origin == origin, headers.c.leaf_index == leaf_index)
        self._connection.execute(change.values(header=header))

    def renumber(self, origin: Origin, moves: Mapping[int, int]) -> None:
        """Give entries that were staged and never logged new indices."""
        for table in _NUMBERED:
            # upwards only, highest first: no step may meet an index that is still taken
            for old in sorted(moves, reverse=True):
                at = (table.c.origin == origin, table.c.leaf_index == old)
                self._connection.execute(table.update().where(*at).values(leaf_index=moves[old]))

    def remember_checkpoint(self, origin: Origin, size: int, note: bytes) -> None:
        """Keep a signed checkpoint that is submitted for anchoring; the same again is passed over."""
        at = (checkpoints.c.origin == origin, checkpoints.c.size == size)
        if self._connection.execute(sa.select(checkpoints.c.size).where(*at)).first() is None:
            self._connection.execute(checkpoints.insert().values(origin=origin, size=size, note=note))

    def remember_anchor(self, anchor: AnchorRow) -> None:
        """Keep an accepted head; the same again replaces it."""
        self._connection.execute(anchors.delete().where(anchors.c.origin == anchor.origin, anchors.c.size == anchor.size))
        self._connection.execute(anchors.insert().values(rows.anchor_values(anchor)))

    def forget_anchors(self, origin: Origin, above_size: int) -> None:
        """Remove anchors above a size: the chain took them back."""
        self._connection.execute(anchors.delete().where(anchors.c.origin == origin, anchors.c.size > above_size))

    def insert_client(self, client: ClientRow) -> None:
        """Insert an API client."""
        self._connection.execute(clients.insert().values(rows.client_values(client)))

    def revoke_client(self, client_id: str, revoked_at_ms: int) -> bool:
        """Revoke a client's key; False when there is none."""
        change = clients.update().where(clients.c.client_id == client_id, clients.c.revoked_at_ms.is_(None))
        return self._connection.execute(change.values(revoked_at_ms=revoked_at_ms)).rowcount > 0


@contextmanager
def shredding(connection: sa.Connection) -> Iterator[None]:
    """Let what is deleted be overwritten, as far as the database can."""
    if connection.dialect.name != "sqlite":
        yield
        return
    # freed pages keep their bytes otherwise, and whoever has the patient's key could read a header there
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    yield
    connection.exec_driver_sql("PRAGMA secure_delete=OFF")


def connection_of(transaction: RecordsTransaction) -> sa.Connection:
    """Return a transaction's connection, for adapters that keep tables of their own in `records.db`."""
    if not isinstance(transaction, SqlRecordsTransaction):
        raise TypeError("this transaction is not a SQL transaction")
    return transaction._connection  # noqa: SLF001 - the module's own class
