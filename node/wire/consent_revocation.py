"""The message that tells a member of a revocation: no more than whose state to read anew (docs/spec/consent.md)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import ConsentId
from node.wire.consent_text import decode_shape

REVOCATION_VERSION: Final = 1
_MAX_BYTES: Final = 1024


class _Revocation(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    consent_id: Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


def encode_revocation(consent: ConsentId) -> bytes:
    """Encode the message's body."""
    return msgspec.json.encode(_Revocation(REVOCATION_VERSION, consent.hex()))


def parse_revocation(data: bytes) -> ConsentId:
    """Parse the message's body.

    Raises:
        MalformedConsentError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = decode_shape(data, "revocation", REVOCATION_VERSION, _Revocation, _MAX_BYTES)
    return ConsentId(bytes.fromhex(shape.consent_id))
