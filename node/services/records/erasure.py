"""Erase a record (PIPL 47): its secrets, bodies and headers go; the log goes on to verify, the commitment cannot be opened.

Order: first the transaction that marks the record, removes bodies and headers and stages the tombstones; then the secrets are
destroyed; then their names are forgotten. A crash in between leaves a marked record whose secrets still exist, which the
sweep at the next start finishes. The reverse order could lose the tombstones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from node.domain.entry import InstitutionId, Origin, RecordId
from node.errors import RecordErasedError, UnknownRecordError
from node.ports.clock import Clock, unix_ms
from node.ports.records.secrets import SecretId, SecretStore
from node.ports.records.transaction import RecordRow, RecordsReader, RecordsTransaction, RecordsWriter

ORPHAN_AGE_MS = 3_600_000
"""A secret without an entry is an orphan after an hour: its staging ended long ago, one way or the other."""
_SWEPT_AT_A_TIME = 100_000
"""Secrets that a sweep looks at together: each look reads all entries once, and bounds what is held in memory."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased."""

    record_id: RecordId
    """The record."""
    versions: int
    """How many versions it had."""
    tombstones: tuple[int, ...]
    """Leaf indices of the tombstones."""
    erased_at_ms: int
    """When, unix ms."""


class ErasureService:
    """Erases records and sweeps secrets that nothing refers to."""

    def __init__(
        self,
        writer: RecordsWriter,
        reader: RecordsReader,
        secrets: SecretStore,
        clock: Clock,
        bury: Callable[[RecordsTransaction, RecordRow], tuple[int, ...]],
        staged: Callable[[Origin], None],
    ) -> None:
        """Take what is needed.

        Args:
            writer: The one writer of the records.
            reader: What was committed.
            secrets: The record secrets.
            clock: Tells the time.
            bury: Stages the tombstones of a record's entries, wherever they were relocated to; returns their leaf indices.
            staged: Is told which log has news.
        """
        self._writer = writer
        self._reader = reader
        self._secrets = secrets
        self._clock = clock
        self._bury = bury
        self._staged = staged

    def erase(self, institution: InstitutionId, record_id: RecordId) -> Erasure:
        """Erase a record with all its versions.

        Raises:
            UnknownRecordError: The institution has no such record.
            RecordErasedError: It was erased before.
        """
        now_ms = unix_ms(self._clock)

        def work(transaction: RecordsTransaction) -> tuple[RecordRow, tuple[int, ...]]:
            record = live_record(transaction, institution, record_id)
            transaction.forget(record_id, now_ms)
            return record, self._bury(transaction, record)

        record, tombstones = self._writer.submit(work).result()
        self._staged(record.entries[0].origin)
        self._destroy(record_id, tuple(entry.secret_id for entry in record.entries if entry.secret_id is not None))
        return Erasure(record_id, len(record.entries), tombstones, now_ms)

    def finish_interrupted(self) -> int:
        """Finish erasures that a crash interrupted; return how many secrets went."""
        finished = 0
        for record_id, secret_ids in self._reader.erased_with_secrets():
            self._destroy(record_id, secret_ids)
            finished += len(secret_ids)
        return finished

    def sweep(self, stopping: threading.Event | None = None) -> int:
        """Finish erasures that a crash interrupted and destroy orphaned secrets; return how many secrets went.

        Args:
            stopping: Ends it early; the next sweep takes up where it stopped.
        """
        swept = self.finish_interrupted()
        before_ms = unix_ms(self._clock) - ORPHAN_AGE_MS
        until_ms = 0
        while until_ms < before_ms and not (stopping and stopping.is_set()):
            candidates, until_ms = self._secrets.unswept(before_ms, _SWEPT_AT_A_TIME)
            if candidates:
                # by what entries refer to, never by their times: a clock that was set back must not cost a live secret
                orphans = candidates - self._reader.secrets_in_use(candidates)
                self._secrets.destroy(orphans)
                swept += len(orphans)
            self._secrets.swept(until_ms)
        return swept

    def _destroy(self, record_id: RecordId, secret_ids: tuple[SecretId, ...]) -> None:
        self._secrets.destroy(secret_ids)
        # secrets first, files second, names last: as long as the names are there, the sweep takes it up again
        self._writer.scrub()
        self._writer.submit(lambda transaction: transaction.forget_secret_ids(record_id)).result()


def live_record(transaction: RecordsTransaction, institution: InstitutionId, record_id: RecordId) -> RecordRow:
    """Return an institution's record that was not erased yet.

    Raises:
        UnknownRecordError: The institution has no such record.
        RecordErasedError: It was erased before.
    """
    record = transaction.record(record_id)
    if record is None or record.institution != institution:
        raise UnknownRecordError(record_id)
    if record.erased_at_ms is not None:
        raise RecordErasedError(record_id)
    return record
