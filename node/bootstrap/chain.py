"""The clients of the chain; web3 is imported only where a chain is set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from node.adapters.database.schema import JOURNAL_TABLES
from node.adapters.database.transaction import connection_of
from node.adapters.keys.files import InstitutionKeys
from node.bootstrap.hosting import Institutions
from node.domain.trust import TrustRoot
from node.ports.chain import AnchorChain
from node.ports.clock import Clock
from node.ports.records import RecordsWriter
from node.settings import NodeSettings

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class ChainClients:
    """Two clients of one chain: each is used by one thread."""

    for_worker: AnchorChain
    """Anchors."""
    for_guard: AnchorChain
    """Tells the head before the first signature."""


def open_chain(
    settings: NodeSettings,
    trust_root: TrustRoot | None,
    institutions: Institutions,
    writer: RecordsWriter,
    clock: Clock,
    stack: contextlib.ExitStack,
) -> ChainClients | None:
    """Return the clients of the chain that the settings name, or None; nothing is asked yet, the stack closes them."""
    rpc_url = settings.chain.rpc_url
    if rpc_url is None or trust_root is None:
        return None
    # imported here: web3 takes a second to import, and a node without a chain does not need it
    from node.adapters.chain.anchors import ChainAnchors  # noqa: PLC0415
    from node.adapters.chain.connection import ChainConnection  # noqa: PLC0415
    from node.adapters.chain.gateway import ContractGateway  # noqa: PLC0415
    from node.adapters.chain.signers import LocalSigner  # noqa: PLC0415

    pin = trust_root.chain
    signers = {
        hosted.origin: LocalSigner(InstitutionKeys(settings.keys, hosted.institution).read("anchor.key"))
        for hosted in institutions.values()
    }

    def transact(work: Callable[[sa.Connection], ResultT]) -> ResultT:
        return writer.submit(lambda transaction: work(connection_of(transaction))).result()

    def client() -> ChainAnchors:
        connection = ChainConnection(rpc_url, pin, read_timeout_s=settings.chain.timeout_s)
        stack.callback(connection.close)
        return ChainAnchors(ContractGateway(connection), signers, transact, JOURNAL_TABLES, clock)

    return ChainClients(client(), client())
