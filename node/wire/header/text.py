"""The plaintext of a header: one JSON, padded with spaces to 512-byte steps (docs/spec/header.md).

Padding hides the exact size; the pseudonym has a slot of fixed width, so that its absence does not show either. Records
(types 1 to 3) have texts of version 1, acts (types 4, 5, 7, 10 and 12) of version 2. Left out: the seal (`header`).
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.header import AnyContent, Header, HeaderContent
from node.errors import MalformedHeaderError, MalformedJsonError, UnknownFormatError
from node.wire.header.acts import Act, act_content, encode_act
from node.wire.header.shapes import HEX, Content, content_of, shape_of
from node.wire.json_strict import check_document

STEP_BYTES: Final = 512
FORMAT_VERSION: Final = 1
ACT_VERSION: Final = 2

_MAX_DEPTH: Final = 9
_NO_PSEUDONYM: Final = b"null".ljust(2 * HASH_BYTES + 2)


def _before(version: int) -> bytes:
    return b'{"format_version":%d,"pseudonym":' % version


_BEFORE: Final = {version: _before(version) for version in (FORMAT_VERSION, ACT_VERSION)}
_BEFORE_BYTES: Final = len(_BEFORE[FORMAT_VERSION])


class _Text(Content, kw_only=True, forbid_unknown_fields=True):
    format_version: int
    pseudonym: Annotated[str, Meta(pattern=HEX)] | None


class _ActText(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    pseudonym: Annotated[str, Meta(pattern=HEX)] | None
    act: Act


class _Version(msgspec.Struct):
    format_version: int


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Text)
_ACT_DECODER: Final = msgspec.json.Decoder(_ActText)
_VERSION_DECODER: Final = msgspec.json.Decoder(_Version)


def text_version(content: AnyContent) -> int:
    """Return the version of the text that holds this content."""
    return FORMAT_VERSION if isinstance(content, HeaderContent) else ACT_VERSION


def encode_content(content: AnyContent) -> bytes:
    """Encode the fields after the pseudonym, with the padding of the whole text."""
    if isinstance(content, HeaderContent):
        rest = b"," + _ENCODER.encode(shape_of(content))[1:]
    else:
        rest = b"," + encode_act(content) + b"}"
    return rest + b" " * (-(_BEFORE_BYTES + len(_NO_PSEUDONYM) + len(rest)) % STEP_BYTES)


def encode_text(encoded_content: bytes, pseudonym: bytes | None, version: int = FORMAT_VERSION) -> bytes:
    """Put version and pseudonym before encoded content; a multiple of 512 bytes, the same with and without a pseudonym."""
    slot = _NO_PSEUDONYM if pseudonym is None else b'"' + pseudonym.hex().encode() + b'"'
    if len(slot) != len(_NO_PSEUDONYM):
        raise ValueError(f"a pseudonym has {HASH_BYTES} bytes")
    return _BEFORE[version] + slot + encoded_content


def parse_text(data: bytes) -> Header:
    """Parse the plaintext of a header.

    Raises:
        MalformedHeaderError: Not a header's text, or not padded as one.
        UnknownFormatError: A version that this release does not know.
    """
    if not data or len(data) % STEP_BYTES or not data.rstrip(b" ").endswith(b"}"):
        raise MalformedHeaderError(f"header: the text is not padded with spaces to a multiple of {STEP_BYTES} bytes")
    try:
        check_document(data, _MAX_DEPTH)
        version = _VERSION_DECODER.decode(data).format_version
        if version == ACT_VERSION:
            text = _ACT_DECODER.decode(data)
            return Header(act_content(text.act), _pseudonym(text.pseudonym))
        if version != FORMAT_VERSION:
            raise UnknownFormatError("header text version", version)
        shape = _DECODER.decode(data)
    except (MalformedJsonError, msgspec.DecodeError) as error:
        raise MalformedHeaderError(f"header: {error}") from error
    return Header(content_of(shape), _pseudonym(shape.pseudonym))


def _pseudonym(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
