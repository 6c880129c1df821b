"""/v1/codes: what members ask of the code service and its custodians, signed; /v1/patients/code: what staff ask of it."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from msgspec import Meta

from node.api.bodies.shapes import ActorBody, Id32, Name, parse_body
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, json_response, node_of, read_body
from node.api.signed import answer_signed
from node.domain.access import RequestId
from node.domain.codes import CodeOperation, IdentityDocument
from node.domain.entry import InstitutionId
from node.domain.record import PatientNumber
from node.errors import MalformedParameterError, SettingsError
from node.services.clients import Scope
from node.services.codes.code_desk import DeskRequest
from node.services.codes.code_service import CodeService
from node.services.codes.custodians import Opening
from node.services.members.signed_requests import Signer
from node.services.surface.code_exchange import CodeExchange
from node.services.surface.node import Node
from node.wire.members.codes import encode_code_answer, parse_code_request
from node.wire.members.http_signature import SignatureTag

router = APIRouter(tags=["codes"])

_MAX_BYTES = 16 * 1024
_RequestId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]


class _Sealed(msgspec.Struct, forbid_unknown_fields=True):
    audience: str
    sealed: str


class _Layers(msgspec.Struct, forbid_unknown_fields=True):
    audience: str
    operation: Annotated[str, Meta(max_length=32)]
    request_id: _RequestId
    boxes: list[str]


class _StaffBody(ActorBody, kw_only=True, forbid_unknown_fields=True):
    """Who asks: a code is given out to somebody who was authenticated."""

    authentication: Name


class _Desk(msgspec.Struct, forbid_unknown_fields=True):
    operation: CodeOperation
    document_kind: Annotated[str, Meta(min_length=1, max_length=64)]
    document_number: Annotated[str, Meta(min_length=1, max_length=64)]
    actor: _StaffBody
    patient_number: str | None = None
    patient_system: str = ""
    card: str = ""
    emergency_id: Id32 | None = None


@router.post("/v1/codes", **documented("codes"))
async def ask_code_service(request: Request) -> Response:
    """Answer a member's request for a code or a patient's keys: signed by the member, sealed both ways."""
    codes = _codes(node_of(request))
    service = _service(codes)

    def work(signer: Signer, audience: InstitutionId) -> Response:
        if audience != service.institution:
            raise SettingsError(f"{audience} is not the code service of this node")
        sealed = _unhex(parse_body(signer.request.body, _Sealed).sealed)
        return _answer(codes, service, signer.institution, sealed)

    return await answer_signed(request, SignatureTag.CODES, work)


@router.post("/v1/codes/layers", **documented("layers"))
async def open_layers(request: Request) -> Response:
    """Open a custodian's layer of sealed cards for the code service, which signs the request."""
    codes = _codes(node_of(request))

    def work(signer: Signer, audience: InstitutionId) -> Response:
        asked = parse_body(signer.request.body, _Layers)
        opening = Opening(asked.operation, RequestId(asked.request_id), [_unhex(box) for box in asked.boxes])
        opened = codes.custodians.open_layers(audience, signer.institution, opening)
        sealed = [codes.seals.seal(one, signer.institution).hex() for one in opened]
        return json_response({"sealed": sealed})

    return await answer_signed(request, SignatureTag.CODES, work)


@router.post("/v1/patients/code", **documented("patient_code"))
async def ask_for_code(request: Request, node: NodeOf, client: Caller) -> Response:
    """Ask the code service for a patient whose document was read: issue, release, emergency-release or change."""
    client.require(Scope.WRITE_PATIENTS)
    asked = parse_body(await read_body(request, _MAX_BYTES), _Desk)
    number = None if asked.patient_number is None else PatientNumber(asked.patient_system, asked.patient_number)
    emergency_id = None if asked.emergency_id is None else bytes.fromhex(asked.emergency_id)
    document = IdentityDocument(asked.document_kind, asked.document_number)
    desk_request = DeskRequest(asked.operation, document, asked.actor.actor(client.institution), number, asked.card, emergency_id)
    answer = await asyncio.to_thread(_codes(node).desk.ask, client.institution, desk_request)
    seed = None if answer.seed is None else answer.seed.hex()
    shown = {"registered": answer.registered, "replaced": answer.replaced, "card": answer.card, "seed": seed}
    return json_response(shown)


@router.post("/v1/codes/reissue", **documented("reissue"))
async def reissue(node: NodeOf, client: Caller) -> Response:
    """Send keys of the newest epoch to every institution that has older ones; for the operator of the code service."""
    client.require(Scope.WRITE_PATIENTS)
    service = _service(_codes(node))
    if client.institution != service.institution:
        raise SettingsError(f"{client.institution} is not the code service of this node")
    return json_response({"sent": await asyncio.to_thread(service.reissue)})


@router.get("/v1/codes/openings", **documented("openings"))
async def list_openings(node: NodeOf, client: Caller) -> Response:
    """List what the institution opened as a custodian, newest first."""
    client.require(Scope.READ_STATUS)
    rows = await asyncio.to_thread(_codes(node).custodians.page, client.institution, 100)
    shown = [
        {
            "asker": row.asker,
            "request_id": row.request_id,
            "operation": row.operation,
            "boxes": row.boxes,
            "at_ms": row.opened_at_ms,
        }
        for row in rows
    ]
    return json_response({"openings": shown})


def _answer(codes: CodeExchange, service: CodeService, asker: InstitutionId, sealed: bytes) -> Response:
    answer = service.answer(parse_code_request(service.unseal(sealed), asker))
    return json_response({"sealed": codes.seals.seal(encode_code_answer(answer), asker).hex()})


def _codes(node: Node) -> CodeExchange:
    if node.codes is None:
        raise SettingsError("this node has no chain, and knows no code service; set chain.rpc_url")
    return node.codes


def _service(codes: CodeExchange) -> CodeService:
    if codes.service is None:
        raise SettingsError("this node hosts no code service")
    return codes.service


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise MalformedParameterError("body", "is not hexadecimal where it has to be") from error
