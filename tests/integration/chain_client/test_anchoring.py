"""Anchors on real engines: growth, named refusals, crashes at every point, other histories."""

from __future__ import annotations

import pytest

from node.errors import AnchorBaseGoneError, NonceTakenError, TransactionRevertedError
from node.ports.chain.anchoring import Outcome
from tests.integration.chain_client.conftest import MakeNode
from tests.integration.chain_client.consortium_chain import ConsortiumChain, key, with_finality
from tests.integration.chain_client.faulty_proxy import SEND, running_proxy
from tests.unit.chain_client_anchors.logs import GrowingLog

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_heads_are_anchored_as_the_log_grows(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    node = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key)
    assert node.anchors.anchored_head(log.origin) is None
    for size in (1, 2, 7, 40):
        name = node.submit(size)
        assert node.submit(size, base=0) == name, "the same head again"
        news = node.settled(Outcome.ANCHORED)
        assert (news.transaction, news.size, news.root) == (name, size, log.root(size))
        head = node.anchors.anchored_head(log.origin)
        assert news.head == head
        assert head is not None
        assert (head.size, head.root) == (size, log.root(size))
        assert head.block_number <= node.anchors.head().number
    assert [row[1] for row in node.rows()] == [0, 1, 2, 3]
    assert not node.anchors.settle()


def test_a_head_that_another_node_anchored_settles_without_a_transaction(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    first = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key)
    first.submit(5)
    first.settled(Outcome.ANCHORED)
    second = make_node(chain.engine.rpc_url, chain.pin, log, chain.take_key(), "second")
    second.submit(5, base=0)
    second.settled(Outcome.ANCHORED)
    assert second.rows() == [(5, None, "covered")]


def test_refusals_are_named_and_cost_no_nonce(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    node = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key)
    node.submit(5)
    node.settled(Outcome.ANCHORED)
    fork = GrowingLog(log.origin, "forged")
    cases = [(fork, 9, 5, "Fork"), (fork, 5, 5, "Fork"), (log, 3, 0, "Shrunk")]
    for which, size, base, name in cases:
        with pytest.raises(TransactionRevertedError) as caught:
            node.submit(size, base, which)
        assert caught.value.name == name
    with pytest.raises(AnchorBaseGoneError):
        node.submit(9, base=4)
    stranger = make_node(chain.engine.rpc_url, chain.pin, log, key("stranger"), "stranger")
    with pytest.raises(TransactionRevertedError) as caught:
        stranger.submit(9)
    assert caught.value.name == "NotAnchorKey"
    assert stranger.rows() == []
    assert [row[1] for row in node.rows()] == [0]


def test_stored_and_not_sent_is_sent_after_a_restart(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    with running_proxy(chain.engine.rpc_url) as proxy:
        node = make_node(proxy.url, chain.pin, log, anchor_key)
        proxy.lost_requests = {SEND}
        node.submit(4)
        assert proxy.raw
        assert node.anchors.anchored_head(log.origin) is None
        proxy.lost_requests = set()
        node.restart()
        node.settled(Outcome.ANCHORED)
        assert len(set(proxy.raw)) == 1, "byte for byte"
        assert len(proxy.raw) > 1


def test_sent_and_not_confirmed_is_one_transaction(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    with running_proxy(chain.engine.rpc_url) as proxy:
        node = make_node(proxy.url, chain.pin, log, anchor_key)
        proxy.lost_answers = {SEND}
        node.submit(4)
        proxy.lost_answers = set()
        node.restart()
        node.settled(Outcome.ANCHORED)
        assert len(set(proxy.raw)) == 1
    assert node.rows() == [(4, 0, "anchored")]


def test_confirmed_and_not_recorded_is_told_again(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    node = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key)
    node.submit(4)
    told = node.settled(Outcome.ANCHORED)
    node.restart()
    assert node.settled(Outcome.ANCHORED) == told
    assert not node.anchors.settle()


def test_a_nonce_is_used_again_only_when_the_base_has_gone(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    with running_proxy(chain.engine.rpc_url) as proxy:
        node = make_node(proxy.url, chain.pin, log, anchor_key)
        proxy.lost_requests = {SEND}
        node.submit(4)
        rival = make_node(chain.engine.rpc_url, chain.pin, log, chain.take_key(), "rival")
        rival.submit(2)
        rival.settled(Outcome.ANCHORED)
        proxy.lost_requests = set()
        news = node.settled(Outcome.SUPERSEDED)
        assert news.head is not None
        assert news.head.size == 2
        node.submit(4)
        node.settled(Outcome.ANCHORED)
        assert node.rows() == [(4, 0, "superseded"), (4, 0, "anchored")]
        assert len(set(proxy.raw)) == 2


def test_a_transaction_that_lost_the_race_is_superseded(chain: ConsortiumChain, make_node: MakeNode) -> None:
    """It is reverted in its block: the receipt explains, contract state decides."""
    log, anchor_key = chain.take()
    with running_proxy(chain.engine.rpc_url) as proxy:
        node = make_node(proxy.url, chain.pin, log, anchor_key)
        proxy.lost_requests = {SEND}
        node.submit(4)
        rival = make_node(chain.engine.rpc_url, chain.pin, log, chain.take_key(), "rival")
        rival.submit(2)
        rival.settled(Outcome.ANCHORED)
        proxy.forward(b'{"jsonrpc": "2.0", "id": 1, "method": "%b", "params": ["%b"]}' % (SEND.encode(), proxy.raw[0].encode()))
        chain.mine()
        proxy.lost_requests = set()
        node.settled(Outcome.SUPERSEDED)
        node.submit(4)
        node.settled(Outcome.ANCHORED)
    assert node.rows() == [(4, 0, "superseded"), (4, 1, "anchored")]


def test_a_key_that_ends_while_its_anchor_is_on_its_way_is_refused_by_name(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    with running_proxy(chain.engine.rpc_url) as proxy:
        node = make_node(proxy.url, chain.pin, log, anchor_key)
        proxy.lost_requests = {SEND}
        node.submit(4)
        chain.take_key(overlap_s=0)
        proxy.lost_requests = set()
        news = node.settled(Outcome.REFUSED)
    assert (news.reason, news.head) == ("NotAnchorKey", None)
    assert node.rows() == [(4, 0, "refused")]


def test_a_lost_journal_is_noticed(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    node = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key)
    node.submit(4)
    node.settled(Outcome.ANCHORED)
    restored = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key, "restored")
    with pytest.raises(NonceTakenError):
        restored.submit(6)
    restored.anchors.adopt_nonces()
    restored.submit(6)
    restored.settled(Outcome.ANCHORED)
    assert restored.rows() == [(6, 1, "anchored")]


def test_depth_finality_tells_of_an_anchor_when_blocks_follow(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    node = make_node(chain.engine.rpc_url, with_finality(chain.pin, 3), log, anchor_key)
    node.submit(4)
    news = node.settled(Outcome.ANCHORED, between=chain.mine)
    assert news.head is not None
    assert node.anchors.head().number >= news.head.block_number
    immediate = make_node(chain.engine.rpc_url, chain.pin, log, anchor_key, "immediate")
    assert immediate.anchors.head().number >= news.head.block_number + 3


def test_an_anchor_names_ahead_what_it_reads(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = chain.take()
    with running_proxy(chain.engine.rpc_url) as proxy:
        node = make_node(proxy.url, chain.pin, log, anchor_key)
        for size in (3, 8):
            node.submit(size)
            node.settled(Outcome.ANCHORED)
        first, second = (bytes.fromhex(raw.removeprefix("0x")) for raw in dict.fromkeys(proxy.raw))
    assert first[0] >= 0xC0, "a legacy transaction is an RLP list: of a log without a head nothing is known yet"
    assert second[0] == 1, "EIP-2930"
    assert chain.pin.contracts["consortium"].address in second
