"""The command line's part of the composition root: what a command needs of the world without opening a whole node.

Like `node.bootstrap`, and unlike every other module, it builds adapters; each is imported when it is asked for.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING

from node.domain.entry import Origin
from node.domain.trust import ChainPin

if TYPE_CHECKING:
    from node.adapters.peers.http_log import HttpLogReader
    from node.ports.chain import AnchoredHead


def open_served_log(url: str, api_key: str | None) -> AbstractContextManager[HttpLogReader]:
    """Open a log that someone serves; nothing is asked yet.

    Raises:
        PeerAnswerError: The URL is none of http or https.
    """
    from node.adapters.peers.http_log import HttpLogReader

    return HttpLogReader(url, api_key=api_key)


def read_anchored_head(rpc_url: str, pin: ChainPin, origin: Origin, at_block: int | None) -> AnchoredHead | None:
    """Read a log's head from the chain, at the finality that the trust root names; None where nothing is anchored.

    Args:
        rpc_url: The chain's JSON-RPC address.
        pin: What the trust root says of the chain.
        origin: The log.
        at_block: Read the state of that block, if it is final and the chain's node still has it; else the newest final.

    Raises:
        ChainError: The chain does not answer, or is not the pinned one.
    """
    from node.adapters.chain.connection import ChainConnection
    from node.adapters.chain.gateway import ContractGateway
    from node.adapters.chain.settling import read_head
    from node.errors import ChainRefusedError

    with closing(ChainConnection(rpc_url, pin)) as connection:
        gateway = ContractGateway(connection)
        final = gateway.final_block(gateway.newest_block())
        if at_block is not None and at_block < final.number:
            try:
                return read_head(gateway, origin, gateway.block_at(at_block))
            except ChainRefusedError:
                pass  # a pruned node forgets old states; the newest one still tells whether the log was forked
        return read_head(gateway, origin, final)
