"""/cds-services: the check at order time as CDS Hooks 2.0, for order-select and order-sign.

The same service answers as behind `/v1/recognition/check`. A card for each order line that something was found for, with a
one-time link that retrieves; a client takes the decision with the check id of the card's `extension`, or by feedback.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.bodies.recognition import FeedbackBody, TakenBody
from node.api.openapi.document import documented
from node.api.requests import NodeOf, caller_of, json_response, node_of, read_body
from node.api.routes.recognition import MAX_BYTES, recognition_of
from node.api.signed import NOT_KEPT
from node.domain.access import Actor
from node.domain.entry import InstitutionId
from node.domain.recognition import UNRETRIEVABLE, CheckOutcome, Coverage, OrderableCheck, OrderLine, Reason
from node.errors import UnknownPatientError
from node.ports.recognition.cards import CardId
from node.services.clients import Scope
from node.services.recognition.card_feedback import REASONS, SUB_REASONS, suggestion_id
from node.services.recognition.checking import CheckAnswer, CheckOrder
from node.services.recognition.view_links import needed_results
from node.services.surface.recognition import Recognition
from node.wire.recognition.cds_feedback import parse_feedback
from node.wire.recognition.cds_hooks import (
    SERVICE_ID,
    Action,
    Card,
    CardsBody,
    Coding,
    HookRequest,
    Link,
    Source,
    Suggestion,
    discovery_document,
    parse_hook,
    shorten,
)

router = APIRouter(tags=["recognition"])

_SOURCE: Final = Source("Concord")


@router.get("/cds-services", **documented("cds_services"))
async def services(node: NodeOf) -> Response:
    """What this node offers as CDS Hooks; open to anyone, since it tells nothing of anyone."""
    del node
    return json_response(discovery_document())


@router.post(f"/cds-services/{SERVICE_ID}", **documented("cds_recognition"))
async def recognise(request: Request) -> Response:
    """Tell in cards what results of others answer draft orders."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.CHECK_ORDERS)
    service = recognition_of(node)
    asked = parse_hook(await read_body(request, MAX_BYTES))
    language = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh"
    cards = await asyncio.to_thread(_cards, service, client.institution, asked, language)
    response = json_response(CardsBody(cards))
    response.headers.update(NOT_KEPT)
    return response


@router.post(f"/cds-services/{SERVICE_ID}/feedback", **documented("cds_feedback"))
async def feedback(request: Request) -> Response:
    """Take what became of cards: an offered reason is a decision to order again."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.DECIDE)
    service = recognition_of(node).clinic.feedback
    said = parse_feedback(await read_body(request, MAX_BYTES))
    taken = await asyncio.to_thread(service.take, client.institution, said)
    response = json_response(FeedbackBody([TakenBody(card, decision) for card, decision in taken]))
    response.headers.update(NOT_KEPT)
    return response


def _cards(service: Recognition, institution: InstitutionId, asked: HookRequest, language: str) -> list[Card]:
    known = service.rules.ordering(institution).orderables
    codes = {order.order_id: next((code for code in order.codes if code in known), None) for order in asked.orders}
    by_text = {str(code): code for code in known}
    lines = tuple(OrderLine(order_id, by_text[code]) for order_id, code in codes.items() if code is not None)
    if not lines:
        return []
    try:
        answer = _check(service, institution, asked, lines)
    except UnknownPatientError:
        return [Card(str(uuid.uuid4()), shorten(service.rules.words(language)["no_keys"]), "info", _SOURCE)]
    spoken = {at: words for at, line in enumerate(answer.outcome.lines) if (words := _words(service, answer, line, language))}
    cards = service.clinic.feedback.keep(institution, answer.check_id, spoken)
    return [_card(service, answer, _Shown(cards[at], answer.outcome.lines[at], words, language)) for at, words in spoken.items()]


def _check(service: Recognition, institution: InstitutionId, asked: HookRequest, lines: tuple[OrderLine, ...]) -> CheckAnswer:
    """Check by the first identifier that is on file."""
    actor = Actor(institution, "", asked.staff_number, "", "cds-hooks")
    for number in asked.patients:
        try:
            return service.checking.check(institution, CheckOrder(number, actor, asked.encounter, lines))
        except UnknownPatientError:
            continue
    raise UnknownPatientError


def _words(service: Recognition, answer: CheckAnswer, line: OrderableCheck, language: str) -> tuple[str, ...]:
    alone: CheckOutcome = replace(answer.outcome, lines=(line,), unmapped=())
    return service.rules.warnings(alone)[language]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A card that is being made."""

    card_id: CardId
    line: OrderableCheck
    words: tuple[str, ...]
    language: str


def _card(service: Recognition, answer: CheckAnswer, shown: _Shown) -> Card:
    line, order_id = shown.line, shown.line.line.order_id
    answered = line.coverage is not Coverage.NOT
    suggestions = _suggestions(service, shown) if line.coverage is Coverage.COVERED and needed_results(line) else []
    label = service.rules.words(shown.language)["link_view"]
    return Card(
        uuid=shown.card_id,
        summary=shorten(shown.words[0]),
        indicator="warning" if answered else "info",
        source=_SOURCE,
        detail="\n\n".join(shown.words),
        suggestions=suggestions,
        selection_behavior="at-most-one" if suggestions else "",
        override_reasons=_reasons(service, answer.outcome.institution, shown.language) if answered else [],
        links=[Link(label, each.url, "absolute") for each in answer.links if each.order_id == order_id],
        extension={"concord-check-id": answer.check_id, "concord-order-id": order_id},
    )


def _suggestions(service: Recognition, shown: _Shown) -> list[Suggestion]:
    """Suggest to use what answers all of an order, and to leave the order."""
    label = service.rules.words(shown.language)["use"]
    action = Action("delete", label, f"ServiceRequest/{shown.line.line.order_id}")
    return [Suggestion(label, suggestion_id(shown.card_id), [action])]


def _reasons(service: Recognition, institution: InstitutionId, language: str) -> list[Coding]:
    """Return the six reasons, and the region's own below them."""
    words = service.rules.reasons(language)
    national = [Coding(str(int(reason)), REASONS, words[str(int(reason))]) for reason in Reason]
    region = service.rules.ordering(institution).region_rules.sub_reasons
    regional = [Coding(each.code, SUB_REASONS, each.zh if language == "zh" else each.en) for each in region]
    return [*national, *regional, Coding(UNRETRIEVABLE, SUB_REASONS, words[UNRETRIEVABLE])]
