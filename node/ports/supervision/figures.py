"""What supervision keeps of figures: how far it read each log for them, and the events that it read, sealed.

One loop writes; reads come from any thread. Sums are kept nowhere: they are made of the events when a node starts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import Origin
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class FigureCursor:
    """How far a log was read."""

    next_index: int = 0
    """The first entry that was not read."""
    anchored_to: int = 0
    """The first entry whose anchor was not counted."""


@dataclass(frozen=True, slots=True)
class FiguresUpdate:
    """What one step read; kept whole or not at all."""

    cursors: Mapping[Origin, FigureCursor]
    """How far logs were read."""
    waiting: Collection[tuple[Origin, int]]
    """Entries whose header has not come."""
    arrived: Collection[tuple[Origin, int]]
    """Entries that were waiting and wait no longer."""
    sealed: bytes | None
    """The events, sealed; None where there are none."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to keep."""
        return not (self.cursors or self.waiting or self.arrived or self.sealed)


class FigureStore(Protocol):
    """Keeps what was read for figures."""

    def cursors(self) -> Mapping[Origin, FigureCursor]:
        """Return how far each log was read."""

    def waiting(self, limit: int) -> Mapping[Origin, Sequence[int]]:
        """Return entries whose header has not come, by log, lowest first; the limit counts over all logs."""

    def batches(self) -> Iterator[bytes]:
        """Yield all sealed events, in the order in which they were kept."""

    def keep(self, transaction: RecordsTransaction, update: FiguresUpdate) -> None:
        """Keep what a step read."""
