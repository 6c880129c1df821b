"""The services of a node, connected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as distribution_version

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.mirror import open_log_checkpoint
from ledger.notes import NoteSigner, parse_note
from ledger.sequencer import Sequencer
from node.adapters.database.custody.withdrawals import SqlWithdrawalStore
from node.adapters.database.reading.retrievals import SqlRetrievedCopies
from node.adapters.database.records.own_entries import SqlEntryLabels
from node.bootstrap.following import Following, build_following, other_witnesses
from node.bootstrap.foundation import Foundation
from node.bootstrap.hosting import Institutions, log_keys
from node.domain.entry import Origin
from node.domain.trust import TrustRoot
from node.ports.records.transaction import RecordsReader
from node.services.clients import ClientService
from node.services.disclosure import DisclosureService
from node.services.logs.anchoring import AnchoringService
from node.services.logs.chain_watch import ChainWatch
from node.services.logs.guard import ChainHeadGuard, QuorumGuard, UnguardedStart, WitnessHeads
from node.services.logs.progress import Progress
from node.services.logs.sequencing import HostedLog, RefreshingGuard, SequencingService
from node.services.patients.index import PatientService
from node.services.records.erasure import ErasureService
from node.services.records.evidence import EvidenceService
from node.services.records.ingest import IngestService
from node.services.records.staging import Sensitivity, StagingHandler
from node.services.status import StatusService
from node.services.surface.custody import Custody
from node.services.surface.node import Node, RequestLimits
from node.telemetry import CHECKPOINT_ENTRIES, LOG_SIZE

DISTRIBUTION = "concord-node"


@dataclass(frozen=True, slots=True)
class Services:
    """The services, and those of them that have a thread."""

    node: Node
    """What API and command line use."""
    sequencing: SequencingService
    """Grows the logs."""
    anchoring: AnchoringService | None
    """Anchors them."""
    following: Following
    """Follows and witnesses all logs."""


def build_services(foundation: Foundation, custody: Custody) -> Services:
    """Connect the services; nothing is started."""
    logs = {origin: _log(foundation, origin, signer) for origin, signer in foundation.signers.items()}
    watch = ChainWatch(configured=foundation.settings.chain.rpc_url is not None)
    following = build_following(foundation, custody.watch.seen)

    def observe(origin: Origin, checkpoint: Checkpoint, added: int) -> None:
        LOG_SIZE.labels(origin).set(checkpoint.size)
        CHECKPOINT_ENTRIES.labels(origin).observe(added)
        following.grew(origin)

    sequencing = SequencingService(
        foundation.stores.writer,
        foundation.progress,
        logs,
        interval_s=foundation.settings.log.checkpoint_interval_ms / 1000,
        batch_entries=foundation.settings.log.batch_entries,
        observe=observe,
    )
    custody.relocations.on_news(sequencing.staged)
    custody.watch.on_told(following.look)
    node = _node(foundation, custody, sequencing, watch, following)
    return Services(node, sequencing, _anchoring(foundation, watch), following)


def disclosure_service(foundation: Foundation) -> DisclosureService:
    """Return the door to bodies; it keeps nothing."""
    stores = foundation.stores
    copies, withdrawals = SqlRetrievedCopies(stores.readers), SqlWithdrawalStore(stores.readers)
    return DisclosureService(stores.bodies, stores.secrets, copies, withdrawals, foundation.keys)


def read_progress(institutions: Institutions, reader: RecordsReader) -> Progress:
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


def _log(foundation: Foundation, origin: Origin, signer: NoteSigner) -> HostedLog:
    chain = foundation.chain
    guard: RefreshingGuard = UnguardedStart()
    if chain is not None:
        foundation.progress.hold(origin)
        trust_root = foundation.trust_root
        others = WitnessHeads(
            origin,
            other_witnesses(trust_root, foundation.institutions),
            quorum=0 if trust_root is None else trust_root.witness_quorum,
            exchange=foundation.followed.exchange,
            reader=foundation.stores.reader,
        )
        guard = QuorumGuard(ChainHeadGuard(chain.for_guard, origin), others)
    return HostedLog(origin, Sequencer(signer, guard, log_keys(signer, foundation.trust_root)[1:]), guard)


def _anchoring(foundation: Foundation, watch: ChainWatch) -> AnchoringService | None:
    if foundation.chain is None:
        return None
    keys_of = {origin: log_keys(signer, foundation.trust_root) for origin, signer in foundation.signers.items()}
    return AnchoringService(
        chain=foundation.chain.for_worker,
        origins=list(foundation.signers),
        open_checkpoint=lambda origin, note: open_log_checkpoint(note, keys_of[origin], origin),
        writer=foundation.stores.writer,
        reader=foundation.stores.reader,
        progress=foundation.progress,
        watch=watch,
        clock=foundation.clock,
        interval_s=foundation.settings.chain.anchor_interval_s,
    )


def _node(foundation: Foundation, custody: Custody, sequencing: SequencingService, watch: ChainWatch, following: Following) -> Node:
    stores, settings, trust_root = foundation.stores, foundation.settings, foundation.trust_root
    return Node(
        institutions=foundation.institutions,
        clients=ClientService(stores.writer, stores.reader, foundation.clock),
        ingest=IngestService(
            preparation=foundation.workers,
            writer=stores.writer,
            handler=_staging(foundation, custody),
            progress=foundation.progress,
            institutions=foundation.institutions,
            staged=sequencing.staged,
        ),
        evidence=EvidenceService(
            reader=stores.reader,
            disclosure=disclosure_service(foundation),
            trust_root=lambda: trust_root,
            clock=foundation.clock,
            cosigned=foundation.followed.trust,
            locks=SqlWithdrawalStore(stores.readers),
        ),
        erasure=ErasureService(
            stores.writer,
            stores.reader,
            stores.secrets,
            foundation.clock,
            bury=custody.relocations.bury_record,
            staged=sequencing.staged,
        ),
        patients=PatientService(stores.writer, foundation.patients, foundation.identities, custody.relocations.move),
        status=_status(foundation, custody, sequencing, watch, following),
        following=following.service,
        witness=following.witness,
        finder=following.finder,
        cosigned=foundation.followed.trust,
        progress=foundation.progress,
        reader=stores.reader,
        limits=RequestLimits(settings.limits.max_document_bytes, settings.limits.max_batch_lines),
        wait_timeout_s=settings.server.wait_timeout_s,
        public_log=settings.server.public_log,
        exchange=None,
        reading=None,
        custody=custody,
    )


def _staging(foundation: Foundation, custody: Custody) -> StagingHandler:
    return StagingHandler(
        keys=foundation.keys,
        secrets=foundation.stores.secrets,
        patients=foundation.patients,
        counters=foundation.counters,
        sensitivity=Sensitivity(SqlEntryLabels(), foundation.identities, custody.relocations.hide),
        revised=custody.notices.revised,
        clock=foundation.clock,
    )


def _status(
    foundation: Foundation, custody: Custody, sequencing: SequencingService, watch: ChainWatch, following: Following
) -> StatusService:
    return StatusService(
        version=distribution_version(DISTRIBUTION),
        institutions=foundation.institutions,
        logs=sequencing.logs,
        progress=foundation.progress,
        reader=foundation.stores.reader,
        writer=foundation.stores.writer,
        chain=watch,
        following=following.service,
        cosigning=following.cosigning,
        notices=custody.notices,
        trust_root=lambda: _serial_and_expiry(foundation.trust_root),
    )


def _serial_and_expiry(trust_root: TrustRoot | None) -> tuple[int, datetime] | None:
    return None if trust_root is None else (trust_root.serial, trust_root.expires_at)
