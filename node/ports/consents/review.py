"""Which consents something was disclosed under, as supervision saw it in receipts, and what the chain said of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from node.domain.access import ConsentId
from node.ports.records.transaction import RecordsTransaction
from node.supervision.consented import ConsentUse, KnownConsent
from node.supervision.findings import EntryPlace


class ConsentReviewStore(Protocol):
    """Keeps receipts until they are judged, and the chain's answers for good."""

    def note(self, transaction: RecordsTransaction, uses: Sequence[ConsentUse], look_at_ms: int) -> None:
        """Keep receipts, and when to judge them, unix ms."""

    def due(self, now_ms: int, limit: int) -> list[ConsentUse]:
        """Return receipts to judge, the longest overdue first."""

    def known(self, consents: Collection[ConsentId]) -> dict[ConsentId, KnownConsent]:
        """Return what the chain said of some consents; those that it was never asked about are left out."""

    def remember(self, transaction: RecordsTransaction, answers: Mapping[ConsentId, KnownConsent]) -> None:
        """Keep what the chain says, in place of what it said before."""

    def judged(self, transaction: RecordsTransaction, places: Sequence[EntryPlace]) -> None:
        """Drop receipts that are judged."""

    def look_again(self, transaction: RecordsTransaction, places: Sequence[EntryPlace], look_at_ms: int) -> None:
        """Set when to judge receipts again, unix ms."""
