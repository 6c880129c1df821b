"""What is told of JSON that is of another shape: the place and the remedy, and never a value of it."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from node.errors import DuplicateKeyError, MalformedJsonError, MalformedParameterError, NestingTooDeepError
from node.wire.json_shape import PRINTABLE, parse_shape, refused_shape

SECRET = "zhang-san-13800138000"


class Line(msgspec.Struct, forbid_unknown_fields=True):
    order_id: Annotated[str, Meta(min_length=1, max_length=8, pattern=PRINTABLE)]


class Order(msgspec.Struct, forbid_unknown_fields=True):
    lines: Annotated[list[Line], Meta(min_length=1, max_length=2)]
    reason: Annotated[int, Meta(ge=1, le=6)] | None = None
    hook: Literal["order-select", "order-sign"] = "order-sign"


GOOD = {"lines": [{"order_id": "o-1"}]}


def test_what_is_of_the_shape_is_read() -> None:
    assert parse_shape(json.dumps(GOOD).encode(), Order, 4) == Order([Line("o-1")])


@pytest.mark.parametrize(
    ("document", "place", "reason"),
    [
        ([], "body", "has to be object, got array"),
        ({}, "lines", "is missing"),
        ({"lines": [{}]}, "lines[0].order_id", "is missing"),
        ({"lines": []}, "lines", "has to be array of length >= 1"),
        ({"lines": GOOD["lines"] * 3}, "lines", "has to be array of length <= 2"),
        ({"lines": [{"order_id": 5}]}, "lines[0].order_id", "has to be string, got integer"),
        ({"lines": [{"order_id": ""}]}, "lines[0].order_id", "has to be string of length >= 1"),
        ({"lines": [{"order_id": SECRET}]}, "lines[0].order_id", "has to be string of length <= 8"),
        ({"lines": [{"order_id": "a\u0000"}]}, "lines[0].order_id", "is not written as it has to be; see /openapi.json"),
        ({"lines": [{"order_id": "a\nb"}]}, "lines[0].order_id", "is not written as it has to be; see /openapi.json"),
        ({**GOOD, "reason": 7}, "reason", "has to be integer <= 6"),
        ({**GOOD, "reason": SECRET}, "reason", "has to be integer | null, got string"),
        ({**GOOD, "hook": SECRET}, "hook", "is none of the values that it may have; see /openapi.json"),
        ({**GOOD, SECRET: 1}, "body", "has a member that is not known here; /openapi.json names those that are"),
        (
            {"lines": [{"order_id": "a", SECRET: 1}]},
            "lines[0]",
            "has a member that is not known here; /openapi.json names those that are",
        ),
    ],
    ids=str,
)
def test_a_refusal_names_the_place_and_no_value(document: object, place: str, reason: str) -> None:
    with pytest.raises(MalformedParameterError) as raised:
        parse_shape(json.dumps(document).encode(), Order, 4)
    assert (raised.value.parameter, raised.value.reason) == (place, reason)
    assert SECRET not in str(raised.value)


def test_a_place_within_a_larger_document_is_told_from_its_root() -> None:
    for data, place in ((b"{}", "entry[3].resource.order_id"), (b"[]", "entry[3].resource")):
        with pytest.raises(msgspec.MsgspecError) as refused:
            msgspec.json.decode(data, type=Line)
        assert refused_shape(refused.value, "entry[3].resource").parameter == place


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"{", MalformedJsonError),
        (b'{"lines":[],"lines":[]}', DuplicateKeyError),
        (b"[[[[[1]]]]]", NestingTooDeepError),
    ],
    ids=["cut off", "a key twice", "too deep"],
)
def test_what_can_be_read_in_two_ways_is_not_looked_at(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_shape(data, Order, 4)
