"""/v1/disclosures, /v1/find, /v1/retrievals: what is read across institutions."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.bodies.orders import parse_find, parse_order
from node.api.bodies.retrieval import find_body, parts_body, retrieval_body
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.api.routes.evidence import EVIDENCE_MEDIA_TYPE
from node.api.routes.recognition import recognition_of
from node.api.signed import NOT_KEPT, SealedResponse, answer_acting
from node.domain.access import RequestId
from node.domain.entry import InstitutionId, Level
from node.domain.retrieval import RetrievalId
from node.errors import SettingsError
from node.services.clients import Scope
from node.services.members.signed_requests import Admission
from node.services.surface.node import Node
from node.services.surface.reading import Reading
from node.wire.members.http_signature import SignatureTag

router = APIRouter(tags=["retrieval"])

_MAX_BYTES = 256 * 1024


def reading_of(node: Node) -> Reading:
    """Return what a node reads across institutions.

    Raises:
        SettingsError: It knows no registry, and with it no members.
    """
    if node.reading is None:
        raise SettingsError("this node has no chain, and knows no other members; set chain.rpc_url")
    return node.reading


@router.post("/v1/disclosures", **documented("disclosures"))
async def disclose(request: Request) -> Response:
    """Answer another member's request for a record: sealed to it, with evidence; logged before the first byte leaves."""
    holder = reading_of(node_of(request)).holder

    def work(admission: Admission, audience: InstitutionId) -> Response:
        del audience  # the request's own, which the service parses again with everything else
        signer = admission.signer
        return SealedResponse(holder.disclose(signer.institution, signer.request.body, admission.act))

    return await answer_acting(request, SignatureTag.RETRIEVE, work)


async def disclose_directly(request: Request, level: Level | None) -> Response:
    """Answer as `disclose` does, past the framework; there is nothing to wait for."""
    del level
    return await disclose(request)


@router.post("/v1/find", **documented("find"))
async def find(request: Request) -> Response:
    """Find what exists of a patient, in this node's own index, calling nobody; logged before it is shown."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.FIND)
    finding = reading_of(node).finding
    order = parse_find(await read_body(request, _MAX_BYTES), client.institution)
    request_id, found = await asyncio.to_thread(finding.find, client.institution, order)
    response = json_response(find_body(request_id, found, recognition_of(node).standing.against().covers))
    response.headers.update(NOT_KEPT)
    return response


async def find_directly(request: Request, level: Level | None) -> Response:
    """Find as `find` does, past the framework; there is nothing to wait for."""
    del level
    return await find(request)


@router.post("/v1/retrievals", **documented("retrieve"))
async def order_retrieval(request: Request) -> Response:
    """Order records that a find showed; durable when this answers, worked off afterwards."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.RETRIEVE)
    retrieval = reading_of(node).retrieval
    order = parse_order(await read_body(request, _MAX_BYTES), client.institution)
    requests = await asyncio.to_thread(retrieval.order, client.institution, order)
    return json_response(retrieval_body(requests, node.following.is_recalled), HTTPStatus.ACCEPTED)


async def order_directly(request: Request, level: Level | None) -> Response:
    """Take an order as `order_retrieval` does, past the framework; there is nothing to wait for."""
    del level
    return await order_retrieval(request)


@router.get("/v1/retrievals/{retrieval_id}", **documented("retrieval"))
async def show_retrieval(
    node: NodeOf,
    client: Caller,
    retrieval_id: str,
    *,
    wait: Annotated[bool, Query(description="wait for the holders, at most `server.wait_timeout_s`")] = False,
) -> Response:
    """How far each request of a retrieval got."""
    client.require(Scope.RETRIEVE)
    retrieval = reading_of(node).retrieval
    named = client.institution, RetrievalId(retrieval_id)
    if not wait:
        return json_response(retrieval_body(await asyncio.to_thread(retrieval.show, *named), node.following.is_recalled))
    settled = await asyncio.to_thread(retrieval.settled, *named)
    try:
        found = await asyncio.wait_for(asyncio.wrap_future(settled), node.wait_timeout_s)
    except TimeoutError:
        found = await asyncio.to_thread(retrieval.show, *named)
    return json_response(retrieval_body(found, node.following.is_recalled))


@router.get("/v1/retrievals/{retrieval_id}/{request_id}", **documented("retrieved_parts"))
async def show_parts(node: NodeOf, client: Caller, retrieval_id: str, request_id: str) -> Response:
    """The verified manifest of what a request brought, and its parts without their content."""
    client.require(Scope.RETRIEVE)
    retrieval = reading_of(node).retrieval
    record = await asyncio.to_thread(retrieval.read, client.institution, RetrievalId(retrieval_id), RequestId(request_id))
    return json_response(await asyncio.to_thread(parts_body, request_id, record))


@router.get("/v1/retrievals/{retrieval_id}/{request_id}/evidence", **documented("retrieved_evidence"))
async def show_evidence(node: NodeOf, client: Caller, retrieval_id: str, request_id: str) -> Response:
    """The evidence file of what a request brought, with all parts; anyone can verify it offline."""
    client.require(Scope.RETRIEVE)
    retrieval = reading_of(node).retrieval
    evidence = await asyncio.to_thread(retrieval.evidence, client.institution, RetrievalId(retrieval_id), RequestId(request_id))
    return Response(evidence, media_type=EVIDENCE_MEDIA_TYPE, headers=NOT_KEPT)


@router.delete("/v1/retrievals/{retrieval_id}", **documented("forget_retrieval"))
async def forget_retrieval(node: NodeOf, client: Caller, retrieval_id: str) -> Response:
    """Forget the local copy of what a retrieval brought, and stop asking; the receipts stay in the logs."""
    client.require(Scope.RETRIEVE)
    retrieval = reading_of(node).retrieval
    count = await asyncio.to_thread(retrieval.forget, client.institution, RetrievalId(retrieval_id))
    return json_response({"forgotten": count})
