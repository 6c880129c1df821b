"""/v1/recalls: recall results of a device, a lot or an item, and see who knows of it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.openapi import documented
from node.api.recalls_schemas import announced_body, parse_recall_order, preview_body, recall_body, recalls_body
from node.api.recognition import MAX_BYTES, recognition_of
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.domain.recall import RecallId
from node.services.clients import Scope

router = APIRouter(tags=["recognition"])


@router.post("/v1/recalls", **documented("announce_recall"))
async def announce(request: Request) -> Response:
    """Recall results: list them in the log, and tell whoever relies on them; with `preview`, only say which they are."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    order, only_look = parse_recall_order(await read_body(request, MAX_BYTES), client.institution)
    if only_look:
        return json_response(preview_body(await asyncio.to_thread(service.preview, client.institution, order.criteria)))
    announced = await asyncio.to_thread(service.announce, client.institution, order)
    return json_response(announced_body(announced), HTTPStatus.CREATED)


@router.get("/v1/recalls", **documented("recalls"))
async def list_recalls(
    node: NodeOf, client: Caller, limit: Annotated[int, Query(ge=1, le=1000, description="recalls")] = 100
) -> Response:
    """List the recalls that this institution announced, the newest first."""
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    return json_response(recalls_body(await asyncio.to_thread(service.list, client.institution, limit)))


@router.get("/v1/recalls/{recall_id}", **documented("recall"))
async def show_recall(node: NodeOf, client: Caller, recall_id: str) -> Response:
    """Show a recall: the results that it lists, whom the institution told, and who has not acknowledged."""
    client.require(Scope.RECALL)
    service = recognition_of(node).recalls
    return json_response(recall_body(await asyncio.to_thread(service.show, client.institution, RecallId(recall_id))))
