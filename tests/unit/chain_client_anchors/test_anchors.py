"""Anchors reach the chain exactly once, whatever happens between two lines of the client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.hashing import TreeSize
from node.adapters.chain.settlement import Receipt
from node.domain.entry import Origin
from node.errors import (
    AnchorBaseGoneError,
    AnchorPendingError,
    ChainAwayError,
    NonceTakenError,
    TransactionRevertedError,
    UnknownOriginError,
    WrongChainError,
)
from node.ports.chain.anchoring import Outcome
from tests.unit.chain_client_anchors.logs import GrowingLog
from tests.unit.chain_client_anchors.simulator import PlainSigner, Pooled
from tests.unit.chain_client_anchors.world import KEY, World

ELSEWHERE = PlainSigner(b"e" * 20)


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def deep() -> Iterator[World]:
    made = World(depth=2)
    yield made
    made.close()


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


def test_a_nonce_that_another_transaction_made_needless_is_given_again(world: World) -> None:
    world.submit(3)
    world.chain.drop_pool()
    world.chain.anchor_from_elsewhere(ELSEWHERE, world.log.origin, 3, world.log.root(3))
    world.chain.mine()
    assert world.settle() == [(Outcome.ANCHORED, 3)]
    world.submit(5)
    assert world.mine_and_settle() == [(Outcome.ANCHORED, 5)]
    assert world.journal_rows() == [(3, 0, "covered"), (5, 0, "anchored")]


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


def test_nothing_is_asked_twice_of_a_quiet_chain(world: World) -> None:
    world.submit(3)
    world.mine_and_settle()
    world.settle()
    world.settle()
    before = world.chain.calls
    assert world.settle() == []
    assert world.chain.calls == before + 1


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
