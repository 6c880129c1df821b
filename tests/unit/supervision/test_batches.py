from __future__ import annotations

import pytest

from node.domain.recognition import Reason
from node.errors import MalformedEventsError, UnknownFormatError
from node.supervision.batches import AnchoredRun, encode_batch, parse_batch
from node.supervision.events import FigureEvent
from tests.unit.supervision.world import (
    ALT,
    A,
    checked,
    line,
    performed,
    recognised,
    reordered,
    retrieved,
    reversed_,
    unchecked,
)

EVENTS: list[FigureEvent] = [
    checked("1", line(), own=(ALT,)),
    unchecked("2", line(order="2")),
    recognised("3", line()),
    reordered("4", line(order="3"), Reason.OTHER, sub="unretrievable"),
    reordered("5", line(order="4"), None),
    reversed_("6", "3"),
    performed("7", 1, ALT),
    retrieved("8"),
]
RUNS = [AnchoredRun(A, 1_000, 31_000, 4_096)]


def test_what_was_encoded_is_read_again() -> None:
    assert parse_batch(encode_batch(EVENTS, RUNS)) == (EVENTS, RUNS)
    assert parse_batch(encode_batch([], [])) == ([], [])


def test_other_bytes_are_refused() -> None:
    data = encode_batch(EVENTS, RUNS)
    with pytest.raises(UnknownFormatError):
        parse_batch(b"\x02" + data[1:])
    for broken in (data[:-1], data[:1], data + b"\x00"):
        with pytest.raises(MalformedEventsError):
            parse_batch(broken)
