"""/v1/patients: register a patient's keys, as the code service released them."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from node.api.openapi.document import documented
from node.api.requests import caller_of, json_response, node_of, read_body
from node.services.clients import Scope
from node.services.patients.index import parse_registration

router = APIRouter(tags=["patients"])

_MAX_BYTES = 64 * 1024


@router.post("/v1/patients", **documented("patients"))
async def register_patient(request: Request) -> Response:
    """Register the locator keys of a patient number; entries from now on are found by the patient's code."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_PATIENTS)
    registration = parse_registration(await read_body(request, _MAX_BYTES))
    replaced = await asyncio.to_thread(node.patients.register, client.institution, registration)
    return json_response({"replaced": replaced}, HTTPStatus.OK if replaced else HTTPStatus.CREATED)
