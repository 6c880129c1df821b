"""Grow the logs: soon after entries were staged, in the writer's thread, one transaction a checkpoint.

The loop runs in a thread of its own and blocks on the writer; entries that are staged meanwhile share the next checkpoint.
A log whose state others contradict halts: nothing more is signed until an operator has recovered it and started again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from ledger.checkpoints import Checkpoint
from ledger.errors import GuardUndecidedError, LedgerError
from ledger.ports import HeadGuard
from ledger.sequencer import Sequencer
from node.domain.entry import Origin
from node.errors import NodeStoppingError
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.logs.progress import Progress

_UNDECIDED_RETRY_S = 1.0
"""How long to wait before a chain that did not answer is asked again."""

_SMALL_BATCH = 4_096
"""A step that added fewer took all that was staged: asking again would cost a transaction for nothing."""

log = structlog.get_logger(__name__)


class RefreshingGuard(HeadGuard, Protocol):
    """A head guard whose answer is fetched ahead of the check."""

    def refresh(self) -> None:
        """Fetch the answer; may take as long as a network call."""


@dataclass(slots=True)
class HostedLog:
    """A log that this node grows."""

    origin: Origin
    """Its origin."""
    sequencer: Sequencer
    """Signs it."""
    guard: RefreshingGuard
    """Asked before the first signature."""
    opened: bool = False
    """Whether the guard has let the first signature pass."""
    waiting_for: str | None = None
    """Why it does not sign yet; None when it signs."""
    halted: str | None = None
    """Why it does not sign any more; None when it signs."""


class SequencingService:
    """The sequencer's role."""

    def __init__(
        self,
        writer: RecordsWriter,
        progress: Progress,
        logs: Mapping[Origin, HostedLog],
        *,
        interval_s: float,
        batch_entries: int,
        observe: Callable[[Origin, Checkpoint, int], None],
    ) -> None:
        self._writer = writer
        self._progress = progress
        self._logs = logs
        self._interval_s = interval_s
        self._batch_entries = batch_entries
        self._observe = observe
        self._condition = threading.Condition()
        self._dirty: set[Origin] = set(logs)
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="sequencer", daemon=True)

    @property
    def logs(self) -> Mapping[Origin, HostedLog]:
        """The logs and whether they sign."""
        return self._logs

    def start(self) -> None:
        """Start the thread; every log is looked at once, which is how a crash is mended."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the checkpoint that is being made."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def staged(self, origin: Origin) -> None:
        """Note that entries wait."""
        with self._condition:
            # one that is dirty already has woken the thread
            if origin not in self._dirty:
                self._dirty.add(origin)
                self._condition.notify_all()

    def grow(self) -> None:
        """Sign what is staged in every log that has news, in the caller's thread, for whoever drives a node by hand."""
        with self._condition:
            dirty, self._dirty = self._dirty, set()
        undecided = {origin for origin in sorted(dirty) if not self._grow(self._logs[origin])}
        with self._condition:
            self._dirty |= undecided

    def _loop(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._dirty or self._stopping)
                if not self._stopping:
                    # a moment for company: one signature and one commit for all that come in it
                    self._condition.wait_for(lambda: self._stopping, timeout=self._interval_s)
                if self._stopping:
                    return
                dirty, self._dirty = self._dirty, set()
            undecided = {origin for origin in dirty if not self._grow(self._logs[origin])}
            if undecided:
                with self._condition:
                    self._dirty |= undecided
                    self._condition.wait_for(lambda: self._stopping, timeout=_UNDECIDED_RETRY_S)

    def _grow(self, hosted: HostedLog) -> bool:
        """Sign until nothing is staged; return whether to leave the log alone until more is."""
        if hosted.halted is not None:
            return True
        try:
            if not hosted.opened:
                self._open(hosted)
            while self._step(hosted):
                pass
        except GuardUndecidedError as error:
            if hosted.waiting_for is None:
                log.warning("log_waits", origin=hosted.origin, reason=str(error))
            hosted.waiting_for = str(error)
            return False
        except NodeStoppingError:
            return True
        except LedgerError as error:
            hosted.halted = str(error)
            log.critical("log_halted", origin=hosted.origin, reason=str(error))
        except Exception:
            # a full disk, a locked database: the entries stay staged and the next round tries again
            log.exception("sequencing_failed", origin=hosted.origin)
            return False
        return True

    def _open(self, hosted: HostedLog) -> None:
        hosted.guard.refresh()
        committed = self._writer.submit(lambda tx: hosted.sequencer.recover(tx.log(hosted.origin))).result()
        hosted.opened, hosted.waiting_for = True, None
        self._progress.release(hosted.origin)
        if committed is not None:
            self._progress.logged(hosted.origin, committed.size)

    def _step(self, hosted: HostedLog) -> bool:
        """Make one checkpoint; return whether more may be staged that nobody has told of."""

        def work(transaction: RecordsTransaction) -> Checkpoint | None:
            return hosted.sequencer.step(transaction.log(hosted.origin), self._batch_entries)

        checkpoint = self._writer.submit(work).result()
        if checkpoint is None:
            return False
        before, _ = self._progress.sizes(hosted.origin)
        self._progress.logged(hosted.origin, checkpoint.size)
        added = checkpoint.size - before
        self._observe(hosted.origin, checkpoint, added)
        # what is staged after this transaction is told of by its own commit
        return added >= min(self._batch_entries, _SMALL_BATCH)
