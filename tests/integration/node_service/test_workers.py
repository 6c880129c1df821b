"""Worker processes: what crosses to them and back, and a node that dies without a word."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from node.adapters.worker_process import LocalWorker, ProcessWorker, WorkerLostError
from node.domain.entry import EntryType, LeafReference, Origin, RecordId, Version
from node.domain.kind import DocumentLimits, IdentityRules
from node.errors import DocumentRefusedError
from node.ports.records.preparation import DraftedRecord, PreparationRequest, PreparedAs, PreparedDocument
from node.services.records.preparation import PreparationContext
from node.wire.kinds import load_kinds
from node.wire.prepare import Assignment, RecordContext
from tests.integration.node_service.served import READY_S, Served, children_of
from tests.unit.services_records.world import HOSPITAL, report

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_documents_and_errors_cross_as_they_are() -> None:
    # the kinds that come with the node, and two documents of which one is refused
    context = PreparationContext(
        load_kinds(),
        DocumentLimits(),
        {HOSPITAL: IdentityRules(HOSPITAL)},
        {HOSPITAL: RecordContext(Origin("hospital-a.example/log"), (b"\x09" + bytes(31),))},
    )
    assignment = PreparedAs(
        RecordId("known"), Assignment(Version(2), EntryType.AMENDMENT, LeafReference(Origin("hospital-a.example/log"), b"l" * 32))
    )
    requests = [
        PreparationRequest(HOSPITAL, json.dumps(report("1")).encode()),
        PreparationRequest(HOSPITAL, b'{"resourceType": "Bundle", "type": "searchset"}'),
        PreparationRequest(HOSPITAL, json.dumps(report("2")).encode(), {0: assignment}),
    ]
    worker = ProcessWorker(context)
    first, refused, amended = worker.prepare(requests, 1_760_000_000_000)
    worker.close()
    local = LocalWorker(context).prepare(requests, 1_760_000_000_000)
    assert isinstance(first, PreparedDocument)
    assert isinstance(amended, PreparedDocument)
    assert isinstance(refused, DocumentRefusedError)
    assert isinstance(local[1], DocumentRefusedError)
    assert refused.refusals == local[1].refusals
    assert (amended.records[0].record_id, amended.records[0].prepared.assignment) == (assignment.record_id, assignment.assignment)
    for crossed, stayed in zip((first, amended), (local[0], local[2]), strict=True):
        assert isinstance(stayed, PreparedDocument)
        assert [timeless(one) for one in crossed.records] == [timeless(one) for one in stayed.records]


def timeless(drafted: DraftedRecord) -> tuple[object, ...]:
    """Return what no random number enters."""
    prepared = drafted.prepared
    content = (prepared.identity, prepared.status, prepared.claimed_time_ms, prepared.manifest, prepared.sameness)
    return (*content, prepared.assignment, drafted.patient_number, drafted.issued_at_ms, drafted.path, type(prepared.status))


def test_a_worker_that_was_killed_is_told() -> None:
    worker = ProcessWorker(PreparationContext(load_kinds(), DocumentLimits(), {}, {}))
    worker._process.kill()
    worker._process.join(READY_S)
    with pytest.raises(WorkerLostError):
        worker.prepare([PreparationRequest(HOSPITAL, b"{}")], 0)
    worker.close()


def workers_of(pid: int) -> list[int]:
    return [child for child in children_of(pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_end_when_their_node_is_killed(served: Served) -> None:
    served.start()
    with served.client() as client:
        assert client.post("/v1/records", content=json.dumps(report("1"))).status_code == 201
    assert served._process is not None
    workers = workers_of(served._process.pid)
    assert workers
    served.kill()
    deadline = time.monotonic() + READY_S
    while any(map(lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in workers if lives(pid)]
