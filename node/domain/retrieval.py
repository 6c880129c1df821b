"""What a requester asks other members for, and how far each request got (docs/spec/retrieval.md "Requester")."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from node.domain.access import RequestId
from node.domain.entry import InstitutionId, LeafReference, Version

RetrievalId = NewType("RetrievalId", str)
"""Names a retrieval, 32 lower-case hex digits: one or more requests that were ordered together."""


class RequestState(StrEnum):
    """How far a request got."""

    REQUESTED = "requested"
    """Durable here; not answered yet."""
    HOLDER_AWAY = "holder-away"
    """The holder did not answer; asked again later under the same request id."""
    RECEIVED = "received"
    """The holder's answer came, signed; it is being verified."""
    DENIED = "denied"
    """The holder refused, and signed that it did."""
    VERIFIED = "verified"
    """What came was verified, and is kept here."""
    REJECTED = "rejected"
    """What came was not what it has to be; nothing of it was kept."""
    FORGOTTEN = "forgotten"
    """The institution let go of it; the receipts stay in the logs."""


@dataclass(frozen=True, slots=True)
class Target:
    """An entry that is wanted, as the patient's keys found it."""

    reference: LeafReference
    """The entry."""
    leaf_index: int
    """Where it is in its log."""
    holder: InstitutionId
    """Whose log that is, as the registry says."""
    tag: bytes
    """The locator tag that the patient's key gives it, 32 bytes; empty for a relocated entry, whose relocation had it."""
    version: Version
    """The record's version, as the header says."""


@dataclass(frozen=True, slots=True)
class RetrievalRequest:
    """One request to one holder."""

    request_id: RequestId
    """Its name, on both sides."""
    retrieval_id: RetrievalId
    """With which others it was ordered."""
    institution: InstitutionId
    """Who asks."""
    target: Target
    """What for."""
    state: RequestState
    """How far it got."""
    reason: str
    """Why it was denied, rejected or not answered yet: a code or the name of an error class; else empty."""
    attempts: int
    """How often the holder was asked in vain."""
    next_attempt_at_ms: int
    """Not asked before, unix ms."""
    created_at_ms: int
    """When it was ordered, unix ms."""
    settled_at_ms: int | None
    """When it was denied, verified, rejected or forgotten, unix ms."""
