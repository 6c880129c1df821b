"""What supervision keeps of order lines: histories of persons at institutions, sealed, and when to judge them.

A history is named by a MAC of person and institution that this node alone can make. One transaction notes what a step of the
figures has read; one loop judges.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from node.domain.entry import InstitutionId, LeafReference, Origin
from node.ports.records.transaction import RecordsTransaction

HistoryName = NewType("HistoryName", bytes)
"""Names the order lines of one person at one institution, 32 bytes."""

CheckName = NewType("CheckName", bytes)
"""Names a check of one institution, 32 bytes."""


@dataclass(frozen=True, slots=True)
class KeptOrderNote:
    """What one entry says of order lines, as it is kept."""

    history: HistoryName
    """Where it belongs."""
    check: CheckName | None
    """The check that it is of, or that it names; None for neither."""
    is_check: bool
    """Whether it is what was checked: whoever names that check is judged by it, too."""
    weighs: bool
    """Whether the history has to be judged for it."""
    institution: InstitutionId
    """Whose log it is in."""
    origin: Origin
    """The log."""
    leaf_index: int
    """The entry."""
    number: int
    """Which of the entry's notes."""
    offered: tuple[LeafReference, ...]
    """Results of others that were offered: what becomes of them has the history judged again."""
    sealed: bytes
    """What it says, sealed for this node."""


class OrderStore(Protocol):
    """Keeps histories, in whatever order they are read."""

    def note(
        self,
        transaction: RecordsTransaction,
        notes: Sequence[KeptOrderNote],
        replaced: Collection[LeafReference],
        now_ms: int,
    ) -> None:
        """Keep what entries say, and have the histories that it concerns judged.

        Args:
            transaction: The transaction.
            notes: What entries say of order lines.
            replaced: Results of which it was read that they are amended, withdrawn or recalled.
            now_ms: Now, unix ms.
        """

    def due(self, now_ms: int, limit: int) -> list[HistoryName]:
        """Return histories to judge, the longest overdue first."""

    def histories(self, names: Collection[HistoryName]) -> Mapping[HistoryName, tuple[InstitutionId, Sequence[bytes]]]:
        """Return whose histories are, and their sealed notes, with those of the checks that their decisions name."""

    def look_again(self, transaction: RecordsTransaction, looks: Mapping[HistoryName, int | None]) -> None:
        """Set when to judge histories, unix ms; None for not until something new is read."""
