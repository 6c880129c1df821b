"""Which records claim marks, for which items, which claims have to be judged, and by which documents they were.

A claim is a place in the followed index: its header is opened again when it is judged. Items stand here as MACs that this node
alone can make. One loop notes and judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from node.domain.entry import InstitutionId
from node.domain.recognition import Pin
from node.ports.records.transaction import RecordsTransaction
from node.supervision.findings import EntryPlace

ItemName = NewType("ItemName", bytes)
"""Names an item, 32 bytes; empty for none."""


@dataclass(frozen=True, slots=True)
class KeptClaim:
    """A record that claims a mark."""

    place: EntryPlace
    """The record."""
    institution: InstitutionId
    """Whose."""
    performed_at_ms: int
    """When it was performed, unix ms."""
    items: tuple[ItemName, ...]
    """What its codes mean, as of when it was read or judged last; an empty name alone where they mean nothing."""


@dataclass(frozen=True, slots=True)
class ConcernedClaims:
    """Claims that have to be judged again."""

    institution: InstitutionId
    """Whose."""
    item: ItemName | None
    """Of which item; None for all."""
    from_ms: int
    """Performed from then on, unix ms."""
    before_ms: int
    """And before then, unix ms."""


class MarkStore(Protocol):
    """Keeps claims."""

    def note(self, transaction: RecordsTransaction, claims: Sequence[KeptClaim]) -> None:
        """Keep claims, to be judged."""

    def due(self, limit: int) -> list[EntryPlace]:
        """Return records whose claims have to be judged."""

    def judged(self, transaction: RecordsTransaction, claims: Sequence[KeptClaim], gone: Sequence[EntryPlace]) -> None:
        """Note what was judged, with what their codes mean now; and of which records nothing can be read any more."""

    def judge_again(self, transaction: RecordsTransaction, concerned: Sequence[ConcernedClaims], documents: Sequence[Pin]) -> None:
        """Have claims judged again, by these documents from now on."""

    def documents(self) -> tuple[Pin, ...]:
        """Return the documents that claims are judged by; none before the first time."""
