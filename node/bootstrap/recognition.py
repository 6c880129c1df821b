"""Recognition, connected: the check at order time, its leaves, decisions, what others tell of theirs, notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.adapters.database.recognition.check_reads import SqlCheckReadStore
from node.adapters.database.recognition.checks import SqlCheckStore
from node.adapters.database.recognition.decisions import SqlDecisionStore, SqlHeardDecisionStore, SqlVerifiedRetrievals
from node.adapters.database.recognition.recalls import SqlRecallStore
from node.adapters.database.recognition.received_notices import SqlReceivedNotices
from node.adapters.database.records.own_headers import SqlOwnHeaders
from node.bootstrap.catalogue import BuiltCatalogue
from node.bootstrap.clinic import build_clinic, view_links
from node.bootstrap.exchange import BuiltExchange
from node.bootstrap.foundation import Foundation
from node.bootstrap.services import Services
from node.bootstrap.sharing import Sharing
from node.domain.entry import InstitutionId, Origin
from node.ports.members.membership import KeyDirectory
from node.services.catalogue.rulebook import Rulebook
from node.services.logs.followed_proofs import FollowedProofs
from node.services.loops import Loop
from node.services.recognition.certificates import CertificateParts, Certificates
from node.services.recognition.checking import CheckLeaves, CheckParts, OrderChecking
from node.services.recognition.deciding import Deciding, DecidingParts
from node.services.recognition.heard_decisions import HeardDecisions
from node.services.recognition.order_results import OrderResults
from node.services.recognition.recall_search import RecallSearch, RecallSearchParts
from node.services.recognition.recall_standing import RecallStanding
from node.services.recognition.recall_work import RecallWork, RecallWorkParts
from node.services.recognition.recalls import RecallParts, Recalls
from node.services.recognition.received_notices import NoticeList, NoticeParts
from node.services.surface.reading import Reading
from node.services.surface.recognition import Recognition
from node.wire.members.decisions import DECISION_KIND
from node.wire.members.revisions import REVISION_KIND

_LEAF_INTERVAL_S = 60.0
"""How often it is looked whether an hour has ended, at least."""
_RECALL_INTERVAL_S = 2.0
"""How often what was filed since is held against the recalls that stand."""


@dataclass(frozen=True, slots=True)
class BuiltRecognition:
    """The services, and their loops."""

    services: Recognition
    """What the API uses."""
    loops: Sequence[Loop]
    """To be started with the node."""


@dataclass(frozen=True, slots=True)
class RecognitionBasis:
    """What recognition stands on, besides the node."""

    catalogue: BuiltCatalogue | None
    """The documents."""
    exchange: BuiltExchange | None
    """Requests and messages between members."""
    reading: Reading | None
    """What is read of others."""


def build_recognition(
    foundation: Foundation, services: Services, sharing: Sharing, basis: RecognitionBasis
) -> BuiltRecognition | None:
    """Connect the services; nothing is started. None where nothing says who the members are."""
    catalogue, exchange, reading = basis.catalogue, basis.exchange, basis.reading
    if catalogue is None or exchange is None or reading is None or sharing.membership is None:
        return None
    stores, origins, rules = foundation.stores, _origins(foundation), catalogue.rules
    standing = RecallStanding(
        services.following.service, SqlRecallStore(stores.readers).standing, frozenset(origins.values()), rules.meaning
    )
    results = OrderResults(reading.finding, services.following.service, standing)
    period_s = foundation.settings.recognition.check_leaf_period_s
    parts = CheckParts(
        rules=rules,
        results=results,
        store=SqlCheckStore(stores.readers),
        keys=foundation.keys,
        writer=stores.writer,
        clock=foundation.clock,
        unmapped=catalogue.services.unmapped,
        reads=SqlCheckReadStore(stores.readers),
        links=view_links(foundation),
        hour_ms=int(period_s * 1000),
    )
    checking = OrderChecking(parts)
    leaves = CheckLeaves(parts, sharing.composer, origins, services.sequencing.staged)
    notices = _notices(foundation, sharing.membership, exchange)
    deciding = _deciding(foundation, services, sharing, exchange, (rules, checking, notices, results, standing))
    heard = HeardDecisions(SqlHeardDecisionStore(stores.readers), origins)
    exchange.services.inbox.register(DECISION_KIND, heard.heard)
    exchange.services.inbox.register(REVISION_KIND, notices.heard)
    certificates = _certificates(foundation, services, catalogue, checking)
    recalls, recall_loop = _recalls(foundation, services, rules)
    clinic = build_clinic(foundation, services, reading, (rules, checking, deciding))
    recognition = Recognition(rules, checking, leaves, deciding, heard, certificates, notices, recalls, standing, clinic)
    loop = Loop("check-leaves", lambda: _step(recognition, foundation), min(_LEAF_INTERVAL_S, period_s))
    return BuiltRecognition(recognition, [loop, recall_loop])


def _deciding(
    foundation: Foundation,
    services: Services,
    sharing: Sharing,
    exchange: BuiltExchange,
    beside: tuple[Rulebook, OrderChecking, NoticeList, OrderResults, RecallStanding],
) -> Deciding:
    stores, (rules, checking, notices, results, standing) = foundation.stores, beside
    return Deciding(
        DecidingParts(
            rules=rules,
            checking=checking,
            retrievals=SqlVerifiedRetrievals(stores.readers),
            store=SqlDecisionStore(),
            revised=notices.revised,
            results=results,
            recalls=standing,
            used=notices.used,
            composer=sharing.composer,
            outbox=exchange.services.outbox,
            keys=foundation.keys,
            writer=stores.writer,
            clock=foundation.clock,
            staged=services.sequencing.staged,
            origins=_origins(foundation),
            max_check_age_ms=int(foundation.settings.recognition.max_check_age_s * 1000),
        )
    )


def _notices(foundation: Foundation, directory: KeyDirectory, exchange: BuiltExchange) -> NoticeList:
    return NoticeList(
        NoticeParts(
            store=SqlReceivedNotices(foundation.stores.readers),
            directory=directory,
            outbox=exchange.services.outbox,
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
        )
    )


def _recalls(foundation: Foundation, services: Services, rules: Rulebook) -> tuple[Recalls, Loop]:
    stores, origins, custody = foundation.stores, _origins(foundation), services.node.custody
    store, staged = SqlRecallStore(stores.readers), services.sequencing.staged
    search = RecallSearch(
        RecallSearchParts(
            headers=SqlOwnHeaders(stores.readers),
            patients=foundation.patients,
            identities=foundation.identities,
            origins=origins,
            meaning=rules.meaning,
            former_keys=custody.relocations.reader_keys,
        )
    )
    work = RecallWork(RecallWorkParts(search, store, custody.notices, stores.writer, foundation.clock, staged, origins))

    def step() -> None:
        if work.step():
            loop.wake()

    loop = Loop("recalls", step, _RECALL_INTERVAL_S)
    parts = RecallParts(
        search=search,
        store=store,
        notices=custody.notices,
        keys=foundation.keys,
        writer=stores.writer,
        clock=foundation.clock,
        staged=staged,
        origins=origins,
        changed=loop.wake,
    )
    return Recalls(parts), loop


def _origins(foundation: Foundation) -> dict[InstitutionId, Origin]:
    return {each.institution: each.origin for each in foundation.institutions.values()}


def _certificates(foundation: Foundation, services: Services, catalogue: BuiltCatalogue, checking: OrderChecking) -> Certificates:
    followed, stores, origins = foundation.followed, foundation.stores, _origins(foundation)
    return Certificates(
        CertificateParts(
            store=SqlDecisionStore(),
            checking=checking,
            counters=foundation.counters,
            index=followed.index,
            finder=services.following.finder,
            proofs=FollowedProofs(followed.index, followed.trust, stores.reader, origins.values()),
            evidence=services.node.evidence,
            documents=catalogue.services.documents,
            identities=foundation.identities,
            origins=origins,
            keys=foundation.keys,
            writer=stores.writer,
            clock=foundation.clock,
        )
    )


def _step(recognition: Recognition, foundation: Foundation) -> None:
    # the first time: before a clinician waits for it
    recognition.rules.prepare(foundation.institutions)
    recognition.leaves.step()
    recognition.clinic.sweep()
