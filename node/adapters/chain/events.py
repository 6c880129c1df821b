"""The contracts' events in order, by a cursor whose block hashes are checked (`ports.chain.anchoring.ChainEvents`).

A page is events of a bounded range of blocks. Before it is returned, the cursor's block and the range's last block are
both found where they were: a reorg between two requests makes an empty page, one since the last page makes a page that
rewinds. A cursor remembers blocks ever further apart towards the past, so that a rewind costs at most about as many
blocks as have gone by since the fork, and a cursor stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from eth_typing import BlockNumber
from eth_utils.address import to_canonical_address, to_checksum_address
from web3.types import FilterParams, LogReceipt

from contracts.errors import UnknownEventError
from contracts.events import decode_event
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.finality import block_at, final_block
from node.errors import ChainRefusedError
from node.ports.chain.anchoring import BlockReference, ChainEvent, ChainHead, EventCursor, EventPage

BLOCKS_PER_PAGE: Final = 2_000
"""Blocks whose logs are asked for at once; halved when the chain's node says that it is too much."""
CURSOR_BLOCKS: Final = 32
"""Blocks that a cursor remembers."""


class ContractEvents:
    """Reads events through a connection; a `ChainEvents`."""

    def __init__(self, connection: ChainConnection, *, first_block: int = 0, blocks_per_page: int = BLOCKS_PER_PAGE) -> None:
        """Ask nothing yet.

        Args:
            connection: The chain.
            first_block: Where to start without a cursor: no event that matters is older.
            blocks_per_page: Blocks of a page at the most.
        """
        self._connection = connection
        self._first_block = first_block
        self._blocks_per_page = blocks_per_page
        self._names = {pin.address: name for name, pin in connection.pin.contracts.items()}

    def poll(self, cursor: EventCursor | None) -> EventPage:
        """Return the next page after a cursor (None: from the start), or the page that rewinds to where chains agree."""
        self._connection.identify()
        head = final_block(self._connection)
        first = self._first_block if cursor is None else cursor.newest.number + 1
        last = min(head.number, first + self._blocks_per_page - 1)
        # the range's end is looked up first and again at the end: what lies between was then one chain all the time
        end = head if last == head.number or last < first else block_at(self._connection, last)
        if cursor is not None and self._has_lost(cursor, head):
            return self._rewind(cursor, head)
        if last < first:
            return EventPage((), cursor, None, is_last=True)
        events, end = self._read(first, end)
        if block_at(self._connection, end.number).hash != end.hash:
            return EventPage((), cursor, None, is_last=False)
        return EventPage(tuple(events), _advance(cursor, end), None, is_last=end.number == head.number)

    def _read(self, first: int, end: ChainHead) -> tuple[list[ChainEvent], ChainHead]:
        """Return the events of a range, and its end, which is nearer when the chain's node refuses so many."""
        while True:
            try:
                return self._logs(first, end.number), end
            except ChainRefusedError:
                if end.number == first:
                    raise
                end = block_at(self._connection, first + (end.number - first) // 2)

    def _logs(self, first: int, last: int) -> list[ChainEvent]:
        addresses = [to_checksum_address(address) for address in self._names]
        query: FilterParams = {"address": addresses, "fromBlock": BlockNumber(first), "toBlock": BlockNumber(last)}
        with self._connection.calling("eth_getLogs") as web3:
            logs = web3.eth.get_logs(query)
        ordered = sorted(logs, key=lambda log: (log["blockNumber"], log["logIndex"]))
        return [event for log in ordered if (event := self._event(log)) is not None]

    def _event(self, log: LogReceipt) -> ChainEvent | None:
        contract = self._names[to_canonical_address(log["address"])]
        topics = [bytes(topic) for topic in log["topics"]]
        try:
            event = decode_event(contract, topics, bytes(log["data"]))
        except UnknownEventError:
            # the contracts are pinned by their code: only a newer release pins one with events that are unknown here
            return None
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        return ChainEvent(contract, type(event).__name__, values, log["blockNumber"], bytes(log["blockHash"]), log["logIndex"])

    def _has_lost(self, cursor: EventCursor, head: ChainHead) -> bool:
        """Tell whether a cursor's newest block, or below a lower head its newest one there, is gone.

        A head below the cursor is a chain's node that is behind, or a reorg: only blocks that both have can tell.
        """
        shared = [block for block in cursor.blocks if block.number <= head.number]
        return bool(shared) and not self._is_there(shared[-1])

    def _is_there(self, block: BlockReference) -> bool:
        return block_at(self._connection, block.number).hash == block.hash

    def _rewind(self, cursor: EventCursor, head: ChainHead) -> EventPage:
        kept = [block for block in cursor.blocks if block.number <= head.number]
        while kept and not self._is_there(kept[-1]):
            kept.pop()
        if kept:
            return EventPage((), EventCursor(tuple(kept)), kept[-1].number, is_last=False)
        return EventPage((), None, -1, is_last=False)


def _advance(cursor: EventCursor | None, end: ChainHead) -> EventCursor:
    blocks = () if cursor is None else cursor.blocks
    return EventCursor(thin((*blocks, BlockReference(end.number, end.hash))))


def thin(blocks: Sequence[BlockReference]) -> tuple[BlockReference, ...]:
    """Keep at most 32 blocks: the newest ones all, older ones so that their distance grows with their age.

    When there is one too many, that block goes which leaves the smallest gap in proportion to its age.
    """
    kept = list(blocks)
    while len(kept) > CURSOR_BLOCKS:
        newest = kept[-1].number
        gaps = [
            ((kept[index + 1].number - kept[index - 1].number) / (newest - kept[index].number), index)
            for index in range(1, len(kept) - 1)
        ]
        del kept[min(gaps)[1]]
    return tuple(kept)
