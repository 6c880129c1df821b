"""What must never be forgotten about logs: what is trusted of each, which are frozen, what was cosigned. Safe for threads.

Every write is durable when the call returns, and survives a power cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ledger.hashing import TreeSize
from ledger.witness import CosignedHead, CosignedHeads
from node.domain.entry import Origin


@dataclass(frozen=True, slots=True)
class FrozenLog:
    """A log that contradicted itself, or the chain; followed no further until an operator says so."""

    origin: Origin
    """The log."""
    kind: str
    """`fork`, `rollback` or `anchor`."""
    evidence: bytes
    """The evidence file (docs/spec/fork-evidence.md)."""
    frozen_at_ms: int
    """Unix ms."""


class TrustStore(Protocol):
    """Keeps what is trusted."""

    def followed(self, origin: Origin) -> bytes | None:
        """Return the follower's state of a log, as `ledger.follower.encode_state` made it."""

    def keep_followed(self, origin: Origin, state: bytes) -> None:
        """Replace the follower's state of a log."""

    def frozen(self) -> Mapping[Origin, FrozenLog]:
        """Return the logs that are frozen."""

    def freeze(self, frozen: FrozenLog) -> None:
        """Freeze a log; one that is frozen keeps its first evidence."""

    def unfreeze(self, origin: Origin, reason: str, now_ms: int) -> bool:
        """Let a log be followed again, keeping the evidence and the reason; False when it is not frozen."""

    def evidence(self, origin: Origin) -> bytes | None:
        """Return the newest evidence against a log, whether it is still frozen or not."""

    def witness(self, key_name: str) -> CosignedHeads:
        """Return what a cosign key has cosigned."""

    def witnessed_heads(self, origin: Origin) -> list[CosignedHead]:
        """Return the largest heads of a log that this node's cosign keys have cosigned."""


@dataclass(frozen=True, slots=True)
class CosignedCheckpoint:
    """A checkpoint of one of this node's logs, with the cosignatures of others."""

    origin: Origin
    """The log."""
    size: TreeSize
    """Its size."""
    note: bytes
    """The signed note, cosignatures included."""
    quorum: bool
    """Whether enough distinct other institutions cosigned."""


class CosignedStore(Protocol):
    """Keeps the last cosigned checkpoints of this node's logs."""

    def keep_cosigned(self, checkpoint: CosignedCheckpoint) -> None:
        """Keep a checkpoint, in place of the same one with fewer cosignatures; the oldest of a log go."""

    def cosigned(self, origin: Origin, above: int, up_to: int | None = None) -> CosignedCheckpoint | None:
        """Return the largest checkpoint with a quorum, of a size above one and up to another."""

    def cosigned_at(self, origin: Origin, size: int) -> CosignedCheckpoint | None:
        """Return the checkpoint of a size, whether with a quorum or not."""
