"""HMAC (RFC 2104) and HKDF (RFC 5869) with SHA-256, for the many short messages of a report.

Record preparation expands thirteen keys for an average report, so the single-block case has a function of its own. HMAC
is spelled out on `hashlib`: the standard library's one-shot form lets go of the interpreter's lock for every call, and a
busy process then waits longer for the lock than for the hash. Tested with Wycheproof's vectors.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from hashlib import _Hash as Hash

_HASH_BYTES: Final = 32
_MAX_BYTES: Final = 255 * _HASH_BYTES
_BLOCK_BYTES: Final = 64
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256, 32 bytes (RFC 2104 section 2)."""
    if len(key) > _BLOCK_BYTES:
        key = sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_OUTER) + sha256(block.translate(_INNER) + message).digest()).digest()


def hmac_states(key: bytes) -> tuple[Hash, Hash]:
    """Return the two hashes of HMAC-SHA256 that have taken the key, at most 64 bytes: copy them, and go on with each.

    The first takes the message, the second the digest of the first; for many messages under one key.
    """
    block = key.ljust(_BLOCK_BYTES, b"\0")
    return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))


class HmacKey:
    """A key of HMAC-SHA256, at most 64 bytes, that many messages are authenticated with: its blocks are hashed once."""

    __slots__ = ("_states",)

    def __init__(self, key: bytes) -> None:
        self._states = hmac_states(key)

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA256, 32 bytes."""
        inner, outer = self._states[0].copy(), self._states[1].copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def macs(self, messages: Iterable[bytes]) -> list[bytes]:
        """Return HMAC-SHA256 of each message; what thirteen calls of `mac` cost is the calls."""
        inner_state, outer_state = self._states
        found = []
        for message in messages:
            inner, outer = inner_state.copy(), outer_state.copy()
            inner.update(message)
            outer.update(inner.digest())
            found.append(outer.digest())
        return found


def hkdf_extract(salt: bytes, key_material: bytes) -> bytes:
    """Concentrate key material into a pseudorandom key of 32 bytes (RFC 5869 section 2.2)."""
    return hmac_sha256(salt or bytes(_HASH_BYTES), key_material)


def hkdf_expand(key: bytes, info: bytes, length_bytes: int = _HASH_BYTES) -> bytes:
    """Expand a pseudorandom key into `length_bytes` for the purpose that `info` names (RFC 5869 section 2.3).

    Raises:
        ValueError: More than 8,160 bytes were asked for.
    """
    if not 0 < length_bytes <= _MAX_BYTES:
        raise ValueError(f"HKDF-SHA256 gives 1 to {_MAX_BYTES} bytes, not {length_bytes}")
    blocks = [b""]
    for counter in range(1, -(-length_bytes // _HASH_BYTES) + 1):
        blocks.append(hmac_sha256(key, blocks[-1] + info + bytes((counter,))))
    return b"".join(blocks)[:length_bytes]


def expand_block(key: bytes, info: bytes) -> bytes:
    """Expand a pseudorandom key into one block of 32 bytes: `hkdf_expand` at its default length, and nothing else."""
    return hmac_sha256(key, info + b"\x01")


def hkdf_sha256(key_material: bytes, info: bytes, salt: bytes = b"") -> bytes:
    """Derive 32 bytes from key material for the purpose that `info` names; without a salt, RFC 5869's zero bytes."""
    return expand_block(hkdf_extract(salt, key_material), info)
