"""Consents, messages to the chain and emergencies, in `records.db` (`ports.consents.store.ConsentStore`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.consents.tables_consents import consent_cursor, consent_messages, consents, emergencies
from node.adapters.database.records.rows import patient_from
from node.adapters.database.records.tables import patients
from node.adapters.database.records.transaction import connection_of
from node.domain.access import ConsentId
from node.domain.consent import ConsentSalt, PresentedConsent
from node.domain.consent_message import ConsentAddress, EmergencyId, SignedMessage
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.ports.consents.store import ConsentRole, KeptConsent, KeptEmergency, MessageStage, QueuedMessage
from node.ports.records.transaction import PatientId, PatientRow, RecordsTransaction
from node.wire.consent.message import encode_signed_message, parse_signed_message

_CURSOR_ID = 1
_IS_REVOKED = Statement(
    sa.select(consents.c.consent).where(consents.c.consent == sa.bindparam("named"), consents.c.revoked_at_ms.is_not(None))
)
"""Built once: every reading of a consent may ask."""


class SqlConsentStore:
    """A `ConsentStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, consent: KeptConsent) -> bool:
        """Keep a consent for an institution; False where it was kept before, which changes nothing."""
        connection = connection_of(transaction)
        known = sa.select(consents.c.consent).where(
            consents.c.institution == consent.institution, consents.c.consent == consent.presented.consent
        )
        if connection.execute(known).first() is not None:
            return False
        document = consent.document
        connection.execute(
            consents.insert().values(
                institution=consent.institution,
                consent=consent.presented.consent,
                salt=consent.presented.salt,
                scope=consent.presented.scope,
                role=consent.role.value,
                patient=consent.patient,
                document_origin=None if document is None else document.origin,
                document_hash=None if document is None else document.leaf_hash,
                kept_at_ms=consent.kept_at_ms,
                revoked_at_ms=consent.revoked_at_ms,
            )
        )
        return True

    def mark_revoked(self, transaction: RecordsTransaction, ids: Sequence[ConsentId], at_ms: int) -> Sequence[KeptConsent]:
        """Note revocations; return those that were news."""
        connection = connection_of(transaction)
        news = [
            _kept(row)
            for consent in ids
            for row in connection.execute(
                sa.select(consents).where(consents.c.consent == consent, consents.c.revoked_at_ms.is_(None))
            ).mappings()
        ]
        for kept in news:
            connection.execute(consents.update().where(consents.c.consent == kept.presented.consent).values(revoked_at_ms=at_ms))
        return news

    def queue(self, transaction: RecordsTransaction, signed: SignedMessage, patient_key: ConsentAddress | None) -> int:
        """Queue a message; return its number. The same message again keeps its number."""
        connection = connection_of(transaction)
        encoded = encode_signed_message(signed)
        digest = hashlib.sha256(encoded).digest()
        known = connection.scalar(sa.select(consent_messages.c.number).where(consent_messages.c.digest == digest))
        if known is not None:
            return int(known)
        values = {
            "message": encoded,
            "digest": digest,
            "patient_key": patient_key,
            "stage": MessageStage.WAITING.value,
            "reason": "",
        }
        made = connection.execute(consent_messages.insert().values(values).returning(consent_messages.c.number))
        return int(made.scalar_one())

    def set_stage(self, transaction: RecordsTransaction, number: int, stage: MessageStage, reason: str) -> None:
        """Note how far a message got."""
        update = consent_messages.update().where(consent_messages.c.number == number)
        connection_of(transaction).execute(update.values(stage=stage.value, reason=reason))

    def set_cursor(self, transaction: RecordsTransaction, block_number: int) -> None:
        """Note up to which block revocations are noted."""
        connection = connection_of(transaction)
        connection.execute(consent_cursor.delete())
        connection.execute(consent_cursor.insert().values(id=_CURSOR_ID, block_number=block_number))

    def keep_emergency(self, transaction: RecordsTransaction, emergency: KeptEmergency) -> None:
        """Keep an emergency."""
        connection_of(transaction).execute(
            emergencies.insert().values(
                emergency=emergency.emergency,
                institution=emergency.institution,
                salt=emergency.salt,
                statement_sealed=emergency.statement_sealed,
                opened_by=emergency.opened_by,
                opened_at_ms=emergency.opened_at_ms,
                reviewed_at_ms=emergency.reviewed_at_ms,
            )
        )

    def mark_reviewed(self, transaction: RecordsTransaction, emergency: EmergencyId, at_ms: int) -> None:
        """Note a review."""
        update = emergencies.update().where(emergencies.c.emergency == emergency)
        connection_of(transaction).execute(update.values(reviewed_at_ms=at_ms))

    def emergencies_since(
        self, transaction: RecordsTransaction, institution: InstitutionId, opened_by: bytes, since_ms: int
    ) -> int:
        """Count the emergencies that a person opened since a time."""
        query = sa.select(sa.func.count()).where(
            emergencies.c.institution == institution,
            emergencies.c.opened_by == opened_by,
            emergencies.c.opened_at_ms >= since_ms,
        )
        return int(connection_of(transaction).scalar(query) or 0)

    def patient(self, transaction: RecordsTransaction, patient: PatientId) -> PatientRow | None:
        """Return a patient by the institution's random id."""
        row = connection_of(transaction).execute(sa.select(patients).where(patients.c.patient_id == patient)).first()
        return None if row is None else patient_from(row)

    def cursor(self) -> int | None:
        """Return up to which block revocations are noted; None before the first time."""
        with self._readers.connect() as connection:
            found = connection.scalar(sa.select(consent_cursor.c.block_number))
        return None if found is None else int(found)

    def consent(self, institution: InstitutionId, consent: ConsentId) -> KeptConsent | None:
        """Return an institution's consent."""
        query = sa.select(consents).where(consents.c.institution == institution, consents.c.consent == consent)
        with self._readers.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _kept(row)

    def consents(self, institution: InstitutionId, patient: PatientId | None) -> Sequence[KeptConsent]:
        """Return an institution's consents, newest first; of one patient, or of all."""
        query = sa.select(consents).where(consents.c.institution == institution)
        if patient is not None:
            query = query.where(consents.c.patient == patient)
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(consents.c.kept_at_ms.desc(), consents.c.consent)).mappings().all()
        return [_kept(row) for row in rows]

    def is_revoked(self, consent: ConsentId) -> bool:
        """Tell whether a revocation of a consent is known here."""
        return _IS_REVOKED.read_one(self._readers, named=consent) is not None

    def waiting(self) -> Sequence[QueuedMessage]:
        """Return the messages that are on their way, oldest first."""
        query = sa.select(consent_messages).where(consent_messages.c.stage == MessageStage.WAITING.value)
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(consent_messages.c.number)).mappings().all()
        return [_queued(row) for row in rows]

    def message(self, number: int) -> QueuedMessage | None:
        """Return a message."""
        with self._readers.connect() as connection:
            found = connection.execute(sa.select(consent_messages).where(consent_messages.c.number == number)).mappings()
            row = found.first()
        return None if row is None else _queued(row)

    def emergency(self, institution: InstitutionId, emergency: EmergencyId) -> KeptEmergency | None:
        """Return an institution's emergency."""
        query = sa.select(emergencies).where(emergencies.c.institution == institution, emergencies.c.emergency == emergency)
        with self._readers.connect() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _emergency(row)

    def open_emergencies(self) -> int:
        """Count the emergencies that nobody has reviewed yet."""
        query = sa.select(sa.func.count()).select_from(emergencies).where(emergencies.c.reviewed_at_ms.is_(None))
        with self._readers.connect() as connection:
            return int(connection.scalar(query) or 0)

    def emergencies(self, institution: InstitutionId) -> Sequence[KeptEmergency]:
        """Return an institution's emergencies, newest first."""
        query = sa.select(emergencies).where(emergencies.c.institution == institution)
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(emergencies.c.opened_at_ms.desc())).mappings().all()
        return [_emergency(row) for row in rows]


def _kept(row: sa.RowMapping) -> KeptConsent:
    document = None
    if row["document_origin"] is not None:
        document = LeafReference(Origin(row["document_origin"]), row["document_hash"])
    return KeptConsent(
        institution=InstitutionId(row["institution"]),
        presented=PresentedConsent(ConsentId(row["consent"]), ConsentSalt(row["salt"]), row["scope"]),
        role=ConsentRole(row["role"]),
        patient=None if row["patient"] is None else PatientId(row["patient"]),
        document=document,
        kept_at_ms=row["kept_at_ms"],
        revoked_at_ms=row["revoked_at_ms"],
    )


def _queued(row: sa.RowMapping) -> QueuedMessage:
    key = None if row["patient_key"] is None else ConsentAddress(row["patient_key"])
    stage = MessageStage(row["stage"])
    return QueuedMessage(row["number"], parse_signed_message(row["message"]), key, stage, row["reason"])


def _emergency(row: sa.RowMapping) -> KeptEmergency:
    return KeptEmergency(
        institution=InstitutionId(row["institution"]),
        emergency=EmergencyId(row["emergency"]),
        salt=row["salt"],
        statement_sealed=row["statement_sealed"],
        opened_by=row["opened_by"],
        opened_at_ms=row["opened_at_ms"],
        reviewed_at_ms=row["reviewed_at_ms"],
    )
