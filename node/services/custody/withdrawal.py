"""Withdraw consent altogether (PIPL 47): processing stops at once, what must be kept is locked, the rest is erased.

Order: first the transaction that stops processing and locks every record of the patient; then what the institution asserted is
revoked; then records whose retention period is over are erased one by one. A crash in between leaves records locked, which the
sweep erases once their time has come. Left out: whoever discloses or finds asks the store what is locked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from node.domain.access import ConsentId
from node.domain.entry import InstitutionId, Origin, RecordId
from node.domain.patient import PatientKeys
from node.domain.record import PatientNumber
from node.domain.retention import Care, Retention
from node.errors import RecordErasedError, UnknownPatientError, UnknownRecordError
from node.ports.clock import Clock, unix_ms
from node.ports.consents.store import ConsentRole, ConsentStore
from node.ports.custody.withdrawals import WithdrawalStore
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.transaction import EntryRow, PatientId, RecordsTransaction, RecordsWriter
from node.services.consents.grants import ConsentEvidence, ConsentService
from node.services.patients.index import PatientIndex
from node.services.patients.tag_counters import TagCounters
from node.services.records.erasure import ErasureService

log = structlog.get_logger(__name__)

_SWEPT_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What became of a patient's records."""

    locked: Mapping[RecordId, int]
    """Records that a retention period keeps, locked until then, unix ms."""
    erased: tuple[RecordId, ...]
    """Records that were erased."""
    revoked: tuple[ConsentId, ...]
    """Consents asserted by the institution that were revoked."""
    withdrawn_at_ms: int
    """When processing stopped, unix ms."""


@dataclass(frozen=True, slots=True)
class WithdrawalParts:
    """What the service is made of."""

    store: WithdrawalStore
    """Keeps locks."""
    consents: ConsentStore
    """Knows the patient's consents."""
    revoker: ConsentService | None
    """Revokes them; None where consents are off."""
    erasure: ErasureService
    """Erases records."""
    writer: RecordsWriter
    """The one writer."""
    patients: PatientIndex
    """Patients by number."""
    counters: TagCounters
    """Finds a patient's entries in the own logs."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Agrees on pairwise keys."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    clock: Clock
    """Tells the time."""


class WithdrawalService:
    """Stops processing for a patient."""

    def __init__(self, parts: WithdrawalParts, retention: Retention) -> None:
        self._parts = parts
        self._retention = retention

    def withdraw(self, institution: InstitutionId, number: PatientNumber, care: Care, evidence: ConsentEvidence) -> Withdrawn:
        """Stop processing for a patient of an institution.

        Args:
            institution: Whose patient.
            number: Its number for the patient.
            care: The patient's care there; inpatient where anything is: the longer period then holds for all.
            evidence: How the patient's will is known.

        Raises:
            UnknownPatientError: The institution has no keys of this patient.
        """
        parts = self._parts
        now_ms = unix_ms(parts.clock)
        patient, until = parts.writer.submit(
            lambda transaction: self._stop(transaction, institution, number, care, now_ms)
        ).result()
        revoked = self._revoke(institution, patient, evidence)
        due = [record_id for record_id, until_ms in until.items() if until_ms <= now_ms]
        for record_id in due:
            self._erase(institution, record_id)
        locked = {record_id: until_ms for record_id, until_ms in until.items() if until_ms > now_ms}
        log.info("consent_withdrawn", institution=institution, locked=len(locked), erased=len(due), revoked=len(revoked))
        return Withdrawn(locked, tuple(due), revoked, now_ms)

    def sweep(self) -> None:
        """Erase records whose retention period is over; the step of a loop."""
        expired = self._parts.store.expired(unix_ms(self._parts.clock), _SWEPT_AT_A_TIME)
        for record_id, institution in expired.items():
            self._erase(institution, record_id)

    def _stop(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        number: PatientNumber,
        care: Care,
        now_ms: int,
    ) -> tuple[PatientId, dict[RecordId, int]]:
        parts = self._parts
        mac = parts.patients.number_mac(number)
        row = transaction.patients_by_number(institution, [mac]).get(mac)
        if row is None:
            raise UnknownPatientError
        until: dict[RecordId, int] = {}
        for entry in self._entries(transaction, institution, parts.patients.keys_of(row)):
            if entry.record_id is None or entry.secret_id is None:
                continue
            recorded_at_ms = max(entry.staged_at_ms, entry.issued_at_ms or 0)
            kept_ms = self._retention.kept_until_ms(recorded_at_ms, care)
            until[entry.record_id] = max(kept_ms, until.get(entry.record_id, 0))
        parts.store.withdraw(transaction, institution, row.patient_id, now_ms)
        # all of them, those that are erased in a moment too: a crash in between must leave nothing open
        parts.store.lock(transaction, institution, until)
        return row.patient_id, until

    def _entries(self, transaction: RecordsTransaction, institution: InstitutionId, keys: PatientKeys) -> list[EntryRow]:
        parts, origin = self._parts, self._parts.origins[institution]
        pairwise = parts.identities[institution].pairwise_keys(keys.exchange_public_key)
        found: list[EntryRow] = []
        for key, tag_class in [*((key, 0) for key in keys.epoch_keys.values()), *((key, 1) for key in pairwise)]:
            found += parts.counters.given(transaction, parts.counters.key(origin, key, tag_class), key)
        return found

    def _revoke(self, institution: InstitutionId, patient: PatientId, evidence: ConsentEvidence) -> tuple[ConsentId, ...]:
        revoker = self._parts.revoker
        if revoker is None:
            return ()
        own = [
            kept.presented.consent
            for kept in self._parts.consents.consents(institution, patient)
            if kept.role is ConsentRole.ASSERTED and kept.revoked_at_ms is None
        ]
        for consent in own:
            revoker.revoke(institution, consent, evidence)
        return tuple(own)

    def _erase(self, institution: InstitutionId, record_id: RecordId) -> None:
        # one that was erased before has left its lock over
        with contextlib.suppress(RecordErasedError, UnknownRecordError):
            self._parts.erasure.erase(institution, record_id)
        self._parts.writer.submit(lambda transaction: self._parts.store.unlock(transaction, [record_id])).result()
