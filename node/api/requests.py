"""Read requests: bodies within their limits, the caller, where a waiting caller stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from http import HTTPStatus
from typing import Annotated, cast

import msgspec
from fastapi import Depends, Query, Request
from fastapi.responses import Response

from node.domain.entry import Level, Origin
from node.errors import BodyTooLargeError, DocumentTooLargeError, UnauthenticatedError
from node.services.clients import Client
from node.services.surface.node import Node, RequestLimits

_BEARER = "bearer "
MAX_INDEX = 2**48
"""Logs are smaller (DESIGN section 4); numbers beyond what a database can hold would be a fault of ours."""
WaitParameter = Annotated[
    Level | None, Query(description="wait until the entries have this level, at most `server.wait_timeout_s`")
]


def node_of(request: Request) -> Node:
    """Return the node that this application serves."""
    return cast("Node", request.app.state.node)


def caller_of(request: Request) -> Client:
    """Return the client whose API key the request bears.

    Raises:
        UnauthenticatedError: It bears none, or one that is not valid.
    """
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_BEARER):
        raise UnauthenticatedError
    return node_of(request).clients.authenticate(header[len(_BEARER) :].strip())


NodeOf = Annotated[Node, Depends(node_of)]
Caller = Annotated[Client, Depends(caller_of)]


async def read_document(request: Request, limits: RequestLimits) -> bytes:
    """Read a body that is a document: the operator sets how long one may be.

    Raises:
        DocumentTooLargeError: It has more bytes than that; the rest is not read.
    """
    try:
        return await read_body(request, limits.max_document_bytes)
    except BodyTooLargeError as error:
        raise DocumentTooLargeError("limits.max_document_bytes", limits.max_document_bytes) from error


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read a request's body.

    Raises:
        BodyTooLargeError: It has more bytes than the limit; the rest is not read.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise BodyTooLargeError(limit_bytes)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise BodyTooLargeError(limit_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_lines(request: Request, limit_bytes: int) -> AsyncIterator[list[bytes | None]]:
    """Read a request's body line by line, those together that came together.

    An overlong line is given as None, its bytes are passed over.
    """
    buffer = bytearray()
    overlong = False
    async for chunk in request.stream():
        *ends, rest = chunk.split(b"\n")
        lines: list[bytes | None] = []
        for end in ends:
            line = bytes(buffer) + end if buffer else end
            lines.append(None if overlong or len(line) > limit_bytes else line)
            buffer.clear()
            overlong = False
        if lines:
            yield lines
        buffer += rest
        if len(buffer) > limit_bytes:
            buffer.clear()
            overlong = True
    if buffer or overlong:
        yield [None if overlong else bytes(buffer)]


async def wait_for(node: Node, places: Sequence[tuple[Origin, int]], level: Level | None) -> bool:
    """Wait until entries have a level, at most as long as the settings allow.

    Returns:
        Whether they have.
    """
    if level is None or not places:
        return True
    furthest: dict[Origin, int] = {}
    for origin, leaf_index in places:
        furthest[origin] = max(leaf_index, furthest.get(origin, 0))
    asked = [node.progress.reached(origin, index, level) for origin, index in furthest.items()]
    futures: list[Future[None]] = [future for future in asked if not future.done()]
    if not futures:
        return True
    waiting = asyncio.gather(*(asyncio.wrap_future(future) for future in futures))
    try:
        await asyncio.wait_for(waiting, node.wait_timeout_s)
    except TimeoutError:
        return False
    return True


def json_response(body: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")
