"""Answers to requests of other members (`ports.reading.disclosures`).

The records that they ask for are read here too (`ports.records.held_entries`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import Statement
from node.adapters.database.reading.tables_disclosures import disclosures
from node.adapters.database.records import rows
from node.adapters.database.records.tables import entries, headers, patients, records
from node.adapters.database.records.tables_own_entries import entry_labels
from node.adapters.database.records.transaction import connection_of
from node.domain.access import AccessOutcome, ConsentId, RequestId
from node.domain.entry import InstitutionId, LeafReference
from node.domain.labels import SensitivityLabel
from node.domain.record import Kind
from node.ports.reading.disclosures import AnsweredRequest, EmergencyCount
from node.ports.records.held_entries import HeldEntry
from node.ports.records.transaction import PatientId, RecordsTransaction

_ANSWERED: Final = Statement(
    sa.select(disclosures).where(disclosures.c.requester == sa.bindparam("of"), disclosures.c.request_id == sa.bindparam("request"))
)
_USES: Final = Statement(
    sa.select(sa.func.count())
    .select_from(disclosures)
    .where(
        disclosures.c.consent_id == sa.bindparam("consent"),
        disclosures.c.holder == sa.bindparam("of"),
        disclosures.c.request_id != sa.bindparam("but"),
    )
)


def _record(insert: sqlite.Insert | postgresql.Insert) -> sa.Insert:
    key = [column.name for column in disclosures.primary_key]
    others = [column.name for column in disclosures.columns if column.name not in key]
    return insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in others})


_RECORD: Final = Statement({"sqlite": _record(sqlite.insert(disclosures)), "postgresql": _record(postgresql.insert(disclosures))})
"""By dialect: SQL has no word of its own for insert-or-update."""
_HELD: Final = Statement(
    sa.select(entries, records.c.kind, records.c.erased_at_ms, headers.c.header)
    .join(records, records.c.record_id == entries.c.record_id)
    .outerjoin(headers, sa.and_(headers.c.origin == entries.c.origin, headers.c.leaf_index == entries.c.leaf_index))
    .where(
        entries.c.origin == sa.bindparam("log"),
        entries.c.leaf_index == sa.bindparam("at"),
        entries.c.leaf_hash == sa.bindparam("hash"),
    )
)
_OWNER: Final = Statement(sa.select(patients).where(patients.c.patient_id == sa.bindparam("owner")))
_LABELS: Final = Statement(
    sa.select(entry_labels.c.label).where(
        entry_labels.c.origin == sa.bindparam("log"), entry_labels.c.leaf_index == sa.bindparam("at")
    )
)


class SqlDisclosureStore:
    """Keeps answers."""

    def answered(self, transaction: RecordsTransaction, requester: InstitutionId, request_id: RequestId) -> AnsweredRequest | None:
        """Return how a request was answered last, or None."""
        row = _ANSWERED.row(connection_of(transaction), of=requester, request=request_id)
        if row is None:
            return None
        _, _, holder, digest, outcome, consent, clinician, answered_at_ms = row
        return AnsweredRequest(
            requester=requester,
            request_id=request_id,
            holder=InstitutionId(holder),
            digest=digest,
            outcome=AccessOutcome(outcome),
            consent=None if consent is None else ConsentId(consent),
            clinician=clinician,
            answered_at_ms=answered_at_ms,
        )

    def record(self, transaction: RecordsTransaction, answer: AnsweredRequest) -> None:
        """Keep an answer in place of the one before."""
        connection = connection_of(transaction)
        values = {
            "requester": answer.requester,
            "request_id": answer.request_id,
            "holder": answer.holder,
            "digest": answer.digest,
            "outcome": answer.outcome.value,
            "consent_id": answer.consent,
            "clinician": answer.clinician,
            "answered_at_ms": answer.answered_at_ms,
        }
        _RECORD.run(connection, **values)

    def uses(self, transaction: RecordsTransaction, holder: InstitutionId, consent: ConsentId, but: RequestId) -> int:
        """Return how many requests a holder disclosed under a consent, one of them not counted."""
        ((count,),) = _USES.rows(connection_of(transaction), consent=consent, of=holder, but=but)
        return int(count)

    def denials(self, transaction: RecordsTransaction, holder: InstitutionId, requester: InstitutionId, since_ms: int) -> int:
        """Return how often a requester was denied since a time."""
        return _count(
            transaction,
            disclosures.c.requester == requester,
            disclosures.c.answered_at_ms >= since_ms,
            disclosures.c.holder == holder,
            disclosures.c.outcome == AccessOutcome.DENIED.value,
        )

    def emergencies(
        self, transaction: RecordsTransaction, requester: InstitutionId, clinician: bytes, since_ms: int, but: RequestId
    ) -> EmergencyCount:
        """Return how many emergencies were cited since a time, one request not counted."""
        cited = (
            disclosures.c.requester == requester,
            disclosures.c.answered_at_ms >= since_ms,
            disclosures.c.clinician.is_not(None),
            disclosures.c.request_id != but,
        )
        return EmergencyCount(_count(transaction, *cited, disclosures.c.clinician == clinician), _count(transaction, *cited))


class SqlHeldEntries:
    """Reads records by their place."""

    def __init__(self, readers: sa.Engine, open_owner: Callable[[bytes], PatientId]) -> None:
        self._readers = readers
        self._open_owner = open_owner

    def find(self, reference: LeafReference, leaf_index: int) -> HeldEntry | None:
        """Return the record's version at a place of an own log; None where there is none, or another entry."""
        with self._readers.connect() as connection:
            found = _HELD.row(connection, log=reference.origin, at=leaf_index, hash=reference.leaf_hash)
            if found is None:
                return None
            *row, kind, erased_at_ms, header = found
            entry = rows.entry_from(row)
            owners = []
            if entry.owner_sealed is not None:
                owners = _OWNER.rows(connection, owner=self._open_owner(entry.owner_sealed))
            labels = frozenset(
                SensitivityLabel(label) for (label,) in _LABELS.rows(connection, log=reference.origin, at=leaf_index)
            )
        return HeldEntry(
            entry=entry,
            kind=Kind(kind),
            is_erased=erased_at_ms is not None,
            patient=rows.patient_from(owners[0]) if owners else None,
            header=header,
            labels=labels,
        )


def _count(transaction: RecordsTransaction, *conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(disclosures).where(*conditions)
    return int(connection_of(transaction).execute(query).scalar_one())
