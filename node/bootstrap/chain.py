"""The clients of the chain; web3 is imported only where a chain is set."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from node.adapters.database.records.transaction import connection_of
from node.adapters.database.schema import JOURNAL_TABLES
from node.adapters.keys.files import InstitutionKeys
from node.bootstrap.hosting import Institutions
from node.domain.trust import TrustRoot
from node.ports.chain.anchoring import AnchorChain
from node.ports.clock import Clock
from node.ports.records.transaction import RecordsWriter
from node.settings import NodeSettings

if TYPE_CHECKING:
    from node.adapters.chain.anchors import ChainAnchors
    from node.adapters.chain.client import ChainClient

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class ChainClients:
    """Clients of one chain: each is used by one thread."""

    for_worker: AnchorChain
    """Anchors."""
    for_guard: AnchorChain
    """Tells the head before the first signature."""
    for_following: AnchorChain
    """Tells the heads of all logs to whoever follows them."""
    make_client: Callable[[], ChainClient]
    """Makes a client for one more thread: each loop of the worker role has its own."""


def open_chain(
    settings: NodeSettings,
    trust_root: TrustRoot | None,
    institutions: Institutions,
    writer: RecordsWriter,
    clock: Clock,
    stack: contextlib.ExitStack,
) -> ChainClients | None:
    """Return the clients of the chain that the settings name, or None; nothing is asked yet, the stack closes them."""
    if settings.chain.rpc_url is None or trust_root is None:
        return None
    return ChainClients(
        _anchors(settings, trust_root, institutions, writer, clock, stack),
        _anchors(settings, trust_root, institutions, writer, clock, stack),
        _anchors(settings, trust_root, institutions, writer, clock, stack),
        lambda: _client(settings, trust_root, stack),
    )


def adopt_nonces(
    settings: NodeSettings, trust_root: TrustRoot | None, institutions: Institutions, writer: RecordsWriter, clock: Clock
) -> None:
    """Account for the transactions that the anchor keys sent and a restored database does not know of.

    Raises:
        ChainError: The chain does not answer, or is not the pinned one.
    """
    if settings.chain.rpc_url is not None and trust_root is not None:
        with contextlib.ExitStack() as stack:
            _anchors(settings, trust_root, institutions, writer, clock, stack).adopt_nonces()


def _client(settings: NodeSettings, trust_root: TrustRoot, stack: contextlib.ExitStack) -> ChainClient:
    # imported here: web3 takes a second to import, and a node without a chain does not need it
    from node.adapters.chain.client import ChainClient  # noqa: PLC0415

    client = ChainClient(settings.chain.rpc_url or "", trust_root.chain, read_timeout_s=settings.chain.timeout_s)
    stack.callback(client.close)
    return client


def _anchors(
    settings: NodeSettings,
    trust_root: TrustRoot,
    institutions: Institutions,
    writer: RecordsWriter,
    clock: Clock,
    stack: contextlib.ExitStack,
) -> ChainAnchors:
    from node.adapters.chain.signers import LocalSigner  # noqa: PLC0415 - as in _client

    signers = {
        hosted.origin: LocalSigner(InstitutionKeys(settings.keys, hosted.institution).read("anchor.key"))
        for hosted in institutions.values()
    }

    def transact(work: Callable[[sa.Connection], ResultT]) -> ResultT:
        return writer.submit(lambda transaction: work(connection_of(transaction))).result()

    return _client(settings, trust_root, stack).anchors(signers, transact, JOURNAL_TABLES, clock)
