"""What sharing between institutions stands on: the registry, acts in the log, and the loops of the worker role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from node.adapters.database.members.membership import SqlRegistryStore
from node.bootstrap.foundation import Foundation
from node.domain.entry import InstitutionId
from node.ports.chain.consortium import Registry
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.secrets import SecretStore
from node.ports.records.transaction import RecordsWriter
from node.services.loops import Loop
from node.services.members.membership import Membership
from node.services.members.own_keys import OwnKeys
from node.services.records.entries import EntryComposer
from node.services.records.secret_stock import SecretStock

_REGISTRY_INTERVAL_S = 5.0
"""How often the registry is read: a suspended institution, or a key that ended, is noticed within that."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """The parts."""

    writer: RecordsWriter
    """The one writer of `records.db`."""
    secrets: SecretStore
    """Keeps record secrets."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """What each institution does with its own keys."""
    composer: EntryComposer
    """Stages acts."""
    membership: Membership | None
    """The registry; None without a chain."""
    own_keys: OwnKeys | None
    """Compares own keys with it; None likewise."""
    loops: Sequence[Loop]
    """To be started with the node, and closed with it."""


def build_sharing(foundation: Foundation, read_registry: Callable[[], Registry] | None = None) -> Sharing:
    """Connect the parts; nothing is started.

    Args:
        foundation: What they stand on.
        read_registry: Reads the consortium's registry; None for the chain's.
    """
    composer = EntryComposer(
        contexts=foundation.contexts,
        identities=foundation.identities,
        patients=foundation.patients,
        counters=foundation.counters,
        stock=SecretStock(foundation.stores.secrets, foundation.clock),
        clock=foundation.clock,
    )
    membership, own_keys = None, None
    loops: list[Loop] = []
    if read_registry is None and foundation.chain is not None:
        read_registry = foundation.chain.make_client().consortium().registry
    if read_registry is not None:
        store = SqlRegistryStore(foundation.stores.readers, foundation.stores.writer)
        membership = Membership(read_registry, store, foundation.clock)
        own_keys = OwnKeys(foundation.identities, membership, foundation.clock)
        loops.append(Loop("registry", _reading(membership, own_keys), _REGISTRY_INTERVAL_S))
    return Sharing(
        writer=foundation.stores.writer,
        secrets=foundation.stores.secrets,
        identities=foundation.identities,
        composer=composer,
        membership=membership,
        own_keys=own_keys,
        loops=loops,
    )


def _reading(membership: Membership, own_keys: OwnKeys) -> Callable[[], None]:
    def read() -> None:
        membership.refresh()
        own_keys.look()

    return read
