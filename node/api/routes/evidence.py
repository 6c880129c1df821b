"""/v1/records/{id}/evidence and /v1/verify."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.openapi.document import documented
from node.api.requests import MAX_INDEX, Caller, NodeOf, json_response, node_of, read_document
from node.domain.entry import RecordId, Version
from node.errors import EvidenceRefutedError, MalformedParameterError, UnknownFormatError, WireError
from node.services.clients import Scope
from node.wire.evidence.verdict_json import refuted_json, unreadable_json, verdict_json

router = APIRouter(tags=["evidence"])

EVIDENCE_MEDIA_TYPE = "application/vnd.concord.evidence+json"


@router.get("/v1/records/{record_id}/evidence", **documented("evidence"))
async def export_evidence(
    node: NodeOf,
    client: Caller,
    record_id: str,
    parts: Annotated[str | None, Query(description="numbers of the parts to disclose, such as 1,3; none: all")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_INDEX, description="the record's version; none: the latest")] = None,
) -> Response:
    """Export evidence that anyone can verify offline; parts that are not named stay hidden."""
    client.require(Scope.DISCLOSE)
    chosen = None if parts is None else _part_numbers(parts)
    wanted = None if version is None else Version(version)
    evidence = await asyncio.to_thread(node.evidence.export, client.institution, RecordId(record_id), version=wanted, parts=chosen)
    return Response(evidence, media_type=EVIDENCE_MEDIA_TYPE, headers={"Cache-Control": "no-store"})


@router.post("/v1/verify", **documented("verify"))
async def verify(request: Request) -> Response:
    """Verify evidence against this node's trust root; stores nothing and needs no API key."""
    node = node_of(request)
    evidence = await read_document(request, node.limits)
    try:
        verdict = await asyncio.to_thread(node.evidence.verify, evidence)
    except EvidenceRefutedError as error:
        return json_response(refuted_json(error))
    except (WireError, UnknownFormatError) as error:
        return json_response(unreadable_json(error))
    return json_response(verdict_json(verdict))


def _part_numbers(text: str) -> tuple[int, ...]:
    numbers = text.split(",") if text else []
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise MalformedParameterError("parts", "give part numbers separated by commas, such as 1,3")
    return tuple(sorted({int(number) for number in numbers}))
