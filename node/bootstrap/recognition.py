"""Recognition, connected: the check at order time, its leaves, decisions and what others tell of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.adapters.database.checks import SqlCheckStore
from node.adapters.database.decisions import SqlDecisionStore, SqlHeardDecisionStore, SqlVerifiedRetrievals
from node.bootstrap.catalogue import BuiltCatalogue
from node.bootstrap.exchange import BuiltExchange
from node.bootstrap.services import Foundation, Services
from node.bootstrap.sharing import Sharing
from node.services.certificates import CertificateParts, Certificates
from node.services.checking import CheckLeaves, CheckParts, OrderChecking
from node.services.deciding import Deciding, DecidingParts
from node.services.followed_proofs import FollowedProofs
from node.services.heard_decisions import HeardDecisions
from node.services.loops import Loop
from node.services.order_results import OrderResults
from node.services.reading import Reading
from node.services.recognition import Recognition
from node.services.rulebook import Rulebook
from node.wire.decision_message import DECISION_KIND

_LEAF_INTERVAL_S = 60.0
"""How often it is looked whether an hour has ended, at least."""


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
    if catalogue is None or exchange is None or reading is None:
        return None
    stores, settings = foundation.stores, foundation.settings.recognition
    origins = {each.institution: each.origin for each in foundation.institutions.values()}
    rules, store = catalogue.rules, SqlDecisionStore()
    parts = CheckParts(
        rules=rules,
        results=OrderResults(reading.finding, services.following.service),
        store=SqlCheckStore(stores.readers),
        keys=foundation.keys,
        writer=stores.writer,
        clock=foundation.clock,
        unmapped=catalogue.services.unmapped,
        hour_ms=int(settings.check_leaf_period_s * 1000),
    )
    checking = OrderChecking(parts)
    leaves = CheckLeaves(parts, sharing.composer, origins, services.sequencing.staged)
    deciding = Deciding(
        DecidingParts(
            rules=rules,
            checking=checking,
            retrievals=SqlVerifiedRetrievals(stores.readers),
            store=store,
            composer=sharing.composer,
            outbox=exchange.services.outbox,
            keys=foundation.keys,
            writer=stores.writer,
            clock=foundation.clock,
            staged=services.sequencing.staged,
            origins=origins,
            max_check_age_ms=int(settings.max_check_age_s * 1000),
        )
    )
    certificates = _certificates(foundation, services, catalogue, checking, store)
    heard = HeardDecisions(SqlHeardDecisionStore(stores.readers), origins)
    exchange.services.inbox.register(DECISION_KIND, heard.heard)
    loop = Loop("check-leaves", lambda: _step(rules, leaves, foundation), min(_LEAF_INTERVAL_S, settings.check_leaf_period_s))
    return BuiltRecognition(Recognition(rules, checking, leaves, deciding, heard, certificates), [loop])


def _certificates(
    foundation: Foundation, services: Services, catalogue: BuiltCatalogue, checking: OrderChecking, store: SqlDecisionStore
) -> Certificates:
    followed, stores = foundation.followed, foundation.stores
    origins = {each.institution: each.origin for each in foundation.institutions.values()}
    return Certificates(
        CertificateParts(
            store=store,
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


def _step(rules: Rulebook, leaves: CheckLeaves, foundation: Foundation) -> None:
    # the first time: before a clinician waits for it
    rules.prepare(foundation.institutions)
    leaves.step()
