"""How far each log got, and whom to tell: `logged` and `anchored` are two sizes per log (docs/architecture.md)."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from node.domain.entry import Level, Origin
from node.domain.receipt import Receipt


@dataclass(slots=True)
class _Sizes:
    logged: int = 0
    anchored: int = 0
    witnessed: int = 0


@dataclass(order=True, slots=True)
class _Waiter:
    size: int
    future: Future[None] = field(default_factory=Future, compare=False)


_MIN_SWEPT = 1_024
"""Waiters of a log and level below which those who gave up are left lying."""


class _Waiters:
    """Who waits for one log to get to one level, the nearest first."""

    def __init__(self) -> None:
        self._heap: list[_Waiter] = []
        self._sweep_at = _MIN_SWEPT

    def add(self, waiter: _Waiter) -> None:
        heapq.heappush(self._heap, waiter)
        if len(self._heap) >= self._sweep_at:
            # with the chain away for hours, waiters that gave up would pile up
            self._heap = [one for one in self._heap if not one.future.cancelled()]
            heapq.heapify(self._heap)
            self._sweep_at = max(_MIN_SWEPT, 2 * len(self._heap))

    def take(self, size: int) -> list[Future[None]]:
        taken = []
        while self._heap and self._heap[0].size <= size:
            taken.append(heapq.heappop(self._heap).future)
        return taken


class Progress:
    """Committed and anchored sizes of the logs of this node; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: dict[Origin, _Sizes] = {}
        self._waiters: dict[tuple[Origin, Level], _Waiters] = {}
        self._held: set[Origin] = set()

    def hold(self, origin: Origin) -> None:
        """Show a log's head to nobody until others have told that nobody holds a larger one.

        After a start from a restored backup the head is an older one: whoever follows the log would have to freeze it.
        """
        self._held.add(origin)

    def release(self, origin: Origin) -> None:
        """Show a log's head: it is the last one."""
        self._held.discard(origin)

    def is_held(self, origin: Origin) -> bool:
        """Tell whether a log's head is shown to nobody yet."""
        return origin in self._held

    def level(self, origin: Origin, leaf_index: int) -> Level:
        """Return the level of an entry that is stored."""
        with self._lock:
            return _level(self._sizes.get(origin, _Sizes()), leaf_index)

    def current(self, receipt: Receipt) -> Receipt:
        """Return a receipt as it would be given now: how far its entry got, and whether others saw it."""
        index = receipt.leaf_index
        if index is None:
            return receipt
        with self._lock:
            sizes = self._sizes.get(receipt.origin, _Sizes())
            level, witnessed = _level(sizes, index), index < _witnessed(sizes)
        if level is receipt.level and witnessed == receipt.witnessed:
            return receipt
        return receipt._replace(level=level, witnessed=witnessed)

    def sizes(self, origin: Origin) -> tuple[int, int]:
        """Return the sizes up to which a log is logged and anchored."""
        with self._lock:
            sizes = self._sizes.get(origin, _Sizes())
            return sizes.logged, sizes.anchored

    def is_witnessed(self, origin: Origin, leaf_index: int) -> bool:
        """Tell whether a quorum of other institutions has cosigned a checkpoint that covers an entry."""
        return leaf_index < self.witnessed_size(origin)

    def witnessed_size(self, origin: Origin) -> int:
        """Return the size up to which a quorum of other institutions has cosigned what this node holds of a log.

        A restored node is behind its witnesses: what it stores from then on is not what they saw at these places.
        """
        with self._lock:
            return _witnessed(self._sizes.get(origin, _Sizes()))

    def witnessed(self, origin: Origin, size: int) -> None:
        """Note that a quorum of other institutions has cosigned a checkpoint of this size."""
        self._change(origin, lambda sizes: setattr(sizes, "witnessed", max(sizes.witnessed, size)))

    def logged(self, origin: Origin, size: int) -> None:
        """Note that a checkpoint of this size was signed and committed."""
        self._change(origin, lambda sizes: setattr(sizes, "logged", max(sizes.logged, size)))

    def anchored(self, origin: Origin, size: int) -> None:
        """Note the size of the largest anchored head; it shrinks when the chain took an anchor back."""
        self._change(origin, lambda sizes: setattr(sizes, "anchored", size))

    def reached(self, origin: Origin, leaf_index: int, level: Level) -> Future[None]:
        """Return a future that completes when an entry is at a level or above it."""
        waiter = _Waiter(leaf_index + 1)
        with self._lock:
            sizes = self._sizes.get(origin, _Sizes())
            if level is Level.STORED or waiter.size <= _size(sizes, level):
                waiter.future.set_result(None)
            else:
                self._waiters.setdefault((origin, level), _Waiters()).add(waiter)
        return waiter.future

    def _change(self, origin: Origin, change: Callable[[_Sizes], None]) -> None:
        with self._lock:
            sizes = self._sizes.setdefault(origin, _Sizes())
            change(sizes)
            done = [
                future
                for level in (Level.LOGGED, Level.ANCHORED)
                if (waiters := self._waiters.get((origin, level))) is not None
                for future in waiters.take(_size(sizes, level))
            ]
        for future in done:
            # one that gave up has cancelled its future
            if future.set_running_or_notify_cancel():
                future.set_result(None)


def _level(sizes: _Sizes, leaf_index: int) -> Level:
    if leaf_index < sizes.anchored:
        return Level.ANCHORED
    return Level.LOGGED if leaf_index < sizes.logged else Level.STORED


def _witnessed(sizes: _Sizes) -> int:
    return min(sizes.witnessed, _size(sizes, Level.LOGGED))


def _size(sizes: _Sizes, level: Level) -> int:
    # an anchored entry is logged, whatever order the news came in
    return sizes.anchored if level is Level.ANCHORED else max(sizes.logged, sizes.anchored)
