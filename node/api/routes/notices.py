"""/v1/recognition/notices: what others amended, withdrew or recalled, and who has taken notice of what was here."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.bodies.notices import (
    acknowledged_body,
    notice_body,
    notices_body,
    parse_acknowledgement,
    parse_acknowledgements,
    sent_body,
)
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.api.routes.recognition import MAX_BYTES, recognition_of
from node.api.signed import NOT_KEPT
from node.domain.entry import RecordId
from node.domain.revision_notice import NoticeId
from node.ports.recognition.notices import NoticeFilter
from node.services.clients import Scope

router = APIRouter(tags=["recognition"])

Limit = Annotated[int, Query(ge=1, le=1000, description="notices")]


@router.get("/v1/recognition/notices", **documented("revision_notices"))
async def list_notices(
    node: NodeOf,
    client: Caller,
    waiting: Annotated[bool, Query(description="only those that nobody here has acknowledged")] = True,  # noqa: FBT002 - a query
    limit: Limit = 100,
) -> Response:
    """List what others amended, withdrew or recalled that this institution relies on, with its decisions and retrievals."""
    client.require(Scope.DECIDE)
    service = recognition_of(node).notices
    found = await asyncio.to_thread(service.list, client.institution, limit, waiting=waiting)
    return _private(notices_body(found))


@router.get("/v1/recognition/notices:sent", **documented("sent_notices"))
async def list_sent(
    node: NodeOf,
    client: Caller,
    unacknowledged: Annotated[bool, Query(description="only those that nobody there has acknowledged")] = False,  # noqa: FBT002 - a query
    record: Annotated[str | None, Query(max_length=64, description="only those about this record")] = None,
    limit: Limit = 100,
) -> Response:
    """List whom this institution told of its amendments, withdrawals and recalls, and how far each notice got."""
    client.require(Scope.DECIDE)
    service = node.custody.notices
    wanted = NoticeFilter(unacknowledged=unacknowledged, record_id=None if record is None else RecordId(record))
    found = await asyncio.to_thread(service.page, client.institution, wanted, limit)
    waiting = await asyncio.to_thread(service.waiting, client.institution)
    return _private(sent_body(found, waiting))


@router.post("/v1/recognition/notices:acknowledge", **documented("acknowledge_notices"))
async def acknowledge_all(request: Request) -> Response:
    """Note that a person took notice of many, by id or by the entry that is their reason: of all, or of none."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.DECIDE)
    service = recognition_of(node).notices
    named, actor = parse_acknowledgements(await read_body(request, MAX_BYTES), client.institution)
    return _private(acknowledged_body(await asyncio.to_thread(service.acknowledge_all, client.institution, named, actor)))


@router.post("/v1/recognition/notices/{notice_id}:acknowledge", **documented("acknowledge_notice"))
async def acknowledge(request: Request, notice_id: str) -> Response:
    """Note that a person took notice; the issuer is told. Decisions stay as they are."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.DECIDE)
    service = recognition_of(node).notices
    actor = parse_acknowledgement(await read_body(request, MAX_BYTES), client.institution)
    return _private(notice_body(await asyncio.to_thread(service.acknowledge, client.institution, NoticeId(notice_id), actor)))


def _private(body: object) -> Response:
    response = json_response(body)
    response.headers.update(NOT_KEPT)
    return response
