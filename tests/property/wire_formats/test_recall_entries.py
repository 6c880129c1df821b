"""Statements of recalls: what is written is read, and what was changed says something else or is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.recall import RecallCriteria, RecallId, RecallPage, RecallReason
from node.errors import WireError
from node.wire.recall_entry import MAX_TEXT, encode_recall, parse_recall
from tests.property.wire_formats.strategies import hashes
from tests.property.wire_formats.test_round_trips import flip

pytestmark = pytest.mark.slow

texts = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=MAX_TEXT)


@st.composite
def pages(draw: st.DrawFn) -> RecallPage:
    device, lot = draw(texts | st.just("")), draw(texts | st.just(""))
    from_ms = draw(st.integers(0, 2**40))
    criteria = RecallCriteria(draw(texts), device, lot, from_ms, from_ms + draw(st.integers(1, 2**40)))
    named = tuple(draw(st.lists(hashes, min_size=1, max_size=5, unique=True)))
    count = draw(st.integers(1, 9))
    reason = draw(st.sampled_from(RecallReason))
    recall_id = RecallId(draw(st.binary(min_size=16, max_size=16)).hex())
    total = draw(st.integers(len(named), count * 1_000))
    return RecallPage(recall_id, criteria, reason, total, draw(st.integers(1, count)), count, named)


@given(pages(), st.integers(0, 2**20))
def test_recalls(page: RecallPage, bit: int) -> None:
    data = encode_recall(page)
    assert parse_recall(data) == page
    with contextlib.suppress(WireError):
        assert parse_recall(flip(data, bit)) != page


@given(st.binary(max_size=300))
def test_bytes_of_others(data: bytes) -> None:
    with contextlib.suppress(WireError):
        parse_recall(data)
