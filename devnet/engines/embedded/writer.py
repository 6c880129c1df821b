"""The writer's thread: what arrives while a block is being made goes into the next one together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from devnet.engines.embedded.admission import Admitted
from devnet.engines.embedded.errors import ServerError
from devnet.engines.embedded.mining import Miner, Outcome

MAX_GROUP = 1000
"""Transactions taken from the queue at once; their gas decides how many blocks they make."""


@dataclass(frozen=True, slots=True)
class _Submission:
    candidates: Sequence[Admitted]
    done: Future[list[Outcome]]


@dataclass(frozen=True, slots=True)
class _Revert:
    number: int
    done: Future[None]


class Writer:
    """Owns the miner; any thread may submit."""

    def __init__(self, miner: Miner) -> None:
        self._miner = miner
        self._queue: queue.SimpleQueue[_Submission | _Revert | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="writer")
        self._thread.start()

    def submit(self, candidates: Sequence[Admitted]) -> Future[list[Outcome]]:
        """Queue transactions; the future holds an outcome for each when it is durable.

        Raises:
            ServerError: the server is stopping.
        """
        done: Future[list[Outcome]] = Future()
        self._put(_Submission(candidates, done))
        return done

    def revert_to(self, number: int) -> Future[None]:
        """Queue a reorganisation: drop the blocks above `number`.

        Raises:
            ServerError: the server is stopping.
        """
        done: Future[None] = Future()
        self._put(_Revert(number, done))
        return done

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _put(self, job: _Submission | _Revert) -> None:
        with self._closing:  # nothing may be queued behind the end marker: its future would never complete
            if self._closed:
                raise ServerError("the server is stopping")
            self._queue.put(job)

    def _run(self) -> None:
        while True:
            group: list[_Submission] = []
            job = self._queue.get()
            while isinstance(job, _Submission):
                group.append(job)
                if sum(len(submission.candidates) for submission in group) >= MAX_GROUP:
                    break
                try:
                    job = self._queue.get_nowait()
                except queue.Empty:
                    break
            self._mine(group)
            if isinstance(job, _Revert):
                self._revert(job)
            elif job is None:
                return

    def _mine(self, group: list[_Submission]) -> None:
        if not group:
            return
        outcomes = iter(self._miner.mine([candidate for submission in group for candidate in submission.candidates]))
        for submission in group:
            submission.done.set_result([next(outcomes) for _ in submission.candidates])

    def _revert(self, job: _Revert) -> None:
        try:
            self._miner.revert_to(job.number)
        except Exception as error:  # noqa: BLE001 - whoever asked hears of it; the writer goes on
            job.done.set_exception(error)
        else:
            job.done.set_result(None)
