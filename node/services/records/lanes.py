"""Keep what is submitted for one record in order, whatever finishes first.

Documents are prepared by several workers, and prepared again where a guess was wrong. Without this a preliminary report could
overtake its correction, and would stand as the latest version. So a document waits while an earlier one that holds a version
of the same record is on its way; documents about different records never wait for each other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Ticket(Generic[T]):
    """A place in the lanes of some records."""

    __slots__ = ("records", "work")

    def __init__(self, records: frozenset[Hashable], work: T) -> None:
        self.records = records
        self.work = work


class Lanes(Generic[T]):
    """One lane for each record that is on its way; thread-safe."""

    def __init__(self, go: Callable[[Sequence[T]], None]) -> None:
        """Keep what is done with work whose turn has come.

        Args:
            go: Called with the work of tickets that are the first in all of their lanes, by whichever thread gets there, also
                before `enter` returns.
        """
        self._go = go
        self._lock = threading.Lock()
        self._lanes: dict[Hashable, deque[Ticket[T]]] = {}
        self._local = threading.local()

    def enter(self, tickets: Sequence[Ticket[T]]) -> None:
        """Take a place in all lanes of tickets at once, in this order."""
        with self._lock:
            for ticket in tickets:
                for record in ticket.records:
                    self._lanes.setdefault(record, deque()).append(ticket)
            ready = [ticket for ticket in tickets if self._is_first(ticket)]
        self._let_go(ready)

    def leave(self, tickets: Sequence[Ticket[T]]) -> None:
        """Give up all places of tickets; whoever comes first now goes."""
        with self._lock:
            behind: dict[Ticket[T], None] = {}
            for ticket in tickets:
                for record in ticket.records:
                    lane = self._lanes[record]
                    lane.remove(ticket)
                    if lane:
                        behind[lane[0]] = None
                    else:
                        del self._lanes[record]
            ready = [ticket for ticket in behind if self._is_first(ticket)]
        self._let_go(ready)

    def _let_go(self, tickets: Sequence[Ticket[T]]) -> None:
        """Call them one after the other: one that fails at once leaves at once, and a long lane must not become a deep stack."""
        if not tickets:
            return
        waiting: deque[Sequence[Ticket[T]]] | None = getattr(self._local, "waiting", None)
        if waiting is not None:
            waiting.append(tickets)
            return
        self._local.waiting = waiting = deque([tickets])
        try:
            while waiting:
                self._go([ticket.work for ticket in waiting.popleft()])
        finally:
            self._local.waiting = None

    def _is_first(self, ticket: Ticket[T]) -> bool:
        return all(self._lanes[record][0] is ticket for record in ticket.records)


class Turns:
    """Let what finishes in any order be passed on in the order in which it was begun; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Turn] = deque()
        self._passing = False

    def take(self) -> Callable[[Callable[[], None]], None]:
        """Take the next turn; call what is returned once, with what is to be done when all earlier turns are done."""
        turn = _Turn()
        with self._lock:
            self._waiting.append(turn)

        def finish(work: Callable[[], None]) -> None:
            turn.work = work
            self._pass_on()

        return finish

    def _pass_on(self) -> None:
        with self._lock:
            if self._passing:
                return
            self._passing = True
        while True:
            with self._lock:
                if not self._waiting or self._waiting[0].work is None:
                    self._passing = False
                    return
                turn = self._waiting.popleft()
            # what has finished knows its turn: as a cycle both, and their documents, would wait for the next collection
            work, turn.work = turn.work, None
            if work is not None:
                work()


class _Turn:
    __slots__ = ("work",)

    def __init__(self) -> None:
        self.work: Callable[[], None] | None = None
