"""Answers to requests of other members (`ports.disclosures`), and the records that they ask for (`ports.held_entries`)."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from node.adapters.database import rows
from node.adapters.database.tables import entries, headers, patients, records
from node.adapters.database.tables_disclosures import disclosures
from node.adapters.database.tables_own_entries import entry_labels
from node.adapters.database.transaction import connection_of
from node.domain.access import AccessOutcome, ConsentId, RequestId
from node.domain.entry import InstitutionId, LeafReference
from node.domain.labels import SensitivityLabel
from node.domain.record import Kind
from node.ports.disclosures import AnsweredRequest, EmergencyCount
from node.ports.held_entries import HeldEntry
from node.ports.records import PatientId, RecordsTransaction


class SqlDisclosureStore:
    """Keeps answers."""

    def answered(self, transaction: RecordsTransaction, requester: InstitutionId, request_id: RequestId) -> AnsweredRequest | None:
        """Return how a request was answered last, or None."""
        chosen = sa.and_(disclosures.c.requester == requester, disclosures.c.request_id == request_id)
        row = connection_of(transaction).execute(sa.select(disclosures).where(chosen)).one_or_none()
        if row is None:
            return None
        return AnsweredRequest(
            requester=requester,
            request_id=request_id,
            holder=InstitutionId(row.holder),
            digest=row.digest,
            outcome=AccessOutcome(row.outcome),
            consent=None if row.consent_id is None else ConsentId(row.consent_id),
            clinician=row.clinician,
            answered_at_ms=row.answered_at_ms,
        )

    def record(self, transaction: RecordsTransaction, answer: AnsweredRequest) -> None:
        """Keep an answer in place of the one before."""
        chosen = sa.and_(disclosures.c.requester == answer.requester, disclosures.c.request_id == answer.request_id)
        connection = connection_of(transaction)
        connection.execute(disclosures.delete().where(chosen))
        connection.execute(
            disclosures.insert().values(
                requester=answer.requester,
                request_id=answer.request_id,
                holder=answer.holder,
                digest=answer.digest,
                outcome=answer.outcome.value,
                consent_id=answer.consent,
                clinician=answer.clinician,
                answered_at_ms=answer.answered_at_ms,
            )
        )

    def uses(self, transaction: RecordsTransaction, holder: InstitutionId, consent: ConsentId, but: RequestId) -> int:
        """Return how many requests a holder disclosed under a consent, one of them not counted."""
        return _count(
            transaction, disclosures.c.consent_id == consent, disclosures.c.holder == holder, disclosures.c.request_id != but
        )

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
        at = sa.and_(entries.c.origin == reference.origin, entries.c.leaf_index == leaf_index)
        place = sa.and_(headers.c.origin == entries.c.origin, headers.c.leaf_index == entries.c.leaf_index)
        query = (
            sa.select(entries, records.c.kind, records.c.erased_at_ms, headers.c.header)
            .join(records, records.c.record_id == entries.c.record_id)
            .outerjoin(headers, place)
            .where(at, entries.c.leaf_hash == reference.leaf_hash)
        )
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
            if row is None:
                return None
            patient = None
            if row.owner_sealed is not None:
                owner = sa.select(patients).where(patients.c.patient_id == self._open_owner(row.owner_sealed))
                found = connection.execute(owner).one_or_none()
                patient = None if found is None else rows.patient_from(found)
            named = sa.select(entry_labels.c.label).where(
                entry_labels.c.origin == reference.origin, entry_labels.c.leaf_index == leaf_index
            )
            labels = frozenset(SensitivityLabel(label) for label in connection.scalars(named))
        return HeldEntry(
            entry=rows.entry_from(row[: len(entries.c)]),
            kind=Kind(row.kind),
            is_erased=row.erased_at_ms is not None,
            patient=patient,
            header=row.header,
            labels=labels,
        )


def _count(transaction: RecordsTransaction, *conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(disclosures).where(*conditions)
    return int(connection_of(transaction).execute(query).scalar_one())
