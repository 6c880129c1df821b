"""Nonces of signed requests: durable, and shared by all workers of a node, so that none counts twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class UsedNonce:
    """A nonce that a verified request bore."""

    key_id: str
    """The key that signed it."""
    nonce: str
    """Unique for that key."""
    forget_at_s: int
    """When no clock accepts its signature any more, unix s."""


class NonceStore(Protocol):
    """Remembers nonces in the caller's transaction."""

    def claim(self, transaction: RecordsTransaction, nonces: Sequence[UsedNonce], now_s: int) -> list[bool]:
        """Remember nonces and say of each whether it was new; forget those whose time is over."""
