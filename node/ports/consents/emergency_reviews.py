"""Which emergencies were read under, as supervision saw it in receipts, and when to ask whether they were reviewed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.consent_message import EmergencyId
from node.domain.entry import InstitutionId
from node.ports.records.transaction import RecordsTransaction
from node.supervision.consent_scope import PersonName
from node.supervision.findings import EntryPlace


@dataclass(frozen=True, slots=True)
class EmergencyUse:
    """A receipt that rests on an emergency."""

    emergency: EmergencyId
    """The emergency."""
    institution: InstitutionId
    """Who read, and has to have it reviewed."""
    place: EntryPlace
    """The receipt."""
    person: PersonName
    """Of whom; empty where it names nobody."""
    moment_ms: int
    """When, as it says, or when supervision saw it if that is earlier; unix ms."""


class EmergencyReviewStore(Protocol):
    """Keeps uses of emergencies."""

    def note(self, transaction: RecordsTransaction, uses: Sequence[EmergencyUse], look_at_ms: int) -> None:
        """Keep uses, and when to ask about their emergencies."""

    def due(self, now_ms: int, limit: int) -> list[EmergencyId]:
        """Return emergencies to ask about, the longest overdue first."""

    def uses(self, emergencies: Collection[EmergencyId]) -> list[EmergencyUse]:
        """Return all uses of some emergencies."""

    def look_again(self, transaction: RecordsTransaction, looks: Mapping[EmergencyId, int | None]) -> None:
        """Set when to ask about emergencies, unix ms; None for never again."""
