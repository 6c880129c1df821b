"""One-time links to results: what is kept of each, so that it is used once, in time, and for what it was made for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class KeptView:
    """A link, without the token that opens it."""

    token_hash: bytes
    """SHA-256 of the token, 32 bytes; the token itself is nowhere."""
    institution: InstitutionId
    """Whose clinician it was made for."""
    check_id: CheckId
    """The check whose answer bore it."""
    expires_at_ms: int
    """Until when it opens, unix ms."""
    used_at_ms: int | None
    """When it was used, unix ms; None while it was not."""
    content: bytes
    """Patient, order line and results, sealed for this node."""


class ViewStore(Protocol):
    """Keeps links; writes join the caller's transaction."""

    def keep(self, transaction: RecordsTransaction, views: Sequence[KeptView]) -> None:
        """Keep links."""

    def view(self, token_hash: bytes) -> KeptView | None:
        """Return a link."""

    def use(self, transaction: RecordsTransaction, token_hash: bytes, at_ms: int) -> bool:
        """Use a link up; False where it was used before, has expired, or is none."""

    def sweep(self, transaction: RecordsTransaction, before_ms: int) -> None:
        """Remove links that expired before a time."""
