"""/v1/recalls: recall results of a device, a lot or an item, and see who knows of it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.bodies.recalls import parse_lift, parse_recall_order, preview_body, recall_body, recalls_body
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.api.routes.recognition import MAX_BYTES, recognition_of
from node.domain.recall import RecallId
from node.services.clients import Scope

router = APIRouter(tags=["recognition"])


@router.post("/v1/recalls", **documented("announce_recall"))
async def announce(request: Request) -> Response:
    """Recall results: it stands when this answers, and a search tells whoever relies on them; with `preview`, only look."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    order, look_from = parse_recall_order(await read_body(request, MAX_BYTES), client.institution)
    if look_from is not None:
        return json_response(preview_body(await asyncio.to_thread(service.preview, client.institution, order.criteria, look_from)))
    announced = await asyncio.to_thread(service.announce, client.institution, order)
    return json_response(recall_body(announced), HTTPStatus.ACCEPTED)


@router.post("/v1/recalls/{recall_id}:lift", **documented("lift_recall"))
async def lift(request: Request, recall_id: str) -> Response:
    """Lift a recall: what it covers counts again, and whoever was told of it is told so."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    reason, actor = parse_lift(await read_body(request, MAX_BYTES), client.institution)
    lifted = await asyncio.to_thread(service.lift, client.institution, RecallId(recall_id), reason, actor)
    return json_response(recall_body(lifted), HTTPStatus.ACCEPTED)


@router.get("/v1/recalls", **documented("recalls"))
async def list_recalls(
    node: NodeOf, client: Caller, limit: Annotated[int, Query(ge=1, le=1000, description="recalls")] = 100
) -> Response:
    """List the recalls that this institution announced, the newest first."""
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    return json_response(recalls_body(await asyncio.to_thread(service.list, client.institution, limit)))


@router.get("/v1/recalls/{recall_id}", **documented("recall"))
async def show_recall(
    node: NodeOf,
    client: Caller,
    recall_id: str,
    *,
    start: Annotated[int, Query(ge=0, description="position of the first result")] = 0,
    limit: Annotated[int, Query(ge=0, le=10_000, description="results")] = 1_000,
) -> Response:
    """Show a recall: how far its search got, what it found, whom the institution told, and who has not acknowledged."""
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    report = await asyncio.to_thread(service.show, client.institution, RecallId(recall_id), start, limit)
    return json_response(recall_body(report, start))
