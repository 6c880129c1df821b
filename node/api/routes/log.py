"""/log and /v1/headers: what followers read (C2SP tlog-tiles), with its caching headers.

Each hosted institution's log has its own prefix, `/log/<institution>/`. Tiles and bundles never change and may be kept for
ever, partial ones included; the checkpoint changes with every batch and is never to be kept. Members read by the signatures
of their requests (tag concord-log/v1), the institutions' own clients by their API keys.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from itertools import accumulate
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ledger.checkpoints import parse_checkpoint
from ledger.errors import MalformedTileError
from ledger.hashing import TreeSize
from ledger.notes import parse_note
from ledger.ports import LogReader
from ledger.tiles import BundleAddress, TileAddress, parse_tile_path
from node.api.openapi.document import documented
from node.api.requests import MAX_INDEX, NodeOf, caller_of
from node.api.signed import exchange_of, received
from node.domain.entry import InstitutionId, Origin
from node.errors import LogHaltedError, UnknownOriginError
from node.services.clients import Scope
from node.services.surface.node import Node
from node.wire.header.frames import encode_header_frames
from node.wire.members.http_signature import SignatureTag

router = APIRouter(tags=["log"])

IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "no-store"
_MAX_HEADERS = 1000
_MAX_PAGE_BYTES = 16 * 2**20
"""Of a page of headers, its first apart: documents of the catalogue are large."""


def _reader(node: Node, institution: str, request: Request) -> LogReader:
    hosted = node.institutions.get(InstitutionId(institution))
    if not node.public_log:
        _check_reader(node, request)
    if hosted is None:
        raise UnknownOriginError(institution)
    return node.reader.log(hosted.origin)


def _check_reader(node: Node, request: Request) -> None:
    """Let members read, and clients that have the scope."""
    if "signature-input" in request.headers:
        exchange_of(node).signed.recognise(received(request, b""), SignatureTag.LOG)
    else:
        caller_of(request).require(Scope.READ_LOG)


@router.get("/log/{institution}/checkpoint", **documented("checkpoint"))
async def checkpoint(node: NodeOf, institution: str, request: Request) -> Response:
    """The latest signed checkpoint (C2SP tlog-checkpoint)."""
    note = await asyncio.to_thread(_published, node, _reader(node, institution, request))
    if note is None:
        return Response(status_code=HTTPStatus.NOT_FOUND, headers={"Cache-Control": FRESH})
    return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": FRESH})


def _published(node: Node, reader: LogReader) -> bytes | None:
    """Return the published checkpoint, with the cosignatures that it has by now.

    Raises:
        LogHaltedError: It may be an older one, of a restored backup.
    """
    if node.progress.is_held(Origin(reader.origin)):
        raise LogHaltedError(reader.origin, "it shows its head when it is known that nobody holds a larger one")
    note = reader.checkpoint()
    if note is None:
        return None
    text = parse_note(note).text
    cosigned = node.cosigned.cosigned_at(Origin(reader.origin), parse_checkpoint(text).size)
    # another text at this size would be another log's: a restored database beside a newer trust.db
    return note if cosigned is None or parse_note(cosigned.note).text != text else cosigned.note


@router.get("/log/{institution}/tile/{path:path}", **documented("tile"))
async def tile(node: NodeOf, institution: str, path: str, request: Request) -> Response:
    """A tile or entry bundle (C2SP tlog-tiles), partial ones by their `.p/<width>` path."""
    reader = _reader(node, institution, request)
    try:
        address = parse_tile_path(f"tile/{path}")
    except MalformedTileError:
        # a path that no log has is an absent resource to a tlog-tiles client, not a fault of its request
        return Response(status_code=HTTPStatus.NOT_FOUND)
    content = await asyncio.to_thread(_read, reader, address)
    return Response(content, media_type="application/octet-stream", headers={"Cache-Control": IMMUTABLE})


def _read(reader: LogReader, address: TileAddress | BundleAddress) -> bytes:
    return reader.tile(address) if isinstance(address, TileAddress) else reader.bundle(address)


def _within(headers: Sequence[tuple[int, bytes | None]]) -> list[tuple[int, bytes | None]]:
    """Cut a page where published documents make it too large for whoever asks; what is left out is asked for again."""
    sizes = accumulate(len(header or b"") for _, header in headers)
    return [each for at, (each, size) in enumerate(zip(headers, sizes, strict=True)) if at == 0 or size <= _MAX_PAGE_BYTES]


@router.get("/v1/headers/{origin:path}", **documented("headers"))
async def headers(
    node: NodeOf,
    request: Request,
    origin: str,
    start: Annotated[int, Query(alias="from", ge=0, le=MAX_INDEX, description="first leaf index")] = 0,
    count: Annotated[int, Query(ge=1, le=_MAX_HEADERS, description="how many entries")] = 256,
) -> Response:
    """Sealed headers of logged entries, binary: leaf index u64, length u32 (0: deleted), header; and so on."""
    _check_reader(node, request)
    if origin not in {hosted.origin for hosted in node.institutions.values()}:
        raise UnknownOriginError(origin)
    logged, _ = node.progress.sizes(Origin(origin))
    count = max(0, min(count, TreeSize(logged) - start))
    found = await asyncio.to_thread(node.reader.headers, Origin(origin), start, count)
    return Response(encode_header_frames(_within(found)), media_type="application/octet-stream", headers={"Cache-Control": FRESH})
