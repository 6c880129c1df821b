"""Signed messages to the `consents` contract as JSON: how they are queued, and handed on by who could not send them.

An emergency that was signed while the chain was away is shown in this form. Left out: whose signature it has to be.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import ConsentId
from node.domain.consent_message import (
    ConsentMessage,
    EmergencyId,
    Grant,
    InstitutionGrant,
    InstitutionRevoke,
    MessageSignature,
    OpenEmergency,
    ReviewEmergency,
    Revoke,
    ScopeDigest,
    SignedMessage,
)
from node.domain.entry import Origin
from node.wire.consent.text import decode_shape

MESSAGE_VERSION: Final = 1
MAX_MESSAGE_BYTES: Final = 4096

_Hash = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]
_Origin = Annotated[str, Meta(min_length=1, max_length=255)]
_TimeS = Annotated[int, Meta(ge=0, le=2**40)]


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object: nothing unknown, nothing missing."""


class _Grant(_Shape, tag_field="type", tag="Grant"):
    id: _Hash
    scope: _Hash
    expires_at_s: _TimeS


class _Revoke(_Shape, tag_field="type", tag="Revoke"):
    id: _Hash


class _InstitutionGrant(_Shape, tag_field="type", tag="InstitutionGrant"):
    origin: _Origin
    id: _Hash
    scope: _Hash
    expires_at_s: _TimeS


class _InstitutionRevoke(_Shape, tag_field="type", tag="InstitutionRevoke"):
    origin: _Origin
    id: _Hash


class _OpenEmergency(_Shape, tag_field="type", tag="OpenEmergency"):
    origin: _Origin
    id: _Hash
    digest: _Hash


class _ReviewEmergency(_Shape, tag_field="type", tag="ReviewEmergency"):
    origin: _Origin
    id: _Hash
    digest: _Hash


_Message = _Grant | _Revoke | _InstitutionGrant | _InstitutionRevoke | _OpenEmergency | _ReviewEmergency


class _Signed(_Shape):
    format_version: int
    message: _Message
    v: Annotated[int, Meta(ge=27, le=28)]
    r: _Hash
    s: _Hash


def encode_signed_message(signed: SignedMessage) -> bytes:
    """Encode a signed message."""
    signature = signed.signature
    shape = _Signed(MESSAGE_VERSION, _shape(signed.message), signature.v, f"{signature.r:064x}", f"{signature.s:064x}")
    return msgspec.json.encode(shape)


def parse_signed_message(data: bytes) -> SignedMessage:
    """Parse a signed message; nothing of it is verified.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "consent message", MESSAGE_VERSION, _Signed, MAX_MESSAGE_BYTES)
    return SignedMessage(_message(shape.message), MessageSignature(shape.v, int(shape.r, 16), int(shape.s, 16)))


def _shape(message: ConsentMessage) -> _Message:
    match message:
        case Grant(consent, scope, expires_at_s):
            return _Grant(consent.hex(), scope.hex(), expires_at_s)
        case Revoke(consent):
            return _Revoke(consent.hex())
        case InstitutionGrant(origin, consent, scope, expires_at_s):
            return _InstitutionGrant(origin, consent.hex(), scope.hex(), expires_at_s)
        case InstitutionRevoke(origin, consent):
            return _InstitutionRevoke(origin, consent.hex())
        case OpenEmergency(origin, emergency, digest):
            return _OpenEmergency(origin, emergency.hex(), digest.hex())
        case ReviewEmergency(origin, emergency, digest):
            return _ReviewEmergency(origin, emergency.hex(), digest.hex())


def _message(shape: _Message) -> ConsentMessage:
    subject = bytes.fromhex(shape.id)
    match shape:
        case _Grant():
            return Grant(ConsentId(subject), ScopeDigest(bytes.fromhex(shape.scope)), shape.expires_at_s)
        case _Revoke():
            return Revoke(ConsentId(subject))
        case _InstitutionGrant():
            scope = ScopeDigest(bytes.fromhex(shape.scope))
            return InstitutionGrant(Origin(shape.origin), ConsentId(subject), scope, shape.expires_at_s)
        case _InstitutionRevoke():
            return InstitutionRevoke(Origin(shape.origin), ConsentId(subject))
        case _OpenEmergency():
            return OpenEmergency(Origin(shape.origin), EmergencyId(subject), bytes.fromhex(shape.digest))
        case _ReviewEmergency():
            return ReviewEmergency(Origin(shape.origin), EmergencyId(subject), bytes.fromhex(shape.digest))
