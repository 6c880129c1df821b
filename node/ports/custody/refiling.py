"""What re-filing a record under the right patient needs beside the ports of records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, RecordId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class WrongPatientNotice:
    """Word of another member that something which it disclosed is another patient's."""

    institution: InstitutionId
    """Who was told."""
    sender: InstitutionId
    """Whose record it is."""
    leaf_hash: bytes
    """The entry that was disclosed, 32 bytes."""
    withdrawal: bytes
    """The entry that withdraws it, 32 bytes."""
    told_at_ms: int
    """When, unix ms."""


class RefilingStore(Protocol):
    """Lets identities go, and keeps notices."""

    def release_identity(self, transaction: RecordsTransaction, record_id: RecordId) -> None:
        """Let what names a record name another one from now on."""

    def keep_notice(self, transaction: RecordsTransaction, notices: Sequence[WrongPatientNotice]) -> None:
        """Keep notices; those that are kept are passed over."""

    def notices(self, institution: InstitutionId, limit: int) -> list[WrongPatientNotice]:
        """Return an institution's notices, newest first."""
