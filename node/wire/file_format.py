"""What the consortium's JSON files have in common: each names its format and version first, and says its bytes in base64.

A parser reads its file through a `FileFormat`, which refuses what is too long, another format, or a version of a newer release.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from ledger.notes import decode_base64
from node.errors import MalformedJsonError, UnknownFormatError, WireError
from node.wire.json_nesting import check_nesting
from node.wire.json_strict import check_document

_MAX_DEPTH: Final = 64
ShapeT = TypeVar("ShapeT")


class _Version(msgspec.Struct):
    format: str
    version: int


_VERSION_DECODER: Final = msgspec.json.Decoder(_Version)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """One format of a file."""

    noun: str
    """What messages call it."""
    name: str
    """What its files name as their format."""
    version: int
    """The one version that this release reads."""
    max_bytes: int
    """The longest file."""
    max_depth: int
    """The deepest nesting."""
    malformed: Callable[[str], WireError]
    """How what is none is refused."""

    def decode(self, data: bytes, decoder: msgspec.json.Decoder[ShapeT]) -> ShapeT:
        """Decode a file's shape.

        Raises:
            WireError: The format's own: too long, another format, or not of this shape.
            UnknownFormatError: A version that this release does not know.
        """
        if len(data) > self.max_bytes:
            raise self.malformed(f"{self.noun}: {len(data)} bytes; {self.max_bytes} is the limit")
        try:
            check_document(data, self.max_depth)
            head = _VERSION_DECODER.decode(data)
            if head.format != self.name:
                raise self.malformed(f"{self.noun}: format is not {self.name!r}")
            if head.version != self.version:
                raise UnknownFormatError(f"{self.noun} version", head.version)
            return decoder.decode(data)
        except (MalformedJsonError, msgspec.DecodeError) as error:
            raise self.malformed(f"{self.noun}: {error}") from error

    def bytes_at(self, place: str, text: str, length: int | None = None) -> bytes:
        """Return the bytes that stand at a place as base64 in its one spelling; raises the format's own WireError."""
        data = decode_base64(text)
        if data is None or (length is not None and len(data) != length):
            raise self.malformed(f"{place}: not canonical base64" + ("" if length is None else f" of {length} bytes"))
        return data

    def utf8_at(self, place: str, text: str) -> bytes:
        """Return a text at a place as UTF-8; raises the format's own WireError."""
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            raise self.malformed(f"{place}: it has a lone surrogate, which UTF-8 cannot carry") from error


class _Format(msgspec.Struct):
    format: str = ""


def format_of(data: bytes) -> str:
    """Return what a JSON file names as its format, or an empty text: the parser that it is given to then says what is wrong."""
    try:
        # before anything recursive: brackets cost stack
        check_nesting(data, _MAX_DEPTH)
        return msgspec.json.decode(data, type=_Format).format
    except (MalformedJsonError, msgspec.MsgspecError, UnicodeDecodeError):
        return ""
