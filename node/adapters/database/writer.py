"""The one thread that writes `records.db`: it runs queued work in groups, one transaction a group (DESIGN section 5).

A caller's future completes after the commit, never before: what it learns is durable. Work of one kind that queued up while the last commit
was on its way shares the next one, so that the cost of a durable write is divided among all that wait for it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import sqlalchemy as sa

ItemT = TypeVar("ItemT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT = TypeVar("ResultT")
ResultT_co = TypeVar("ResultT_co", covariant=True)

MAX_GROUP = 2_048
"""Items that share a transaction at the most: bounds the memory and the latency of the first one."""


class GroupHandler(Protocol[ItemT_contra, ResultT_co]):
    """Work that can be done for many items in one transaction."""

    def before(self, items: Sequence[ItemT_contra]) -> None:
        """Make durable elsewhere what the transaction will refer to."""

    def run(self, connection: sa.Connection, items: Sequence[ItemT_contra]) -> Sequence[ResultT_co]:
        """Do the work for all items and return a result for each; an exception rolls everything back."""


@dataclass(frozen=True, slots=True)
class _Task:
    handler: GroupHandler[Any, Any]
    item: Any
    future: Future[Any]


class _Single(Generic[ResultT]):
    """Adapts one closure to the group protocol."""

    def __init__(self, work: Callable[[sa.Connection], ResultT]) -> None:
        self._work = work

    def before(self, items: Sequence[None]) -> None:
        """Need nothing elsewhere."""

    def run(self, connection: sa.Connection, items: Sequence[None]) -> Sequence[ResultT]:
        """Run the closure once."""
        del items
        return [self._work(connection)]


class WriterClosedError(RuntimeError):
    """The writer has stopped; nothing that was refused this way was written."""

    def __init__(self) -> None:
        super().__init__("the node is stopping: nothing was written; send it again when it is back")


class RecordsWriter:
    """Owns the write connection of `records.db`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
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

    def submit(self, work: Callable[[sa.Connection], ResultT]) -> Future[ResultT]:
        """Queue a closure for a transaction of its own; the future completes after the commit."""
        return self.submit_item(_Single(work), None)

    def submit_item(self, handler: GroupHandler[ItemT, ResultT], item: ItemT) -> Future[ResultT]:
        """Queue one item; neighbours with the same handler share its transaction.

        Raises:
            WriterClosedError: The writer has stopped.
        """
        future: Future[ResultT] = Future()
        with self._lock:
            if self._closed:
                raise WriterClosedError
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
        """Take what waits for the same handler, in order; also return the first task of another one, and whether to stop."""
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
        handler = group[0].handler
        live = [task for task in group if task.future.set_running_or_notify_cancel()]
        if not live:
            return
        try:
            items = [task.item for task in live]
            handler.before(items)
            with self._engine.begin() as connection:
                results = handler.run(connection, items)
        except BaseException as error:  # noqa: BLE001 - the thread must outlive any work, and the waiting caller must learn of it
            for task in live:
                task.future.set_exception(error)
            return
        for task, result in zip(live, results, strict=True):
            task.future.set_result(result)
