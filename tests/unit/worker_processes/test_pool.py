"""Threads that lead workers: who shares a message, who is answered when a worker is lost, how a pool stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from node.adapters import workers
from node.adapters.clock import SystemClock
from node.adapters.worker_process import Prepared, WorkerLostError
from node.adapters.workers import WorkerPool
from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, KindTable
from node.errors import NodeStoppingError, PreparationLostError
from node.ports.records.preparation import PreparationRequest, PreparedDocument
from node.services.records.preparation import PreparationContext

WAIT_S = 30
CONTEXT = PreparationContext(KindTable({}), DocumentLimits(), {}, {})
DONE = PreparedDocument((), {})


class Scripted:
    """A worker that does what the test says."""

    def __init__(self, script: Callable[[Sequence[bytes]], list[Prepared]]) -> None:
        self._script = script

    def prepare(self, requests: Sequence[PreparationRequest], now_ms: int) -> list[Prepared]:
        del now_ms
        return self._script([request.document for request in requests])

    def close(self) -> None:
        pass


def requests(*documents: bytes) -> list[PreparationRequest]:
    return [PreparationRequest(InstitutionId("hospital-a"), document) for document in documents]


def pool_of(monkeypatch: pytest.MonkeyPatch, script: Callable[[Sequence[bytes]], list[Prepared]]) -> WorkerPool:
    monkeypatch.setattr(workers, "LocalWorker", lambda _: Scripted(script))
    monkeypatch.setattr(workers, "_THREADS", 1)
    return WorkerPool(CONTEXT, SystemClock(), processes=0)


def test_what_waits_shares_messages_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[list[bytes]] = []

    def script(documents: Sequence[bytes]) -> list[Prepared]:
        messages.append(list(documents))
        return [DONE for _ in documents]

    pool = pool_of(monkeypatch, script)
    large = b"x" * 2**20
    futures = [pool.submit(requests(document)) for document in [b"%d" % number for number in range(20)] + [large, b"after"]]
    futures.append(pool.submit(requests(*[b"together"] * 40)))
    pool.start()
    for future in futures:
        assert all(one is DONE for one in future.result(WAIT_S))
    pool.close()
    assert [len(message) for message in messages] == [16, 4, 1, 1, 40]


def test_a_lost_worker_s_documents_are_answered_and_another_one_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(documents: Sequence[bytes]) -> list[Prepared]:
        if b"poison" in documents:
            raise WorkerLostError(had_taken=True)
        return [DONE for _ in documents]

    pool = pool_of(monkeypatch, script)
    pool.start()
    (lost,) = pool.submit(requests(b"poison")).result(WAIT_S)
    assert isinstance(lost, PreparationLostError)
    assert pool.submit(requests(b"fine")).result(WAIT_S) == [DONE]
    pool.close()


def test_a_worker_that_was_gone_before_costs_nobody_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[bytes]] = []

    def script(documents: Sequence[bytes]) -> list[Prepared]:
        asked.append(documents)
        if len(asked) == 1:
            raise WorkerLostError(had_taken=False)
        return [DONE for _ in documents]

    pool = pool_of(monkeypatch, script)
    pool.start()
    assert pool.submit(requests(b"one")).result(WAIT_S) == [DONE]
    pool.close()
    assert asked == [[b"one"], [b"one"]]


def test_workers_that_cannot_be_had_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(documents: Sequence[bytes]) -> list[Prepared]:
        raise WorkerLostError(had_taken=not documents)

    pool = pool_of(monkeypatch, script)
    pool.start()
    (lost,) = pool.submit(requests(b"one")).result(WAIT_S)
    assert isinstance(lost, PreparationLostError)
    pool.close()


def test_a_fault_reaches_whoever_waits_and_the_thread_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(documents: Sequence[bytes]) -> list[Prepared]:
        if documents == [b"bad"]:
            raise RuntimeError("a fault of ours")
        return [DONE for _ in documents]

    pool = pool_of(monkeypatch, script)
    pool.start()
    assert isinstance(pool.submit(requests(b"bad")).exception(WAIT_S), RuntimeError)
    assert pool.submit(requests(b"good")).result(WAIT_S) == [DONE]
    pool.close()


def test_a_pool_that_stops_finishes_what_was_submitted_and_refuses_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def script(documents: Sequence[bytes]) -> list[Prepared]:
        entered.set()
        assert go_on.wait(WAIT_S)
        return [DONE for _ in documents]

    pool = pool_of(monkeypatch, script)
    pool.start()
    futures = [pool.submit(requests(b"first"))]
    assert entered.wait(WAIT_S)
    futures.append(pool.submit(requests(b"second")))
    closing = threading.Thread(target=pool.close)
    closing.start()
    go_on.set()
    closing.join(WAIT_S)
    assert [future.result(0) for future in futures] == [[DONE], [DONE]]
    with pytest.raises(NodeStoppingError):
        pool.submit(requests(b"late"))
