"""/v1/recognition: the check at order time, decisions, and what others decided on this institution's results."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.bodies.reasons import reasons_body
from node.api.bodies.recognition import (
    ReversalBody,
    UncheckedBody,
    check_body,
    decision_body,
    heard_body,
    parse_check,
    parse_decision,
    parse_reversal,
)
from node.api.openapi.document import documented
from node.api.pages import html_response
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.api.signed import NOT_KEPT
from node.domain.entry import Level
from node.domain.recognition_acts import DecisionId
from node.errors import MalformedParameterError, SettingsError
from node.services.clients import Scope
from node.services.surface.node import Node
from node.services.surface.recognition import Recognition
from node.wire.certificate.file import CERTIFICATE_MEDIA_TYPE

router = APIRouter(tags=["recognition"])

MAX_BYTES = 256 * 1024

_DECISION: Final = re.compile(r"[0-9a-f]{32}")


def recognition_of(node: Node) -> Recognition:
    """Return a node's recognition.

    Raises:
        SettingsError: It knows no registry, and with it no members.
    """
    if node.recognition is None:
        raise SettingsError("this node has no chain, and knows no other members; set chain.rpc_url")
    return node.recognition


@router.post("/v1/recognition/check", **documented("check_order"))
async def check(request: Request) -> Response:
    """Tell what results of others answer an order, and why the rest do not; from this node's own index, calling nobody."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.CHECK_ORDERS)
    service = recognition_of(node).checking
    order = parse_check(await read_body(request, MAX_BYTES), client.institution)
    return _private(check_body(await asyncio.to_thread(service.check, client.institution, order)))


async def check_directly(request: Request, level: Level | None) -> Response:
    """Check as `check` does, past the framework; there is nothing to wait for."""
    del level
    return await check(request)


@router.post("/v1/recognition/unchecked", **documented("note_unchecked"))
async def note_unchecked(request: Request) -> Response:
    """Note that an order went ahead because no answer came in time; takes what a check takes."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.CHECK_ORDERS)
    service = recognition_of(node).checking
    order = parse_check(await read_body(request, MAX_BYTES), client.institution)
    check_id = await asyncio.to_thread(service.note_unchecked, client.institution, order)
    return _private(UncheckedBody(check_id), HTTPStatus.CREATED)


@router.get("/v1/recognition/reasons", **documented("list_reasons"))
async def list_reasons(node: NodeOf, client: Caller) -> Response:
    """Why something may be ordered again here: the six reasons, and the region's own below them."""
    client.require(Scope.DECIDE)
    return json_response(reasons_body(recognition_of(node).rules, client.institution))


@router.post("/v1/recognition/decisions", **documented("decide"))
async def decide(request: Request) -> Response:
    """Recognise results, or order again with a reason; durable, logged and on its way to the issuers when this answers."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.DECIDE)
    service = recognition_of(node).deciding
    order = parse_decision(await read_body(request, MAX_BYTES), client.institution)
    answer = await asyncio.to_thread(service.decide, client.institution, order)
    return _private(decision_body(answer), HTTPStatus.CREATED)


@router.get("/v1/recognition/decisions:heard", **documented("heard_decisions"))
async def heard(node: NodeOf, client: Caller) -> Response:
    """What others decided on this institution's results: who relies on them, and who does not."""
    client.require(Scope.DECIDE)
    service = recognition_of(node).heard
    return _private(heard_body(await asyncio.to_thread(service.list, client.institution)))


@router.get("/v1/recognition/decisions/{decision_id}/certificate", **documented("decision_certificate"))
async def certificate(node: NodeOf, client: Caller, decision_id: str) -> Response:
    """Export what proves a decision, and what it rested on, to strangers; it tells of a patient, though by no name."""
    client.require(Scope.DISCLOSE)
    service = recognition_of(node).certificates
    made = await asyncio.to_thread(service.export, client.institution, _decision(decision_id))
    return Response(made, media_type=CERTIFICATE_MEDIA_TYPE, headers=NOT_KEPT)


@router.get("/v1/recognition/decisions/{decision_id}/slip", **documented("decision_slip"))
async def slip(node: NodeOf, client: Caller, decision_id: str) -> Response:
    """A page to be printed for the medical record: what is recognised, and the QR code that proves it once it is logged."""
    client.require(Scope.DECIDE)
    service = recognition_of(node)
    made = await asyncio.to_thread(service.clinic.slips.make, client.institution, _decision(decision_id))
    return html_response(service.clinic.slip_pages.draw(made, service.rules.names(client.institution)))


@router.post("/v1/recognition/decisions/{decision_id}:reverse", **documented("reverse_decision"))
async def reverse(request: Request, decision_id: str) -> Response:
    """Take a decision back, by an entry that supersedes its own; the issuers are told."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.DECIDE)
    service = recognition_of(node).deciding
    actor = parse_reversal(await read_body(request, MAX_BYTES), client.institution)
    entry = await asyncio.to_thread(service.reverse, client.institution, _decision(decision_id), actor)
    return _private(ReversalBody(decision_id, entry.origin, entry.leaf_hash.hex()))


def _decision(text: str) -> DecisionId:
    """Read the name of a decision in a path.

    Raises:
        MalformedParameterError: It is none.
    """
    if _DECISION.fullmatch(text) is None:
        raise MalformedParameterError("decision_id", "is not 32 lower-case hex digits")
    return DecisionId(text)


def _private(body: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    response = json_response(body, status)
    response.headers.update(NOT_KEPT)
    return response
