"""What clinicians see beside checks and decisions, connected: links to results, cards and feedback on them, slips."""

from __future__ import annotations

from node.adapters.database.recognition.cards import SqlCardStore
from node.adapters.database.recognition.decisions import SqlDecisionStore, SqlVerifiedRetrievals
from node.adapters.database.recognition.views import SqlViewStore
from node.adapters.database.records.own_entries import SqlOwnTags
from node.bootstrap.catalogue import read_texts
from node.bootstrap.foundation import Foundation
from node.bootstrap.services import Services
from node.printing.result_page import ResultPages
from node.printing.slip import PrintedSlips
from node.services.catalogue.rulebook import Rulebook
from node.services.recognition.card_feedback import CardFeedbackService, FeedbackParts
from node.services.recognition.checking import OrderChecking
from node.services.recognition.deciding import Deciding
from node.services.recognition.slips import SlipParts, Slips
from node.services.recognition.view_links import ViewLinks
from node.services.recognition.viewing import Viewing, ViewingParts
from node.services.surface.clinic import Clinic
from node.services.surface.reading import Reading


def view_links(foundation: Foundation) -> ViewLinks | None:
    """Return what draws links; None where browsers do not reach this node."""
    settings, stores = foundation.settings, foundation.stores
    if settings.server.public_url is None:
        return None
    lifetime_ms = int(settings.recognition.view_lifetime_s * 1000)
    return ViewLinks(SqlViewStore(stores.readers), foundation.keys, settings.server.public_url.rstrip("/"), lifetime_ms)


def build_clinic(
    foundation: Foundation, services: Services, reading: Reading, beside: tuple[Rulebook, OrderChecking, Deciding]
) -> Clinic:
    """Connect the services; nothing is started."""
    rules, checking, deciding = beside
    texts = read_texts()
    return Clinic(
        viewing=_viewing(foundation, services, rules, checking, reading),
        pages=ResultPages(texts),
        feedback=_feedback(foundation, rules, checking, deciding),
        slips=_slips(foundation, services, checking),
        slip_pages=PrintedSlips(texts),
    )


def _viewing(foundation: Foundation, services: Services, rules: Rulebook, checking: OrderChecking, reading: Reading) -> Viewing:
    return Viewing(
        ViewingParts(
            store=SqlViewStore(foundation.stores.readers),
            checking=checking,
            retrieval=reading.retrieval,
            rules=rules,
            verify=services.node.evidence.verify,
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
            wait_s=foundation.settings.recognition.view_wait_s,
        )
    )


def _feedback(foundation: Foundation, rules: Rulebook, checking: OrderChecking, deciding: Deciding) -> CardFeedbackService:
    return CardFeedbackService(
        FeedbackParts(
            store=SqlCardStore(foundation.stores.readers),
            checking=checking,
            deciding=deciding,
            retrievals=SqlVerifiedRetrievals(foundation.stores.readers),
            rules=rules,
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
        )
    )


def _slips(foundation: Foundation, services: Services, checking: OrderChecking) -> Slips:
    return Slips(
        SlipParts(
            store=SqlDecisionStore(),
            checking=checking,
            index=foundation.followed.index,
            tags=SqlOwnTags(),
            evidence=services.node.evidence,
            level=foundation.progress.level,
            is_witnessed=foundation.progress.is_witnessed,
            keys=foundation.keys,
            writer=foundation.stores.writer,
            clock=foundation.clock,
        )
    )
