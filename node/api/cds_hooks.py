"""/cds-services: the check at order time as CDS Hooks 2.0, for order-select and order-sign.

The same service answers as behind `/v1/recognition/check`. A card for each order line that something was found for; a client
takes the decision with the check id of the card's `extension`. Left out: the link to a viewer that retrieves, feedback.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.openapi import documented
from node.api.recognition import MAX_BYTES, recognition_of
from node.api.requests import NodeOf, caller_of, json_response, node_of, read_body
from node.api.signed import NOT_KEPT
from node.domain.access import Actor
from node.domain.entry import InstitutionId
from node.domain.recognition import CheckOutcome, Coverage, OrderableCheck, OrderLine, Reason
from node.errors import UnknownPatientError
from node.services.checking import CheckAnswer, CheckOrder
from node.services.clients import Scope
from node.services.recognition import Recognition
from node.wire.cds_hooks import SERVICE_ID, Card, CardsBody, Coding, HookRequest, Source, discovery_document, parse_hook, shorten

router = APIRouter(tags=["recognition"])

_SOURCE: Final = Source("Concord")
_REASONS: Final = "urn:concord:reason"
_SUB_REASONS: Final = "urn:concord:sub-reason"


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
        return [_card(service.rules.words(language)["no_keys"], "info")]
    return [card for line in answer.outcome.lines for card in _line_cards(service, answer, line, language)]


def _check(service: Recognition, institution: InstitutionId, asked: HookRequest, lines: tuple[OrderLine, ...]) -> CheckAnswer:
    """Check by the first identifier that is on file."""
    actor = Actor(institution, "", asked.staff_number, "", "cds-hooks")
    for number in asked.patients:
        try:
            return service.checking.check(institution, CheckOrder(number, actor, asked.encounter, lines))
        except UnknownPatientError:
            continue
    raise UnknownPatientError


def _line_cards(service: Recognition, answer: CheckAnswer, line: OrderableCheck, language: str) -> list[Card]:
    alone: CheckOutcome = replace(answer.outcome, lines=(line,), unmapped=())
    words = service.rules.warnings(alone)[language]
    if not words:
        return []
    answered = line.coverage is not Coverage.NOT
    extension = {"concord-check-id": answer.check_id, "concord-order-id": line.line.order_id}
    reasons = _reasons(service, answer.outcome.institution, language) if answered else []
    return [_card(words[0], "warning" if answered else "info", "\n\n".join(words), reasons, extension)]


def _card(
    summary: str,
    indicator: str,
    detail: str = "",
    reasons: list[Coding] | None = None,
    extension: Mapping[str, str] | None = None,
) -> Card:
    return Card(
        uuid=str(uuid.uuid4()),
        summary=shorten(summary),
        indicator="warning" if indicator == "warning" else "info",
        source=_SOURCE,
        detail=detail,
        override_reasons=reasons or [],
        extension=dict(extension or {}),
    )


def _reasons(service: Recognition, institution: InstitutionId, language: str) -> list[Coding]:
    """Return the six reasons, and the region's own below them."""
    words = service.rules.reasons(language)
    national = [Coding(str(int(reason)), _REASONS, words[str(int(reason))]) for reason in Reason]
    region = service.rules.ordering(institution).region_rules.sub_reasons
    return national + [Coding(each.code, _SUB_REASONS, each.zh if language == "zh" else each.en) for each in region]
