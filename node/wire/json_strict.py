r"""JSON that can be read in one way only: RFC 8259 without duplicate keys, within a nesting limit.

Wherever the node reads JSON, it reads it here first: msgspec takes the last of two equal keys, other readers the first,
and a document that two readers understand differently is no evidence. Left out: what the JSON means.

How the fast path knows that no key was dropped: decoding and encoding again loses every key that stood twice, and with
it at least its two quotation marks; nothing else changes their number, except that an escaped one (`\u0022`) comes
back as `\\"`. Equal counts, and no such escape, hence prove that there was no duplicate; so do equal bytes, without
counting. Only otherwise objects are looked through one by one.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

import msgspec

from node.errors import DuplicateKeyError, MalformedJsonError, NestingTooDeepError
from node.wire.json_nesting import check_nesting

MAX_DEPTH: Final = 64
"""Levels of non-empty arrays and objects, where a caller has no setting of its own."""

_QUOTE: Final = b'"'
_ESCAPED_QUOTE: Final = b"\\u0022"

_decoder: Final = msgspec.json.Decoder()
_encoder: Final = msgspec.json.Encoder()


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written, duplicates included."""


def check_document(data: bytes, max_depth: int = MAX_DEPTH) -> None:
    """Check that JSON can be read in one way only.

    Args:
        data: UTF-8 without a byte order mark.
        max_depth: Levels of non-empty arrays and objects that are allowed.

    Raises:
        MalformedJsonError: It is not JSON, not UTF-8, or holds a number beyond double precision's range.
        DuplicateKeyError: An object names a key twice; the place is a JSON pointer.
        NestingTooDeepError: It nests deeper than `max_depth`.
    """
    read_document(data, max_depth)


def read_document(data: bytes, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - JSON of any shape
    """Read JSON into dictionaries, lists, strings, numbers, booleans and None, checked as `check_document` does.

    Raises:
        MalformedJsonError: As `check_document`.
        DuplicateKeyError: As `check_document`.
        NestingTooDeepError: As `check_document`.
    """
    check_nesting(data, max_depth)
    try:
        value = _decoder.decode(data)
    except RecursionError as error:
        raise NestingTooDeepError("document", f"arrays and objects nest deeper than {max_depth} levels") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedJsonError(*_explain(data, error)) from error
    if _too_deep(max_depth) in msgspec.json.format(data, indent=1):
        raise NestingTooDeepError("document", f"arrays and objects nest deeper than {max_depth} levels")
    encoded = _encoder.encode(value)
    # a document that is spelled as the encoder spells it is the plainest case, and soonest known
    if encoded != data and not _counts_prove(data, encoded):
        _refuse_duplicates(json.loads(data.decode(), object_pairs_hook=_Pairs), "")
    return value


def _counts_prove(data: bytes, encoded: bytes) -> bool:
    # a byte is found much sooner than a run of them, and most documents hold no backslash at all
    return not (b"\\" in data and _ESCAPED_QUOTE in data) and data.count(_QUOTE) == encoded.count(_QUOTE)


@lru_cache(maxsize=16)
def _too_deep(max_depth: int) -> bytes:
    """Return what a formatted document contains if it nests too deep: strings hold no raw line feeds."""
    return b"\n" + b" " * (max_depth + 1)


def _refuse_duplicates(value: object, pointer: str) -> None:
    if isinstance(value, _Pairs):
        seen = set()
        for key, member in value:
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in seen:
                raise DuplicateKeyError(place, "the object names this key twice")
            seen.add(key)
            _refuse_duplicates(member, place)
    elif isinstance(value, list):
        for position, element in enumerate(value):
            _refuse_duplicates(element, f"{pointer}/{position}")


def _explain(data: bytes, error: Exception) -> tuple[str, str]:
    """Say where and why, without a byte of the document."""
    try:
        data.decode()
    except UnicodeDecodeError as invalid:
        return f"byte {invalid.start}", "not UTF-8"
    text = str(error)
    if text.endswith(")") and "(byte " in text:
        reason, _, offset = text.removeprefix("JSON is malformed: ").removesuffix(")").rpartition(" (byte ")
        return f"byte {offset}", reason
    if isinstance(error, msgspec.ValidationError):
        return "document", "a number is out of range"
    return f"byte {len(data)}", "the document ends too early, or holds half of a surrogate pair"
