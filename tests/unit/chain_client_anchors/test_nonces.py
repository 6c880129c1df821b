"""Nonces of anchors: none is lost to what became needless, and what waits in the pool is outbid or passed by."""

from __future__ import annotations

import pytest

from node.errors import (
    NonceTakenError,
)
from node.ports.chain.anchoring import Outcome
from tests.unit.chain_client_anchors.simulator import Pooled
from tests.unit.chain_client_anchors.world import ELSEWHERE, KEY, World


def test_a_nonce_that_another_transaction_made_needless_is_given_again(world: World) -> None:
    world.submit(3)
    world.chain.drop_pool()
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 3, world.log.root(3))
    world.chain.mine()
    assert world.settle() == [(Outcome.ANCHORED, 3)]
    world.submit(5)
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 5)]
    assert world.journal_rows() == [(3, 0, "covered"), (5, 0, "anchored")]


def test_a_base_that_has_gone_frees_the_nonce_for_the_next_anchor(world: World) -> None:
    world.submit(3)
    world.chain.drop_pool()
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 2, world.log.root(2))
    world.chain.mine()
    assert world.settle() == [(Outcome.SUPERSEDED, 3)]
    world.submit(3)
    assert world.journal_rows() == [(3, 0, "superseded"), (3, 0, "open")]
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    first, second = dict.fromkeys(world.chain.sent)
    assert Pooled(first).nonce == Pooled(second).nonce == 0
    assert Pooled(first).price == Pooled(second).price, "nothing was in the pool that had to be outbid"


def test_a_replacement_outbids_what_waits_in_the_pool(world: World) -> None:
    world.submit(3)
    stale = dict(world.chain.pool)
    world.chain.pool = {}
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 2, world.log.root(2))
    world.chain.mine()
    world.chain.pool = stale
    assert world.settle() == [(Outcome.SUPERSEDED, 3)]
    world.submit(3)
    (waiting,) = world.chain.pool.values()
    assert waiting.price > Pooled(world.chain.sent[0]).price
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    assert len(world.chain.blocks[-1].transactions) == 1


def test_who_cannot_outbid_takes_the_next_nonce(world: World) -> None:
    world.submit(3)
    stale = dict(world.chain.pool)
    world.chain.pool = {}
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 2, world.log.root(2))
    world.chain.mine()
    world.chain.pool = stale
    world.settle()
    world.chain.balance = 0
    world.submit(3)
    assert [nonce for _, nonce, _ in world.journal_rows()] == [0, 1]
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]


def test_a_nonce_below_that_nothing_fills_any_more_is_filled_by_what_had_it(world: World) -> None:
    world.submit(3)
    world.submit(4, log=world.other_log)
    world.chain.drop_pool()
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 2, world.log.root(2))
    world.chain.mine()
    assert world.settle() == [(Outcome.SUPERSEDED, 3)]
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 4)]
    assert world.known_count() == 2


def test_a_transaction_that_was_reverted_is_superseded_when_its_base_had_gone(world: World) -> None:
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 2, world.log.root(2))
    world.submit(3, base=0)
    world.chain.mine()
    assert world.settle() == [(Outcome.SUPERSEDED, 3)]
    world.submit(3)
    assert [nonce for _, nonce, _ in world.journal_rows()] == [0, 1]
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]


def test_a_key_used_elsewhere_is_noticed_before_a_nonce_is_given(world: World) -> None:
    world.chain.anchor_from_elsewhere(KEY, world.other_log.origin, 1, world.other_log.root(1))
    world.chain.mine()
    with pytest.raises(NonceTakenError) as caught:
        world.submit(3)
    assert (caught.value.expected, caught.value.actual) == (0, 1)
    world.anchors.adopt_nonces()
    world.submit(3)
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    assert world.journal_rows() == [(3, 1, "anchored")]


def test_a_nonce_taken_from_under_a_transaction_is_reported(world: World) -> None:
    world.submit(3)
    world.chain.drop_pool()
    world.chain.anchor_from_elsewhere(KEY, world.other_log.origin, 1, world.other_log.root(1))
    world.chain.mine()
    (news,) = world.news()
    assert (news.outcome, news.reason) == (Outcome.REFUSED, "NonceTaken")
    world.submit(3)
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
