"""JSON that has to be of a shape: a msgspec type; whatever is refused is told by its place, and without a value of it.

What msgspec says of a document repeats values and unknown names, which may be a patient's. Only what it says of our own types
is passed on. Left out: documents that are committed to or signed, whose readers have errors of their own.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from node.domain.moments import EARLIEST_MS, LATEST_MS
from node.errors import MalformedParameterError
from node.wire.json_strict import check_document

PRINTABLE: Final = r"\A[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z"
"""Pattern of what an institution's system calls something: on one line, without control characters, which neither databases nor
workbooks take."""
TimeMs = Annotated[int, Meta(ge=EARLIEST_MS, le=LATEST_MS)]
"""A point in time, unix ms: one that a calendar has."""
WHOLE: Final = "body"
"""The place of what concerns the whole document."""

_AT: Final = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<place>[A-Za-z0-9_.\[\]]*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[A-Za-z_]+)`")
_UNKNOWN: Final = "Object contains unknown field"
_OF_TYPE: Final = re.compile(r"Expected `(?P<expected>[a-z |]+)`(?P<rest>, got `[a-z ]+`| of length [<>=]+ \d+| [<>=]+ -?\d+)")
_CHOICES: Final = ("Invalid enum value", "Invalid value")
_PATTERN: Final = "matching regex"
_NAMES: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}
ShapeT = TypeVar("ShapeT")


def parse_shape(data: bytes, shape: type[ShapeT], max_depth: int) -> ShapeT:
    """Parse JSON of a shape.

    Raises:
        MalformedJsonError: It is no JSON that can be read in one way only.
        MalformedParameterError: It is of another shape; the place is a path such as `lines[0].order_id`.
    """
    check_document(data, max_depth)
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.MsgspecError as error:
        raise refused_shape(error) from error


def refused_shape(error: msgspec.MsgspecError, within: str = "") -> MalformedParameterError:
    """Say what msgspec refuses, and where.

    Args:
        error: What it raised.
        within: The path of what was decoded, in a larger document.
    """
    match = _AT.fullmatch(str(error))
    what, place = (match["what"], match["place"] or "") if match is not None else ("", "")
    place = f"{within}.{place}" if within and place else within or place
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return MalformedParameterError(f"{place}.{missing['name']}" if place else missing["name"], "is missing")
    return MalformedParameterError(place or WHOLE, _reason(what))


def _reason(what: str) -> str:
    if what.startswith(_UNKNOWN):
        return "has a member that is not known here; /openapi.json names those that are"
    if what.startswith(_CHOICES):
        return "is none of the values that it may have; see /openapi.json"
    if _PATTERN in what:
        return "is not written as it has to be; see /openapi.json"
    typed = _OF_TYPE.fullmatch(what)
    if typed is None:
        return "is not what it has to be; see /openapi.json"
    expected, rest = (_spell(typed[part]) for part in ("expected", "rest"))
    return f"has to be {expected}{rest}"


def _spell(types: str) -> str:
    """Call types as JSON does."""
    words = types.replace("`", "")
    for python, name in _NAMES.items():
        words = re.sub(rf"\b{python}\b", name, words)
    return words
