"""The composition root: settings in, a running node out. Only this module builds adapters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as distribution_version
from typing import TypeVar

import sqlalchemy as sa

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.mirror import open_log_checkpoint
from ledger.notes import NoteSigner, VerifierKey, parse_note
from ledger.ports import LogReader
from ledger.sequencer import Sequencer
from node.adapters.clock import SystemClock
from node.adapters.database.reader import SqlBodyReader, SqlRecordsReader
from node.adapters.database.schema import JOURNAL_TABLES, RECORDS, SECRETS, create_databases, open_database
from node.adapters.database.secrets import SqlSecretStore
from node.adapters.database.transaction import SqlRecordsTransaction, connection_of
from node.adapters.database.writer import SqlRecordsWriter
from node.adapters.directory import DirectoryLock
from node.adapters.keys.files import (
    FileKeyEncryptionKeys,
    FileNodeKeys,
    InstitutionKeys,
    create_institution_keys,
    create_node_keys,
    keep_locator_secrets,
    read_locator_secrets,
)
from node.adapters.workers import WorkerPool
from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.kind import DocumentLimits, IdentityRules
from node.domain.record import Kind
from node.domain.trust import TrustRoot
from node.errors import SettingsError, UnknownOriginError
from node.ports.chain import AnchorChain
from node.ports.clock import Clock, unix_ms
from node.ports.records import RecordsTransaction
from node.services.anchoring import AnchoringService
from node.services.clients import ClientService, IssuedClient, Scope
from node.services.disclosure import DisclosureService
from node.services.erasure import ErasureService
from node.services.evidence import EvidenceService
from node.services.guard import ChainHeadGuard, UnguardedStart
from node.services.ingest import IngestService
from node.services.node import Node, RequestLimits
from node.services.patients import PatientIndex, PatientService
from node.services.preparation import PreparationContext
from node.services.progress import Progress
from node.services.recovery import Recovery, RecoveryReport
from node.services.sequencing import HostedLog, SequencingService
from node.services.staging import StagingHandler
from node.services.status import ChainWatch, StatusService
from node.settings import NodeSettings
from node.telemetry import LOG_SIZE
from node.wire.kinds import load_kinds
from node.wire.prepare import RecordContext
from node.wire.trust_root import parse_trust_root

ResultT = TypeVar("ResultT")

DISTRIBUTION = "concord-node"


@dataclass(frozen=True, slots=True)
class _Stores:
    writer: SqlRecordsWriter
    reader: SqlRecordsReader
    bodies: SqlBodyReader
    secrets: SqlSecretStore
    dispose: Callable[[], None]


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node with its threads."""

    node: Node
    """What API and command line use."""
    sequencing: SequencingService
    """Grows the logs."""
    anchoring: AnchoringService | None
    """Anchors them; None without a chain."""
    _closing: contextlib.ExitStack

    def close(self) -> None:
        """Stop: no new work, finish what is under way, let go of the directory."""
        self._closing.close()


def init_node(settings: NodeSettings, locator_secrets: Mapping[int, bytes]) -> None:
    """Create a node's keys and databases; what exists is kept.

    Args:
        settings: The node's.
        locator_secrets: The consortium's locator secrets by epoch, 32 bytes each.
    """
    settings.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    create_node_keys(settings.keys)
    keep_locator_secrets(settings.keys, locator_secrets)
    for institution in settings.institutions:
        create_institution_keys(settings.keys, institution.id)
    create_databases(settings.directory, [Origin(institution.origin) for institution in settings.institutions])


def issue_clients(settings: NodeSettings, name: str = "first") -> list[IssuedClient]:
    """Issue an API key with every scope to each institution of a node that is not being served.

    Raises:
        DirectoryInUseError: The node is being served.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(DirectoryLock(settings.directory).release)
        stores = _open_stores(settings, SystemClock())
        stack.callback(stores.dispose)
        stores.writer.start()
        stack.callback(stores.writer.close)
        clients = ClientService(stores.writer, stores.reader, SystemClock())
        return [clients.issue(InstitutionId(one.id), name, list(Scope)) for one in settings.institutions]


def recover_node(
    settings: NodeSettings, institution: InstitutionId, mirror: LogReader, headers: Mapping[int, bytes]
) -> RecoveryReport:
    """Bring one log of a node that is not being served up to what a mirror of it holds.

    Args:
        settings: The node's.
        institution: Whose log.
        mirror: Whoever holds more of it; believed only as far as the log's own signature proves it.
        headers: Sealed headers by leaf index, from a header export.

    Raises:
        DirectoryInUseError: The node is being served.
        UnknownOriginError: It does not host the institution.
        LedgerError: The mirror does not prove what it holds, or contradicts this log; nothing was changed.
    """
    hosted = hosted_institutions(settings).get(institution)
    if hosted is None:
        raise UnknownOriginError(institution)
    trust_root = read_trust_root(settings)
    seed = InstitutionKeys(settings.keys, institution).read("log.seed")
    patients = PatientIndex(FileNodeKeys(settings.keys), read_locator_secrets(settings.keys))

    def work(transaction: RecordsTransaction) -> RecoveryReport:
        return Recovery(
            transaction,
            institution=institution,
            origin=hosted.origin,
            keys=_log_keys(NoteSigner.from_seed(hosted.origin, seed), trust_root),
            patients=patients,
            audit_keys=() if trust_root is None else tuple(key.public_key for key in trust_root.audit_keys),
            now_ms=unix_ms(SystemClock()),
        ).run(mirror, headers)

    with contextlib.ExitStack() as stack:
        stack.callback(DirectoryLock(settings.directory).release)
        stores = _open_stores(settings, SystemClock())
        stack.callback(stores.dispose)
        stores.writer.start()
        stack.callback(stores.writer.close)
        return stores.writer.submit(work).result()


def open_node(settings: NodeSettings, clock: Clock | None = None) -> RunningNode:
    """Open a node and start its threads.

    Raises:
        DirectoryInUseError: Another process serves it.
        SettingsError: Settings, keys or databases do not fit together.
    """
    with contextlib.ExitStack() as stack:
        lock = DirectoryLock(settings.directory)
        stack.callback(lock.release)
        running = _assemble(settings, clock or SystemClock(), stack)
        closing = stack.pop_all()
    return RunningNode(running.node, running.sequencing, running.anchoring, closing)


@dataclass(frozen=True, slots=True)
class _Assembled:
    node: Node
    sequencing: SequencingService
    anchoring: AnchoringService | None


def _assemble(settings: NodeSettings, clock: Clock, stack: contextlib.ExitStack) -> _Assembled:
    institutions = hosted_institutions(settings)
    trust_root = read_trust_root(settings)
    _check_trust(institutions, trust_root)
    stores = _open_stores(settings, clock)
    stack.callback(stores.dispose)
    progress = _read_progress(institutions, stores.reader)
    signers = {
        hosted.origin: NoteSigner.from_seed(hosted.origin, InstitutionKeys(settings.keys, hosted.institution).read("log.seed"))
        for hosted in institutions.values()
    }
    keys_of = {hosted.origin: _log_keys(signers[hosted.origin], trust_root) for hosted in institutions.values()}
    watch = ChainWatch(configured=settings.chain.rpc_url is not None)
    chain = _open_chain(settings, trust_root, stores, institutions, clock, stack)
    logs = {
        origin: HostedLog(origin, Sequencer(signer, guard, keys_of[origin][1:]), guard)
        for origin, signer in signers.items()
        for guard in [UnguardedStart() if chain is None else ChainHeadGuard(chain.for_guard, origin)]
    }
    sequencing = SequencingService(
        stores.writer,
        progress,
        logs,
        interval_s=settings.log.checkpoint_interval_ms / 1000,
        batch_entries=settings.log.batch_entries,
        observe=_observe,
    )
    patients = PatientIndex(FileNodeKeys(settings.keys), read_locator_secrets(settings.keys))
    workers = WorkerPool(_preparation_context(settings, trust_root), clock, processes=settings.work.prepare_processes)
    handler = StagingHandler(FileNodeKeys(settings.keys), stores.secrets, patients, clock)
    erasure = ErasureService(stores.writer, stores.reader, stores.secrets, clock, sequencing.staged)
    anchoring = None
    if chain is not None:
        anchoring = AnchoringService(
            chain=chain.for_worker,
            origins=list(signers),
            open_checkpoint=lambda origin, note: open_log_checkpoint(note, keys_of[origin], origin),
            writer=stores.writer,
            reader=stores.reader,
            progress=progress,
            watch=watch,
            clock=clock,
            interval_s=settings.chain.anchor_interval_s,
        )
    node = Node(
        institutions=institutions,
        clients=ClientService(stores.writer, stores.reader, clock),
        ingest=IngestService(
            preparation=workers,
            writer=stores.writer,
            handler=handler,
            progress=progress,
            institutions=institutions,
            staged=sequencing.staged,
        ),
        evidence=EvidenceService(
            reader=stores.reader,
            disclosure=DisclosureService(stores.bodies, stores.secrets),
            trust_root=lambda: trust_root,
            clock=clock,
        ),
        erasure=erasure,
        patients=PatientService(stores.writer, patients),
        status=StatusService(
            version=distribution_version(DISTRIBUTION),
            institutions=institutions,
            logs=logs,
            progress=progress,
            reader=stores.reader,
            writer=stores.writer,
            chain=watch,
            trust_root=lambda: _serial_and_expiry(trust_root),
        ),
        progress=progress,
        reader=stores.reader,
        limits=RequestLimits(settings.limits.max_document_bytes, settings.limits.max_batch_lines),
        wait_timeout_s=settings.server.wait_timeout_s,
        public_log=settings.server.public_log,
    )
    # stopped in the reverse order: first what brings work in, last the writer that all of it needs
    stores.writer.start()
    stack.callback(stores.writer.close)
    erasure.sweep()
    sequencing.start()
    stack.callback(sequencing.close)
    if anchoring is not None:
        anchoring.start()
        stack.callback(anchoring.close)
    stack.callback(workers.close)
    return _Assembled(node, sequencing, anchoring)


def hosted_institutions(settings: NodeSettings) -> dict[InstitutionId, HostedInstitution]:
    """Return the institutions of the settings.

    Raises:
        SettingsError: Two of them share an id or an origin.
    """
    institutions = {
        InstitutionId(one.id): HostedInstitution(InstitutionId(one.id), one.name, Origin(one.origin))
        for one in settings.institutions
    }
    origins = {one.origin for one in settings.institutions}
    if len(institutions) < len(settings.institutions) or len(origins) < len(settings.institutions):
        raise SettingsError("institutions: every one needs an id and an origin of its own")
    return institutions


def read_trust_root(settings: NodeSettings) -> TrustRoot | None:
    """Read the node's trust root; None where there is none and no chain is set.

    Raises:
        SettingsError: A chain is set and nothing says which one to believe.
        MalformedTrustRootError: The file is no trust root.
    """
    path = settings.trust_root_file
    if not path.is_file():
        if settings.chain.rpc_url is not None:
            raise SettingsError(f"{path} is missing: a node with a chain needs the consortium's trust root")
        return None
    return parse_trust_root(path.read_bytes())


def _check_trust(institutions: Mapping[InstitutionId, HostedInstitution], trust_root: TrustRoot | None) -> None:
    if trust_root is None:
        return
    for hosted in institutions.values():
        trusted = trust_root.logs.get(hosted.origin)
        if trusted is None or trusted.institution != hosted.institution:
            raise SettingsError(f"the trust root knows no log {hosted.origin} of {hosted.institution}; update it, or the settings")


def _open_stores(settings: NodeSettings, clock: Clock) -> _Stores:
    records = open_database(settings.directory, RECORDS, writer=True)
    readers = open_database(settings.directory, RECORDS, writer=False)
    secrets = open_database(settings.directory, SECRETS, writer=True)

    def dispose() -> None:
        for engine in (records, readers, secrets):
            engine.dispose()

    return _Stores(
        writer=SqlRecordsWriter(records, SqlRecordsTransaction),
        reader=SqlRecordsReader(readers),
        bodies=SqlBodyReader(readers),
        secrets=SqlSecretStore(secrets, FileKeyEncryptionKeys(settings.keys), clock),
        dispose=dispose,
    )


def _read_progress(institutions: Mapping[InstitutionId, HostedInstitution], reader: SqlRecordsReader) -> Progress:
    """Start from what is recorded; the chain's word on anchors follows when the worker has asked."""
    progress = Progress()
    for hosted in institutions.values():
        note = reader.log(hosted.origin).checkpoint()
        if note is not None:
            progress.logged(hosted.origin, parse_checkpoint(parse_note(note).text).size)
        anchor = reader.latest_anchor(hosted.origin)
        if anchor is not None:
            progress.anchored(hosted.origin, anchor.size)
    return progress


@dataclass(frozen=True, slots=True)
class _Chain:
    """Two clients of one chain: each is used by one thread."""

    for_worker: AnchorChain
    for_guard: AnchorChain


def _open_chain(
    settings: NodeSettings,
    trust_root: TrustRoot | None,
    stores: _Stores,
    institutions: Mapping[InstitutionId, HostedInstitution],
    clock: Clock,
    stack: contextlib.ExitStack,
) -> _Chain | None:
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
        return stores.writer.submit(lambda transaction: work(connection_of(transaction))).result()

    def client() -> ChainAnchors:
        connection = ChainConnection(rpc_url, pin, read_timeout_s=settings.chain.timeout_s)
        stack.callback(connection.close)
        return ChainAnchors(ContractGateway(connection), signers, transact, JOURNAL_TABLES, clock)

    return _Chain(client(), client())


def _log_keys(signer: NoteSigner, trust_root: TrustRoot | None) -> tuple[VerifierKey, ...]:
    """Return the key that signs a log now, then those that the trust root knows to have signed it before."""
    trusted = None if trust_root is None else trust_root.logs.get(Origin(signer.verifier_key.name))
    former = () if trusted is None else tuple(one.key for one in trusted.keys if one.key != signer.verifier_key)
    return (signer.verifier_key, *former)


def _preparation_context(settings: NodeSettings, trust_root: TrustRoot | None) -> PreparationContext:
    audit_keys = () if trust_root is None else tuple(key.public_key for key in trust_root.audit_keys)
    limits = settings.limits
    return PreparationContext(
        kinds=load_kinds(),
        limits=DocumentLimits(
            max_document_bytes=limits.max_document_bytes,
            max_depth=limits.max_nesting,
            max_parts=limits.max_parts,
            max_records=limits.max_records,
        ),
        rules={
            InstitutionId(one.id): IdentityRules(
                InstitutionId(one.id),
                one.record_systems,
                one.patient_systems,
                frozenset(Kind(kind) for kind in one.versioned_kinds),
            )
            for one in settings.institutions
        },
        records={
            InstitutionId(one.id): RecordContext(origin=Origin(one.origin), audit_keys=audit_keys) for one in settings.institutions
        },
    )


def _observe(origin: Origin, checkpoint: Checkpoint) -> None:
    LOG_SIZE.labels(origin).set(checkpoint.size)


def _serial_and_expiry(trust_root: TrustRoot | None) -> tuple[int, datetime] | None:
    return None if trust_root is None else (trust_root.serial, trust_root.expires_at)
