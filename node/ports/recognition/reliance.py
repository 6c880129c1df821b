"""Which recognitions rest on which results, what became of these results, and when to look at a recognition again.

One transaction notes what a step of the figures has read; one loop judges. Reads come from any thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import LeafReference
from node.ports.records.transaction import RecordsTransaction
from node.supervision.findings import EntryPlace
from node.supervision.reliance import Reliance, ReliancePart


@dataclass(frozen=True, slots=True)
class KeptReliance:
    """A recognition's use of a result, as it is kept."""

    reliance: Reliance
    """What was recognised."""
    seen_at_ms: int
    """When it was read, unix ms."""
    is_taken_back: bool
    """Whether the decision was reversed."""
    is_retrieved: bool
    """Whether whoever decided logged to have retrieved the result."""


@dataclass(frozen=True, slots=True)
class KeptReplacement:
    """What replaces a version of a result."""

    place: EntryPlace
    """The amendment, withdrawal or recall."""
    seen_at_ms: int
    """When it was read, unix ms."""
    is_withdrawal: bool
    """Whether the result is not to be relied on any more."""
    at_ms: int
    """When, as its entry claims, unix ms."""
    lifted_at_ms: int | None
    """When the recall was lifted, as the lifting claims, unix ms; None while it stands, and for what is no recall."""


class RelianceStore(Protocol):
    """Keeps recognitions, amendments, withdrawals, recalls, liftings and reversals, in whatever order they are read."""

    def note(self, transaction: RecordsTransaction, said: Sequence[ReliancePart], now_ms: int) -> None:
        """Keep what entries say, and have the recognitions that it concerns looked at."""

    def due(self, now_ms: int, limit: int) -> list[LeafReference]:
        """Return decisions to look at, the longest overdue first."""

    def reliances(self, decisions: Collection[LeafReference]) -> list[KeptReliance]:
        """Return what decisions rest on."""

    def replacements(self, results: Collection[LeafReference]) -> Mapping[LeafReference, Sequence[KeptReplacement]]:
        """Return what replaces versions of results at once; nothing for most."""

    def look_again(self, transaction: RecordsTransaction, looks: Mapping[LeafReference, int | None]) -> None:
        """Set when to look at decisions, unix ms; None for not until something new is read."""
