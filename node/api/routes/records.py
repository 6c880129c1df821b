"""/v1/records: submit, follow, erase."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from node.api.batch import Batch, LineResponse, current, places_of
from node.api.bodies.records import (
    ErasureBody,
    NoticeItem,
    NoticeListBody,
    RecordBody,
    RecordListBody,
    RecordListItem,
    RefiledBody,
    receipt_body,
    show_time,
    submission_body,
    version_body,
)
from node.api.openapi.document import documented
from node.api.requests import (
    MAX_INDEX,
    Caller,
    NodeOf,
    WaitParameter,
    caller_of,
    json_response,
    node_of,
    read_document,
    wait_for,
)
from node.domain.entry import RecordId
from node.domain.receipt import Outcome
from node.errors import SettingsError, UnknownRecordError
from node.services.clients import Scope
from node.services.custody.refiling import RefilingService
from node.services.records.ingest import Submission
from node.services.surface.node import Node
from node.wire.evidence.bundle import BUNDLE_MEDIA_TYPE

router = APIRouter(tags=["records"])

_MAX_NOTICES = 1000


@router.post("/v1/records", **documented("submit"))
async def submit(request: Request, wait: WaitParameter = None) -> Response:
    """Submit one FHIR R4 document: a Bundle or a single resource. All of its records are stored, or none."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_RECORDS)
    document = await read_document(request, node.limits)
    submission = await asyncio.wrap_future(node.ingest.submit(client.institution, document))
    reached = await wait_for(node, places_of(submission.receipts), wait)
    submission = current(node, submission)
    return json_response(submission_body(submission), _status(submission, reached=reached))


@router.post("/v1/records:batch", **documented("batch"))
async def submit_batch(request: Request, wait: WaitParameter = None) -> Response:
    """Submit many documents, one a line (NDJSON). One result a line comes back, in order; a bad line harms no other."""
    node, client = node_of(request), caller_of(request)
    client.require(Scope.WRITE_RECORDS)
    batch = Batch(node, client.institution, wait)
    return LineResponse(batch.results(asyncio.ensure_future(batch.read(request))))


@router.get("/v1/records", **documented("list"))
async def list_records(
    node: NodeOf,
    client: Caller,
    before: Annotated[int | None, Query(ge=0, le=MAX_INDEX, description="`next_before` of the page before")] = None,
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
    versions = [version_body(entry, node.progress) for entry in reversed(record.entries)]
    erased_at = None if record.erased_at_ms is None else show_time(record.erased_at_ms)
    level, witnessed = (versions[0].level, versions[0].witnessed) if versions else (None, False)
    return json_response(RecordBody(record.record_id, record.institution, record.kind, level, witnessed, erased_at, versions))


@router.get("/v1/records/{record_id}/trail", **documented("trail"))
async def tell_trail(node: NodeOf, client: Caller, record_id: str) -> Response:
    """Tell the life of a record as a bundle: versions, relocations, deletions, who read it; each line proves itself."""
    client.require(Scope.DISCLOSE)
    if node.oversight is None:
        raise UnknownRecordError(record_id)
    identity = node.oversight.patients.identities[client.institution]
    origin = node.institutions[client.institution].origin
    bundle = await asyncio.to_thread(node.oversight.trails.tell, identity, origin, RecordId(record_id))
    return Response(bundle, media_type=BUNDLE_MEDIA_TYPE, headers={"Cache-Control": "no-store"})


@router.delete("/v1/records/{record_id}", **documented("erase"))
async def erase_record(node: NodeOf, client: Caller, record_id: str) -> Response:
    """Erase a record with all versions: its commitments can never be opened again, the log goes on to verify."""
    client.require(Scope.ERASE_RECORDS)
    erasure = await asyncio.to_thread(node.erasure.erase, client.institution, RecordId(record_id))
    return json_response(
        ErasureBody(
            erasure.record_id,
            erasure.versions,
            list(erasure.tombstones),
            show_time(erasure.erased_at_ms),
            list(node.custody.tombstones.members()),
        )
    )


@router.post("/v1/records/{record_id}/refile", **documented("refile"))
async def refile_record(request: Request, node: NodeOf, client: Caller, record_id: str) -> Response:
    """File a record under the right patient: withdrawn under the wrong one, whoever read it is told."""
    client.require(Scope.WRITE_RECORDS)
    document = await read_document(request, node.limits)
    done = await asyncio.to_thread(_refiling(node).refile, client.institution, RecordId(record_id), document)
    return json_response(RefiledBody(done.withdrawal_index, receipt_body(done.receipt), list(done.told)), HTTPStatus.CREATED)


@router.get("/v1/notices", **documented("notices"))
async def list_notices(node: NodeOf, client: Caller) -> Response:
    """List what the institution has read and was told to be another patient's, newest first."""
    client.require(Scope.READ_RECORDS)
    notices = await asyncio.to_thread(_refiling(node).notices, client.institution, _MAX_NOTICES)
    shown = [
        NoticeItem(notice.sender, notice.leaf_hash.hex(), notice.withdrawal.hex(), show_time(notice.told_at_ms))
        for notice in notices
    ]
    return json_response(NoticeListBody(shown))


def _refiling(node: Node) -> RefilingService:
    if node.refiling is None:
        raise SettingsError("this node is not open yet")
    return node.refiling


def _status(submission: Submission, *, reached: bool) -> HTTPStatus:
    if not reached:
        return HTTPStatus.ACCEPTED
    known = (Outcome.SAME, Outcome.ERASED)
    return HTTPStatus.OK if all(one.outcome in known for one in submission.receipts) else HTTPStatus.CREATED
