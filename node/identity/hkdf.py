"""HKDF with SHA-256 (RFC 5869) on the standard library's one-shot HMAC.

Record preparation expands thirteen keys for an average report, so the single-block case has a function of its own.
"""

from __future__ import annotations

from hmac import digest
from typing import Final

_HASH_BYTES: Final = 32
_MAX_BYTES: Final = 255 * _HASH_BYTES


def hkdf_extract(salt: bytes, key_material: bytes) -> bytes:
    """Concentrate key material into a pseudorandom key of 32 bytes (RFC 5869 section 2.2)."""
    return digest(salt or bytes(_HASH_BYTES), key_material, "sha256")


def hkdf_expand(key: bytes, info: bytes, length_bytes: int = _HASH_BYTES) -> bytes:
    """Expand a pseudorandom key into `length_bytes` for the purpose that `info` names (RFC 5869 section 2.3).

    Raises:
        ValueError: More than 8,160 bytes were asked for.
    """
    if not 0 < length_bytes <= _MAX_BYTES:
        raise ValueError(f"HKDF-SHA256 gives 1 to {_MAX_BYTES} bytes, not {length_bytes}")
    blocks = [b""]
    for counter in range(1, -(-length_bytes // _HASH_BYTES) + 1):
        blocks.append(digest(key, blocks[-1] + info + bytes((counter,)), "sha256"))
    return b"".join(blocks)[:length_bytes]


def expand_block(key: bytes, info: bytes) -> bytes:
    """Expand a pseudorandom key into one block of 32 bytes: `hkdf_expand` at its default length, and nothing else."""
    return digest(key, info + b"\x01", "sha256")


def hkdf_sha256(key_material: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """Derive 32 bytes from key material for the purpose that `info` names; without a salt, RFC 5869's zero bytes."""
    return expand_block(hkdf_extract(salt, key_material), info)
