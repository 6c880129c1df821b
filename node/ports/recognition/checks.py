"""Checks at order time, durable before they are answered; and which of them still go into the log."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class KeptCheck:
    """A check, sealed for this node."""

    check_id: CheckId
    """Names it."""
    institution: InstitutionId
    """Who orders."""
    checked_at_ms: int
    """When it was answered, unix ms."""
    hour_ms: int
    """The hour in which that was: its first moment, unix ms."""
    is_due: bool
    """Whether it goes into the log at the hour's end."""
    outcome: bytes
    """Who asked and what was answered, sealed."""
    patient: bytes
    """The patient's keys, sealed."""


class CheckStore(Protocol):
    """Keeps checks; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, check: KeptCheck) -> None:
        """Keep a check."""

    def check(self, institution: InstitutionId, check_id: CheckId) -> KeptCheck | None:
        """Return an institution's check; None for another institution's."""

    def due_hours(self, before_ms: int) -> Sequence[tuple[InstitutionId, int]]:
        """Return institutions and hours (first moment, unix ms) that began before a time and have checks to be logged."""

    def due(self, institution: InstitutionId, hour_ms: int) -> Sequence[KeptCheck]:
        """Return what is to be logged of an institution's hour, in the order in which it was answered."""

    def mark_logged(self, transaction: RecordsTransaction, checks: Collection[CheckId]) -> int:
        """Note that checks go into the log with this transaction; return how many of them were due."""

    def forget(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove checks of before a time, save those that are still to be logged or were decided on."""
