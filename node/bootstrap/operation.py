"""Open a node: take its directory, connect its services, start its threads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import httpx
import structlog

from node.adapters.clock import SystemClock
from node.adapters.database.records.own_entries import SqlOwnTags
from node.adapters.directory import DirectoryLock
from node.adapters.keys.files import FileNodeKeys, read_locator_secrets
from node.adapters.keys.identity import FileInstitutionIdentity
from node.adapters.peers.signed_http import SignedRequestAuth
from node.adapters.workers import WorkerPool
from node.bootstrap.catalogue import build_catalogue
from node.bootstrap.chain import open_chain
from node.bootstrap.codes import build_codes
from node.bootstrap.consents import build_consents
from node.bootstrap.custody import build_custody, build_refiling
from node.bootstrap.exchange import build_exchange
from node.bootstrap.following import LogReading, open_following
from node.bootstrap.foundation import Foundation
from node.bootstrap.hosting import check_trust, hosted_institutions, log_signer, preparation_context, read_trust_root
from node.bootstrap.oversight import build_oversight
from node.bootstrap.packages import check_one_root
from node.bootstrap.reading import build_reading
from node.bootstrap.recognition import RecognitionBasis, build_recognition
from node.bootstrap.services import Services, build_services, read_progress
from node.bootstrap.sharing import Sharing, build_sharing
from node.bootstrap.stores import open_stores
from node.domain.entry import InstitutionId
from node.domain.trust import TrustedLog
from node.errors import NodeStoppingError
from node.ports.chain.consortium import Registry
from node.ports.clock import Clock
from node.ports.consents.store import ConsentChain
from node.ports.logs.peers import FollowedPeer
from node.ports.members.requests import MemberClient
from node.services.logs.anchoring import AnchoringService
from node.services.logs.sequencing import SequencingService
from node.services.loops import Loop
from node.services.patients.index import PatientIndex
from node.services.patients.tag_counters import TagCounters
from node.services.surface.node import Node
from node.settings import NodeSettings
from node.wire.members.http_signature import SignatureTag

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A node with its threads."""

    node: Node
    """What API and command line use."""
    sequencing: SequencingService
    """Grows the logs."""
    anchoring: AnchoringService | None
    """Anchors them; None without a chain."""
    sharing: Sharing
    """What sharing between institutions stands on."""
    loops: Mapping[str, Loop]
    """The loops of the worker role, by name."""
    _closing: contextlib.ExitStack

    def close(self) -> None:
        """Stop: no new work, finish what is under way, let go of the directory."""
        self._closing.close()


@dataclass(frozen=True, slots=True)
class AtHand:
    """Other nodes in the same process."""

    peer: Callable[[TrustedLog], FollowedPeer | None]
    """Opens a log of another node, or returns None for one of this node."""
    client: Callable[[InstitutionId], MemberClient]
    """Asks members on behalf of an institution of this node."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A world beyond a node that somebody simulates."""

    read_registry: Callable[[], Registry]
    """Reads the consortium's registry."""
    transport: httpx.BaseTransport | None
    """Carries requests to other members; None for the network."""
    consents: ConsentChain | None = None
    """The contract of consents; None for the chain's, or for none."""
    at_hand: AtHand | None = None
    """Other nodes in the same process, that somebody drives by hand: no loop and no sequencer is started then."""


def open_node(settings: NodeSettings, clock: Clock | None = None, outside: Outside | None = None) -> RunningNode:
    """Open a node and start its threads.

    Args:
        settings: Its settings.
        clock: Tells the time; None for the system's.
        outside: Stands in for the chain's registry and the network; None for the real ones.

    Raises:
        DirectoryInUseError: Another process serves it.
        SettingsError: Settings, keys or databases do not fit together.
    """
    check_one_root()
    with contextlib.ExitStack() as stack:
        stack.callback(DirectoryLock(settings.directory).release)
        transport, at_hand = (None, None) if outside is None else (outside.transport, outside.at_hand)
        foundation = _lay(settings, clock or SystemClock(), outside, stack)
        sharing = build_sharing(foundation, None if outside is None else outside.read_registry)
        exchange = build_exchange(foundation, sharing, transport, stack, None if at_hand is None else at_hand.client)
        custody = build_custody(foundation, sharing, None if exchange is None else exchange.services)
        services = build_services(foundation, custody.services)
        if sharing.own_keys is not None:
            services.node.status.on_keys(sharing.own_keys)
        consents = build_consents(foundation, services, sharing, exchange, None if outside is None else outside.consents)
        refiling = build_refiling(foundation, services, sharing, None if exchange is None else exchange.services)
        codes = build_codes(foundation, services, sharing, exchange, consents.services)
        reading = build_reading(foundation, services, sharing, exchange, consents, stack)
        catalogue = build_catalogue(foundation, services, sharing)
        basis = RecognitionBasis(catalogue, exchange, None if reading is None else reading.services)
        recognition = build_recognition(foundation, services, sharing, basis)
        if recognition is not None:
            stack.callback(recognition.services.clinic.viewing.close)
        oversight = build_oversight(foundation, services, sharing, catalogue, consents.services)
        loops = [*services.following.loops, *sharing.loops, *custody.loops, *consents.loops, *oversight.loops]
        loops += () if exchange is None else exchange.loops
        loops += () if reading is None else reading.loops
        loops += () if catalogue is None else catalogue.loops
        loops += () if recognition is None else recognition.loops
        keep_files = _keep_nothing if catalogue is None else catalogue.services.adoption.keep_files
        if at_hand is not None:
            _start_passive(foundation, services, keep_files, loops, stack)
        else:
            _start(foundation, services, keep_files, loops, stack)
        closing = stack.pop_all()
    node = replace(
        services.node,
        exchange=None if exchange is None else exchange.services,
        reading=None if reading is None else reading.services,
        recognition=None if recognition is None else recognition.services,
        catalogue=None if catalogue is None else catalogue.services,
        consenting=consents.services,
        codes=codes,
        refiling=refiling,
        withdrawal=consents.withdrawal,
        oversight=oversight.services,
    )
    by_name = {loop.name: loop for loop in loops}
    return RunningNode(node, services.sequencing, services.anchoring, sharing, by_name, closing)


def _lay(settings: NodeSettings, clock: Clock, outside: Outside | None, stack: contextlib.ExitStack) -> Foundation:
    transport, at_hand = (None, None) if outside is None else (outside.transport, outside.at_hand)
    institutions = hosted_institutions(settings)
    trust_root = read_trust_root(settings)
    check_trust(institutions, trust_root)
    signers = {hosted.origin: log_signer(settings, hosted) for hosted in institutions.values()}
    keys = FileNodeKeys(settings.keys)
    stores = open_stores(settings, clock, stack)
    preparation = preparation_context(settings, trust_root)
    patients = PatientIndex(keys, read_locator_secrets(settings.keys))
    progress = read_progress(institutions, stores.reader)
    identities = {each: FileInstitutionIdentity(settings.keys, each) for each in institutions}
    # whichever institution of the node asks: members read each other's logs
    reader = next(iter(identities.values()))
    auth = SignedRequestAuth(reader, clock, SignatureTag.LOG, settings.members.signature_lifetime_s)
    reading = LogReading(auth, transport, None if at_hand is None else at_hand.peer)
    return Foundation(
        settings=settings,
        clock=clock,
        institutions=institutions,
        trust_root=trust_root,
        signers=signers,
        keys=keys,
        patients=patients,
        counters=TagCounters(SqlOwnTags(), patients),
        stores=stores,
        progress=progress,
        chain=open_chain(settings, trust_root, institutions, stores.writer, clock, stack),
        followed=open_following(settings, trust_root, institutions, stores.reader, progress, reading, stack),
        workers=WorkerPool(preparation, clock, processes=settings.work.prepare_processes),
        identities=identities,
        contexts=preparation.records,
    )


def _start(
    foundation: Foundation,
    services: Services,
    keep_files: Callable[[], None],
    loops: Sequence[Loop],
    stack: contextlib.ExitStack,
) -> None:
    """Start the threads; they stop in the reverse order: first what brings work in, last the writer that all of it needs."""
    foundation.stores.writer.start()
    stack.callback(foundation.stores.writer.close)
    services.node.erasure.finish_interrupted()
    keep_files()
    services.sequencing.start()
    stack.callback(services.sequencing.close)
    if services.anchoring is not None:
        services.anchoring.start()
        stack.callback(services.anchoring.close)
    for loop in loops:
        loop.start()
        stack.callback(loop.close)
    foundation.workers.start()
    stack.callback(foundation.workers.close)
    _sweep(services, stack)


def _start_passive(
    foundation: Foundation,
    services: Services,
    keep_files: Callable[[], None],
    loops: Sequence[Loop],
    stack: contextlib.ExitStack,
) -> None:
    """Start what answers when it is asked, and nothing that acts by itself."""
    foundation.stores.writer.start()
    stack.callback(foundation.stores.writer.close)
    keep_files()
    stack.callback(services.sequencing.close)
    for loop in loops:
        stack.callback(loop.close)
    foundation.workers.start()
    stack.callback(foundation.workers.close)


def _keep_nothing() -> None:
    """Keep no documents: nothing is answered by any."""


def _sweep(services: Services, stack: contextlib.ExitStack) -> None:
    """Sweep secrets once a start, beside the work: after years of records it reads for seconds."""
    stopping = threading.Event()

    def work() -> None:
        try:
            services.node.erasure.sweep(stopping)
        except NodeStoppingError:
            pass  # the next start goes on
        except Exception:
            log.exception("sweep_failed")

    thread = threading.Thread(target=work, name="sweeper", daemon=True)
    thread.start()

    def stop() -> None:
        stopping.set()
        thread.join()

    stack.callback(stop)
