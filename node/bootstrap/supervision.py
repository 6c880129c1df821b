"""Supervision, connected: only at nodes that host a regulator whose audit key the trust root names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.adapters.database.supervision import SqlSupervisionStore
from node.bootstrap.services import Foundation, Services
from node.services.audit_keys import AuditKeys
from node.services.findings import FindingService
from node.services.followed_proofs import FollowedProofs
from node.services.loops import Loop
from node.services.pairing import PairingService


@dataclass(frozen=True, slots=True)
class Supervision:
    """The services, and their loops."""

    findings: FindingService
    """What was found."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_supervision(foundation: Foundation, services: Services) -> Supervision | None:
    """Connect the services; nothing is started. None where this node hosts no regulator with an audit key."""
    trust_root, followed = foundation.trust_root, foundation.followed
    if trust_root is None:
        return None
    audit = {(each.institution, each.public_key) for each in trust_root.audit_keys}
    keys = AuditKeys(
        identity for identity in foundation.identities.values() if (identity.institution, identity.exchange_public_key) in audit
    )
    if not keys:
        return None
    store = SqlSupervisionStore(foundation.stores.readers)
    own = [hosted.origin for hosted in foundation.institutions.values()]
    proofs = FollowedProofs(followed.index, followed.trust, foundation.stores.reader, own)
    settings = foundation.settings
    pairing = PairingService(
        institutions={log.origin: log.institution for log in trust_root.logs.values()},
        following=services.following.service,
        index=followed.index,
        trust=followed.trust,
        keys=keys,
        store=store,
        writer=foundation.stores.writer,
        clock=foundation.clock,
        grace_s=settings.supervision.receipt_grace_s,
        header_grace_s=settings.following.header_grace_s,
    )
    findings = FindingService(store, followed.index, followed.trust, proofs, keys)
    return Supervision(findings, [_loop(pairing, settings.supervision.interval_s)])


def _loop(pairing: PairingService, interval_s: float) -> Loop:
    def step() -> None:
        if pairing.step():
            loop.wake()

    loop = Loop("pairing", step, interval_s)
    return loop
