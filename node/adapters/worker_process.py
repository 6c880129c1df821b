"""One worker: prepares documents in a process of its own, or where it is called.

Workers are spawned, never forked: the node's process has threads. A worker knows the kinds and the institutions; what crosses to it
are documents, what comes back are sealed records and their secrets, over a socket that nobody else can read. Documents and
records cross as MessagePack, which takes a third of the time of pickling them.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec
import structlog

from node.adapters.worker_channel import Channel, connected_pair
from node.errors import ConcordError, PreparationLostError
from node.ports.records.preparation import PreparationRequest, PreparedDocument
from node.services.records.preparation import PreparationContext, prepare_document

log = structlog.get_logger(__name__)

Prepared = PreparedDocument | ConcordError

_GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Containers, and collections of the younger generation, after which a worker collects. Documents are trees that die by
themselves; at the interpreter's 700 containers every report would be searched for cycles, a fifth of a worker's time."""


class WorkerLostError(Exception):
    """A worker process ended, killed by the system for want of memory as likely as not.

    Attributes:
        had_taken: Whether it may have begun with what it was given.
    """

    def __init__(self, *, had_taken: bool) -> None:
        super().__init__("a worker process ended")
        self.had_taken = had_taken


class Worker(Protocol):
    """Prepares documents, one message after the other."""

    def prepare(self, requests: Sequence[PreparationRequest], now_ms: int) -> list[Prepared]:
        """Prepare documents; a refused one gives its error in its place.

        Raises:
            WorkerLostError: The worker is gone; another one is needed.
        """

    def close(self) -> None:
        """Let it end."""


@dataclass(frozen=True, slots=True)
class _Order:
    requests: list[PreparationRequest]
    now_ms: int


_encode: Final = msgspec.msgpack.Encoder().encode
_order_decoder: Final = msgspec.msgpack.Decoder(_Order)
_answer_decoder: Final = msgspec.msgpack.Decoder(list[PreparedDocument | bytes])
"""An error crosses as a pickle: its tree is the interpreter's, and most answers hold none."""


class LocalWorker:
    """A `Worker` in the thread that calls it."""

    def __init__(self, context: PreparationContext) -> None:
        self._context = context

    def prepare(self, requests: Sequence[PreparationRequest], now_ms: int) -> list[Prepared]:
        """Prepare documents."""
        return [_prepare(request, self._context, now_ms) for request in requests]

    def close(self) -> None:
        """Do nothing."""


class ProcessWorker:
    """A `Worker` in a process of its own, which ends with this one: its socket does."""

    def __init__(self, context: PreparationContext) -> None:
        own_end, other_end = connected_pair()
        self._channel = Channel(own_end)
        # what is passed on is closed here: when the worker ends, so does the connection
        with other_end:
            spawn = multiprocessing.get_context("spawn")
            self._process = spawn.Process(target=_run, args=(other_end, context), name="prepare", daemon=True)
            self._process.start()

    def prepare(self, requests: Sequence[PreparationRequest], now_ms: int) -> list[Prepared]:
        """Let the process prepare documents, and wait for them."""
        order = _encode(_Order(list(requests), now_ms))
        try:
            self._channel.send(order)
        except OSError as error:
            raise WorkerLostError(had_taken=False) from error
        try:
            answer = self._channel.receive()
        except (OSError, EOFError) as error:
            raise WorkerLostError(had_taken=True) from error
        return [pickle.loads(one) if isinstance(one, bytes) else one for one in _answer_decoder.decode(answer)]  # noqa: S301 - our worker's

    def close(self) -> None:
        """End the process and wait for it."""
        self._channel.close()
        self._process.join()


def _run(end: socket.socket, context: PreparationContext) -> None:
    """Answer orders until the node closes the connection, or ends without a word."""
    # the parent stops its workers itself, after what is under way
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    channel = Channel(end)
    try:
        while True:
            order = _order_decoder.decode(channel.receive())
            prepared = [_prepare(request, context, order.now_ms) for request in order.requests]
            channel.send(_encode([pickle.dumps(one) if isinstance(one, ConcordError) else one for one in prepared]))
    except (OSError, EOFError):
        return


def _prepare(request: PreparationRequest, context: PreparationContext, now_ms: int) -> Prepared:
    try:
        return prepare_document(request, context, now_ms, os.urandom)
    except ConcordError as error:
        return error
    except Exception:  # noqa: BLE001 - as below
        # a fault of ours; the documents beside it are none the worse. No traceback: it could quote the document
        log.error("preparation_failed", institution=request.institution, bytes=len(request.document))  # noqa: TRY400
        return PreparationLostError()
