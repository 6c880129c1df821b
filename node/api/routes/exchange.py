"""/v1/inbox and /v1/outbox: messages between members."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.bodies.records import OutboxBody, OutboxItem, show_time
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, json_response, node_of
from node.api.signed import answer_acting, exchange_of
from node.domain.entry import InstitutionId
from node.services.clients import Scope
from node.services.members.signed_requests import Admission
from node.wire.members.http_signature import SignatureTag

router = APIRouter(tags=["members"])


@router.post("/v1/inbox", **documented("inbox"))
async def receive_message(request: Request) -> Response:
    """Take a message of another member, signed by it; answered, and signed, once it was acted on."""
    inbox = exchange_of(node_of(request)).inbox

    def work(admission: Admission, audience: InstitutionId) -> Response:
        del audience
        signer = admission.signer
        message = inbox.receive(signer.request.body, signer.institution, admission.act)
        return json_response({"acknowledged": message.message_id})

    return await answer_acting(request, SignatureTag.INBOX, work)


@router.get("/v1/outbox", **documented("outbox"))
async def list_outbox(
    node: NodeOf, client: Caller, limit: Annotated[int, Query(ge=1, le=1000, description="messages")] = 100
) -> Response:
    """List the institution's messages that other members have not acknowledged yet, oldest first."""
    client.require(Scope.READ_STATUS)
    rows = await asyncio.to_thread(exchange_of(node).outbox.unacknowledged, client.institution, limit)
    shown = [
        OutboxItem(
            message_id=row.message.message_id,
            kind=row.message.kind,
            recipient=row.message.recipient,
            subject=row.message.subject,
            waiting_since=show_time(row.message.created_at_ms),
            attempts=row.attempts,
            next_attempt_at=show_time(row.next_attempt_at_ms),
            last_error=row.last_error,
        )
        for row in rows
    ]
    return json_response(OutboxBody(shown))
