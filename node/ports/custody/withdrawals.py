"""Withdrawals of consent altogether, and the records that a retention period keeps locked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from node.domain.entry import InstitutionId, RecordId
from node.ports.records.transaction import PatientId, RecordsTransaction


class WithdrawalStore(Protocol):
    """What a node keeps of withdrawals, in `records.db`; writes join the caller's transaction."""

    def withdraw(self, transaction: RecordsTransaction, institution: InstitutionId, patient: PatientId, at_ms: int) -> None:
        """Note that processing for a patient stops; the first time counts."""

    def lock(self, transaction: RecordsTransaction, institution: InstitutionId, records: Mapping[RecordId, int]) -> None:
        """Lock records until a time, unix ms; a lock is never shortened."""

    def unlock(self, transaction: RecordsTransaction, records: Collection[RecordId]) -> None:
        """Forget locks of records that were erased."""

    def is_withdrawn(self, institution: InstitutionId, patient: PatientId) -> bool:
        """Tell whether processing for a patient has stopped."""

    def locked(self, records: Collection[RecordId]) -> Mapping[RecordId, int]:
        """Return those of these records that are locked, and until when, unix ms."""

    def expired(self, now_ms: int, limit: int) -> Mapping[RecordId, InstitutionId]:
        """Return records whose lock is over, with their institutions."""
