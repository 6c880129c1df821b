"""/v1/emergencies: open, list, review."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.bodies.consents import MAX_BYTES, EmergencyBody, ReviewBody, parse_id
from node.api.bodies.records import show_time
from node.api.bodies.shapes import parse_body
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.api.routes.consents import consenting_of
from node.domain.consent_message import EmergencyId
from node.ports.consents.store import KeptEmergency
from node.services.clients import Scope
from node.wire.consent.emergency import EmergencyReview, EmergencyStatement
from node.wire.consent.message import encode_signed_message

router = APIRouter(tags=["emergencies"])


@router.post("/v1/emergencies", **documented("open-emergency"))
async def open_emergency(request: Request) -> Response:
    """Open an emergency: what comes back shows it to a holder before the chain has it."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.OPEN_EMERGENCIES)
    service = consenting_of(node).emergencies
    body = parse_body(await read_body(request, MAX_BYTES), EmergencyBody)
    number = None if body.patient is None else body.patient.value
    actor = body.actor.actor(client.institution)
    opened = await asyncio.to_thread(service.open, client.institution, actor, body.reason, number)
    return json_response(
        {
            "emergency_id": opened.kept.emergency.hex(),
            "salt": opened.kept.salt.hex(),
            "statement": msgspec.Raw(opened.statement),
            "signed": msgspec.Raw(encode_signed_message(opened.signed)),
        },
        HTTPStatus.CREATED,
    )


@router.get("/v1/emergencies", **documented("list-emergencies"))
async def list_emergencies(node: NodeOf, client: Caller) -> Response:
    """List the institution's emergencies, newest first; those without a review are open, and age."""
    client.require(Scope.REVIEW_EMERGENCIES)
    services = consenting_of(node)
    found = await asyncio.to_thread(services.emergencies.list, client.institution)
    now_ms = int(services.clock.now().timestamp() * 1000)
    return json_response({"emergencies": [_shown(kept, statement, now_ms) for kept, statement in found]})


@router.post("/v1/emergencies/{emergency_id}:review", **documented("review-emergency"))
async def review_emergency(request: Request, emergency_id: str) -> Response:
    """Review an emergency as another person than the one who opened it."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.REVIEW_EMERGENCIES)
    services = consenting_of(node)
    body = parse_body(await read_body(request, MAX_BYTES), ReviewBody)
    emergency = EmergencyId(parse_id("emergency_id", emergency_id))
    review = EmergencyReview(body.reviewer.actor(client.institution), body.justified, body.remark, 0)
    kept = await asyncio.to_thread(services.emergencies.review, client.institution, emergency, review)
    reviewed_at = None if kept.reviewed_at_ms is None else show_time(kept.reviewed_at_ms)
    return json_response({"emergency_id": emergency.hex(), "reviewed_at": reviewed_at})


def _shown(kept: KeptEmergency, statement: EmergencyStatement, now_ms: int) -> dict[str, object]:
    reviewed = kept.reviewed_at_ms
    return {
        "emergency_id": kept.emergency.hex(),
        "opened_at": show_time(kept.opened_at_ms),
        "reviewed_at": None if reviewed is None else show_time(reviewed),
        "open_for_s": None if reviewed is not None else (now_ms - kept.opened_at_ms) // 1000,
        "reason": statement.reason,
        "staff_number": statement.actor.staff_number,
        "department": statement.actor.department,
    }
