"""Heads of logs reach the chain: once, in their order, and what the contract would refuse is named before it costs a nonce."""

from __future__ import annotations

import pytest

from ledger.hashing import TreeSize
from node.domain.entry import Origin
from node.errors import (
    AnchorBaseGoneError,
    AnchorPendingError,
    TransactionRevertedError,
    UnknownOriginError,
)
from node.ports.chain.anchoring import Outcome
from tests.unit.chain_client_anchors.logs import GrowingLog
from tests.unit.chain_client_anchors.simulator import Pooled
from tests.unit.chain_client_anchors.world import ELSEWHERE, World


def test_a_first_head_and_its_growth_are_anchored(world: World) -> None:
    world.submit(3)
    assert world.settle() == []
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    world.submit(10)
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 10)]
    assert world.chain.anchored(world.log.origin) == (10, world.log.root(10))
    assert [Pooled(raw).nonce for raw in dict.fromkeys(world.chain.sent)] == [0, 1]


def test_news_say_where_the_head_was_accepted(world: World) -> None:
    name = world.submit(3)
    block = world.chain.mine()
    (news,) = world.news()
    assert news.transaction == name
    assert news.head == world.anchors.anchored_head(world.log.origin)
    assert news.head is not None
    assert (news.head.block_number, news.head.block_hash) == (block.head.number, block.head.hash)
    assert (news.root, news.reason) == (world.log.root(3), "")


def test_the_same_head_is_submitted_once(world: World) -> None:
    first = world.submit(3)
    assert world.submit(3, base=0) == first
    world.mine_and_settle()
    assert world.submit(3, base=0) == first
    assert len(world.journal_rows()) == 1


def test_one_head_of_a_log_is_on_its_way_at_a_time(world: World) -> None:
    world.submit(3)
    with pytest.raises(AnchorPendingError) as caught:
        world.submit(5, base=0)
    assert caught.value.size == 3
    pending = world.anchors.pending(world.log.origin)
    assert pending is not None
    assert pending.size == 3
    world.chain.is_away = True
    with pytest.raises(AnchorPendingError):
        world.submit(5, base=0)
    world.chain.is_away = False
    world.mine_and_settle()
    assert world.anchors.pending(world.log.origin) is None


def test_two_logs_of_one_key_take_consecutive_nonces(world: World) -> None:
    world.submit(3)
    world.submit(4, log=world.other_log)
    assert sorted(world.mine_and_settle()) == [(Outcome.ANCHORED, 3), (Outcome.ANCHORED, 4)]
    assert [nonce for _, nonce, _ in world.journal_rows()] == [0, 1]


def test_a_head_that_the_chain_has_already_settles_without_a_transaction(world: World) -> None:
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 3, world.log.root(3))
    world.chain.mine()
    world.submit(3, base=0)
    assert world.settle() == [(Outcome.ANCHORED, 3)]
    assert world.chain.sent == []


def test_a_fork_is_named_and_costs_no_nonce(world: World) -> None:
    world.submit(3)
    world.mine_and_settle()
    fork = GrowingLog(world.log.origin, "forged")
    with pytest.raises(TransactionRevertedError) as caught:
        world.submit(5, base=3, log=fork)
    assert caught.value.name == "Fork"
    with pytest.raises(TransactionRevertedError) as caught:
        world.submit(3, base=3, log=fork)
    assert caught.value.name == "Fork"
    with pytest.raises(TransactionRevertedError) as caught:
        world.submit(2, base=0)
    assert caught.value.name == "Shrunk"
    assert world.known_count() == 1


def test_a_proof_from_elsewhere_is_not_called_a_fork(world: World) -> None:
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 3, world.log.root(3))
    world.chain.mine()
    with pytest.raises(AnchorBaseGoneError) as caught:
        world.submit(7, base=2)
    assert (caught.value.base_size, caught.value.actual_size) == (2, 3)


def test_a_base_that_is_not_the_proofs_own_is_refused(world: World) -> None:
    world.submit(3)
    world.mine_and_settle()
    log = world.log
    with pytest.raises(AnchorBaseGoneError) as caught:
        world.anchors.submit_anchor(log.origin, TreeSize(7), log.root(7), log.proof(3, 7), TreeSize(2))
    assert (caught.value.base_size, caught.value.actual_size) == (2, 3)


def test_a_log_without_a_key_is_refused(world: World) -> None:
    with pytest.raises(UnknownOriginError):
        world.anchors.submit_anchor(Origin("other.example"), TreeSize(1), world.log.root(1), (), TreeSize(0))


def test_nothing_is_asked_twice_of_a_quiet_chain(world: World) -> None:
    world.submit(3)
    world.mine_and_settle()
    world.settle()
    world.settle()
    before = world.chain.calls
    assert world.settle() == []
    assert world.chain.calls == before + 1
