"""Other nodes, as services see them: their logs, their headers, their witnesses. Nothing that they answer is believed unproved.

Every call may raise a `ledger.errors.StorageError` (no answer, or one that makes no sense), `UnauthenticatedError` or
`ForbiddenError`. Left out: how a node shows who it is; adapters add that to every request in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.hashing import LeafIndex
from ledger.tiles import Resource
from node.domain.entry import InstitutionId
from node.domain.trust import TrustedLog


class FollowedPeer(Protocol):
    """One log, where it is served."""

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint, a signed note; None before the first."""

    def read(self, resources: Sequence[Resource]) -> list[bytes]:
        """Return the contents of tiles and bundles, in the order asked.

        Raises:
            ResourceMissingError: One of them is not there.
        """

    def headers(self, start: LeafIndex, count: int) -> list[tuple[int, bytes | None]]:
        """Return (leaf index, header or None when deleted) of entries from an index on; fewer at the end.

        Raises:
            WireError: The answer is no page of headers.
        """


class Peers(Protocol):
    """Opens logs, this node's own included."""

    def log(self, log: TrustedLog) -> FollowedPeer:
        """Return a log of the consortium where it is served; nothing is asked yet."""


@dataclass(frozen=True, slots=True)
class WitnessReply:
    """What a witness answered."""

    status: int
    """HTTP status."""
    body: bytes
    """Its body."""
    media_type: str | None
    """Of the body."""


class WitnessPeers(Protocol):
    """Asks witnesses of other institutions."""

    def add_checkpoint(self, institution: InstitutionId, body: bytes) -> WitnessReply:
        """Send a C2SP tlog-witness request to an institution's witness.

        Raises:
            StorageError: It does not answer, or no endpoint of it is known.
        """
