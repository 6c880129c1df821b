"""A cursor remembers few blocks, and enough of them for a rewind to cost in proportion to the reorg."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from node.adapters.chain.events import CURSOR_BLOCKS, thin
from node.ports.chain.anchoring import BlockReference


def block(number: int) -> BlockReference:
    return BlockReference(number, number.to_bytes(32, "big"))


def after_reading(steps: list[int]) -> tuple[BlockReference, ...]:
    kept: tuple[BlockReference, ...] = ()
    number = 0
    for step in steps:
        number += step
        kept = thin((*kept, block(number)))
    return kept


def test_a_short_history_is_kept_whole() -> None:
    assert after_reading([1] * CURSOR_BLOCKS) == tuple(block(number) for number in range(1, CURSOR_BLOCKS + 1))


@given(st.lists(st.integers(1, 50), min_size=CURSOR_BLOCKS + 1, max_size=400))
def test_first_and_newest_stay_and_order_holds(steps: list[int]) -> None:
    kept = after_reading(steps)
    assert len(kept) == CURSOR_BLOCKS
    assert kept[0] == block(steps[0])
    assert kept[-1] == block(sum(steps))
    assert [each.number for each in kept] == sorted({each.number for each in kept})


def test_gaps_grow_with_age_only() -> None:
    kept = after_reading([1] * 5_000)
    newest = kept[-1].number
    for older, newer in pairwise(kept):
        # a fork just above `older` costs a rewind to it: at most about as much again as the fork is old
        assert newer.number - older.number <= max(1, newest - newer.number + 1)
