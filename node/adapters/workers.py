"""Prepares documents in worker processes, or in threads where the settings ask for no process.

Workers are spawned, never forked: this process has threads. A worker knows the kinds and the institutions; what crosses to it is
a document, what comes back are sealed records and their secrets, over a pipe that nobody else can read.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import structlog

from node.errors import ConcordError, NodeStoppingError, PreparationLostError
from node.ports.clock import Clock, unix_ms
from node.ports.preparation import PreparationRequest, PreparedDocument
from node.services.preparation import PreparationContext, prepare_document

log = structlog.get_logger(__name__)

_GC_THRESHOLDS = (50_000, 20, 50)
"""Containers, and collections of the younger generation, after which a worker collects. Documents are trees that die by
themselves; at the interpreter's 700 containers every report would be searched for cycles, a fifth of a worker's time."""

_state: dict[str, PreparationContext] = {}
"""A worker process's context, set once when it starts."""


def _start(context: PreparationContext) -> None:
    # the parent stops its workers itself, after what is under way
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    _state["context"] = context
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _end_with_parent() -> None:
    """End this process when the node's is killed: the pipes of a pool are held open by its own workers, so they see no end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _work(requests: Sequence[PreparationRequest], now_ms: int) -> list[PreparedDocument | ConcordError]:
    return _prepare_all(requests, _state["context"], now_ms)


def _prepare_all(
    requests: Sequence[PreparationRequest], context: PreparationContext, now_ms: int
) -> list[PreparedDocument | ConcordError]:
    results: list[PreparedDocument | ConcordError] = []
    for request in requests:
        try:
            results.append(prepare_document(request, context, now_ms, os.urandom))
        except ConcordError as error:
            results.append(error)
        except Exception:  # noqa: BLE001 - as below
            # a fault of ours; the documents beside it are none the worse. No traceback: it could quote the document
            log.error("preparation_failed", institution=request.institution, bytes=len(request.document))  # noqa: TRY400
            results.append(PreparationLostError())
    return results


class WorkerPool:
    """A `Preparation` in processes or threads."""

    def __init__(self, context: PreparationContext, clock: Clock, *, processes: int) -> None:
        self._context = context
        self._clock = clock
        self._processes = processes
        self._lock = threading.Lock()
        self._closed = False
        self._executor = self._open()

    def _open(self) -> Executor:
        if self._processes == 0:
            return ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare")
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=spawn, initializer=_start, initargs=(self._context,))

    def submit(self, requests: Sequence[PreparationRequest]) -> Future[list[PreparedDocument | ConcordError]]:
        """Prepare documents; a refused one gives its error in its place.

        Raises:
            NodeStoppingError: The pool has stopped.
        """
        now_ms = unix_ms(self._clock)
        with self._lock:
            if self._closed:
                raise NodeStoppingError
            try:
                submitted = self._submit(requests, now_ms)
            except BrokenExecutor:
                # a worker was killed, by the system for want of memory as likely as not; the pool ends with it
                log.warning("workers_restarted")
                self._executor.shutdown(wait=False)
                self._executor = self._open()
                submitted = self._submit(requests, now_ms)
        return _answered(submitted, len(requests))

    def _submit(self, requests: Sequence[PreparationRequest], now_ms: int) -> Future[list[PreparedDocument | ConcordError]]:
        if self._processes:
            return self._executor.submit(_work, requests, now_ms)
        return self._executor.submit(_prepare_all, requests, self._context, now_ms)

    def close(self) -> None:
        """Finish what is under way and stop."""
        with self._lock:
            self._closed = True
        self._executor.shutdown(wait=True, cancel_futures=False)


def _answered(
    submitted: Future[list[PreparedDocument | ConcordError]], count: int
) -> Future[list[PreparedDocument | ConcordError]]:
    """Turn the loss of a worker into an answer for each of its documents."""
    answered: Future[list[PreparedDocument | ConcordError]] = Future()

    def settle(done: Future[list[PreparedDocument | ConcordError]]) -> None:
        error = done.exception()
        if isinstance(error, BrokenExecutor):
            answered.set_result([PreparationLostError() for _ in range(count)])
        elif error is not None:
            answered.set_exception(error)
        else:
            answered.set_result(done.result())

    submitted.add_done_callback(settle)
    return answered
