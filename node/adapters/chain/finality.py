"""Which block counts as the chain's head: the newest one, or the one that N blocks follow (trust root `finality`)."""

from __future__ import annotations

from web3 import Web3
from web3.types import BlockData, BlockIdentifier

from node.adapters.chain.connection import ChainConnection
from node.domain.trust import Finality
from node.ports.chain.anchoring import ChainHead


def newest_block(connection: ChainConnection) -> ChainHead:
    """Return the newest block, final or not."""
    with connection.calling("eth_getBlockByNumber") as web3:
        return _read(web3, "latest")


def block_at(connection: ChainConnection, number: int) -> ChainHead:
    """Return a block by its number.

    Raises:
        ChainRefusedError: There is none.
    """
    with connection.calling("eth_getBlockByNumber") as web3:
        return _read(web3, number)


def final_block(connection: ChainConnection, newest: ChainHead | None = None) -> ChainHead:
    """Return the newest block that counts as final; the genesis block while there are fewer than `depth` blocks."""
    found = newest_block(connection) if newest is None else newest
    number = final_number(found.number, connection.pin.finality)
    return found if number == found.number else block_at(connection, number)


def final_number(newest: int, finality: Finality) -> int:
    """Return the number of the newest final block, given that of the newest one."""
    return max(0, newest - finality.depth)


def _read(web3: Web3, block: BlockIdentifier) -> ChainHead:
    found: BlockData = web3.eth.get_block(block)
    return ChainHead(found["number"], bytes(found["hash"]), found["timestamp"])
