"""Prepares documents in worker processes, or in threads where the settings ask for no process.

Workers are spawned, never forked: this process has threads. A worker knows the kinds and the institutions; what crosses to it is
a document, what comes back are sealed records and their secrets, over a pipe that nobody else can read.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

from node.errors import ConcordError
from node.ports.clock import Clock, unix_ms
from node.ports.preparation import PreparationRequest, PreparedDocument
from node.services.preparation import PreparationContext, prepare_document

_state: dict[str, PreparationContext] = {}
"""A worker process's context, set once when it starts."""


def _start(context: PreparationContext) -> None:
    # the parent stops its workers itself, after what is under way
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _state["context"] = context


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
    return results


class WorkerPool:
    """A `Preparation` in processes or threads."""

    def __init__(self, context: PreparationContext, clock: Clock, *, processes: int) -> None:
        self._context = context
        self._clock = clock
        self._in_processes = processes > 0
        self._executor: Executor = (
            ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(context,))
            if self._in_processes
            else ThreadPoolExecutor(max_workers=2, thread_name_prefix="prepare")
        )

    def submit(self, requests: Sequence[PreparationRequest]) -> Future[list[PreparedDocument | ConcordError]]:
        """Prepare documents; a refused one gives its error in its place."""
        now_ms = unix_ms(self._clock)
        if self._in_processes:
            return self._executor.submit(_work, requests, now_ms)
        return self._executor.submit(_prepare_all, requests, self._context, now_ms)

    def close(self) -> None:
        """Finish what is under way and stop."""
        self._executor.shutdown(wait=True, cancel_futures=False)
