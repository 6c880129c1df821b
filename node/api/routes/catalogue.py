"""/v1/catalogue: catalogue, regions, institutions, prices, certificates and maps, published and looked up; what maps lack."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.bodies.catalogue import list_body, publication_body, worklist_body
from node.api.openapi.document import documented
from node.api.requests import Caller, NodeOf, caller_of, json_response, node_of, read_body
from node.domain.recognition import DocumentDigest
from node.errors import MalformedParameterError, SettingsError, UnknownPinError
from node.services.clients import Scope
from node.services.surface.catalogue import Catalogue
from node.services.surface.node import Node
from node.wire.catalogue.entry import DOCUMENT_MEDIA_TYPE, MAX_DOCUMENT_BYTES

router = APIRouter(tags=["recognition"])

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def catalogue_of(node: Node) -> Catalogue:
    """Return a node's documents.

    Raises:
        SettingsError: It has no trust root and no chain, and with them no members.
    """
    if node.catalogue is None:
        raise SettingsError("this node has no trust root and no chain, and knows no other members; set chain.rpc_url")
    return node.catalogue


@router.post("/v1/catalogue/documents", **documented("publish_document"))
async def publish(request: Request) -> Response:
    """Publish a document in the institution's own log; the same bytes again are the same publication."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.PUBLISH)
    service = catalogue_of(node).publishing
    data = await read_body(request, MAX_DOCUMENT_BYTES)
    published = await asyncio.to_thread(service.publish, client.institution, data)
    return json_response(publication_body(published), HTTPStatus.CREATED if published.is_new else HTTPStatus.OK)


@router.get("/v1/catalogue/documents", **documented("list_documents"))
async def list_documents(
    node: NodeOf,
    client: Caller,
    kind: Annotated[str | None, Query(max_length=32, description="of this kind only, such as prices")] = None,
    in_force: Annotated[bool, Query(description="only those that hold here now")] = False,  # noqa: FBT002 - a query
) -> Response:
    """Every document that this node knows, old versions too: where it was published, and whether it holds here now."""
    client.require(Scope.READ_STATUS)
    catalogue = catalogue_of(node)
    known = await asyncio.to_thread(catalogue.documents.known)
    return json_response(list_body(catalogue.adoption.status(), known, kind, in_force_only=in_force))


@router.get("/v1/catalogue/documents/{digest}", **documented("document"))
async def document(node: NodeOf, client: Caller, digest: str) -> Response:
    """The exact bytes of a document, by the digest that pins it."""
    client.require(Scope.READ_STATUS)
    if _DIGEST.fullmatch(digest) is None:
        raise MalformedParameterError("digest", "is not 64 lower-case hex digits")
    found = await asyncio.to_thread(catalogue_of(node).documents.by_digest, DocumentDigest(bytes.fromhex(digest)))
    if found is None:
        raise UnknownPinError
    return Response(found.data, media_type=DOCUMENT_MEDIA_TYPE)


@router.get("/v1/recognition/unmapped", **documented("unmapped"))
async def unmapped(
    node: NodeOf,
    client: Caller,
    limit: Annotated[int, Query(ge=1, le=10_000, description="codes")] = 1_000,
) -> Response:
    """Codes of results and orderables that occurred and have no row in a map that holds now, the newest first."""
    client.require(Scope.READ_STATUS)
    service = catalogue_of(node).unmapped
    codes = await asyncio.to_thread(service.worklist, client.institution)
    return json_response(worklist_body(codes, limit))
