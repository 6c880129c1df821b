"""Anchor the logs: at most once an interval, if there is news, the new head and its consistency proof go on chain.

The worker's role, in a thread of its own. What the chain accepted is read from contract state, recorded, and only then told
to those who wait. A chain that is away keeps nothing else from happening; a reorg returns entries from `anchored` to
`logged`, and they are anchored again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from ledger.checkpoints import Checkpoint
from ledger.hashing import TreeSize
from ledger.proofs import prove_consistency, root_at
from node.domain.entry import Origin
from node.errors import (
    AnchorBaseGoneError,
    AnchorPendingError,
    ChainAwayError,
    ChainError,
    NodeStoppingError,
    NonceTakenError,
    TransactionRevertedError,
)
from node.ports.chain.anchoring import AnchorChain, AnchoredHead, Outcome, Settled
from node.ports.clock import Clock
from node.ports.records.transaction import AnchorRow, RecordsReader, RecordsTransaction, RecordsWriter
from node.services.logs.chain_watch import ChainWatch
from node.services.logs.progress import Progress
from node.telemetry import ANCHORED_SIZE

_SETTLE_S = 0.25
"""How often the chain is asked for what is on its way."""

_REFUSED_RETRY_S = 30.0
"""How long to wait after the contract refused an anchor: only a vote or an operator changes its mind."""

log = structlog.get_logger(__name__)

OpenCheckpoint = Callable[[Origin, bytes], Checkpoint]
"""Opens a signed checkpoint of one of this node's logs with its key."""


class AnchoringService:
    """The worker's loop."""

    def __init__(  # noqa: PLR0913 - a use case names its collaborators
        self,
        *,
        chain: AnchorChain,
        origins: Sequence[Origin],
        open_checkpoint: OpenCheckpoint,
        writer: RecordsWriter,
        reader: RecordsReader,
        progress: Progress,
        watch: ChainWatch,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._chain = chain
        self._origins = origins
        self._open_checkpoint = open_checkpoint
        self._writer = writer
        self._reader = reader
        self._progress = progress
        self._watch = watch
        self._clock = clock
        self._interval_s = interval_s
        self._unknown = set(origins)
        self._due_s = dict.fromkeys(origins, 0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop after the call that is under way; what was submitted is taken up again at the next start."""
        self._stop.set()
        self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(_SETTLE_S):
            try:
                self.run_once()
            except NodeStoppingError:
                return
            except Exception:
                log.exception("anchoring_failed")

    def run_once(self) -> None:
        """Ask for news, then submit what is due; a chain that is away is noted and tried again."""
        try:
            self._watch.up(self._chain.head().number, self._clock.now())
            for origin in sorted(self._unknown):
                self._learn(origin)
            for news in self._chain.settle():
                self._record(news)
            for origin in self._origins:
                self._submit(origin)
        except ChainError as error:
            if not isinstance(error, ChainAwayError) or self._watch.report().state != "away":
                log.warning("chain_unusable", reason=str(error))
            self._watch.down(str(error))

    def _learn(self, origin: Origin) -> None:
        """Read what the chain holds of a log when this process starts."""
        head = self._chain.anchored_head(origin)
        if head is not None and not self._matches(head):
            # the sequencer's guard has seen the same and signs nothing; there is no anchor to tell of
            log.critical("anchor_contradicts_log", origin=origin, size=head.size)
        else:
            self._accept(origin, head)
        self._unknown.discard(origin)

    def _matches(self, head: AnchoredHead) -> bool:
        committed = self._committed(head.origin)
        if committed is None or committed[0].size < head.size:
            return False
        reader = self._reader.hashes(head.origin, committed[0].size)
        return root_at(reader, head.size) == head.root

    def _record(self, news: Settled) -> None:
        if news.outcome in (Outcome.ANCHORED, Outcome.VANISHED):
            self._accept(news.origin, news.head)
        elif news.outcome is Outcome.REFUSED:
            self._watch.refused(news.origin, news.reason)
        elif news.outcome is Outcome.SUPERSEDED:
            self._due_s[news.origin] = 0.0
        if news.outcome is not Outcome.ANCHORED:
            log.warning("anchor", origin=news.origin, size=news.size, outcome=news.outcome, reason=news.reason)

    def _accept(self, origin: Origin, head: AnchoredHead | None) -> None:
        size = 0 if head is None else head.size
        committed = self._committed(origin)

        def work(transaction: RecordsTransaction) -> None:
            transaction.forget_anchors(origin, size)
            if head is None:
                return
            if committed is not None and committed[0].size == head.size:
                transaction.remember_checkpoint(origin, head.size, committed[1])
            transaction.remember_anchor(
                AnchorRow(origin, head.size, head.root, head.block_number, head.block_hash, head.timestamp_s)
            )

        self._writer.submit(work).result()
        self._progress.anchored(origin, size)
        ANCHORED_SIZE.labels(origin).set(size)

    def _submit(self, origin: Origin) -> None:
        now_s = time.monotonic()
        logged, anchored = self._progress.sizes(origin)
        if logged == anchored or now_s < self._due_s[origin] or self._chain.pending(origin) is not None:
            return
        committed = self._committed(origin)
        if committed is None:
            return
        checkpoint, note = committed
        head = self._chain.anchored_head(origin)
        base_size = TreeSize(0) if head is None else head.size
        if base_size >= checkpoint.size:
            self._accept(origin, head)
            return
        reader = self._reader.hashes(origin, checkpoint.size)
        proof = prove_consistency(reader, base_size, checkpoint.size) if base_size else ()
        # before it is sent: evidence needs the very checkpoint that the chain will hold
        self._writer.submit(lambda tx: tx.remember_checkpoint(origin, checkpoint.size, note)).result()
        try:
            self._chain.submit_anchor(origin, checkpoint.size, checkpoint.root, proof, base_size)
        except (AnchorPendingError, AnchorBaseGoneError):
            return
        except (TransactionRevertedError, NonceTakenError) as error:
            # this log alone: the others' anchors go on
            self._refused(origin, checkpoint, error)
            return
        self._watch.refused(origin, None)
        self._due_s[origin] = now_s + self._interval_s

    def _refused(self, origin: Origin, checkpoint: Checkpoint, error: TransactionRevertedError | NonceTakenError) -> None:
        reason = error.name if isinstance(error, TransactionRevertedError) else str(error)
        self._watch.refused(origin, reason)
        log.warning("anchor_refused", origin=origin, size=checkpoint.size, reason=reason)
        self._due_s[origin] = time.monotonic() + max(self._interval_s, _REFUSED_RETRY_S)

    def _committed(self, origin: Origin) -> tuple[Checkpoint, bytes] | None:
        note = self._reader.log(origin).checkpoint()
        return None if note is None else (self._open_checkpoint(origin, note), note)
