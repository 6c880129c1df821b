"""Open and review emergencies: access without consent, audited (FORMATS "Patient code", docs/spec/consent.md "Emergencies").

A named clinician states a reason; the institution signs, and the signed message goes to the chain, at once or when the chain is
back. What is shown to a holder proves itself before it is there. A second person reviews, and open reviews age in plain
sight. Left out: who is told at once (`services.disclosure` of the holder), and what may be read.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from node.domain.access import Actor
from node.domain.consent_message import EmergencyId, OpenEmergency, ReviewEmergency, SignedMessage
from node.domain.entry import InstitutionId, Origin
from node.domain.record import PatientNumber
from node.errors import EmergencyRateError, SecondPersonError, UnknownEmergencyError
from node.ports.clock import Clock, unix_ms
from node.ports.consents.store import ConsentSigner, ConsentStore, KeptEmergency
from node.ports.keys.signing import NodeKeys
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.patients.index import PatientIndex
from node.wire.consent.emergency import (
    EmergencyReview,
    EmergencyStatement,
    emergency_tag,
    encode_review,
    encode_statement,
    parse_statement,
    review_digest,
    statement_digest,
)

_PURPOSE = "emergency"
_ID_BYTES = 32
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class OpenedEmergency:
    """An emergency, and what shows it to a holder while the chain is away."""

    kept: KeptEmergency
    """What is kept of it."""
    statement: bytes
    """What its digest is of."""
    signed: SignedMessage
    """The message that opens it on chain."""


@dataclass(frozen=True, slots=True)
class EmergencyParts:
    """What the service is made of."""

    store: ConsentStore
    """Keeps emergencies."""
    signer: ConsentSigner
    """Signs for institutions on chain."""
    keys: NodeKeys
    """Seals statements, recognises persons."""
    patients: PatientIndex
    """Patients by number."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    queued: Callable[[], None]
    """Wakes whatever sends messages to the chain."""


class EmergencyService:
    """Emergencies of the hosted institutions."""

    def __init__(self, parts: EmergencyParts, max_per_hour: int) -> None:
        self._parts = parts
        self._max_per_hour = max_per_hour

    def open(self, institution: InstitutionId, actor: Actor, reason: str, number: PatientNumber | None) -> OpenedEmergency:
        """Open an emergency.

        Args:
            institution: Who reads.
            actor: The clinician, by name.
            reason: In words; goes into the statement, never into a log line.
            number: The institution's number for the patient; None where the patient is not known here.

        Raises:
            EmergencyRateError: This person has opened too many within an hour.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        emergency, salt = EmergencyId(secrets.token_bytes(_ID_BYTES)), secrets.token_bytes(_ID_BYTES)
        person = self._person(institution, actor)

        def work(transaction: RecordsTransaction) -> OpenedEmergency:
            if parts.store.emergencies_since(transaction, institution, person, now_ms - _HOUR_MS) >= self._max_per_hour:
                raise EmergencyRateError(self._max_per_hour)
            tag = self._tag(transaction, institution, number, emergency)
            statement = encode_statement(EmergencyStatement(actor, reason, tag, now_ms))
            message = OpenEmergency(parts.origins[institution], emergency, statement_digest(salt, statement))
            signed = parts.signer.sign(institution, message)
            sealed = parts.keys.seal(_PURPOSE, statement)
            kept = KeptEmergency(institution, emergency, salt, sealed, person, now_ms, None)
            parts.store.keep_emergency(transaction, kept)
            parts.store.queue(transaction, signed, None)
            return OpenedEmergency(kept, statement, signed)

        opened = parts.writer.submit(work).result()
        parts.queued()
        return opened

    def review(self, institution: InstitutionId, emergency: EmergencyId, review: EmergencyReview) -> KeptEmergency:
        """Review an emergency as a second person; the first review stays.

        Raises:
            UnknownEmergencyError: The institution opened no such emergency.
            SecondPersonError: The reviewer opened it.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        kept = parts.store.emergency(institution, emergency)
        if kept is None:
            raise UnknownEmergencyError(emergency.hex())
        if self._person(institution, review.reviewer) == kept.opened_by:
            raise SecondPersonError
        if kept.reviewed_at_ms is not None:
            return kept
        digest = review_digest(kept.salt, emergency, encode_review(replace(review, reviewed_at_ms=now_ms)))
        signed = parts.signer.sign(institution, ReviewEmergency(parts.origins[institution], emergency, digest))

        def work(transaction: RecordsTransaction) -> None:
            parts.store.mark_reviewed(transaction, emergency, now_ms)
            parts.store.queue(transaction, signed, None)

        parts.writer.submit(work).result()
        parts.queued()
        return replace(kept, reviewed_at_ms=now_ms)

    def cite(self, institution: InstitutionId, emergency: EmergencyId) -> OpenedEmergency:
        """Return what shows an emergency of the institution to a holder.

        Raises:
            UnknownEmergencyError: It opened no such emergency.
        """
        parts = self._parts
        kept = parts.store.emergency(institution, emergency)
        if kept is None:
            raise UnknownEmergencyError(emergency.hex())
        statement = parts.keys.open(_PURPOSE, kept.statement_sealed)
        message = OpenEmergency(parts.origins[institution], emergency, statement_digest(kept.salt, statement))
        # the same message signs to the same bytes as when it was opened
        return OpenedEmergency(kept, statement, parts.signer.sign(institution, message))

    def list(self, institution: InstitutionId) -> Sequence[tuple[KeptEmergency, EmergencyStatement]]:
        """Return the institution's emergencies with their statements, newest first."""
        return [
            (kept, parse_statement(self._parts.keys.open(_PURPOSE, kept.statement_sealed)))
            for kept in self._parts.store.emergencies(institution)
        ]

    def _person(self, institution: InstitutionId, actor: Actor) -> bytes:
        number = actor.staff_number.encode()
        return self._parts.keys.mac("emergency-person", institution.encode() + b"\0" + number)

    def _tag(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        number: PatientNumber | None,
        emergency: EmergencyId,
    ) -> bytes | None:
        if number is None:
            return None
        mac = self._parts.patients.number_mac(number)
        row = transaction.patients_by_number(institution, [mac]).get(mac)
        if row is None:
            return None
        keys = self._parts.patients.keys_of(row)
        return emergency_tag(keys.epoch_keys[max(keys.epoch_keys)], emergency)
