"""What was asked of the institutions here and how it was answered: retries are recognised by it, limits are counted by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from node.domain.access import AccessOutcome, ConsentId, RequestId
from node.domain.entry import InstitutionId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """A request that was answered, with its receipt in the same transaction."""

    requester: InstitutionId
    """Who asked."""
    request_id: RequestId
    """Its name; unique for the requester."""
    holder: InstitutionId
    """Who was asked."""
    digest: bytes
    """SHA-256 of the request as it was signed, 32 bytes."""
    outcome: AccessOutcome
    """Disclosed or denied."""
    consent: ConsentId | None
    """The consent under which it was disclosed."""
    clinician: bytes | None
    """Keyed digest of who cited an emergency; None for other requests."""
    answered_at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class EmergencyCount:
    """How many emergencies were cited within a window."""

    of_clinician: int
    """By one clinician."""
    of_institution: int
    """By the whole institution."""


class DisclosureStore(Protocol):
    """Keeps answers, in the caller's transaction."""

    def answered(self, transaction: RecordsTransaction, requester: InstitutionId, request_id: RequestId) -> AnsweredRequest | None:
        """Return how a request was answered last, or None."""

    def record(self, transaction: RecordsTransaction, answer: AnsweredRequest) -> None:
        """Keep an answer in place of the one before."""

    def uses(self, transaction: RecordsTransaction, holder: InstitutionId, consent: ConsentId, but: RequestId) -> int:
        """Return how many requests a holder disclosed under a consent, one of them not counted."""

    def denials(self, transaction: RecordsTransaction, holder: InstitutionId, requester: InstitutionId, since_ms: int) -> int:
        """Return how often a requester was denied since a time."""

    def emergencies(
        self, transaction: RecordsTransaction, requester: InstitutionId, clinician: bytes, since_ms: int, but: RequestId
    ) -> EmergencyCount:
        """Return how many emergencies were cited since a time, one request not counted."""
