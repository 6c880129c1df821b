"""Take documents in: prepare, stage, prepare again where the guess was wrong, answer with receipts.

A receipt is given when its entry is durable. Nothing here blocks: each step hands on to the next when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.receipt import Outcome, Receipt
from node.errors import ConcordError
from node.ports.preparation import Preparation, PreparationRequest, PreparedDocument
from node.ports.records import GroupHandler, RecordsWriter
from node.services.lanes import Lanes, Ticket, Turns
from node.services.progress import Progress
from node.services.staging import Reassigned, StagingRequest, StagingResult
from node.telemetry import REFUSALS, SUBMISSIONS


@dataclass(frozen=True, slots=True)
class Submission:
    """The answer for one document."""

    receipts: tuple[Receipt, ...]
    """One for each record, in document order."""
    ignored: Mapping[str, int]
    """Resources that belong to no record, by type."""


@dataclass(slots=True)
class _Pending:
    request: PreparationRequest
    origin: Origin
    future: Future[Submission]
    ticket: Ticket | None = None


class IngestService:
    """Submits documents."""

    def __init__(
        self,
        *,
        preparation: Preparation,
        writer: RecordsWriter,
        handler: GroupHandler[StagingRequest, StagingResult],
        progress: Progress,
        institutions: Mapping[InstitutionId, HostedInstitution],
        staged: Callable[[Origin], None],
    ) -> None:
        self._preparation = preparation
        self._writer = writer
        self._handler = handler
        self._progress = progress
        self._institutions = institutions
        self._staged = staged
        self._lanes = Lanes()

    def submit(self, institution: InstitutionId, document: bytes) -> Future[Submission]:
        """Submit one document."""
        return self.submit_many(institution, [document])[0]

    def stream(self, institution: InstitutionId) -> IngestStream:
        """Open a stream: versions of one record keep the order in which they are submitted to it."""
        return IngestStream(self, institution)

    def submit_many(
        self, institution: InstitutionId, documents: Sequence[bytes], turns: Turns | None = None
    ) -> list[Future[Submission]]:
        """Submit documents that are prepared together; each stands or falls alone.

        Args:
            institution: Whose documents.
            documents: FHIR JSON; versions of one record among them keep their order.
            turns: Keeps the order among several calls.

        Returns:
            A future for each document: its `Submission` once all of its entries are durable, or its error.
        """
        origin = self._institutions[institution].origin
        pending = [_Pending(PreparationRequest(institution, document), origin, _uncancellable()) for document in documents]
        self._prepare(pending, (turns or Turns()).take())
        return [one.future for one in pending]

    def _prepare(self, pending: Sequence[_Pending], finish: Callable[[Callable[[], None]], None]) -> None:
        try:
            prepared = self._preparation.submit([one.request for one in pending])
        except Exception as error:  # noqa: BLE001 - whoever waits must learn of it
            reason = error
            finish(lambda: self._give_up(pending, reason))
            return
        prepared.add_done_callback(lambda done: finish(lambda: self._prepared(pending, done)))

    def _prepared(self, pending: Sequence[_Pending], done: Future[list[PreparedDocument | ConcordError]]) -> None:
        error = done.exception()
        if error is not None:
            self._give_up(pending, error)
            return
        for one, result in zip(pending, done.result(), strict=True):
            if isinstance(result, ConcordError):
                self._give_up([one], result)
            else:
                self._enter(one, result)

    def _enter(self, one: _Pending, document: PreparedDocument) -> None:
        """Stage a document when nothing earlier of the same records is on its way; one that was prepared again has its place."""
        if one.ticket is not None:
            self._stage(one, document)
            return
        one.ticket = Ticket(
            frozenset(drafted.prepared.identity for drafted in document.records), lambda: self._stage(one, document)
        )
        self._lanes.enter(one.ticket)

    def _leave(self, one: _Pending) -> None:
        if one.ticket is not None:
            self._lanes.leave(one.ticket)

    def _give_up(self, pending: Sequence[_Pending], error: BaseException) -> None:
        for one in pending:
            REFUSALS.labels(one.request.institution, type(error).__name__).inc()
            one.future.set_exception(error)
            self._leave(one)

    def _stage(self, one: _Pending, document: PreparedDocument) -> None:
        request = StagingRequest(one.request.institution, one.origin, document.records)
        try:
            staged = self._writer.submit_item(self._handler, request)
        except Exception as error:  # noqa: BLE001 - whoever waits must learn of it
            self._give_up([one], error)
            return
        staged.add_done_callback(lambda done: self._settled(one, document, done))

    def _settled(self, one: _Pending, document: PreparedDocument, done: Future[StagingResult]) -> None:
        error = done.exception()
        if error is not None:
            self._give_up([one], error)
            return
        result = done.result()
        if isinstance(result, Reassigned):
            # what was right the first time is not named again: only records that the database knows have assignments
            assignments = {**one.request.assignments, **result.assignments}
            one.request = replace(one.request, assignments=assignments)
            self._prepare([one], Turns().take())
        elif isinstance(result, ConcordError):
            self._give_up([one], result)
        else:
            for receipt in result:
                SUBMISSIONS.labels(receipt.institution, receipt.outcome).inc()
            if any(receipt.outcome not in (Outcome.SAME, Outcome.ERASED) for receipt in result):
                self._staged(one.origin)
            one.future.set_result(Submission(tuple(map(self._current, result)), document.ignored))
            self._leave(one)

    def _current(self, receipt: Receipt) -> Receipt:
        if receipt.leaf_index is None:
            return receipt
        witnessed = self._progress.is_witnessed(receipt.origin, receipt.leaf_index)
        return replace(receipt, level=self._progress.level(receipt.origin, receipt.leaf_index), witnessed=witnessed)


def _uncancellable() -> Future[Submission]:
    """Return a future that a waiter who leaves cannot cancel: what was submitted goes its way all the same."""
    future: Future[Submission] = Future()
    future.set_running_or_notify_cancel()
    return future


class IngestStream:
    """Documents that come one after the other, prepared many at a time."""

    def __init__(self, service: IngestService, institution: InstitutionId) -> None:
        self._service = service
        self._institution = institution
        self._turns = Turns()

    def submit_many(self, documents: Sequence[bytes]) -> list[Future[Submission]]:
        """Submit the next documents; as `IngestService.submit_many`."""
        return self._service.submit_many(self._institution, documents, self._turns)
