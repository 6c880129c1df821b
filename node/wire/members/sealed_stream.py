"""Frames sealed to one recipient, read and written one at a time (docs/spec/retrieval.md "Stream").

version u8 = 1 · SealedBox (80 bytes) of a random key to the recipient's exchange key · secretstream header 24 · frames. A frame
is u32 length · ciphertext of libsodium's secretstream (XChaCha20-Poly1305), with the context as associated data; the last
one is marked as such inside its seal, so that a stream that was cut off is no shorter stream. Memory holds one frame.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

from nacl.bindings import (
    crypto_box_seal,
    crypto_secretstream_xchacha20poly1305_ABYTES,
    crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    crypto_secretstream_xchacha20poly1305_init_pull,
    crypto_secretstream_xchacha20poly1305_init_push,
    crypto_secretstream_xchacha20poly1305_KEYBYTES,
    crypto_secretstream_xchacha20poly1305_pull,
    crypto_secretstream_xchacha20poly1305_push,
    crypto_secretstream_xchacha20poly1305_state,
    crypto_secretstream_xchacha20poly1305_TAG_FINAL,
    crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
)
from nacl.exceptions import CryptoError

from node.errors import DisclosureSealError, MalformedDisclosureError, UnknownFormatError

STREAM_VERSION: Final = 1
MAX_FRAME_BYTES: Final = 64 * 1024 * 1024 + 4_096
"""One part of a record, and what opens it."""

_SEALED_KEY_BYTES: Final = 32 + 16 + crypto_secretstream_xchacha20poly1305_KEYBYTES
_LENGTH: Final = struct.Struct(">I")

Unseal = Callable[[bytes], bytes]
"""Opens a SealedBox with the recipient's exchange key; raises `SealedMessageError`."""


def seal_frames(frames: Iterable[bytes], recipient: bytes, context: bytes) -> Iterator[bytes]:
    """Seal frames, as many as come; at least one.

    Args:
        frames: What is sealed.
        recipient: X25519 public key, from the registry.
        context: What the stream belongs to; whoever opens it has to know it.

    Yields:
        Pieces of the stream.
    """
    key = os.urandom(crypto_secretstream_xchacha20poly1305_KEYBYTES)
    state = crypto_secretstream_xchacha20poly1305_state()
    header = crypto_secretstream_xchacha20poly1305_init_push(state, key)
    yield bytes((STREAM_VERSION,)) + crypto_box_seal(key, recipient) + header
    held: bytes | None = None
    for frame in frames:
        if held is not None:
            yield _push(state, held, context, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE)
        held = frame
    if held is None:
        raise ValueError("a stream has at least one frame")
    yield _push(state, held, context, crypto_secretstream_xchacha20poly1305_TAG_FINAL)


def open_frames(stream: BinaryIO, unseal: Unseal, context: bytes) -> Iterator[bytes]:
    """Open frames one at a time; what came before an error is not to be believed to be all.

    Raises:
        UnknownFormatError: Another version.
        MalformedDisclosureError: A frame is too long, or the stream is cut off or goes on after its end.
        SealedMessageError: It is sealed to somebody else.
        DisclosureSealError: It was altered, or belongs to something else.
    """
    version = _read(stream, 1)
    if version[0] != STREAM_VERSION:
        raise UnknownFormatError("disclosure stream version", version[0])
    key = unseal(_read(stream, _SEALED_KEY_BYTES))
    state = crypto_secretstream_xchacha20poly1305_state()
    header = _read(stream, crypto_secretstream_xchacha20poly1305_HEADERBYTES)
    try:
        crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    except (CryptoError, ValueError, TypeError) as error:
        raise DisclosureSealError from error
    final = False
    while not final:
        (length,) = _LENGTH.unpack(_read(stream, _LENGTH.size))
        if not crypto_secretstream_xchacha20poly1305_ABYTES <= length <= MAX_FRAME_BYTES:
            raise MalformedDisclosureError("a frame is too long or none")
        frame, final = _pull(state, _read(stream, length), context)
        yield frame
    if stream.read(1):
        raise MalformedDisclosureError("the stream goes on after its end")


def _push(state: crypto_secretstream_xchacha20poly1305_state, frame: bytes, context: bytes, tag: int) -> bytes:
    sealed = crypto_secretstream_xchacha20poly1305_push(state, frame, context, tag)
    return _LENGTH.pack(len(sealed)) + sealed


def _pull(state: crypto_secretstream_xchacha20poly1305_state, sealed: bytes, context: bytes) -> tuple[bytes, bool]:
    try:
        frame, tag = crypto_secretstream_xchacha20poly1305_pull(state, sealed, context)
    except (CryptoError, RuntimeError, ValueError) as error:
        raise DisclosureSealError from error
    return frame, tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL


def _read(stream: BinaryIO, length: int) -> bytes:
    found = stream.read(length)
    if len(found) < length:
        raise MalformedDisclosureError("the stream is cut off")
    return found
