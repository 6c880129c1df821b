"""How far each log got, and whom to tell: `logged` and `anchored` are two sizes per log (docs/architecture.md)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from node.domain.entry import Level, Origin


@dataclass(slots=True)
class _Sizes:
    logged: int = 0
    anchored: int = 0


@dataclass(slots=True)
class _Waiter:
    origin: Origin
    size: int
    level: Level
    future: Future[None] = field(default_factory=Future)


class Progress:
    """Committed and anchored sizes of the logs of this node; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sizes: dict[Origin, _Sizes] = {}
        self._waiters: list[_Waiter] = []

    def level(self, origin: Origin, leaf_index: int) -> Level:
        """Return the level of an entry that is stored."""
        with self._lock:
            sizes = self._sizes.get(origin, _Sizes())
        if leaf_index < sizes.anchored:
            return Level.ANCHORED
        return Level.LOGGED if leaf_index < sizes.logged else Level.STORED

    def sizes(self, origin: Origin) -> tuple[int, int]:
        """Return the sizes up to which a log is logged and anchored."""
        with self._lock:
            sizes = self._sizes.get(origin, _Sizes())
            return sizes.logged, sizes.anchored

    def logged(self, origin: Origin, size: int) -> None:
        """Note that a checkpoint of this size was signed and committed."""
        self._change(origin, lambda sizes: setattr(sizes, "logged", max(sizes.logged, size)))

    def anchored(self, origin: Origin, size: int) -> None:
        """Note the size of the largest anchored head; it shrinks when the chain took an anchor back."""
        self._change(origin, lambda sizes: setattr(sizes, "anchored", size))

    def reached(self, origin: Origin, leaf_index: int, level: Level) -> Future[None]:
        """Return a future that completes when an entry is at a level or above it."""
        waiter = _Waiter(origin, leaf_index + 1, level)
        with self._lock:
            if self._satisfied(waiter):
                waiter.future.set_result(None)
            else:
                self._waiters.append(waiter)
        return waiter.future

    def _satisfied(self, waiter: _Waiter) -> bool:
        sizes = self._sizes.get(waiter.origin, _Sizes())
        if waiter.level is Level.STORED:
            return True
        return waiter.size <= (sizes.logged if waiter.level is Level.LOGGED else sizes.anchored)

    def _change(self, origin: Origin, change: Callable[[_Sizes], None]) -> None:
        with self._lock:
            change(self._sizes.setdefault(origin, _Sizes()))
            done = [waiter for waiter in self._waiters if self._satisfied(waiter)]
            if done:
                # a waiter that gave up has cancelled its future: it leaves the list here too
                self._waiters = [
                    waiter for waiter in self._waiters if not self._satisfied(waiter) and not waiter.future.cancelled()
                ]
        for waiter in done:
            if waiter.future.set_running_or_notify_cancel():
                waiter.future.set_result(None)
