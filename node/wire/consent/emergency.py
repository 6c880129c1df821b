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
from node.domain.entry import InstitutionId
from node.identity.hkdf import hmac_sha256
from node.wire.consent.text import decode_shape
from node.wire.json_shape import TimeMs

STATEMENT_VERSION: Final = 1
MAX_REASON: Final = 1024
MAX_STATEMENT_BYTES: Final = 16 * 1024

_OPEN_LABEL: Final = b"concord/emergency/v1"
_REVIEW_LABEL: Final = b"concord/emergency-review/v1"
_Text = Annotated[str, Meta(max_length=256)]
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


class _Actor(msgspec.Struct, forbid_unknown_fields=True):
    institution: _Text
    department: _Text
    staff_number: _Text
    licence_number: _Text
    authentication: _Text
    role: _Text


class _Statement(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    actor: _Actor
    reason: _Reason
    patient_tag: _Hash | None
    opened_at_ms: TimeMs


class _Review(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    reviewer: _Actor
    justified: bool
    remark: Annotated[str, Meta(max_length=MAX_REASON)]
    reviewed_at_ms: TimeMs


def emergency_tag(epoch_key: bytes, emergency: EmergencyId) -> bytes:
    """Compute what says to who has K_e for whom an emergency was opened, 32 bytes."""
    return hmac_sha256(epoch_key, emergency)


def encode_statement(statement: EmergencyStatement) -> bytes:
    """Encode a statement."""
    tag = None if statement.patient_tag is None else statement.patient_tag.hex()
    shape = _Statement(STATEMENT_VERSION, _shape(statement.actor), statement.reason, tag, statement.opened_at_ms)
    return msgspec.json.encode(shape)


def parse_statement(data: bytes) -> EmergencyStatement:
    """Parse a statement.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "emergency statement", STATEMENT_VERSION, _Statement, MAX_STATEMENT_BYTES)
    actor = shape.actor
    return EmergencyStatement(
        actor=Actor(
            institution=InstitutionId(actor.institution),
            department=actor.department,
            staff_number=actor.staff_number,
            licence_number=actor.licence_number,
            authentication=actor.authentication,
            role=actor.role,
        ),
        reason=shape.reason,
        patient_tag=None if shape.patient_tag is None else bytes.fromhex(shape.patient_tag),
        opened_at_ms=shape.opened_at_ms,
    )


def encode_review(review: EmergencyReview) -> bytes:
    """Encode a review."""
    shape = _Review(STATEMENT_VERSION, _shape(review.reviewer), review.justified, review.remark, review.reviewed_at_ms)
    return msgspec.json.encode(shape)


def statement_digest(salt: bytes, statement: bytes) -> bytes:
    """Compute what the chain holds of a statement, 32 bytes."""
    return sha256(_OPEN_LABEL + salt + statement).digest()


def review_digest(salt: bytes, emergency: EmergencyId, review: bytes) -> bytes:
    """Compute what the chain holds of a review, 32 bytes."""
    return sha256(_REVIEW_LABEL + salt + emergency + review).digest()


def _shape(actor: Actor) -> _Actor:
    return _Actor(actor.institution, actor.department, actor.staff_number, actor.licence_number, actor.authentication, actor.role)
