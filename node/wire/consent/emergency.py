"""Statements of emergencies and of their reviews, whose salted digests are on chain (docs/spec/consent.md "Emergencies")."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import Actor
from node.domain.consent_message import EmergencyId
from node.identity.hkdf import hmac_sha256
from node.wire.actors import ActorText, actor_of, text_of_actor
from node.wire.consent.text import decode_shape
from node.wire.json_shape import TimeMs

STATEMENT_VERSION: Final = 1
MAX_REASON: Final = 1024
MAX_STATEMENT_BYTES: Final = 16 * 1024

_OPEN_LABEL: Final = b"concord/emergency/v1"
_REVIEW_LABEL: Final = b"concord/emergency-review/v1"
_Reason = Annotated[str, Meta(min_length=1, max_length=MAX_REASON)]
_Hash = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


@dataclass(frozen=True, slots=True)
class EmergencyStatement:
    """Who reads without consent, why, for whom."""

    actor: Actor
    """The clinician."""
    reason: str
    """In words."""
    patient_tag: bytes | None
    """HMAC-SHA256(K_e, emergency id), 32 bytes; None where no key of the patient is here yet."""
    opened_at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class EmergencyReview:
    """What a second person found."""

    reviewer: Actor
    """Another person than the clinician."""
    justified: bool
    """Whether the emergency was one."""
    remark: str
    """In words."""
    reviewed_at_ms: int
    """When, unix ms."""


class _Statement(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    actor: ActorText
    reason: _Reason
    patient_tag: _Hash | None
    opened_at_ms: TimeMs


class _Review(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    reviewer: ActorText
    justified: bool
    remark: Annotated[str, Meta(max_length=MAX_REASON)]
    reviewed_at_ms: TimeMs


def emergency_tag(epoch_key: bytes, emergency: EmergencyId) -> bytes:
    """Compute what says to who has K_e for whom an emergency was opened, 32 bytes."""
    return hmac_sha256(epoch_key, emergency)


def encode_statement(statement: EmergencyStatement) -> bytes:
    """Encode a statement."""
    tag = None if statement.patient_tag is None else statement.patient_tag.hex()
    shape = _Statement(STATEMENT_VERSION, text_of_actor(statement.actor), statement.reason, tag, statement.opened_at_ms)
    return msgspec.json.encode(shape)


def parse_statement(data: bytes) -> EmergencyStatement:
    """Parse a statement.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "emergency statement", STATEMENT_VERSION, _Statement, MAX_STATEMENT_BYTES)
    return EmergencyStatement(
        actor=actor_of(shape.actor),
        reason=shape.reason,
        patient_tag=None if shape.patient_tag is None else bytes.fromhex(shape.patient_tag),
        opened_at_ms=shape.opened_at_ms,
    )


def encode_review(review: EmergencyReview) -> bytes:
    """Encode a review."""
    shape = _Review(STATEMENT_VERSION, text_of_actor(review.reviewer), review.justified, review.remark, review.reviewed_at_ms)
    return msgspec.json.encode(shape)


def statement_digest(salt: bytes, statement: bytes) -> bytes:
    """Compute what the chain holds of a statement, 32 bytes."""
    return sha256(_OPEN_LABEL + salt + statement).digest()


def review_digest(salt: bytes, emergency: EmergencyId, review: bytes) -> bytes:
    """Compute what the chain holds of a review, 32 bytes."""
    return sha256(_REVIEW_LABEL + salt + emergency + review).digest()
