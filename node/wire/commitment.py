"""Commitments: salted part leaves under one Merkle root, opened part by part (FORMATS "Record", docs/spec/record.md).

A part leaf binds the part's number, media type, fullUrl and bytes under a salt of its own, so that a closed part
cannot be guessed; the commitment binds how many parts there are, which a bare Merkle root does not. Part 0 is the
manifest. The sealed body keeps all parts, under a key that goes with the secret: destroying the secret makes commitment
and body unopenable at once. Left out: what the manifest says (`manifest`), whether it fits (`opening`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING, Final, Protocol

from ledger.hashing import HASH_BYTES, LeafHash, NodeHash, hash_children, hash_level, root_of_leaves
from node.errors import (
    BodySealError,
    MalformedBodyError,
    PartNotCommittedError,
    UnknownFormatError,
    UnknownPartError,
)
from node.identity.hkdf import HmacKey, expand_block

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SECRET_BYTES: Final = 32
SALT_BYTES: Final = 32
MAX_PARTS: Final = 65_535
"""With the manifest; a count is a u32 in the formats."""

_SALT_LABEL: Final = b"concord/part-salt/v1"
_PART_LABEL: Final = b"\x00concord/part/v1"
_COMMITMENT_LABEL: Final = b"\x02concord/commitment/v1"
_BODY_LABEL: Final = b"concord/body/v1"
_BODY_MESSAGE: Final = _BODY_LABEL + b"\x01"
"""What HKDF-Expand authenticates for the body key, one block."""
_BODY_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_MAX_TEXT_BYTES: Final = 65_535
_MAX_CONTENT_BYTES: Final = 2**32 - 1

Entropy = Callable[[int], bytes]
"""Returns that many random bytes."""


class PartLike(Protocol):
    """What a part leaf binds; `node.domain.record.Part` is one."""

    @property
    def media_type(self) -> str:
        """Media type of the bytes."""

    @property
    def full_url(self) -> str:
        """The Bundle entry's fullUrl, or empty."""

    @property
    def content(self) -> bytes:
        """The exact bytes."""


@dataclass(frozen=True, slots=True)
class BodyPart:
    """One part as commitment and body hold it; its role is in the manifest."""

    media_type: str
    """Media type of the bytes."""
    full_url: str
    """The Bundle entry's fullUrl, or empty."""
    content: bytes
    """The exact bytes."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a log holds of a record, and what it is made of."""

    count: int
    """Number of parts, the manifest included."""
    root: bytes
    """Merkle root of the part leaves, 32 bytes."""
    value: bytes
    """What the leaf holds, 32 bytes."""


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """A body that opened its commitment."""

    parts: tuple[BodyPart, ...]
    """All parts, the manifest first."""


@dataclass(frozen=True, slots=True)
class DisclosedPart:
    """A part with what opens it; says nothing about the parts that stay closed."""

    number: int
    """Position in the record; 0 is the manifest."""
    media_type: str
    """Media type of the bytes."""
    full_url: str
    """The Bundle entry's fullUrl, or empty."""
    content: bytes
    """The exact bytes."""
    salt: bytes
    """32 bytes."""
    proof: tuple[bytes, ...]
    """RFC 9162 inclusion proof among the part leaves, from the sibling up; 32 bytes each."""


def part_salt(secret: bytes, number: int) -> bytes:
    """Derive the 32-byte salt of a part from the record secret."""
    return expand_block(secret, _SALT_LABEL + number.to_bytes(4, "big"))


def part_leaf(salt: bytes, number: int, part: PartLike) -> LeafHash:
    """Hash a part into its leaf, 32 bytes.

    Raises:
        ValueError: Media type or fullUrl exceed 65,535 bytes of UTF-8, or the salt has not 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return _hash_part(salt, number, _texts(part), part.content)


def _hash_part(salt: bytes, number: int, texts: bytes, content: bytes) -> LeafHash:
    return LeafHash(sha256(_PART_LABEL + salt + number.to_bytes(4, "big") + texts + content).digest())


def _texts(part: PartLike) -> bytes:
    """Encode a part's media type and fullUrl as leaf and body hold them."""
    return _media_type(part.media_type) + _text(part.full_url)


def _text(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > _MAX_TEXT_BYTES:
        raise ValueError(f"media type and fullUrl have at most {_MAX_TEXT_BYTES} bytes each")
    return len(encoded).to_bytes(2, "big") + encoded


_media_type: Final = lru_cache(maxsize=64)(_text)
"""For media types, of which there are few."""


def commitment_value(count: int, root: bytes) -> bytes:
    """Bind a Merkle root of part leaves to the number of parts; 32 bytes."""
    return sha256(_COMMITMENT_LABEL + count.to_bytes(4, "big") + root).digest()


def commit(secret: bytes, parts: Sequence[PartLike]) -> Commitment:
    """Commit to a record.

    Args:
        secret: 32 random bytes that are used for this record version only.
        parts: All parts, the manifest first.

    Raises:
        ValueError: Wrong length of the secret, no part, too many, or texts that are too long.
    """
    return _commitment(_leaves(secret, parts))


def commit_and_seal(secret: bytes, parts: Sequence[PartLike], entropy: Entropy = os.urandom) -> tuple[Commitment, bytes]:
    """Commit to a record and seal its body: `commit` and `seal_body` in one, as what both need is worked out once.

    Raises:
        ValueError: As `commit` and `seal_body`.
    """
    _check_secret(secret)
    key, texts = HmacKey(secret), [_texts(part) for part in parts]
    commitment = _commitment(_hash_parts(key, parts, texts))
    return commitment, _seal(_cipher(key.mac(_BODY_MESSAGE)), commitment.value, _encode_parts(parts, texts), entropy)


def _commitment(leaves: Sequence[LeafHash]) -> Commitment:
    root = root_of_leaves(leaves)
    return Commitment(len(leaves), root, commitment_value(len(leaves), root))


def disclose_parts(secret: bytes, parts: Sequence[PartLike], numbers: Collection[int]) -> tuple[DisclosedPart, ...]:
    """Open chosen parts, in order of their numbers, each once; the salts of the others stay closed.

    Raises:
        UnknownPartError: The record has no such part.
        ValueError: As `commit`.
    """
    levels = [b"".join(_leaves(secret, parts))]
    while len(levels[-1]) > HASH_BYTES:
        even = len(levels[-1]) // (2 * HASH_BYTES) * (2 * HASH_BYTES)
        levels.append(hash_level(levels[-1][:even]) + levels[-1][even:])
    return tuple(_disclose(secret, parts, number, levels) for number in sorted(set(numbers)))


def verify_parts(commitment: bytes, count: int, disclosed: Sequence[DisclosedPart]) -> None:
    """Verify that parts open a commitment.

    Args:
        commitment: 32 bytes from the leaf.
        count: Number of parts, as the manifest says.
        disclosed: The parts; at least one.

    Raises:
        PartNotCommittedError: A part is not the one that was committed to at its number, or the record has another
            number of parts; names the first.
    """
    if not disclosed:
        raise PartNotCommittedError(0, "nothing was disclosed")
    for part in disclosed:
        if not compare_digest(commitment_value(count, root_of_part(part, count)), commitment):
            raise PartNotCommittedError(part.number, "bytes, salt, fullUrl, media type, number or proof differ")


def root_of_part(part: DisclosedPart, count: int) -> bytes:
    """Compute the root to which a part's proof leads in a record of `count` parts (RFC 9162 section 2.1.3.2).

    Raises:
        PartNotCommittedError: No such part in a record of that size, or a proof of another length.
    """
    at, last = part.number, count - 1
    if not 0 <= at <= last < MAX_PARTS:
        raise PartNotCommittedError(part.number, f"a record of {count} parts has no such part")
    try:
        node: bytes = part_leaf(part.salt, part.number, part)
    except ValueError as error:
        raise PartNotCommittedError(part.number, str(error)) from error
    path = iter(part.proof)
    while last:
        # the last node of a level with an odd number of them passes up unchanged
        if at & 1 or at < last:
            sibling = next(path, b"")
            if len(sibling) != HASH_BYTES:
                raise PartNotCommittedError(part.number, "its proof is too short, or holds something else than hashes")
            node = hash_children(sibling, node) if at & 1 else hash_children(node, sibling)
        at, last = at >> 1, last >> 1
    if next(path, None) is not None:
        raise PartNotCommittedError(part.number, "its proof is too long")
    return node


def encode_parts(parts: Sequence[PartLike]) -> bytes:
    """Encode parts so that they can be read in one way only: their number, then each with its lengths.

    Raises:
        ValueError: Media type or fullUrl exceed 65,535 bytes, or content exceeds 2^32 - 1 bytes.
    """
    return _encode_parts(parts, [_texts(part) for part in parts])


def _encode_parts(parts: Sequence[PartLike], texts: Sequence[bytes]) -> bytes:
    pieces = [len(parts).to_bytes(4, "big")]
    for part, text in zip(parts, texts, strict=True):
        content = part.content
        if len(content) > _MAX_CONTENT_BYTES:
            raise ValueError(f"content has at most {_MAX_CONTENT_BYTES} bytes")
        pieces += (text, len(content).to_bytes(4, "big"), content)
    return b"".join(pieces)


def parse_parts(data: bytes) -> tuple[BodyPart, ...]:
    """Parse encoded parts.

    Raises:
        MalformedBodyError: Cut off, more than it says, or a text that is not UTF-8.
    """
    count, at = int.from_bytes(data[:4], "big"), 4
    if len(data) < at or not 0 < count <= MAX_PARTS:
        raise MalformedBodyError(f"parts: a record has 1 to {MAX_PARTS} parts, the manifest included")
    parts = []
    try:
        for _ in range(count):
            media_type, at = _take(data, at, 2)
            full_url, at = _take(data, at, 2)
            content, at = _take(data, at, 4)
            parts.append(BodyPart(media_type.decode(), full_url.decode(), content))
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"parts: media type or fullUrl of part {len(parts)} is not UTF-8") from error
    if at != len(data):
        raise MalformedBodyError(f"parts: {len(data) - at} bytes follow the last part")
    return tuple(parts)


def seal_body(secret: bytes, commitment: bytes, parts: Sequence[PartLike], entropy: Entropy = os.urandom) -> bytes:
    """Encrypt all parts of a record under a key that is derived from its secret.

    Args:
        secret: The record secret.
        commitment: 32 bytes; the body opens for this commitment only.
        parts: All parts, the manifest first.
        entropy: Draws the nonce.

    Raises:
        ValueError: As `encode_parts`.
    """
    return _seal(_body_cipher(secret), commitment, encode_parts(parts), entropy)


def _seal(cipher: AESGCM, commitment: bytes, plaintext: bytes, entropy: Entropy) -> bytes:
    nonce = entropy(_NONCE_BYTES)
    return bytes((_BODY_VERSION,)) + nonce + cipher.encrypt(nonce, plaintext, commitment)


def open_body(secret: bytes, sealed: bytes, commitment: bytes) -> OpenedBody:
    """Decrypt a body and verify that its parts open the commitment.

    Raises:
        BodySealError: It does not open: altered, or another record's.
        PartNotCommittedError: It opens, but its parts are not those that were committed to.
        MalformedBodyError: It opens, but holds no parts.
        UnknownFormatError: A version that this release does not know.
    """
    if sealed[:1] != bytes((_BODY_VERSION,)):
        raise UnknownFormatError("body version", sealed[0] if sealed else None)
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    parts = parse_parts(_decrypt(secret, nonce, ciphertext, commitment))
    if not compare_digest(commit(secret, parts).value, commitment):
        raise PartNotCommittedError(0, "the body's parts make another commitment")
    return OpenedBody(parts)


def _body_cipher(secret: bytes) -> AESGCM:
    _check_secret(secret)
    return _cipher(expand_block(secret, _BODY_LABEL))


def _cipher(key: bytes) -> AESGCM:
    return _aes_gcm()(key)


@cache
def _aes_gcm() -> type[AESGCM]:
    # imported late: whoever only verifies evidence has no use for it, and it takes 40 ms
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

    return AESGCM


def _check_secret(secret: bytes) -> None:
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a record secret has {SECRET_BYTES} bytes, not {len(secret)}")


def _decrypt(secret: bytes, nonce: bytes, ciphertext: bytes, commitment: bytes) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in _aes_gcm

    try:
        return _body_cipher(secret).decrypt(nonce, ciphertext, commitment)
    except (InvalidTag, ValueError) as error:
        raise BodySealError from error


def _take(data: bytes, at: int, width_bytes: int) -> tuple[bytes, int]:
    start = at + width_bytes
    end = start + int.from_bytes(data[at:start], "big")
    if start > len(data) or end > len(data):
        raise MalformedBodyError("parts: cut off in the middle of a part")
    return data[start:end], end


def _leaves(secret: bytes, parts: Sequence[PartLike]) -> list[LeafHash]:
    _check_secret(secret)
    return _hash_parts(HmacKey(secret), parts, [_texts(part) for part in parts])


def _hash_parts(key: HmacKey, parts: Sequence[PartLike], texts: Sequence[bytes]) -> list[LeafHash]:
    if not 0 < len(parts) <= MAX_PARTS:
        raise ValueError(f"a record has 1 to {MAX_PARTS} parts, the manifest included, not {len(parts)}")
    salts = key.macs([_SALT_LABEL + number.to_bytes(4, "big") + b"\x01" for number in range(len(parts))])
    return [
        _hash_part(salt, number, text, part.content)
        for number, (salt, text, part) in enumerate(zip(salts, texts, parts, strict=True))
    ]


def _disclose(secret: bytes, parts: Sequence[PartLike], number: int, levels: Sequence[bytes]) -> DisclosedPart:
    if not 0 <= number < len(parts):
        raise UnknownPartError(number, len(parts))
    part = parts[number]
    return DisclosedPart(number, part.media_type, part.full_url, part.content, part_salt(secret, number), _proof(number, levels))


def _proof(number: int, levels: Sequence[bytes]) -> tuple[NodeHash, ...]:
    proof = []
    for level, hashes in enumerate(levels):
        start = (number >> level ^ 1) * HASH_BYTES
        sibling = hashes[start : start + HASH_BYTES]
        if sibling and len(hashes) > HASH_BYTES:
            proof.append(NodeHash(sibling))
    return tuple(proof)
