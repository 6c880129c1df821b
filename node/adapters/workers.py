"""Prepares documents with several workers, each led by a thread: in worker processes, or in the threads themselves.

A thread takes what waits, gives it to its worker as one message and waits for the answer: documents that came one by one while
all workers were busy cross together, as a hand-over costs as much as half a document's own work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from node.adapters.worker_process import LocalWorker, Prepared, ProcessWorker, Worker, WorkerLostError
from node.errors import NodeStoppingError, PreparationLostError
from node.ports.clock import Clock, unix_ms
from node.ports.records.preparation import PreparationRequest
from node.services.records.preparation import PreparationContext

log = structlog.get_logger(__name__)

_THREADS = 2
"""Workers where the settings ask for no process."""
_ATTEMPTS = 2
"""Workers that are tried for a message which none of them has taken."""
_TOGETHER = 16
"""Documents that share a message, beside what was submitted together."""
_TOGETHER_BYTES = 2**20
"""Bytes of documents that share a message: nobody waits for a large neighbour."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Documents that were submitted together."""

    requests: Sequence[PreparationRequest]
    size_bytes: int
    future: Future[list[Prepared]] = field(default_factory=Future)


class WorkerPool:
    """A `Preparation` in processes or threads."""

    def __init__(self, context: PreparationContext, clock: Clock, *, processes: int) -> None:
        self._context = context
        self._clock = clock
        self._processes = processes
        self._tasks: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._lead, name=f"prepare-{number}", daemon=True) for number in range(processes or _THREADS)
        ]

    def start(self) -> None:
        """Start the threads; a worker is engaged with the first task that its thread takes."""
        for thread in self._threads:
            thread.start()

    def submit(self, requests: Sequence[PreparationRequest]) -> Future[list[Prepared]]:
        """Prepare documents; a refused one gives its error in its place.

        Raises:
            NodeStoppingError: The pool has stopped.
        """
        task = _Task(requests, sum(len(request.document) for request in requests))
        with self._changed:
            if self._closed:
                raise NodeStoppingError
            self._tasks.append(task)
            self._changed.notify()
        return task.future

    def close(self) -> None:
        """Finish what was submitted and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _lead(self) -> None:
        worker: Worker | None = None
        while tasks := self._take():
            worker = self._prepare(worker or self._engage(), tasks)
        if worker is not None:
            worker.close()

    def _engage(self) -> Worker:
        return ProcessWorker(self._context) if self._processes else LocalWorker(self._context)

    def _take(self) -> list[_Task]:
        """Wait for tasks and take as many as may share a message; none when the pool has stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._closed)
            taken: list[_Task] = []
            count = size_bytes = 0
            while self._tasks:
                count += len(self._tasks[0].requests)
                size_bytes += self._tasks[0].size_bytes
                if taken and (count > _TOGETHER or size_bytes > _TOGETHER_BYTES):
                    break
                taken.append(self._tasks.popleft())
            return taken

    def _prepare(self, worker: Worker, tasks: Sequence[_Task]) -> Worker:
        """Answer tasks; return the worker that goes on."""
        requests = [request for task in tasks for request in task.requests]
        try:
            worker, prepared = self._ask(worker, requests)
        except BaseException as error:  # noqa: BLE001 - the thread outlives any work; whoever waits learns of it
            for task in tasks:
                task.future.set_exception(error)
            return worker
        at = 0
        for task in tasks:
            task.future.set_result(prepared[at : at + len(task.requests)])
            at += len(task.requests)
        return worker

    def _ask(self, worker: Worker, requests: Sequence[PreparationRequest]) -> tuple[Worker, list[Prepared]]:
        now_ms = unix_ms(self._clock)
        for _ in range(_ATTEMPTS):
            try:
                return worker, worker.prepare(requests, now_ms)
            except WorkerLostError as lost:
                log.warning("worker_restarted")
                worker.close()
                worker = self._engage()
                if lost.had_taken:
                    # what may be to blame for the loss is not tried on another one
                    break
        return worker, [PreparationLostError() for _ in requests]
