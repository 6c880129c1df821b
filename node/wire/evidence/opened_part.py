"""One opened part in binary, as a frame of a disclosure and as a row of what was retrieved (docs/spec/retrieval.md "Stream").

number u16 · salt 32 · u8 count · that many hashes of 32 · u16 length · fullUrl · content to the end. Left out: what it proves
(`node.wire.commitment`).
"""

from __future__ import annotations

import struct
from typing import Final

from ledger.hashing import HASH_BYTES
from node.errors import MalformedDisclosureError
from node.wire.evidence.file import OpenedPart

_HEAD: Final = struct.Struct(f">H{HASH_BYTES}sB")
_LENGTH: Final = struct.Struct(">H")
_MAX_PROOF: Final = 32


def encode_opened_part(part: OpenedPart) -> bytes:
    """Encode a part and what opens it."""
    url = part.full_url.encode()
    head = _HEAD.pack(part.number, part.salt, len(part.proof))
    return b"".join((head, *part.proof, _LENGTH.pack(len(url)), url, part.content))


def decode_opened_part(data: bytes) -> OpenedPart:
    """Decode a part; nothing of it is verified.

    Raises:
        MalformedDisclosureError: It is none.
    """
    try:
        number, salt, count = _HEAD.unpack_from(data)
        at = _HEAD.size + count * HASH_BYTES
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        url = data[at : at + length].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise MalformedDisclosureError("a part is cut off or no part") from error
    if count > _MAX_PROOF or len(data) < at + length:
        raise MalformedDisclosureError("a part is cut off or no part")
    proof = tuple(data[_HEAD.size + i * HASH_BYTES : _HEAD.size + (i + 1) * HASH_BYTES] for i in range(count))
    return OpenedPart(number, url, salt, proof, data[at + length :])
