"""Statements of recalls: what is written is read, and what was changed says something else or is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.recall import (
    LiftingReason,
    RecallAnnouncement,
    RecallCriteria,
    RecallId,
    RecallLifting,
    RecallListing,
    RecallReason,
    RecallStatement,
)
from node.domain.record import Kind
from node.errors import WireError
from node.wire.recall_entry import LIFTING, MAX_TEXT, RECALL, RECALL_KINDS, RESULTS, encode_recall, parse_recall
from tests.property.wire_formats.strategies import hashes
from tests.property.wire_formats.test_round_trips import flip

pytestmark = pytest.mark.slow

KINDS: dict[type[RecallStatement], Kind] = {RecallAnnouncement: RECALL, RecallListing: RESULTS, RecallLifting: LIFTING}
texts = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=MAX_TEXT)
ids = st.binary(min_size=16, max_size=16).map(lambda drawn: RecallId(drawn.hex()))
listings = st.builds(RecallListing, ids, st.lists(hashes, min_size=1, max_size=5, unique=True).map(tuple))
liftings = st.builds(RecallLifting, ids, st.sampled_from(LiftingReason))


@st.composite
def announcements(draw: st.DrawFn) -> RecallAnnouncement:
    device, lot = draw(texts | st.just("")), draw(texts | st.just(""))
    from_ms = draw(st.integers(0, 2**40))
    criteria = RecallCriteria(draw(texts), device, lot, from_ms, from_ms + draw(st.integers(1, 2**40)))
    return RecallAnnouncement(draw(ids), criteria, draw(st.sampled_from(RecallReason)))


@given(announcements() | listings | liftings, st.integers(0, 2**20))
def test_recalls(statement: RecallStatement, bit: int) -> None:
    data, kind = encode_recall(statement), KINDS[type(statement)]
    assert parse_recall(kind, data) == statement
    with contextlib.suppress(WireError):
        assert parse_recall(kind, flip(data, bit)) != statement
    for other in RECALL_KINDS - {kind}:
        with pytest.raises(WireError):
            parse_recall(other, data)


@given(st.binary(max_size=300), st.sampled_from(sorted(RECALL_KINDS)))
def test_bytes_of_others(data: bytes, kind: Kind) -> None:
    with contextlib.suppress(WireError):
        parse_recall(kind, data)
