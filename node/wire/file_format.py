"""Which of the consortium's file formats a file says it is; nothing else of it is looked at."""

from __future__ import annotations

from typing import Final

import msgspec

from node.errors import MalformedJsonError
from node.wire.json_nesting import check_nesting

_MAX_DEPTH: Final = 64


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
