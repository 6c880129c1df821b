"""The one thread that writes `records.db`: it runs queued work in groups, one transaction a group (DESIGN section 5).

A caller's future completes after the commit, never before: what it learns is durable. Work of one kind that queued up
while the last commit was on its way shares the next one: the cost of a durable write is divided among all that wait.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from node.adapters.database.engines import truncate_log
from node.errors import NodeStoppingError
from node.ports.records import GroupHandler, RecordsTransaction

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

MAX_GROUP = 1_024
"""Items that share a transaction at the most: bounds the memory and the latency of the first one."""


@dataclass(frozen=True, slots=True)
class _Task:
    handler: GroupHandler[Any, Any] | _Scrub
    item: Any
    future: Future[Any]


class _Single(Generic[ResultT]):
    """Adapts one closure to the group protocol."""

    def __init__(self, work: Callable[[RecordsTransaction], ResultT]) -> None:
        self._work = work

    def run(self, transaction: RecordsTransaction, items: Sequence[None]) -> Sequence[ResultT]:
        """Run the closure once."""
        del items
        return [self._work(transaction)]


@dataclass(frozen=True, slots=True)
class _Scrub:
    """Asks for the write-ahead log to be emptied; never shares a group, each request being its own."""

    engine: sa.Engine


class SqlRecordsWriter:
    """Owns the write connection of `records.db`; a `RecordsWriter`."""

    def __init__(self, engine: sa.Engine, join: Callable[[sa.Connection], RecordsTransaction]) -> None:
        self._engine = engine
        self._join = join
        self._queue: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="records-writer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Finish what is queued, then stop; later work is refused."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def depth(self) -> int:
        """Return how many items wait."""
        return self._queue.qsize()

    def scrub(self) -> None:
        """Overwrite what deleted rows left behind in the write-ahead log; between two transactions."""
        self._enqueue(_Scrub(self._engine), None).result()

    def submit(self, work: Callable[[RecordsTransaction], ResultT]) -> Future[ResultT]:
        """Queue a closure for a transaction of its own; the future completes after the commit."""
        return self.submit_item(_Single(work), None)

    def submit_item(self, handler: GroupHandler[ItemT, ResultT], item: ItemT) -> Future[ResultT]:
        """Queue one item; neighbours with the same handler share its transaction.

        Raises:
            NodeStoppingError: The writer has stopped.
        """
        return self._enqueue(handler, item)

    def _enqueue(self, handler: GroupHandler[ItemT, ResultT] | _Scrub, item: ItemT | None) -> Future[ResultT]:
        future: Future[ResultT] = Future()
        with self._lock:
            if self._closed:
                raise NodeStoppingError
            self._queue.put(_Task(handler, item, future))
        return future

    def _loop(self) -> None:
        held: _Task | None = None
        while True:
            first = held or self._queue.get()
            held = None
            if first is None:
                return
            group, held, closing = self._gather(first)
            self._run(group)
            if closing:
                return

    def _gather(self, first: _Task) -> tuple[list[_Task], _Task | None, bool]:
        """Take what waits for the same handler, in order; also return the first of another one, and whether to stop."""
        group = [first]
        while len(group) < MAX_GROUP:
            try:
                task = self._queue.get_nowait()
            except queue.Empty:
                break
            if task is None:
                return group, None, True
            if task.handler is not first.handler:
                return group, task, False
            group.append(task)
        return group, None, False

    def _run(self, group: Sequence[_Task]) -> None:
        live = [task for task in group if task.future.set_running_or_notify_cancel()]
        if not live:
            return
        try:
            results = self._do(live)
        except BaseException as error:  # noqa: BLE001 - the thread outlives any work; the waiting caller learns of it
            if len(live) == 1:
                live[0].future.set_exception(error)
                return
            # what makes one fail must not take its neighbours along
            for task in live:
                self._settle(task)
            return
        for task, result in zip(live, results, strict=True):
            task.future.set_result(result)

    def _settle(self, task: _Task) -> None:
        try:
            result = self._do([task])[0]
        except BaseException as error:  # noqa: BLE001 - as in _run
            task.future.set_exception(error)
        else:
            task.future.set_result(result)

    def _do(self, tasks: Sequence[_Task]) -> Sequence[object]:
        handler = tasks[0].handler
        if isinstance(handler, _Scrub):
            truncate_log(self._engine)
            return [None for _ in tasks]
        with self._engine.begin() as connection:
            return handler.run(self._join(connection), [task.item for task in tasks])
