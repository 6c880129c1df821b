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
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from node.adapters.database.engines import truncate_log
from node.errors import NodeStoppingError
from node.ports.records.transaction import GroupHandler, RecordsTransaction

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

MAX_GROUP = 1_024
"""Items that share a transaction at the most: bounds the memory and the latency of the first one."""


@dataclass(frozen=True, slots=True)
class _Task:
    """Items that were submitted together."""

    handler: GroupHandler[Any, Any] | _Scrub
    items: Sequence[Any]
    future: Future[Any]
    single: bool
    """Whether its only result is the future's own: an error is raised then."""

    def complete(self, results: Sequence[Any]) -> None:
        """Let whoever waits know."""
        if not self.single:
            self.future.set_result(list(results))
        elif isinstance(results[0], BaseException):
            self.future.set_exception(results[0])
        else:
            self.future.set_result(results[0])


class _Single(Generic[ResultT]):
    """Adapts one closure to the group protocol."""

    def __init__(self, work: Callable[[RecordsTransaction], ResultT]) -> None:
        self._work = work

    def run(self, transaction: RecordsTransaction, items: Sequence[None]) -> Sequence[ResultT]:
        """Run the closure once."""
        del items
        return [self._work(transaction)]


class _Together:
    """Adapts closures that share a transaction."""

    def run(self, transaction: RecordsTransaction, items: Sequence[Callable[[RecordsTransaction], object]]) -> Sequence[object]:
        """Run the closures, in order."""
        return [work(transaction) for work in items]


_TOGETHER: Final[Any] = _Together()
"""One for all: neighbours are those that have the same handler."""


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
        self._depth = 0
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
        return self._depth

    def scrub(self) -> None:
        """Overwrite what deleted rows left behind in the write-ahead log; between two transactions."""
        self._enqueue(_Scrub(self._engine), [None], single=True).result()

    def submit(self, work: Callable[[RecordsTransaction], ResultT]) -> Future[ResultT]:
        """Queue a closure for a transaction of its own; the future completes after the commit."""
        return self._enqueue(_Single(work), [None], single=True)

    def submit_together(self, work: Callable[[RecordsTransaction], ResultT]) -> Future[ResultT]:
        """Queue a closure; neighbours that were queued in this way share its transaction.

        Raises:
            NodeStoppingError: The writer has stopped.
        """
        return self.submit_item(_TOGETHER, work)

    def submit_item(self, handler: GroupHandler[ItemT, ResultT], item: ItemT) -> Future[ResultT]:
        """Queue one item; neighbours with the same handler share its transaction.

        Raises:
            NodeStoppingError: The writer has stopped.
        """
        return self._enqueue(handler, [item], single=True)

    def submit_items(self, handler: GroupHandler[ItemT, ResultT], items: Sequence[ItemT]) -> Future[list[ResultT | BaseException]]:
        """Queue items; neighbours with the same handler share their transaction.

        Raises:
            NodeStoppingError: The writer has stopped.
        """
        return self._enqueue(handler, items, single=False)

    def _enqueue(self, handler: GroupHandler[Any, Any] | _Scrub, items: Sequence[Any], *, single: bool) -> Future[Any]:
        future: Future[Any] = Future()
        if single:
            # whoever submits one thing cannot take it back
            future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise NodeStoppingError
            self._depth += len(items)
            self._queue.put(_Task(handler, items, future, single))
        return future

    def _loop(self) -> None:
        held: _Task | None = None
        while True:
            first = held or self._queue.get()
            held = None
            if first is None:
                return
            group, held, closing = self._gather(first)
            with self._lock:
                self._depth -= sum(len(task.items) for task in group)
            self._run(group)
            if closing:
                return

    def _gather(self, first: _Task) -> tuple[list[_Task], _Task | None, bool]:
        """Take what waits for the same handler, in order; also return what has to wait longer, and whether to stop."""
        group, count = [first], len(first.items)
        while True:
            try:
                task = self._queue.get_nowait()
            except queue.Empty:
                return group, None, False
            if task is None:
                return group, None, True
            count += len(task.items)
            if task.handler is not first.handler or count > MAX_GROUP:
                return group, task, False
            group.append(task)

    def _run(self, group: Sequence[_Task]) -> None:
        live = [task for task in group if task.single or task.future.set_running_or_notify_cancel()]
        if not live:
            return
        handler, items = live[0].handler, [item for task in live for item in task.items]
        results = self._do_all(handler, items)
        at = 0
        for task in live:
            task.complete(results[at : at + len(task.items)])
            at += len(task.items)

    def _do_all(self, handler: GroupHandler[Any, Any] | _Scrub, items: Sequence[Any]) -> list[Any]:
        try:
            return list(self._do(handler, items))
        except BaseException as error:  # noqa: BLE001 - the thread outlives any work; the waiting caller learns of it
            if len(items) == 1:
                return [error]
        # what makes one fail must not take its neighbours along
        return [result for item in items for result in self._do_all(handler, [item])]

    def _do(self, handler: GroupHandler[Any, Any] | _Scrub, items: Sequence[Any]) -> Sequence[object]:
        if isinstance(handler, _Scrub):
            truncate_log(self._engine)
            return [None for _ in items]
        with self._engine.begin() as connection:
            return handler.run(self._join(connection), items)
