"""Anchors reach the chain exactly once, whatever happens between two lines of the client or to the chain."""

from __future__ import annotations

import pytest

from node.errors import (
    ChainAwayError,
    WrongChainError,
)
from node.ports.chain.anchoring import Outcome
from tests.unit.chain_client_anchors.world import World


def test_a_crash_before_sending_sends_the_stored_bytes(world: World) -> None:
    stored: list[bytes] = []

    def crash_when_sent() -> None:
        original = world.chain.send

        def send(raw: bytes) -> None:
            stored.append(raw)
            raise KeyboardInterrupt

        world.chain.send = send  # type: ignore[method-assign]
        try:
            with pytest.raises(KeyboardInterrupt):
                world.submit(3)
        finally:
            world.chain.send = original  # type: ignore[method-assign]

    crash_when_sent()
    world.start()
    assert world.chain.pool == {}
    assert world.settle() == []
    assert world.chain.sent == stored
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]


def test_a_lost_answer_changes_nothing(world: World) -> None:
    world.chain.loses_answers = True
    world.submit(3)
    world.chain.loses_answers = False
    world.start()
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    assert len(set(world.chain.sent)) == 1


def test_a_dropped_transaction_is_sent_again_byte_for_byte(world: World) -> None:
    world.submit(3)
    for _ in range(3):
        world.chain.drop_pool()
        assert world.settle() == []
    assert len(world.chain.sent) == 4
    assert len(set(world.chain.sent)) == 1
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]


def test_news_that_were_not_recorded_come_again_after_a_crash(world: World) -> None:
    world.submit(3)
    world.chain.mine()
    assert world.settle() == [(Outcome.ANCHORED, 3)]
    world.start()
    assert world.settle() == [(Outcome.ANCHORED, 3)]
    assert world.settle() == []
    world.start()
    assert world.settle() == []


def test_news_found_just_before_a_crash_come_after_it(world: World) -> None:
    world.submit(3)
    world.chain.mine()
    original = world.anchors._settler._store

    def store_and_crash(*arguments: object) -> object:
        world.crashes_after_commit = True
        return original(*arguments)  # type: ignore[arg-type]

    world.anchors._settler._store = store_and_crash  # type: ignore[method-assign, assignment]
    world.crash(world.settle)
    assert world.settle() == [(Outcome.ANCHORED, 3)]


def test_the_chain_away_is_said_at_once_and_forgotten_when_it_is_back(world: World) -> None:
    world.submit(3)
    world.chain.is_away = True
    for call in (world.anchors.head, world.settle, lambda: world.submit(5, base=0, log=world.other_log)):
        with pytest.raises(ChainAwayError):
            call()
    with pytest.raises(ChainAwayError):
        world.anchors.anchored_head(world.log.origin)
    assert world.anchors.pending(world.log.origin) is not None, "what is on its way is known without the chain"
    world.chain.is_away = False
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]


def test_another_chain_settles_nothing(world: World) -> None:
    world.submit(3)
    world.chain.mine()
    world.chain.is_wrong = True
    with pytest.raises(WrongChainError):
        world.settle()
    world.chain.is_wrong = False
    assert world.settle() == [(Outcome.ANCHORED, 3)]


def test_what_the_node_does_not_take_is_reported_and_sent_again(world: World) -> None:
    world.chain.refusal_of_all = "insufficient funds"
    world.submit(3)
    for _ in range(2):
        (news,) = world.news()
        assert (news.outcome, news.reason) == (Outcome.NOT_TAKEN, "insufficient funds")
    world.chain.refusal_of_all = None
    assert world.settle() == []
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 3)]
    assert len(set(world.chain.sent)) == 1
