"""Pages of sealed headers, as `GET /v1/headers/{origin}` answers them (FORMATS "Header", docs/spec/header.md).

Each entry is a frame: leaf index u64 · length u32 · header; a length of zero is a header that was deleted. A page may end
before `count`, where published documents make it large: the rest is asked for from the next index on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from node.errors import MalformedHeaderError

_FRAME: Final = struct.Struct(">QI")


def encode_header_frames(headers: Iterable[tuple[int, bytes | None]]) -> bytes:
    """Encode (leaf index, header or None when deleted)."""
    return b"".join(_FRAME.pack(index, len(header or b"")) + (header or b"") for index, header in headers)


def parse_header_frames(data: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Parse a page into (leaf index, header or None when deleted), verifying nothing.

    Raises:
        MalformedHeaderError: The last frame is cut off.
    """
    at = 0
    while at < len(data):
        if at + _FRAME.size > len(data):
            raise MalformedHeaderError(f"header page: cut off at byte {at}")
        index, length = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        if at + length > len(data):
            raise MalformedHeaderError(f"header page: the header of entry {index} is cut off")
        yield index, data[at : at + length] or None
        at += length
