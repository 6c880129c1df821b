"""Anchors on a chain without finality: blocks are taken back, and what was in them comes again."""

from __future__ import annotations

import pytest

from node.adapters.chain.settlement import Receipt
from node.errors import (
    AnchorPendingError,
)
from node.ports.chain.anchoring import Outcome
from tests.unit.chain_client_anchors.simulator import PlainSigner
from tests.unit.chain_client_anchors.world import World


def test_depth_finality_waits_for_the_blocks_above(deep: World) -> None:
    deep.submit(3)
    assert deep.mine_and_settle(2) == []
    assert deep.anchors.anchored_head(deep.log.origin) is None
    assert deep.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    assert deep.anchors.head().number == 1


def test_a_reorg_above_the_depth_is_invisible(deep: World) -> None:
    deep.submit(3)
    deep.chain.mine()
    assert deep.settle() == []
    deep.chain.reorganise(1, keeps_transactions=False)
    assert deep.settle() == []
    assert deep.mine_and_settle(3) == [(Outcome.ANCHORED, 3)]
    assert len(set(deep.chain.sent)) == 1


def test_a_reorg_below_the_depth_takes_the_anchor_back_and_it_comes_again(deep: World) -> None:
    deep.submit(3)
    assert deep.mine_and_settle(3) == [(Outcome.ANCHORED, 3)]
    deep.submit(5)
    assert deep.mine_and_settle(3) == [(Outcome.ANCHORED, 5)]
    deep.chain.reorganise(6, keeps_transactions=False)
    (news,) = deep.news()
    assert (news.outcome, news.size, news.head) == (Outcome.VANISHED, 5, None)
    assert deep.settle() == []
    with pytest.raises(AnchorPendingError):
        deep.submit(7, base=0)
    assert (Outcome.ANCHORED, 5) in deep.mine_and_settle(3)
    assert deep.chain.anchored(deep.log.origin) == (5, deep.log.root(5))
    assert len(set(deep.chain.sent)) == 2, "the same two transactions, byte for byte"


def test_a_partly_taken_back_history_says_what_is_left(deep: World) -> None:
    deep.submit(3)
    deep.mine_and_settle(3)
    deep.submit(5)
    deep.mine_and_settle(3)
    deep.chain.reorganise(3, keeps_transactions=True)
    (news,) = deep.news()
    assert news.outcome is Outcome.VANISHED
    assert news.head is not None
    assert news.head.size == 3
    assert (Outcome.ANCHORED, 5) in deep.mine_and_settle(3)


def test_what_two_keys_anchored_comes_again_in_the_order_of_its_proofs(deep: World) -> None:
    deep.start(PlainSigner(b"z" * 20))
    deep.submit(3)
    deep.mine_and_settle(3)
    deep.start(PlainSigner(b"a" * 20))
    deep.submit(5)
    deep.mine_and_settle(3)
    deep.chain.reorganise(6, keeps_transactions=False)
    deep.settle()
    assert deep.settle() == []
    assert len(deep.chain.pool) == 2, "both are on their way"


def test_facts_of_a_chain_that_changes_under_way_are_thrown_away(deep: World) -> None:
    deep.submit(3)
    for _ in range(3):
        deep.chain.mine()
    original = deep.chain.receipt

    def receipt_after_a_reorg(tx_hash: bytes) -> Receipt | None:
        deep.chain.receipt = original  # type: ignore[method-assign]
        deep.chain.reorganise(3, keeps_transactions=True)
        return original(tx_hash)

    deep.chain.receipt = receipt_after_a_reorg  # type: ignore[method-assign]
    assert deep.settle() == []
    assert deep.journal_rows() == [(3, 0, "open")], "it is in no block any more"
    assert deep.mine_and_settle(3) == [(Outcome.ANCHORED, 3)]


def test_a_submission_right_after_a_deep_reorg_waits_for_the_settlement(deep: World) -> None:
    deep.submit(3)
    deep.mine_and_settle(3)
    deep.settle()
    deep.chain.reorganise(3, keeps_transactions=False)
    with pytest.raises(AnchorPendingError):
        deep.submit(5, base=0)


def test_a_node_that_is_merely_behind_takes_nothing_back(deep: World) -> None:
    deep.submit(3)
    deep.chain.mine()
    deep.chain.mine()
    deep.chain.mine()
    assert deep.settle() == [(Outcome.ANCHORED, 3)]
    ahead = deep.chain.blocks
    deep.chain.blocks = ahead[:2]
    assert deep.settle() == []
    deep.chain.blocks = ahead
    assert deep.settle() == []
    assert deep.journal_rows() == [(3, 0, "anchored")]
