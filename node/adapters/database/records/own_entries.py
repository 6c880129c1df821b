"""Tags and labels of own entries, in `records.db` (`ports.records.own_entries`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.records.rows import entry_from, patient_from, tag_prefix
from node.adapters.database.records.tables import entries, patients
from node.adapters.database.records.tables_own_entries import entry_labels
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, Origin
from node.domain.labels import SensitivityLabel
from node.domain.patient import LocatorTag
from node.ports.records.own_entries import Labels
from node.ports.records.transaction import EntryRow, PatientId, PatientRow, RecordsTransaction
from node.wire.leaf import parse_leaf

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_BY_TAG = Statement(
    sa.select(entries).where(
        entries.c.origin == sa.bindparam("origin"), entries.c.tag_prefix.in_(sa.bindparam("prefixes", expanding=True))
    )
)
_BY_NUMBER = Statement(
    sa.select(patients).where(
        patients.c.institution == sa.bindparam("institution"), patients.c.number_mac == sa.bindparam("number_mac")
    )
)


class SqlPatients:
    """A `Patients`."""

    def patient(self, transaction: RecordsTransaction, patient_id: PatientId) -> PatientRow | None:
        """Return a patient of a hosted institution."""
        query = sa.select(patients).where(patients.c.patient_id == patient_id)
        row = connection_of(transaction).execute(query).one_or_none()
        return None if row is None else patient_from(row)


class SqlPatientNumbers:
    """A `PatientNumbers`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def numbered(self, institution: InstitutionId, number_mac: bytes) -> PatientRow | None:
        """Return the patient of a keyed hash of a number, as far as it was committed."""
        row = _BY_NUMBER.read_one(self._readers, institution=institution, number_mac=number_mac)
        return None if row is None else patient_from(row)


class SqlOwnTags:
    """An `OwnTags`."""

    def places(self, transaction: RecordsTransaction, origin: Origin, tags: Sequence[LocatorTag]) -> dict[LocatorTag, EntryRow]:
        """Return the entries of a log that have these tags."""
        found: dict[LocatorTag, EntryRow] = {}
        wanted = set(tags)
        connection = connection_of(transaction)
        for start in range(0, len(tags), _CHUNK):
            prefixes = [tag_prefix(tag) for tag in tags[start : start + _CHUNK]]
            for row in _BY_TAG.rows(connection, origin=origin, prefixes=prefixes):
                entry = entry_from(row)
                # the index holds eight bytes of each tag: whoever logs chooses them, the leaf decides
                tag = parse_leaf(entry.leaf).tag
                if tag in wanted:
                    found[tag] = entry
        return found

    def with_leaves(self, transaction: RecordsTransaction, origin: Origin, leaf_hashes: Sequence[bytes]) -> list[EntryRow]:
        """Return the entries of a log that have these leaves; reads all entries of the log once."""
        found: list[EntryRow] = []
        for start in range(0, len(leaf_hashes), _CHUNK):
            query = sa.select(entries).where(
                entries.c.origin == origin, entries.c.leaf_hash.in_(leaf_hashes[start : start + _CHUNK])
            )
            found += [entry_from(row) for row in connection_of(transaction).execute(query)]
        return found


class SqlEntryLabels:
    """An `EntryLabels`."""

    def insert(self, transaction: RecordsTransaction, labels: Mapping[tuple[Origin, int], Labels]) -> None:
        """Keep the labels of entries, given by log and leaf index."""
        values = [
            {"origin": origin, "leaf_index": leaf_index, "label": label}
            for (origin, leaf_index), own in labels.items()
            for label in sorted(own)
        ]
        if values:
            connection_of(transaction).execute(entry_labels.insert(), values)

    def of(self, transaction: RecordsTransaction, entries: Iterable[EntryRow]) -> Labels:
        """Return all labels that any of these entries bears."""
        by_origin: defaultdict[Origin, list[int]] = defaultdict(list)
        for entry in entries:
            by_origin[entry.origin].append(entry.leaf_index)
        found: set[SensitivityLabel] = set()
        for origin, indices in by_origin.items():
            for start in range(0, len(indices), _CHUNK):
                query = sa.select(entry_labels.c.label).where(
                    entry_labels.c.origin == origin, entry_labels.c.leaf_index.in_(indices[start : start + _CHUNK])
                )
                found.update(SensitivityLabel(label) for label in connection_of(transaction).scalars(query))
        return frozenset(found)
