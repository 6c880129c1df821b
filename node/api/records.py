"""/v1/records: submit, follow, erase."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from node.api.openapi import documented
from node.api.problems import problem_of
from node.api.requests import (
    Caller,
    NodeOf,
    WaitParameter,
    caller_of,
    json_response,
    node_of,
    read_body,
    read_lines,
    wait_for,
)
from node.api.schemas import (
    ErasureBody,
    RecordBody,
    RecordListBody,
    RecordListItem,
    show_time,
    submission_body,
    version_body,
)
from node.domain.entry import InstitutionId, Level, Origin, RecordId
from node.domain.receipt import Outcome, Receipt
from node.errors import ConcordError, DocumentTooLargeError, LimitExceededError, UnknownRecordError
from node.services.clients import Scope
from node.services.ingest import Submission
from node.services.node import Node

router = APIRouter(tags=["records"])

NDJSON = "application/x-ndjson"
_CHUNK = 16
"""Lines that go to a worker together: fewer hand-overs, and still enough chunks for every worker."""
_WINDOW = 512
"""Lines that are on their way at once: bounds memory, keeps workers and writer busy."""


@router.post("/v1/records", **documented("submit"))
async def submit(request: Request, wait: WaitParameter = None) -> Response:
    """Submit one FHIR R4 document: a Bundle or a single resource. All of its records are stored, or none."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_RECORDS)
    document = await read_body(request, node.limits.max_document_bytes)
    submission = await asyncio.wrap_future(node.ingest.submit(client.institution, document))
    reached = await wait_for(node, _places(submission.receipts), wait)
    submission = _current(node, submission)
    return json_response(submission_body(submission), _status(submission, reached=reached))


@router.post("/v1/records:batch", **documented("batch"))
async def submit_batch(request: Request, wait: WaitParameter = None) -> Response:
    """Submit many documents, one a line (NDJSON). One result a line comes back, in order; a bad line harms no other."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_RECORDS)
    batch = _Batch(node, client.institution, wait)
    return LineResponse(batch.results(asyncio.ensure_future(batch.read(request))))


class LineResponse(Response):
    """Streams lines while the request is still being read.

    Starlette's own streaming response listens for the client's leaving meanwhile, and what it hears while it listens is
    the request's body: lines would be lost. Here nobody but the reader receives.
    """

    media_type = NDJSON

    def __init__(self, lines: AsyncGenerator[bytes, None]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._lines = lines

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send the lines as they come."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with contextlib.aclosing(self._lines) as lines:
            async for line in lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Batch:
    """One NDJSON request. Reading goes on whether or not the client takes results: it may send all before it reads."""

    def __init__(self, node: Node, institution: InstitutionId, wait: Level | None) -> None:
        self._node = node
        self._institution = institution
        self._wait = wait
        self._results: deque[asyncio.Future[dict[str, object]]] = deque()
        self._more = asyncio.Event()
        self._window = asyncio.Semaphore(_WINDOW)
        self._lines = 0

    async def read(self, request: Request) -> None:
        """Submit every line."""
        limits = self._node.limits
        chunk: list[tuple[int, bytes]] = []
        try:
            async for line in read_lines(request, limits.max_document_bytes):
                self._lines += 1
                if self._lines > limits.max_batch_lines:
                    await self._submit(chunk)
                    chunk = []
                    error = LimitExceededError("limits.max_batch_lines", limits.max_batch_lines)
                    self._refuse(self._lines, error)
                    break
                if line is None:
                    await self._submit(chunk)
                    chunk = []
                    self._refuse(self._lines, DocumentTooLargeError("limits.max_document_bytes", limits.max_document_bytes))
                elif line.strip():
                    chunk.append((self._lines, line))
                    if len(chunk) == _CHUNK:
                        await self._submit(chunk)
                        chunk = []
            await self._submit(chunk)
        finally:
            self._more.set()

    async def _submit(self, chunk: Sequence[tuple[int, bytes]]) -> None:
        for _ in chunk:
            await self._window.acquire()
        futures = self._node.ingest.submit_many(self._institution, [line for _, line in chunk])
        for (number, _), future in zip(chunk, futures, strict=True):
            self._results.append(asyncio.ensure_future(self._result(number, asyncio.wrap_future(future))))
        self._more.set()

    async def _result(self, number: int, submitted: asyncio.Future[Submission]) -> dict[str, object]:
        try:
            submission = await submitted
        except Exception as error:  # noqa: BLE001 - one line's failure is told in its place, the others go on
            return {"line": number, "problem": problem_of(error).document()}
        finally:
            self._window.release()
        await wait_for(self._node, _places(submission.receipts), self._wait)
        body = submission_body(_current(self._node, submission))
        return {"line": number, "receipts": body.receipts, "ignored": body.ignored}

    def _refuse(self, number: int, error: ConcordError) -> None:
        refused: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        refused.set_result({"line": number, "problem": problem_of(error).document()})
        self._results.append(refused)
        self._more.set()

    async def results(self, reading: asyncio.Future[None]) -> AsyncGenerator[bytes, None]:
        """Give the results in the order of the lines."""
        encode = msgspec.json.encode
        try:
            while True:
                while self._results:
                    yield encode(await self._results.popleft()) + b"\n"
                if reading.done():
                    break
                self._more.clear()
                await self._more.wait()
            # what is stored is stored, whether or not the client heard of it
            with contextlib.suppress(ClientDisconnect):
                await reading
        finally:
            reading.cancel()


@router.get("/v1/records", **documented("list"))
async def list_records(
    node: NodeOf,
    client: Caller,
    before: Annotated[int | None, Query(ge=0, description="`next_before` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="entries a page")] = 100,
) -> Response:
    """List the institution's record entries, newest first."""
    client.require(Scope.READ_RECORDS)
    origin = node.institutions[client.institution].origin
    page = await asyncio.to_thread(node.reader.page, client.institution, origin, before=before, limit=limit)
    shown = [
        RecordListItem(
            record_id=entry.record_id or "",
            kind=page.kinds[RecordId(entry.record_id or "")],
            version=entry.version,
            status=entry.status,
            entry_type=entry.entry_type.name.lower(),
            leaf_index=entry.leaf_index,
            level=node.progress.level(entry.origin, entry.leaf_index),
            stored_at=show_time(entry.staged_at_ms),
        )
        for entry in page.entries
    ]
    return json_response(RecordListBody(shown, page.next_before))


@router.get("/v1/records/{record_id}", **documented("record"))
async def show_record(node: NodeOf, client: Caller, record_id: str, wait: WaitParameter = None) -> Response:
    """Show a record: its versions and how far each got."""
    client.require(Scope.READ_RECORDS)
    record = await asyncio.to_thread(node.reader.record, RecordId(record_id))
    if record is None or record.institution != client.institution:
        raise UnknownRecordError(record_id)
    await wait_for(node, [(entry.origin, entry.leaf_index) for entry in record.entries], wait)
    versions = [version_body(entry, node.progress.level(entry.origin, entry.leaf_index)) for entry in reversed(record.entries)]
    erased_at = None if record.erased_at_ms is None else show_time(record.erased_at_ms)
    level = versions[0].level if versions else None
    return json_response(
        RecordBody(record.record_id, record.institution, record.kind, level, False, erased_at, versions)  # noqa: FBT003 - a field
    )


@router.delete("/v1/records/{record_id}", **documented("erase"))
async def erase_record(node: NodeOf, client: Caller, record_id: str) -> Response:
    """Erase a record with all versions: its commitments can never be opened again, the log goes on to verify."""
    client.require(Scope.ERASE_RECORDS)
    erasure = await asyncio.to_thread(node.erasure.erase, client.institution, RecordId(record_id))
    return json_response(
        ErasureBody(erasure.record_id, erasure.versions, list(erasure.tombstones), show_time(erasure.erased_at_ms))
    )


def _places(receipts: Sequence[Receipt]) -> list[tuple[Origin, int]]:
    return [(receipt.origin, receipt.leaf_index) for receipt in receipts if receipt.leaf_index is not None]


def _current(node: Node, submission: Submission) -> Submission:
    """Return the submission with the levels of this moment."""
    receipts = (
        receipt if receipt.leaf_index is None else replace(receipt, level=node.progress.level(receipt.origin, receipt.leaf_index))
        for receipt in submission.receipts
    )
    return Submission(tuple(receipts), submission.ignored)


def _status(submission: Submission, *, reached: bool) -> HTTPStatus:
    if not reached:
        return HTTPStatus.ACCEPTED
    known = (Outcome.SAME, Outcome.ERASED)
    return HTTPStatus.OK if all(one.outcome in known for one in submission.receipts) else HTTPStatus.CREATED
