"""Following and witnessing, connected: what it stands on, the services, and the loops of the worker role."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from ledger.cosignatures import Cosigner
from ledger.errors import MalformedKeyError
from ledger.forks import SizedKey
from ledger.notes import NoteSigner, parse_verifier_key
from node.adapters.database.logs.index import SqlFollowedIndex
from node.adapters.database.logs.trust import SqlTrustStore
from node.adapters.database.schema import INDEX, TRUST, open_database
from node.adapters.keys.files import InstitutionKeys
from node.adapters.peers.connections import HttpConnections
from node.adapters.peers.http_peers import NodePeers
from node.bootstrap.foundation import FollowingStores, Foundation
from node.bootstrap.hosting import Institutions, log_keys
from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.trust import LogKey, TrustedLog, TrustedWitness, TrustRoot
from node.errors import SettingsError
from node.ports.logs.peers import FollowedPeer
from node.ports.records.transaction import RecordsReader
from node.services.logs.anchor_news import AnchorNews
from node.services.logs.cosigning import CosigningService
from node.services.logs.following import FollowingService
from node.services.logs.header_collection import HeaderCollector, TombstoneSeen
from node.services.logs.progress import Progress
from node.services.logs.witness_exchange import WitnessExchange
from node.services.logs.witnessing import WitnessService
from node.services.loops import Loop
from node.services.reading.finding import Finder
from node.settings import NodeSettings

_EVENTS_INTERVAL_S = 1.0
"""How often the chain is asked for new anchors."""
_LOOK_INTERVAL_S = 1.0
"""How often the loop looks whether a log is due."""
_PAUSE_S = 0.25
"""How long the loop leaves processor and disk to others before it looks at logs that grew meanwhile: an own log that grows with
every checkpoint, ten times a second, would cost a step and its durable commits each time."""


@dataclass(frozen=True, slots=True)
class Following:
    """The services."""

    service: FollowingService
    """Follows the logs."""
    witness: WitnessService
    """Cosigns for others."""
    cosigning: CosigningService
    """Has this node's logs cosigned."""
    finder: Finder
    """Finds a patient's entries."""
    loop: Loop
    """Of the following service: to be woken when an own log grew."""
    loops: Sequence[Loop]
    """All loops, to be started with the node."""

    def grew(self, origin: Origin) -> None:
        """Follow an own log now."""
        self.look([origin])

    def look(self, origins: Iterable[Origin]) -> None:
        """Follow logs now."""
        self.service.told(list(origins))
        self.loop.wake()


@dataclass(frozen=True, slots=True)
class LogReading:
    """How this node reads the logs of others."""

    auth: httpx.Auth
    """Signs its requests."""
    transport: httpx.BaseTransport | None
    """Carries them; None for the network."""
    elsewhere: Callable[[TrustedLog], FollowedPeer | None] | None = None
    """Opens logs that are at hand in this process, before the network is asked; None where there are none."""


def open_following(
    settings: NodeSettings,
    trust_root: TrustRoot | None,
    institutions: Institutions,
    reader: RecordsReader,
    progress: Progress,
    reading: LogReading,
    stack: contextlib.ExitStack,
) -> FollowingStores:
    """Open the databases and the connections; the stack closes them.

    Raises:
        SettingsError: `trust.db` is missing.
        SchemaVersionError: Another release wrote one of them.
    """
    trust = open_database(settings.directory, TRUST, writer=True)
    stack.callback(trust.dispose)
    index = open_database(settings.directory, INDEX, writer=True)
    stack.callback(index.dispose)
    index_readers = open_database(settings.directory, INDEX, writer=False)
    stack.callback(index_readers.dispose)
    connections = HttpConnections(auth=reading.auth, transport=reading.transport)
    stack.callback(connections.close)
    logs = () if trust_root is None else trust_root.logs.values()
    endpoints = {log.institution: log.endpoint for log in logs if log.closed is None}
    own = [hosted.origin for hosted in institutions.values()]
    peers = NodePeers(connections, endpoints, own, reader, progress, reading.elsewhere)
    followed = SqlFollowedIndex(index, index_readers, own, reader)
    return FollowingStores(SqlTrustStore(trust), followed, peers, WitnessExchange(peers))


def build_following(foundation: Foundation, tombstone_seen: TombstoneSeen) -> Following:
    """Connect the services; nothing is started.

    Args:
        foundation: What they stand on.
        tombstone_seen: Told when a header was deleted here.

    Raises:
        SettingsError: `following.extra_logs` holds what is no verifier key.
    """
    stores, settings, trust_root = foundation.followed, foundation.settings.following, foundation.trust_root
    logs = _logs(foundation.institutions, trust_root, foundation.signers)
    service = FollowingService(
        logs=logs,
        peers=stores.peers,
        trust=stores.trust,
        index=stores.index,
        headers=HeaderCollector(stores.index, retry_s=settings.poll_interval_s, tombstone_seen=tombstone_seen),
        chain=None if foundation.chain is None else foundation.chain.for_following,
        clock=foundation.clock,
        poll_interval_s=settings.poll_interval_s,
        header_grace_s=settings.header_grace_s,
    )
    cosigning = CosigningService(
        hosted=list(foundation.institutions.values()),
        witnesses=() if trust_root is None else trust_root.witnesses,
        quorum=0 if trust_root is None else trust_root.witness_quorum,
        exchange=stores.exchange,
        reader=foundation.stores.reader,
        store=stores.trust,
        progress=foundation.progress,
        clock=foundation.clock,
    )
    witnessed = {each.origin: tuple(each.keys) for each in logs} | _extra_logs(settings.extra_logs)
    cosigners = {each: _cosigner(foundation.settings, each, trust_root) for each in foundation.institutions}
    witness = WitnessService(cosigners, witnessed, stores.trust, foundation.clock, service.is_frozen)
    loop = _following_loop(service, min(_LOOK_INTERVAL_S, settings.poll_interval_s))
    loops = [loop, Loop("cosigning", cosigning.step, settings.cosign_interval_s), *_event_loops(foundation, logs, service, loop)]
    return Following(service, witness, cosigning, Finder(stores.index), loop, loops)


def other_witnesses(trust_root: TrustRoot | None, institutions: Institutions) -> tuple[TrustedWitness, ...]:
    """Return the witnesses that are kept by other nodes: what one of this node says of its own logs was restored with it."""
    return () if trust_root is None else tuple(each for each in trust_root.witnesses if each.institution not in institutions)


def _following_loop(service: FollowingService, interval_s: float) -> Loop:
    def step() -> None:
        if service.step():
            loop.go_on()

    loop = Loop("following", step, interval_s, pause_s=min(_PAUSE_S, interval_s))
    return loop


def _event_loops(foundation: Foundation, logs: Iterable[TrustedLog], service: FollowingService, loop: Loop) -> list[Loop]:
    if foundation.chain is None:
        return []
    # imported here: web3 takes a second to import, and a node without a chain does not need it
    from node.adapters.chain.gateway import origin_id  # noqa: PLC0415 - see above

    def told(origins: Iterable[Origin]) -> None:
        news = list(origins)
        if news:
            service.told(news)
            loop.wake()

    origins = {origin_id(each.origin): each.origin for each in logs}
    news = AnchorNews(foundation.chain.make_client().events(), origins, foundation.followed.index, told)
    return [Loop("anchor-events", news.step, _EVENTS_INTERVAL_S)]


def _logs(
    institutions: Mapping[InstitutionId, HostedInstitution], trust_root: TrustRoot | None, signers: Mapping[Origin, NoteSigner]
) -> list[TrustedLog]:
    """Return the logs to follow: the trust root's; without one, those of this node."""
    if trust_root is not None:
        return list(trust_root.logs.values())
    return [
        TrustedLog(
            each.origin, each.institution, "", tuple(LogKey(key, 0, None) for key in log_keys(signers[each.origin], None)), None
        )
        for each in institutions.values()
    ]


def _extra_logs(vkeys: Sequence[str]) -> dict[Origin, tuple[SizedKey, ...]]:
    try:
        keys = [parse_verifier_key(vkey) for vkey in vkeys]
    except MalformedKeyError as error:
        raise SettingsError(f"following.extra_logs: {error}") from error
    return {Origin(key.name): (LogKey(key, 0, None),) for key in keys}


def _cosigner(settings: NodeSettings, institution: InstitutionId, trust_root: TrustRoot | None) -> Cosigner:
    """Return what an institution cosigns with, under the name that the trust root gives its key."""
    seed = InstitutionKeys(settings.keys, institution).read("cosign.seed")
    unnamed = Cosigner.from_seed(f"{institution}/witness", seed)
    for witness in () if trust_root is None else trust_root.witnesses:
        if witness.institution == institution and witness.key.public_key == unnamed.verifier_key.public_key:
            return Cosigner.from_seed(witness.key.name, seed)
    return unnamed
