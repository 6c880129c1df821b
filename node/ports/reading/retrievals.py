"""Requests to other members on their way, durable until settled; and what came back, sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.access import RequestId
from node.domain.entry import InstitutionId
from node.domain.retrieval import RequestState, RetrievalId, RetrievalRequest
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class SealedOrder:
    """What a request needs to be sent and its receipt to be written, sealed for this node; gone once it is forgotten."""

    body: bytes
    """The request, as it is sent every time."""
    patient: bytes
    """The patient's keys."""


@dataclass(frozen=True, slots=True)
class StateChange:
    """What became of a request."""

    state: RequestState
    """The new state."""
    reason: str
    """Why, or empty."""
    attempts: int
    """In vain, so far."""
    next_attempt_at_ms: int
    """Not asked before, unix ms."""
    settled_at_ms: int | None
    """When it was settled, unix ms; None while it is open."""


class RetrievalStore(Protocol):
    """Keeps requests; writes join the caller's transaction."""

    def insert(self, transaction: RecordsTransaction, requests: Sequence[tuple[RetrievalRequest, SealedOrder]]) -> None:
        """Keep all requests of a retrieval, in their order."""

    def due(self, now_ms: int, limit: int) -> list[RetrievalRequest]:
        """Return open requests that are to be sent now, oldest first."""

    def order(self, request_id: RequestId) -> SealedOrder | None:
        """Return what a request needs; None once it was forgotten."""

    def request(self, request_id: RequestId) -> RetrievalRequest | None:
        """Return a request."""

    def retrieval(self, institution: InstitutionId, retrieval_id: RetrievalId) -> list[RetrievalRequest]:
        """Return an institution's requests that were ordered together, in order; none for another institution's."""

    def change(self, transaction: RecordsTransaction, request_id: RequestId, change: StateChange) -> bool:
        """Change a request's state; False where it was settled or forgotten meanwhile, and nothing was changed."""

    def keep_parts(self, transaction: RecordsTransaction, request_id: RequestId, parts: Sequence[tuple[int, bytes]]) -> None:
        """Keep parts that were verified, sealed; the head is number 0."""

    def drop_parts(self, transaction: RecordsTransaction, request_id: RequestId) -> None:
        """Remove what was kept of an answer."""

    def forget(self, transaction: RecordsTransaction, request_id: RequestId, at_ms: int) -> None:
        """Remove order and parts; the request stays as forgotten."""

    def open_count(self) -> int:
        """Return how many requests are open."""
