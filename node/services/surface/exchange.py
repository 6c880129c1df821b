"""What a node shares with other members, as the API sees it; there is none without a chain, whose registry says who they are."""

from __future__ import annotations

from dataclasses import dataclass

from node.services.members.inbox import Inbox
from node.services.members.outbox import Outbox
from node.services.members.signed_requests import SignedRequests


@dataclass(frozen=True, slots=True)
class Exchange:
    """The services."""

    signed: SignedRequests
    """Recognises members, and signs answers."""
    inbox: Inbox
    """Messages of other members."""
    outbox: Outbox
    """Messages to other members."""
