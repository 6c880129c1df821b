"""Messages to other members that have to arrive, and those that came: durable with whatever made or acted upon them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage, MessageId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message and how its delivery goes."""

    message: MemberMessage
    """The message."""
    attempts: int
    """How often it was sent in vain."""
    next_attempt_at_ms: int
    """Not before, unix ms."""
    last_error: str
    """Why the last attempt failed: the name of an error class; empty before the first."""
    acknowledged_at_ms: int | None
    """When the recipient had acted on it, unix ms."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is not acknowledged."""

    waiting: int
    """How many messages."""
    oldest_at_ms: int | None
    """When the oldest was told, unix ms."""


class OutboxStore(Protocol):
    """Keeps messages until, and a while after, they are acknowledged."""

    def enqueue(self, transaction: RecordsTransaction, messages: Sequence[MemberMessage]) -> None:
        """Keep messages, to be sent once the caller's transaction has committed; those already kept are passed over."""

    def due(self, now_ms: int, limit: int) -> list[OutboxRow]:
        """Return messages that are to be sent now, oldest first."""

    def acknowledge(self, transaction: RecordsTransaction, message_ids: Collection[MessageId], at_ms: int) -> None:
        """Note that recipients have acted on messages."""

    def postpone(
        self, transaction: RecordsTransaction, message_id: MessageId, attempts: int, next_attempt_at_ms: int, error: str
    ) -> None:
        """Note an attempt in vain."""

    def unacknowledged(self, sender: InstitutionId, limit: int) -> list[OutboxRow]:
        """Return an institution's messages that nobody has acknowledged yet, oldest first."""

    def about(self, sender: InstitutionId, kind: str, subject: str) -> list[OutboxRow]:
        """Return an institution's messages of a kind about a subject, acknowledged or not: who knows, and who does not."""

    def backlog(self) -> Backlog:
        """Return how much waits in all."""

    def prune(self, transaction: RecordsTransaction, acknowledged_before_ms: int) -> None:
        """Forget messages that were acknowledged long ago."""


class InboxStore(Protocol):
    """Knows which messages were acted on."""

    def accept(self, transaction: RecordsTransaction, message: MemberMessage, digest: bytes, at_ms: int) -> bytes | None:
        """Note a message as acted on, by the caller's commit; or return the digest under which its id is known already."""
