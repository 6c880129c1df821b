"""Which consents something was disclosed under, and their documents, as supervision saw them; and which receipts to judge by these.

One transaction notes what a step of the figures has read; one loop judges. Persons stand here as MACs that this node alone can
make.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from node.domain.access import ConsentId
from node.ports.records.transaction import RecordsTransaction
from node.supervision.consent_scope import ConsentDocumented, ScopedUse
from node.supervision.findings import EntryPlace


class ConsentScopeStore(Protocol):
    """Keeps receipts and consent documents, in whatever order they are read."""

    def note(
        self,
        transaction: RecordsTransaction,
        uses: Sequence[ScopedUse],
        documents: Sequence[ConsentDocumented],
        now_ms: int,
        look_at_ms: int,
    ) -> None:
        """Keep what was read.

        Args:
            transaction: The transaction.
            uses: Receipts.
            documents: Documents; receipts under their consents are judged at once.
            now_ms: Now, unix ms.
            look_at_ms: When to judge receipts whose document has not been read, unix ms.
        """

    def due(self, now_ms: int, limit: int) -> list[ScopedUse]:
        """Return receipts to judge, the longest overdue first."""

    def documents(self, consents: Collection[ConsentId]) -> Mapping[ConsentId, Sequence[ConsentDocumented]]:
        """Return the documents of consents; those without one are left out."""

    def judged(self, transaction: RecordsTransaction, places: Sequence[EntryPlace]) -> None:
        """Have receipts judged no more until another document of their consent is read."""
