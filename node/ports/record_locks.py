"""Which records are kept and nothing else is done with them: the patient withdrew, a retention period runs (PIPL 47)."""

from __future__ import annotations

from typing import Protocol

from node.domain.entry import RecordId


class RecordLocks(Protocol):
    """Knows what is locked."""

    def locked(self, record_id: RecordId) -> bool:
        """Tell whether a record is locked."""
