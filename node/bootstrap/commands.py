"""What a command needs of the world without opening a whole node: served logs, the chain, the list of API clients.

Adapters are imported when they are asked for: each costs a command's start-up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Final

from node.domain.entry import InstitutionId, Origin
from node.domain.trust import ChainPin

if TYPE_CHECKING:
    from node.adapters.peers.http_log import HttpLogReader
    from node.ports.chain.anchoring import AnchoredHead
    from node.ports.chain.consortium import ConsortiumChain
    from node.ports.logs.trust import TrustStore
    from node.ports.records.transaction import RecordsReader
    from node.services.clients import ClientService
    from node.settings import InstitutionSettings, NodeSettings


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
    _log_to_stderr()
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


@contextmanager
def open_consortium(rpc_url: str, pin: ChainPin, chain_key: bytes | None) -> Iterator[ConsortiumChain]:
    """Open the registry on chain; with an institution's chain key, to propose and vote too."""
    _log_to_stderr()
    from node.adapters.chain.client import ChainClient
    from node.adapters.chain.signers import LocalSigner

    with closing(ChainClient(rpc_url, pin)) as client:
        yield client.consortium(None if chain_key is None else LocalSigner(chain_key))


def read_chain_key(settings: NodeSettings, institution: str) -> bytes:
    """Read the key with which an institution votes.

    Raises:
        KeyFileError: It is missing, readable by others or damaged.
    """
    from node.adapters.keys.files import InstitutionKeys

    return InstitutionKeys(settings.keys, institution).read("chain.key")


OWN_KEY_KINDS: Final = ("exchange", "request", "audit")
"""Kinds of keys that an institution registers out of its node's directory."""


def read_own_key(settings: NodeSettings, institution: str, kind: str) -> bytes:
    """Read the public key of a kind that a node uses for an institution.

    Raises:
        KeyFileError: It is missing, readable by others or damaged.
    """
    from node.adapters.keys.identity import FileInstitutionIdentity

    identity = FileInstitutionIdentity(settings.keys, InstitutionId(institution))
    # headers are sealed to a regulator's exchange key, which it registers under both kinds
    return identity.request_public_key if kind == "request" else identity.exchange_public_key


@contextmanager
def read_clients(settings: NodeSettings) -> Iterator[RecordsReader]:
    """Read a node's records, whether it is running or not."""
    from node.adapters.database.records.reader import SqlRecordsReader
    from node.adapters.database.schema import RECORDS, open_database

    engine = open_database(settings.directory, RECORDS, writer=False)
    try:
        yield SqlRecordsReader(engine)
    finally:
        engine.dispose()


@contextmanager
def open_trust(settings: NodeSettings) -> Iterator[TrustStore]:
    """Open what a node trusts of other logs, whether it is running or not."""
    from node.adapters.database.logs.trust import SqlTrustStore
    from node.adapters.database.schema import TRUST, open_database

    engine = open_database(settings.directory, TRUST, writer=True)
    try:
        yield SqlTrustStore(engine)
    finally:
        engine.dispose()


@contextmanager
def edit_clients(settings: NodeSettings) -> Iterator[ClientService]:
    """Open the clients of a node that is not running.

    Raises:
        DirectoryInUseError: It is running.
    """
    from node.adapters.clock import SystemClock
    from node.adapters.database.records.reader import SqlRecordsReader
    from node.adapters.database.records.transaction import SqlRecordsTransaction
    from node.adapters.database.records.writer import SqlRecordsWriter
    from node.adapters.database.schema import RECORDS, open_database
    from node.adapters.directory import DirectoryLock
    from node.services.clients import ClientService

    with ExitStack() as stack:
        stack.callback(DirectoryLock(settings.directory).release)
        engine = open_database(settings.directory, RECORDS, writer=True)
        stack.callback(engine.dispose)
        writer = SqlRecordsWriter(engine, SqlRecordsTransaction)
        writer.start()
        stack.callback(writer.close)
        yield ClientService(writer, SqlRecordsReader(engine), SystemClock())


def public_keys(settings: NodeSettings, institution: InstitutionSettings) -> dict[str, str]:
    """Return what an institution tells the consortium to be admitted: its log's verifier key, its two accounts on chain.

    Raises:
        KeyFileError: A key is missing, readable by others or damaged.
    """
    from ledger.notes import NoteSigner, encode_verifier_key
    from node.adapters.chain.signers import LocalSigner
    from node.adapters.keys.files import InstitutionKeys

    keys = InstitutionKeys(settings.keys, institution.id)
    return {
        "institution": institution.id,
        "log_vkey": encode_verifier_key(NoteSigner.from_seed(institution.origin, keys.read("log.seed")).verifier_key),
        "chain_account": f"0x{LocalSigner(keys.read('chain.key')).address.hex()}",
        "anchor_account": f"0x{LocalSigner(keys.read('anchor.key')).address.hex()}",
    }


def _log_to_stderr() -> None:
    """Keep log lines out of what programs read on stdout, and out of the way of what people read."""
    import logging

    from node.telemetry import configure_logging

    configure_logging(level=logging.WARNING)
