"""What the `consents` contract is told, message by message, and by whom it was signed (docs/spec/contracts.md).

Every message is EIP-712 typed data of 32-byte words only. Left out: hashing and signing (`node.identity.typed_data`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from node.domain.access import ConsentId
from node.domain.entry import Origin

EmergencyId = NewType("EmergencyId", bytes)
"""Names an emergency: 32 random bytes, used once."""

ScopeDigest = NewType("ScopeDigest", bytes)
"""Salted digest of a consent's scope, 32 bytes: all that the chain has of it."""

ConsentAddress = NewType("ConsentAddress", bytes)
"""Account of the key that a patient made for one consent, 20 bytes."""


@dataclass(frozen=True, slots=True)
class ContractDomain:
    """What binds a signature to one contract on one chain."""

    chain_id: int
    """EIP-155 chain id."""
    contract: bytes
    """Address of `consents`, 20 bytes."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A patient grants."""

    consent: ConsentId
    """Its id."""
    scope: ScopeDigest
    """What is granted, digested."""
    expires_at_s: int
    """Until when (exclusive), unix s."""


@dataclass(frozen=True, slots=True)
class Revoke:
    """A patient revokes."""

    consent: ConsentId
    """Which consent."""


@dataclass(frozen=True, slots=True)
class InstitutionGrant:
    """An institution asserts a grant."""

    origin: Origin
    """An open log of the institution, in whose name its anchor key signs."""
    consent: ConsentId
    """Its id."""
    scope: ScopeDigest
    """What is granted, digested."""
    expires_at_s: int
    """Until when (exclusive), unix s."""


@dataclass(frozen=True, slots=True)
class InstitutionRevoke:
    """An institution revokes what it granted."""

    origin: Origin
    """An open log of the institution."""
    consent: ConsentId
    """Which consent."""


@dataclass(frozen=True, slots=True)
class OpenEmergency:
    """An institution reads without consent, and owes a review."""

    origin: Origin
    """An open log of the institution."""
    emergency: EmergencyId
    """Its id."""
    digest: bytes
    """Salted digest of who, why and for whom, 32 bytes."""


@dataclass(frozen=True, slots=True)
class ReviewEmergency:
    """A second person of the institution has reviewed an emergency."""

    origin: Origin
    """An open log of the institution."""
    emergency: EmergencyId
    """Which emergency."""
    digest: bytes
    """Salted digest of the review, 32 bytes."""


PatientMessage = Grant | Revoke
"""What a patient's key for one consent signs."""

InstitutionMessage = InstitutionGrant | InstitutionRevoke | OpenEmergency | ReviewEmergency
"""What an institution's anchor key signs."""

ConsentMessage = PatientMessage | InstitutionMessage
"""Whatever the contract takes."""


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """A secp256k1 signature in the one form that the contract takes."""

    v: int
    """27 or 28."""
    r: int
    """r."""
    s: int
    """The lower s."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A message that anybody may send on, with its signature."""

    message: ConsentMessage
    """What is said."""
    signature: MessageSignature
    """By whom."""
