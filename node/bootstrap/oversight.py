"""What patients, auditors and regulators see, connected; pairing runs where a regulator is hosted whose audit key is trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.adapters.database.disclosures import SqlHeldEntries
from node.adapters.database.nonces import SqlNonceStore
from node.adapters.database.own_entries import SqlPatients
from node.adapters.database.supervision import SqlSupervisionStore
from node.adapters.database.withdrawals import SqlWithdrawalStore
from node.bootstrap.services import Foundation, Services
from node.bootstrap.sharing import Sharing
from node.services.audit_keys import AuditKeys
from node.services.findings import FindingService
from node.services.followed_proofs import FollowedProofs
from node.services.loops import Loop
from node.services.oversight import Oversight
from node.services.pairing import PairingService
from node.services.patient_access import PatientAccess
from node.services.patient_entries import PatientEntries
from node.services.patient_records import PatientRecordParts, PatientRecords
from node.services.rate_limit import RateLimit
from node.services.trail import TrailParts, TrailService
from node.wire.http_signature import SignatureWindow


@dataclass(frozen=True, slots=True)
class BuiltOversight:
    """The services, and their loops."""

    services: Oversight
    """What the API uses."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_oversight(foundation: Foundation, services: Services, sharing: Sharing) -> BuiltOversight:
    """Connect the services; nothing is started."""
    followed = foundation.followed
    own = [hosted.origin for hosted in foundation.institutions.values()]
    proofs = FollowedProofs(followed.index, followed.trust, foundation.stores.reader, own)
    trails = TrailService(
        TrailParts(
            reader=foundation.stores.reader,
            writer=foundation.stores.writer,
            patients=foundation.patients,
            patient_rows=SqlPatients(),
            index=followed.index,
            finder=services.following.finder,
            proofs=proofs,
            evidence=services.node.evidence,
            clock=foundation.clock,
        )
    )
    findings, loops = _supervision(foundation, services, proofs)
    return BuiltOversight(Oversight(_patients(foundation, services, sharing, proofs), trails, findings), loops)


def _patients(foundation: Foundation, services: Services, sharing: Sharing, proofs: FollowedProofs) -> PatientAccess:
    origins = {hosted.institution: hosted.origin for hosted in foundation.institutions.values()}
    entries = PatientEntries(foundation.followed.index, proofs, origins.values())
    return PatientAccess(
        entries=entries,
        records=_records(foundation, services, sharing, entries),
        limit=RateLimit(foundation.settings.server.patient_requests_per_minute, foundation.clock),
        origins=origins,
        identities=foundation.identities,
        directory=sharing.membership,
    )


def _records(foundation: Foundation, services: Services, sharing: Sharing, entries: PatientEntries) -> PatientRecords | None:
    trust_root, stores, members = foundation.trust_root, foundation.stores, foundation.settings.members
    if trust_root is None:
        return None
    parts = PatientRecordParts(
        entries=entries,
        held=SqlHeldEntries(stores.readers, foundation.patients.open_owner),
        patients=foundation.patients,
        locks=SqlWithdrawalStore(stores.readers),
        evidence=services.node.evidence,
        composer=sharing.composer,
        nonces=SqlNonceStore(),
        writer=stores.writer,
        sequencing=services.sequencing,
        clock=foundation.clock,
        window=SignatureWindow(members.max_clock_skew_s, members.signature_lifetime_s),
    )
    own = {hosted.origin: hosted.institution for hosted in foundation.institutions.values()}
    endpoints = {log.origin: log.endpoint for log in trust_root.logs.values()}
    return PatientRecords(parts, own, endpoints)


def _supervision(
    foundation: Foundation, services: Services, proofs: FollowedProofs
) -> tuple[FindingService | None, Sequence[Loop]]:
    trust_root, followed, settings = foundation.trust_root, foundation.followed, foundation.settings
    if trust_root is None:
        return None, ()
    audit = {(each.institution, each.public_key) for each in trust_root.audit_keys}
    keys = AuditKeys(
        identity for identity in foundation.identities.values() if (identity.institution, identity.exchange_public_key) in audit
    )
    if not keys:
        return None, ()
    store = SqlSupervisionStore(foundation.stores.readers)
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
    return findings, [_loop(pairing, settings.supervision.interval_s)]


def _loop(pairing: PairingService, interval_s: float) -> Loop:
    def step() -> None:
        if pairing.step():
            loop.wake()

    loop = Loop("pairing", step, interval_s)
    return loop
