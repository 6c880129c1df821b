"""What patients, auditors and regulators see, connected; pairing runs where a regulator is hosted whose audit key is trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.adapters.database.consents.emergency_reviews import SqlEmergencyReviewStore
from node.adapters.database.consents.review import SqlConsentReviewStore
from node.adapters.database.consents.scopes import SqlConsentScopeStore
from node.adapters.database.custody.withdrawals import SqlWithdrawalStore
from node.adapters.database.members.nonces import SqlNonceStore
from node.adapters.database.reading.disclosures import SqlHeldEntries
from node.adapters.database.recognition.reliance import SqlRelianceStore
from node.adapters.database.records.own_entries import SqlPatients
from node.adapters.database.supervision.figures import SqlFigureStore
from node.adapters.database.supervision.findings import SqlSupervisionStore
from node.adapters.database.supervision.marks import SqlMarkStore
from node.adapters.database.supervision.orders import SqlOrderStore
from node.bootstrap.catalogue import BuiltCatalogue
from node.bootstrap.foundation import Foundation
from node.bootstrap.hosting import hosted_regulators
from node.bootstrap.services import Services
from node.bootstrap.sharing import Sharing
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import TrustRoot
from node.ports.catalogue.publication import PublishedDocuments
from node.services.catalogue.adoption import pinned_documents
from node.services.catalogue.rulebook import Rulebook
from node.services.consents.consent_review import ConsentReview, ConsentReviewParts
from node.services.consents.emergency_reviews import EmergencyReviewParts, EmergencyReviews
from node.services.logs.followed_proofs import FollowedProofs
from node.services.logs.log_standing import LogStanding, StandingRules
from node.services.loops import Loop
from node.services.members.rate_limit import RateLimit
from node.services.oversight.audit_keys import AuditKeys
from node.services.oversight.figures import FiguresParts, FiguresService
from node.services.oversight.findings import FindingService
from node.services.oversight.mark_review import MarkReview, MarkReviewParts
from node.services.oversight.order_review import OrderReview, OrderReviewParts
from node.services.oversight.pairing import PairingService
from node.services.oversight.reliance import RelianceParts, RelianceReview
from node.services.oversight.scope_review import ScopeReview, ScopeReviewParts
from node.services.oversight.supervised_logs import SupervisedLogs
from node.services.oversight.trail import TrailParts, TrailService
from node.services.patient_view.entries import PatientEntries
from node.services.patient_view.records import PatientRecordParts, PatientRecords
from node.services.surface.consenting import Consenting
from node.services.surface.oversight import Oversight, Supervision
from node.services.surface.patient_access import PatientAccess
from node.terminology.bundle import Terminology
from node.wire.members.http_signature import SignatureWindow


@dataclass(frozen=True, slots=True)
class BuiltOversight:
    """The services, and their loops."""

    services: Oversight
    """What the API uses."""
    loops: Sequence[Loop]
    """To be started with the node."""


def build_oversight(
    foundation: Foundation, services: Services, sharing: Sharing, catalogue: BuiltCatalogue | None, consenting: Consenting | None
) -> BuiltOversight:
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
    supervision, loops = _supervision(foundation, services, catalogue, consenting, proofs)
    return BuiltOversight(Oversight(_patients(foundation, services, sharing, proofs), trails, supervision), loops)


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
    foundation: Foundation,
    services: Services,
    catalogue: BuiltCatalogue | None,
    consenting: Consenting | None,
    proofs: FollowedProofs,
) -> tuple[Supervision | None, Sequence[Loop]]:
    trust_root, followed, settings = foundation.trust_root, foundation.followed, foundation.settings
    keys = AuditKeys(hosted_regulators(trust_root, foundation.identities))
    if trust_root is None or catalogue is None or not keys:
        return None, ()
    parts = _Supervised(foundation, services, trust_root, keys, SqlSupervisionStore(foundation.stores.readers), catalogue.rules)
    figures = _figures(parts, catalogue.services.documents)
    supervision = Supervision(
        findings=FindingService(parts.findings, followed.index, followed.trust, proofs, keys),
        figures=figures,
        logs=SupervisedLogs(trust_root, followed.index, followed.trust, keys, parts.documents),
        clock=foundation.clock,
    )
    interval_s = settings.supervision.interval_s
    reviews: list[_Review] = [_reliance(parts), _orders(parts), _scopes(parts), _marks(parts, catalogue.services.documents)]

    def read_and_judge() -> bool:
        # one thread does all: what is read between a judgement and its keeping would not be looked at again
        more = figures.step()
        for review in reviews:
            more = review.step() or more
        return more

    loops = [_loop("pairing", _pairing(parts).step, interval_s), _loop("figures", read_and_judge, interval_s)]
    if consenting is not None:
        loops.append(_loop("emergency-reviews", _reviews(parts, consenting).step, interval_s))
        loops.append(_loop("consent-review", _consent_review(parts, consenting).step, interval_s))
    return supervision, loops


class _Review(Protocol):
    """Judges what has become due."""

    def step(self) -> bool:
        """Judge; tell whether there is more than one step takes."""


@dataclass(frozen=True, slots=True)
class _Supervised:
    """What the services of supervision are made of."""

    foundation: Foundation
    services: Services
    trust_root: TrustRoot
    keys: AuditKeys
    findings: SqlSupervisionStore
    rules: Rulebook

    @property
    def institutions(self) -> dict[Origin, InstitutionId]:
        return {log.origin: log.institution for log in self.trust_root.logs.values()}

    def documents(self) -> Terminology:
        """Return the documents that hold here now, for checks of this node too."""
        return self.rules.documents

    @property
    def grace_ms(self) -> int:
        return int(self.foundation.settings.supervision.receipt_grace_s * 1000)

    @property
    def review_ms(self) -> int:
        return int(self.foundation.settings.supervision.emergency_review_s * 1000)


def _pairing(parts: _Supervised) -> PairingService:
    foundation, settings, followed = parts.foundation, parts.foundation.settings, parts.foundation.followed
    rules = StandingRules(int(settings.following.header_grace_s * 1000), int(settings.supervision.silent_log_s * 1000))
    return PairingService(
        institutions=parts.institutions,
        following=parts.services.following.service,
        index=followed.index,
        trust=followed.trust,
        keys=parts.keys,
        store=parts.findings,
        writer=foundation.stores.writer,
        clock=foundation.clock,
        standing=LogStanding(parts.institutions, followed.index, followed.trust, rules),
        grace_s=settings.supervision.receipt_grace_s,
    )


def _figures(parts: _Supervised, kept: PublishedDocuments) -> FiguresService:
    foundation, followed = parts.foundation, parts.foundation.followed
    return FiguresService(
        FiguresParts(
            institutions=parts.institutions,
            following=parts.services.following.service,
            index=followed.index,
            keys=parts.keys,
            seals=foundation.keys,
            store=SqlFigureStore(foundation.stores.readers),
            findings=parts.findings,
            emergencies=SqlEmergencyReviewStore(foundation.stores.readers),
            review_ms=parts.review_ms,
            consents=SqlConsentReviewStore(foundation.stores.readers),
            scopes=SqlConsentScopeStore(foundation.stores.readers),
            reliance=SqlRelianceStore(foundation.stores.readers),
            orders=SqlOrderStore(foundation.stores.readers),
            marks=SqlMarkStore(foundation.stores.readers),
            trust=followed.trust,
            clock=foundation.clock,
            writer=foundation.stores.writer,
            documents=parts.documents,
            older=lambda pins: pinned_documents(kept, pins),
        )
    )


def _reliance(parts: _Supervised) -> RelianceReview:
    foundation = parts.foundation
    grace_ms = int(foundation.settings.supervision.withdrawn_grace_s * 1000)
    store, writer = SqlRelianceStore(foundation.stores.readers), foundation.stores.writer
    return RelianceReview(RelianceParts(store, parts.findings, writer, foundation.clock, grace_ms))


def _orders(parts: _Supervised) -> OrderReview:
    foundation = parts.foundation
    readers = foundation.stores.readers
    return OrderReview(
        OrderReviewParts(
            store=SqlOrderStore(readers),
            index=foundation.followed.index,
            keys=parts.keys,
            seals=foundation.keys,
            replaced=SqlRelianceStore(readers),
            findings=parts.findings,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            grace_ms=parts.grace_ms,
        )
    )


def _scopes(parts: _Supervised) -> ScopeReview:
    foundation = parts.foundation
    return ScopeReview(
        ScopeReviewParts(
            store=SqlConsentScopeStore(foundation.stores.readers),
            index=foundation.followed.index,
            keys=parts.keys,
            seals=foundation.keys,
            findings=parts.findings,
            writer=foundation.stores.writer,
            clock=foundation.clock,
        )
    )


def _marks(parts: _Supervised, kept: PublishedDocuments) -> MarkReview:
    foundation = parts.foundation
    return MarkReview(
        MarkReviewParts(
            institutions=parts.institutions,
            index=foundation.followed.index,
            trust=foundation.followed.trust,
            keys=parts.keys,
            seals=foundation.keys,
            store=SqlMarkStore(foundation.stores.readers),
            findings=parts.findings,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            documents=parts.documents,
            older=lambda pins: pinned_documents(kept, pins),
            published=kept,
        )
    )


def _reviews(parts: _Supervised, consenting: Consenting) -> EmergencyReviews:
    stores, clock = parts.foundation.stores, parts.foundation.clock
    store = SqlEmergencyReviewStore(stores.readers)
    return EmergencyReviews(
        EmergencyReviewParts(store, parts.findings, consenting.watch.emergency, stores.writer, clock, parts.review_ms)
    )


def _consent_review(parts: _Supervised, consenting: Consenting) -> ConsentReview:
    stores, clock = parts.foundation.stores, parts.foundation.clock
    store = SqlConsentReviewStore(stores.readers)
    return ConsentReview(ConsentReviewParts(store, parts.findings, consenting.watch, stores.writer, clock))


def _loop(name: str, work: Callable[[], bool], interval_s: float) -> Loop:
    def step() -> None:
        if work():
            loop.wake()

    loop = Loop(name, step, interval_s)
    return loop
