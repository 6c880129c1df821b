"""/witness: the hosted institutions' witnesses (C2SP tlog-witness). Whoever has a checkpoint signed by a witnessed log may ask."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ledger.witness import MAX_REQUEST_BYTES
from node.api.openapi.document import documented
from node.api.requests import NodeOf, read_body
from node.domain.entry import InstitutionId

router = APIRouter(tags=["log"])


@router.post("/witness/{institution}/add-checkpoint", **documented("add-checkpoint"))
async def add_checkpoint(node: NodeOf, institution: str, request: Request) -> Response:
    """Cosign a checkpoint that extends all that this witness has seen of its log."""
    body = await read_body(request, MAX_REQUEST_BYTES)
    answer = await asyncio.to_thread(node.witness.add_checkpoint, InstitutionId(institution), body)
    return Response(answer.body, status_code=answer.status, media_type=answer.media_type)
