"""Messages between members: told once, delivered until acknowledged (DESIGN section 5, "outbox")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from node.domain.entry import InstitutionId

MessageId = NewType("MessageId", str)
"""Names a message, 32 lower-case hex digits; whoever gets it twice acts on it once."""


@dataclass(frozen=True, slots=True)
class MemberMessage:
    """What one institution tells another."""

    message_id: MessageId
    """Its name."""
    kind: str
    """Whose handler it is for, such as `tombstone`."""
    sender: InstitutionId
    """Who tells it; in an envelope, whoever signed it."""
    recipient: InstitutionId
    """Whom."""
    subject: str
    """What it is about, such as a leaf hash in hex: lists of who has not acknowledged go by it. Never patient data."""
    body: bytes
    """One JSON value, as the kind defines it."""
    created_at_ms: int
    """When it was told, unix ms."""
