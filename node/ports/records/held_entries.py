"""Records that an institution here holds, by their place in its log: what a decision on disclosing one goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import LeafReference
from node.domain.record import Kind
from node.ports.records.own_entries import Labels
from node.ports.records.transaction import EntryRow, PatientRow


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """A version of a record, with what is known of it."""

    entry: EntryRow
    """The entry."""
    kind: Kind
    """Its record's kind."""
    is_erased: bool
    """Whether its record was erased."""
    patient: PatientRow | None
    """Whose it is; None where nobody knows."""
    header: bytes | None
    """Its sealed header, or None once it was deleted."""
    labels: Labels
    """What makes it sensitive."""


class HeldEntries(Protocol):
    """Reads them, from any thread."""

    def find(self, reference: LeafReference, leaf_index: int) -> HeldEntry | None:
        """Return the record's version at a place of an own log; None where there is none, or another entry."""
