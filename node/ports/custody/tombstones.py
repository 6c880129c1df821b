"""Tombstones of own logs, and who has acknowledged them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, Origin
from node.ports.records.transaction import EntryRow, RecordsTransaction


@dataclass(frozen=True, slots=True)
class TombstoneRow:
    """A tombstone that was staged."""

    origin: Origin
    """The log."""
    leaf_index: int
    """Its place there."""
    institution: InstitutionId
    """Whose log."""
    target: bytes
    """Leaf hash of the entry whose header was deleted, 32 bytes."""
    staged_at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class TombstoneState:
    """How far a tombstone got."""

    tombstone: TombstoneRow
    """The tombstone."""
    acknowledged_at_ms: Mapping[InstitutionId, int | None]
    """When each member that was told deleted its copy of the header, unix ms; None: it has not said so."""

    @property
    def waiting(self) -> tuple[InstitutionId, ...]:
        """Return the members that have not acknowledged it."""
        return tuple(member for member, at_ms in self.acknowledged_at_ms.items() if at_ms is None)


class TombstoneRegister(Protocol):
    """Keeps tombstones and acknowledgements."""

    def insert(self, transaction: RecordsTransaction, tombstones: Sequence[TombstoneRow], members: Sequence[InstitutionId]) -> None:
        """Keep tombstones, and the members that are told."""

    def acknowledge(
        self, transaction: RecordsTransaction, origin: Origin, leaf_index: int, member: InstitutionId, at_ms: int
    ) -> None:
        """Keep a member's acknowledgement; the first one counts, and one that nobody waits for is passed over."""

    def forget(self, transaction: RecordsTransaction, entries: Sequence[EntryRow], *, bodies: bool) -> None:
        """Delete the headers of entries; with `bodies` also those, and the names of their secrets, which the sweep then takes."""

    def page(self, institution: InstitutionId, *, waiting: bool, limit: int) -> list[TombstoneState]:
        """Return an institution's tombstones, newest first; with `waiting` only those that some member has not acknowledged."""
