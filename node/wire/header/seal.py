"""Sealed headers: readable by who has the patient's key and by supervision, random to everyone else (docs/spec/header.md).

version u8 = 1 · key commitment 32 · nonce 24 · u8 number of wraps · wraps · ciphertext. Sealing has two halves:
`prepare_header` draws the data key and wraps it for supervision, which is slow and needs no tag; `seal_header` does the
rest in the staging transaction, where the tag is allocated. XChaCha20-Poly1305 does not commit to its key: without the
key commitment a writer could show readers and supervision different headers under one digest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_box_seal,
    crypto_box_seal_open,
)
from nacl.exceptions import CryptoError

from node.domain.entry import EntryType, Origin
from node.domain.header import AnyContent, Header
from node.domain.patient import LocatorTag
from node.errors import (
    HeaderDigestError,
    HeaderKeyError,
    HeaderSealError,
    HeaderWrapError,
    MalformedHeaderError,
    SealedMessageError,
    UnknownFormatError,
)
from node.identity.hkdf import expand_block
from node.wire.commitment import Entropy
from node.wire.header.text import STEP_BYTES, encode_content, encode_text, parse_text, text_version

HEADER_VERSION: Final = 1
READER_WRAP: Final = 1
SUPERVISION_WRAP: Final = 2
KEY_ID_BYTES: Final = 8

_KEY_LABEL: Final = b"concord/header-key/v1"
_WRAP_LABEL: Final = b"concord/header-wrap/v1"
_AUDIT_KEY_LABEL: Final = b"concord/audit-key/v1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 24
_AEAD_TAG_BYTES: Final = 16
_WRAP_BYTES: Final = {
    READER_WRAP: _NONCE_BYTES + _KEY_BYTES + _AEAD_TAG_BYTES,
    SUPERVISION_WRAP: _KEY_BYTES + _KEY_BYTES + _AEAD_TAG_BYTES,
}
_WRAP_HEAD_BYTES: Final = 1 + KEY_ID_BYTES + 2
_FIXED_BYTES: Final = 1 + _KEY_BYTES + _NONCE_BYTES + 1
_MAX_WRAPS: Final = 255


class HeaderPlace(NamedTuple):
    """Where a header belongs; its seal opens nowhere else."""

    origin: Origin
    """The log."""
    entry_type: EntryType
    """Type of its leaf."""
    tag: LocatorTag
    """Tag of its leaf."""


class Wrap(NamedTuple):
    """The data key, sealed for one reader."""

    kind: int
    """1: for the reader, 2: for supervision."""
    key_id: bytes
    """8 bytes. Kind 1: the epoch's serial; the same for many patients. Kind 2: names the audit key."""
    content: bytes
    """The sealed data key."""


class SealedHeader(NamedTuple):
    """The pieces of a header; nothing in it is verified."""

    key_commitment: bytes
    """32 bytes."""
    nonce: bytes
    """24 bytes."""
    wraps: tuple[Wrap, ...]
    """At least one."""
    ciphertext: bytes
    """A multiple of 512 bytes and an authenticator of 16."""


class PreparedHeader(NamedTuple):
    """The half of a header that needs no tag. Holds its data key: never stored."""

    encoded_content: bytes
    """JSON after the pseudonym, padded."""
    text_version: int
    """Version of the text that it belongs to."""
    data_key: bytes
    """32 random bytes."""
    supervision_wraps: tuple[Wrap, ...]
    """One for each audit key."""


def header_digest(header: bytes) -> bytes:
    """Return what the leaf holds of a header, sealed or public: SHA-256 of all its bytes."""
    return sha256(header).digest()


def verify_header_digest(header: bytes, digest: bytes) -> None:
    """Verify that a header is the one that a leaf names.

    Raises:
        HeaderDigestError: It is not.
    """
    if not compare_digest(header_digest(header), digest):
        raise HeaderDigestError


def audit_key_id(audit_public_key: bytes) -> bytes:
    """Return the 8 bytes that name an audit key in wraps of kind 2."""
    return sha256(_AUDIT_KEY_LABEL + audit_public_key).digest()[:KEY_ID_BYTES]


def prepare_header(content: AnyContent, audit_keys: Sequence[bytes], entropy: Entropy = os.urandom) -> PreparedHeader:
    """Do what sealing a header costs and needs no tag for: draw the data key, wrap it for supervision.

    Args:
        content: What the header says.
        audit_keys: X25519 public keys of supervision, 32 bytes each.
        entropy: Draws the data key; SealedBox draws its own.
    """
    data_key = entropy(_KEY_BYTES)
    wraps = tuple(Wrap(SUPERVISION_WRAP, audit_key_id(audit_key), crypto_box_seal(data_key, audit_key)) for audit_key in audit_keys)
    return PreparedHeader(encode_content(content), text_version(content), data_key, wraps)


def seal_header(
    prepared: PreparedHeader,
    place: HeaderPlace,
    *,
    reader_key: bytes,
    reader_key_id: bytes,
    pseudonym: bytes | None = None,
    entropy: Entropy = os.urandom,
) -> bytes:
    """Seal a header.

    Args:
        prepared: Its first half; sealed once only.
        place: Where it belongs.
        reader_key: K_e or K_r, 32 bytes.
        reader_key_id: 8 bytes that stand in clear: the serial of the epoch in which it is written, in class 1 too, so
            that neither patients nor classes can be told apart by it.
        pseudonym: The person's for supervision, 32 bytes.
        entropy: Draws the nonces.

    Raises:
        ValueError: A field is not of its length.
    """
    if len(reader_key_id) != KEY_ID_BYTES or len(place.tag) != _KEY_BYTES or len(reader_key) != _KEY_BYTES:
        raise ValueError("a header needs a reader key and a tag of 32 bytes, and a key id of 8")
    nonce, wrap_nonce = entropy(_NONCE_BYTES), entropy(_NONCE_BYTES)
    wrapped = _encrypt(prepared.data_key, b"", wrap_nonce, expand_block(reader_key, _WRAP_LABEL + place.tag))
    text = encode_text(prepared.encoded_content, pseudonym, prepared.text_version)
    return encode_header(
        SealedHeader(
            key_commitment=_commit_key(prepared.data_key),
            nonce=nonce,
            wraps=(Wrap(READER_WRAP, reader_key_id, wrap_nonce + wrapped), *prepared.supervision_wraps),
            ciphertext=_encrypt(text, _associated_data(place), nonce, prepared.data_key),
        )
    )


def encode_header(header: SealedHeader) -> bytes:
    """Encode the pieces of a header.

    Raises:
        ValueError: More than 255 wraps, or none.
    """
    if not 0 < len(header.wraps) <= _MAX_WRAPS:
        raise ValueError(f"a header has 1 to {_MAX_WRAPS} wraps, not {len(header.wraps)}")
    pieces = [bytes((HEADER_VERSION,)), header.key_commitment, header.nonce, bytes((len(header.wraps),))]
    for wrap in header.wraps:
        pieces += (bytes((wrap.kind,)), wrap.key_id, len(wrap.content).to_bytes(2, "big"), wrap.content)
    pieces.append(header.ciphertext)
    return b"".join(pieces)


def parse_header(data: bytes) -> SealedHeader:
    """Parse a sealed header into its pieces.

    Raises:
        MalformedHeaderError: Cut off, or pieces of lengths that no header has.
        UnknownFormatError: A version or a kind of wrap that this release does not know.
    """
    if data[:1] != bytes((HEADER_VERSION,)):
        raise UnknownFormatError("header version", data[0] if data else None)
    if len(data) < _FIXED_BYTES or not data[_FIXED_BYTES - 1]:
        raise MalformedHeaderError("header: cut off before its wraps, or it has none")
    wraps, at = [], _FIXED_BYTES
    for _ in range(data[_FIXED_BYTES - 1]):
        wrap, at = _parse_wrap(data, at)
        wraps.append(wrap)
    ciphertext = data[at:]
    if len(ciphertext) <= _AEAD_TAG_BYTES or (len(ciphertext) - _AEAD_TAG_BYTES) % STEP_BYTES:
        raise MalformedHeaderError(f"header: the ciphertext is not a multiple of {STEP_BYTES} bytes and a tag")
    return SealedHeader(data[1 : 1 + _KEY_BYTES], data[1 + _KEY_BYTES : _FIXED_BYTES - 1], tuple(wraps), ciphertext)


def open_header_reader(data: bytes, place: HeaderPlace, reader_key: bytes) -> Header:
    """Open a header with a patient's key.

    Args:
        data: The sealed header.
        place: Where it was found.
        reader_key: K_e or K_r, 32 bytes.

    Raises:
        MalformedHeaderError, UnknownFormatError: As `parse_header` and `header_text.parse_text`.
        HeaderWrapError: It was sealed for another key.
        HeaderKeyError: The wrap holds another data key than the header commits to.
        HeaderSealError: It was altered, or belongs to another leaf.
    """
    return open_header_key(data, place, header_data_key(data, place, reader_key))


def header_data_key(data: bytes, place: HeaderPlace, reader_key: bytes) -> bytes:
    """Return the data key of a header, 32 bytes: whoever is given it can open this header, and nothing else.

    Raises:
        MalformedHeaderError, UnknownFormatError: As `parse_header`.
        HeaderWrapError: The header was sealed for another key.
    """
    wrap_key = expand_block(reader_key, _WRAP_LABEL + place.tag)
    for wrap in parse_header(data).wraps:
        if wrap.kind == READER_WRAP:
            nonce, wrapped = wrap.content[:_NONCE_BYTES], wrap.content[_NONCE_BYTES:]
            data_key = _try_decrypt(wrapped, b"", nonce, wrap_key)
            if data_key is not None:
                return data_key
    raise HeaderWrapError("reader")


def open_header_key(data: bytes, place: HeaderPlace, data_key: bytes) -> Header:
    """Open a header with its own data key.

    Raises:
        MalformedHeaderError, UnknownFormatError: As `parse_header` and `header_text.parse_text`.
        HeaderKeyError: The header commits to another data key.
        HeaderSealError: It was altered, or belongs to another leaf.
    """
    return _open(parse_header(data), data_key, _associated_data(place))


def open_header_supervision(data: bytes, place: HeaderPlace, *, audit_public_key: bytes, audit_key: bytes) -> Header:
    """Open a header with an audit key of supervision; see `supervision_data_key` for what it raises."""

    def unseal(sealed: bytes) -> bytes:
        return crypto_box_seal_open(sealed, audit_public_key, audit_key)

    return open_header_key(data, place, supervision_data_key(data, audit_public_key, unseal))


def supervision_data_key(data: bytes, audit_public_key: bytes, unseal: Callable[[bytes], bytes]) -> bytes:
    """Return the data key of a header, which was sealed to an audit key of supervision.

    Args:
        data: The sealed header.
        audit_public_key: X25519, 32 bytes.
        unseal: Opens a NaCl SealedBox with its private key.

    Raises:
        MalformedHeaderError, UnknownFormatError: As `parse_header`.
        HeaderWrapError: It was not sealed to this audit key.
    """
    key_id = audit_key_id(audit_public_key)
    for wrap in parse_header(data).wraps:
        if wrap.kind == SUPERVISION_WRAP and wrap.key_id == key_id:
            with contextlib.suppress(CryptoError, SealedMessageError):
                return unseal(wrap.content)
    raise HeaderWrapError("audit")


def _parse_wrap(data: bytes, at: int) -> tuple[Wrap, int]:
    head = data[at : at + _WRAP_HEAD_BYTES]
    if len(head) < _WRAP_HEAD_BYTES:
        raise MalformedHeaderError("header: cut off in the middle of a wrap")
    kind, length = head[0], int.from_bytes(head[-2:], "big")
    if kind not in _WRAP_BYTES:
        raise UnknownFormatError("header wrap kind", kind)
    start = at + _WRAP_HEAD_BYTES
    if length != _WRAP_BYTES[kind] or len(data) < start + length:
        raise MalformedHeaderError(f"header: a wrap of kind {kind} has {_WRAP_BYTES[kind]} bytes")
    return Wrap(kind, head[1 : 1 + KEY_ID_BYTES], data[start : start + length]), start + length


def _open(header: SealedHeader, data_key: bytes, associated_data: bytes) -> Header:
    if not compare_digest(_commit_key(data_key), header.key_commitment):
        raise HeaderKeyError
    text = _try_decrypt(header.ciphertext, associated_data, header.nonce, data_key)
    if text is None:
        raise HeaderSealError
    return parse_text(text)


def _commit_key(data_key: bytes) -> bytes:
    return sha256(_KEY_LABEL + data_key).digest()


def _associated_data(place: HeaderPlace) -> bytes:
    return place.origin.encode() + b"\0" + bytes((place.entry_type,)) + place.tag


def _encrypt(plaintext: bytes, associated_data: bytes, nonce: bytes, key: bytes) -> bytes:
    return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated_data, nonce, key)


def _try_decrypt(ciphertext: bytes, associated_data: bytes, nonce: bytes, key: bytes) -> bytes | None:
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated_data, nonce, key)
    except CryptoError:
        return None
