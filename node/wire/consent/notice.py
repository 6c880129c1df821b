"""What members tell each other of consents: one that was granted, sealed; one that was revoked (docs/spec/consent.md "Told")."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from ledger.notes import decode_base64
from node.domain.access import ConsentId
from node.errors import MalformedConsentError
from node.wire.consent.text import MAX_SCOPE_BYTES, decode_shape

NOTICE_VERSION: Final = 1
_MAX_BYTES: Final = 1024


class _Revocation(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    consent_id: Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


class _Granted(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    sealed: str


def encode_sealed_consent(sealed: bytes) -> bytes:
    """Encode the body of the message that brings a consent, sealed to its grantee's exchange key."""
    return msgspec.json.encode(_Granted(NOTICE_VERSION, b64encode(sealed).decode()))


def parse_sealed_consent(data: bytes) -> bytes:
    """Parse the body of that message; return what is sealed.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "granted consent", NOTICE_VERSION, _Granted, 4 * MAX_SCOPE_BYTES)
    sealed = decode_base64(shape.sealed)
    if sealed is None:
        raise MalformedConsentError("granted consent: sealed is not canonical base64")
    return sealed


def encode_revocation(consent: ConsentId) -> bytes:
    """Encode the message's body."""
    return msgspec.json.encode(_Revocation(NOTICE_VERSION, consent.hex()))


def parse_revocation(data: bytes) -> ConsentId:
    """Parse the message's body.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "revocation", NOTICE_VERSION, _Revocation, _MAX_BYTES)
    return ConsentId(bytes.fromhex(shape.consent_id))
