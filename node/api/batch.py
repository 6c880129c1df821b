"""One NDJSON request: lines in, a result a line out, in order, while lines still come.

Lines that arrived together go to a worker together, and their results come back together: a hand-over between threads costs
more than a line's own work there. A line that is alone is not kept waiting for company.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import Future

import msgspec
from fastapi import Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from node.api.bodies.records import submission_body
from node.api.problems import problem_of
from node.api.requests import read_lines, wait_for
from node.domain.entry import InstitutionId, Level, Origin
from node.domain.receipt import Receipt
from node.errors import ConcordError, DocumentTooLargeError, LimitExceededError
from node.services.records.ingest import Answer, Submission
from node.services.surface.node import Node

NDJSON = "application/x-ndjson"
_CHUNK = 32
"""Lines that go to a worker together at the most: no fewer than the server reads at once of ordinary reports, as a chunk costs
every thread that it passes about as much as a line of it; and few enough for every worker to have some."""
_WINDOW = 512
"""Lines that are on their way at once: bounds memory, keeps workers and writer busy."""

_encode = msgspec.json.Encoder().encode


class LineResponse(Response):
    """Streams lines while the request is still being read.

    Starlette's own streaming response listens for the client's leaving meanwhile, and what it hears while it listens is
    the request's body: lines would be lost. Here nobody but the reader receives.
    """

    media_type = NDJSON

    def __init__(self, lines: AsyncGenerator[bytes, None]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines as they come."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with contextlib.aclosing(self._lines) as lines:
            async for line in lines:
                await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Chunk:
    """Lines that were submitted together."""

    def __init__(self, numbers: Sequence[int], answered: Future[list[Answer]], settled: Callable[[int], None]) -> None:
        self.numbers = numbers
        self.answers: Sequence[Answer] = ()
        self.settled = asyncio.Event()
        self._tell = settled
        self._loop = asyncio.get_running_loop()
        answered.add_done_callback(self._wake)

    def _wake(self, answered: Future[list[Answer]]) -> None:
        # the future is not kept, as it knows this chunk: as a cycle both would wait for the next collection
        # a loop that has ended has nobody to tell
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, answered.result())

    def _settle(self, answers: Sequence[Answer]) -> None:
        self.answers = answers
        self.settled.set()
        self._tell(len(self.numbers))


class Batch:
    """Reads lines and gives results. Reading goes on whether or not the client takes results: it may send all before it reads."""

    def __init__(self, node: Node, institution: InstitutionId, wait: Level | None) -> None:
        self._node = node
        self._stream = node.ingest.stream(institution)
        self._wait = wait
        self._pending: deque[_Chunk | bytes] = deque()
        self._more = asyncio.Event()
        self._on_their_way = 0
        self._room = asyncio.Event()
        self._lines = 0

    async def read(self, request: Request) -> None:
        """Submit every line."""
        limits = self._node.limits
        try:
            async for lines in read_lines(request, limits.max_document_bytes):
                chunk: list[tuple[int, bytes]] = []
                for line in lines:
                    self._lines += 1
                    if self._lines > limits.max_batch_lines:
                        await self._submit(chunk)
                        self._refuse(self._lines, LimitExceededError("limits.max_batch_lines", limits.max_batch_lines))
                        return
                    if line is None:
                        await self._submit(chunk)
                        chunk = []
                        self._refuse(self._lines, DocumentTooLargeError("limits.max_document_bytes", limits.max_document_bytes))
                    elif line.strip():
                        chunk.append((self._lines, line))
                        if len(chunk) == _CHUNK:
                            await self._submit(chunk)
                            chunk = []
                await self._submit(chunk)
        finally:
            self._more.set()

    async def _submit(self, chunk: Sequence[tuple[int, bytes]]) -> None:
        if not chunk:
            return
        while self._on_their_way >= _WINDOW:
            self._room.clear()
            await self._room.wait()
        self._on_their_way += len(chunk)
        answered = self._stream.submit_many([line for _, line in chunk])
        self._pending.append(_Chunk([number for number, _ in chunk], answered, self._settled))
        self._more.set()

    def _settled(self, count: int) -> None:
        self._on_their_way -= count
        self._room.set()

    def _refuse(self, number: int, error: ConcordError) -> None:
        self._pending.append(_line(number, {"problem": problem_of(error).document()}))
        self._more.set()

    async def results(self, reading: asyncio.Future[None]) -> AsyncGenerator[bytes, None]:
        """Give the results in the order of the lines, as many at once as are there."""
        try:
            while True:
                while self._pending:
                    one = self._pending.popleft()
                    yield one if isinstance(one, bytes) else await self._answer(one)
                if reading.done():
                    break
                self._more.clear()
                await self._more.wait()
            # what is stored is stored, whether or not the client heard of it
            with contextlib.suppress(ClientDisconnect):
                await reading
        finally:
            reading.cancel()

    async def _answer(self, chunk: _Chunk) -> bytes:
        await chunk.settled.wait()
        answers = chunk.answers
        places = [place for answer in answers if isinstance(answer, Submission) for place in places_of(answer.receipts)]
        await wait_for(self._node, places, self._wait)
        return b"".join(self._result(number, answer) for number, answer in zip(chunk.numbers, answers, strict=True))

    def _result(self, number: int, answer: Answer) -> bytes:
        if isinstance(answer, BaseException):
            # one line's failure is told in its place, the others go on
            return _line(number, {"problem": problem_of(answer).document()})
        body = submission_body(current(self._node, answer))
        return _line(number, {"receipts": body.receipts, "ignored": body.ignored})


def _line(number: int, members: dict[str, object]) -> bytes:
    return _encode({"line": number, **members}) + b"\n"


def places_of(receipts: Sequence[Receipt]) -> list[tuple[Origin, int]]:
    """Return the log places of receipts."""
    return [(receipt.origin, receipt.leaf_index) for receipt in receipts if receipt.leaf_index is not None]


def current(node: Node, submission: Submission) -> Submission:
    """Return a submission with the levels of this moment."""
    return Submission(tuple(map(node.progress.current, submission.receipts)), submission.ignored)
