"""What the services of a node stand on, opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.notes import NoteSigner
from node.adapters.database.logs.index import SqlFollowedIndex
from node.adapters.database.logs.trust import SqlTrustStore
from node.adapters.peers.http_peers import NodePeers
from node.adapters.workers import WorkerPool
from node.bootstrap.chain import ChainClients
from node.bootstrap.hosting import Institutions
from node.bootstrap.stores import Stores
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import TrustRoot
from node.ports.clock import Clock
from node.ports.keys.identities import InstitutionIdentity
from node.ports.keys.signing import NodeKeys
from node.services.logs.progress import Progress
from node.services.logs.witness_exchange import WitnessExchange
from node.services.patients.index import PatientIndex
from node.services.patients.tag_counters import TagCounters
from node.settings import NodeSettings
from node.wire.prepare import RecordContext


@dataclass(frozen=True, slots=True)
class FollowingStores:
    """What following and witnessing stand on."""

    trust: SqlTrustStore
    """`trust.db`."""
    index: SqlFollowedIndex
    """`index.db`, its tags in memory."""
    peers: NodePeers
    """Other nodes, and this node's own logs."""
    exchange: WitnessExchange
    """Asks other institutions' witnesses."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """What the services stand on."""

    settings: NodeSettings
    """The node's."""
    clock: Clock
    """Tells the time."""
    institutions: Institutions
    """Whom the node hosts."""
    trust_root: TrustRoot | None
    """The consortium's; None for a node without a chain."""
    signers: Mapping[Origin, NoteSigner]
    """What signs each log."""
    keys: NodeKeys
    """What is derived from the node's own secret."""
    patients: PatientIndex
    """Patients by number."""
    counters: TagCounters
    """Allocate tags, in whichever service stages an entry."""
    stores: Stores
    """The databases."""
    progress: Progress
    """How far each log got."""
    chain: ChainClients | None
    """The chain; None where none is set."""
    followed: FollowingStores
    """What following and witnessing stand on."""
    workers: WorkerPool
    """Prepare documents."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """What each institution does with its own keys."""
    contexts: Mapping[InstitutionId, RecordContext]
    """What entries of each institution are made with."""
