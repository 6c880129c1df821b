"""Reorgs on demand: anchors come back byte for byte, event cursors rewind to where the chains part."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.adapters.chain.client import ChainClient
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.events import ContractEvents
from node.domain.trust import ChainPin
from node.errors import ChainRefusedError
from node.ports.chain.anchoring import ChainEvent, ChainEvents, EventCursor, Outcome
from tests.integration.chain_client.conftest import MakeNode
from tests.integration.chain_client.consortium_chain import ConsortiumChain, ask, with_finality
from tests.integration.chain_client.faulty_proxy import running_proxy

pytestmark = [pytest.mark.network, pytest.mark.slow]


def drain(events: ChainEvents, cursor: EventCursor | None = None) -> tuple[list[ChainEvent], EventCursor]:
    """Read to the head of a chain that keeps still."""
    found: list[ChainEvent] = []
    while True:
        page = events.poll(cursor)
        assert page.rewound_to is None
        found += page.events
        cursor = page.cursor
        if page.is_last:
            assert cursor is not None
            return found, cursor


@pytest.fixture
def client(embedded: ConsortiumChain) -> Iterator[ChainClient]:
    made = ChainClient(embedded.engine.rpc_url, embedded.pin)
    yield made
    made.close()


def events_of(embedded: ConsortiumChain, pin: ChainPin, blocks_per_page: int) -> tuple[ChainConnection, ContractEvents]:
    connection = ChainConnection(embedded.engine.rpc_url, pin)
    return connection, ContractEvents(connection, blocks_per_page=blocks_per_page)


def test_an_anchor_that_a_reorg_took_back_comes_again_byte_for_byte(embedded: ConsortiumChain, make_node: MakeNode) -> None:
    log, anchor_key = embedded.take()
    with running_proxy(embedded.engine.rpc_url) as proxy:
        node = make_node(proxy.url, embedded.pin, log, anchor_key)
        fork_point = node.anchors.head().number
        for size in (3, 8):
            node.submit(size)
            node.settled(Outcome.ANCHORED)
        assert not node.anchors.settle()
        sent = list(dict.fromkeys(proxy.raw))
        ask(embedded.engine.rpc_url, "concord_revertTo", hex(fork_point))
        embedded.mine(3)
        news = node.settled(Outcome.VANISHED)
        assert (news.size, news.head) == (8, None)
        pending = node.anchors.pending(log.origin)
        assert pending is not None
        assert pending.size == 8
        overtaken, anchored = node.all_settled()
        assert (overtaken.outcome, overtaken.size) == (Outcome.SUPERSEDED, 3)
        assert (anchored.outcome, anchored.size) == (Outcome.ANCHORED, 8)
        assert list(dict.fromkeys(proxy.raw)) == sent
        head = node.anchors.anchored_head(log.origin)
        assert head is not None
        assert (head.size, head.root) == (8, log.root(8))


def test_events_come_in_order_whatever_the_page(embedded: ConsortiumChain, client: ChainClient) -> None:
    everything, cursor = drain(client.events())
    assert {"InstitutionAdmitted", "KeyRegistered", "OriginAdded"} <= {event.name for event in everything}
    places = [(event.block_number, event.log_index) for event in everything]
    assert places == sorted(set(places))
    connection, paged = events_of(embedded, embedded.pin, blocks_per_page=2)
    assert drain(paged)[0] == everything
    connection.close()
    page = client.events().poll(cursor)
    assert (page.events, page.cursor, page.is_last) == ((), cursor, True)


def test_a_range_that_is_too_much_for_the_chains_node_is_halved(embedded: ConsortiumChain, client: ChainClient) -> None:
    embedded.mine(10)
    everything, cursor = drain(client.events())
    with running_proxy(embedded.engine.rpc_url) as proxy:
        proxy.most_log_blocks = 3
        limited = ChainClient(proxy.url, embedded.pin)
        assert drain(limited.events())[0] == everything
        proxy.most_log_blocks = 0
        with pytest.raises(ChainRefusedError, match="more than 10000 results"):
            limited.events().poll(None)
        assert limited.events().poll(cursor).events == (), "nothing is asked for where nothing is new"
        limited.close()


def test_an_anchor_is_an_event_with_typed_fields(embedded: ConsortiumChain, client: ChainClient, make_node: MakeNode) -> None:
    log, anchor_key = embedded.take()
    _, cursor = drain(client.events())
    node = make_node(embedded.engine.rpc_url, embedded.pin, log, anchor_key)
    node.submit(6)
    news = node.settled(Outcome.ANCHORED)
    (event,) = drain(client.events(), cursor)[0]
    assert (event.contract, event.name) == ("log_anchors", "Anchored")
    assert (event.fields["size"], event.fields["root"]) == (6, log.root(6))
    assert news.head is not None
    assert (event.block_number, event.block_hash) == (news.head.block_number, news.head.block_hash)


def test_a_cursor_rewinds_to_the_last_block_that_is_still_there(
    embedded: ConsortiumChain, client: ChainClient, make_node: MakeNode
) -> None:
    log, anchor_key = embedded.take()
    connection, paged = events_of(embedded, embedded.pin, blocks_per_page=1)
    before, _ = drain(paged)
    node = make_node(embedded.engine.rpc_url, embedded.pin, log, anchor_key)
    fork_point = node.anchors.head().number
    node.submit(2)
    node.settled(Outcome.ANCHORED)
    seen, cursor = drain(paged)
    assert len(seen) == len(before) + 1
    embedded.mine(2)
    _, cursor = drain(paged, cursor)
    ask(embedded.engine.rpc_url, "concord_revertTo", hex(fork_point))
    assert paged.poll(cursor).rewound_to is None, "a shorter chain may be a node that is behind"
    embedded.mine(5)
    page = paged.poll(cursor)
    assert page.rewound_to == fork_point
    assert page.cursor is not None
    assert page.events == ()
    kept = [event for event in seen if event.block_number <= page.rewound_to]
    again, _ = drain(paged, page.cursor)
    assert kept + again == drain(client.events())[0]
    connection.close()


def test_a_cursor_of_another_history_starts_anew(client: ChainClient) -> None:
    _, cursor = drain(client.events())
    forged = EventCursor(tuple(type(block)(block.number, b"x" * 32) for block in cursor.blocks))
    page = client.events().poll(forged)
    assert (page.cursor, page.rewound_to, page.is_last) == (None, -1, False)


def test_events_wait_for_the_finality(embedded: ConsortiumChain) -> None:
    embedded.mine(4)
    connection, deep = events_of(embedded, with_finality(embedded.pin, 3), blocks_per_page=1_000)
    _, cursor = drain(deep)
    newest = int(ask(embedded.engine.rpc_url, "eth_blockNumber"), 16)
    assert cursor.newest.number == newest - 3
    connection.close()
