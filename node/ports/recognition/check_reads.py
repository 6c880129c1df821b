"""How far all followed logs had been read for checks at order time: kept beside them, for certificates of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.recognition_acts import CheckId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class KeptRead:
    """How far the logs had been read for one check."""

    check_id: CheckId
    """The check."""
    logs: bytes
    """Logs and sizes, sealed for this node."""


class CheckReadStore(Protocol):
    """Keeps lists; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, reads: Sequence[KeptRead]) -> None:
        """Keep lists."""

    def read(self, check_id: CheckId) -> KeptRead | None:
        """Return the list of a check; None where none was kept."""

    def forget(self, transaction: RecordsTransaction) -> None:
        """Remove the lists of checks that are not kept any more."""
