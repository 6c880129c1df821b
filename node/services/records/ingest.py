"""Take documents in: prepare, stage, prepare again where the guess was wrong, answer with receipts.

A receipt is given when its entry is durable. Nothing here blocks: each step hands on to the next when it is done. Documents that
were submitted together are handed on together, as each hand-over between threads costs as much as a document's own work in
the next one.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

from node.domain.entry import InstitutionId, Origin
from node.domain.institution import HostedInstitution
from node.domain.receipt import Outcome, Receipt
from node.domain.record import Item
from node.errors import ConcordError
from node.ports.records.preparation import Preparation, PreparationRequest, PreparedDocument
from node.ports.records.transaction import GroupHandler, RecordsWriter
from node.services.logs.progress import Progress
from node.services.records.lanes import Lanes, Ticket, Turns
from node.services.records.staging import Reassigned, StagingRequest, StagingResult
from node.telemetry import REFUSALS, SUBMISSIONS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Submission:
    """The answer for one document."""

    receipts: tuple[Receipt, ...]
    """One for each record, in document order."""
    ignored: Mapping[str, int]
    """Resources that belong to no record, by type."""


Answer = Submission | BaseException
"""What became of a document."""

Filed = Callable[[InstitutionId, Sequence[Item]], None]
"""Told whose result is new, and the codes in it."""


class _Company:
    """Documents that were submitted together; they are answered when the last of them is settled."""

    def __init__(self, count: int) -> None:
        self.future: Future[list[Answer]] = _uncancellable()
        self._answers: dict[int, Answer] = {}
        self._count = count
        self._lock = threading.Lock()

    def settle(self, position: int, answer: Answer) -> None:
        """Answer one document."""
        with self._lock:
            self._answers[position] = answer
            complete = len(self._answers) == self._count
        if complete:
            self.future.set_result([self._answers[position] for position in range(self._count)])


@dataclass(slots=True)
class _Pending:
    """One document on its way."""

    company: _Company
    position: int
    origin: Origin
    request: PreparationRequest
    document: PreparedDocument | None = None
    ticket: Ticket[_Pending] | None = None

    def staging_request(self) -> StagingRequest:
        records = () if self.document is None else self.document.records
        return StagingRequest(self.request.institution, self.origin, records)


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
        self._lanes: Lanes[_Pending] = Lanes(self._stage)
        self._filed: Filed = _tell_nobody

    def on_filed(self, filed: Filed) -> None:
        """Let `filed` be called with the codes of every result that is new here; it must not wait for anything."""
        self._filed = filed

    def submit(self, institution: InstitutionId, document: bytes) -> Future[Submission]:
        """Submit one document.

        Returns:
            A future of its `Submission`, once all of its entries are durable, or of its error.
        """
        single: Future[Submission] = _uncancellable()
        self.submit_many(institution, [document]).add_done_callback(lambda done: _answer_single(single, done.result()[0]))
        return single

    def stream(self, institution: InstitutionId) -> IngestStream:
        """Open a stream: versions of one record keep the order in which they are submitted to it."""
        return IngestStream(self, institution)

    def submit_many(
        self, institution: InstitutionId, documents: Sequence[bytes], turns: Turns | None = None
    ) -> Future[list[Answer]]:
        """Submit documents that are prepared together; each stands or falls alone.

        Args:
            institution: Whose documents.
            documents: FHIR JSON, at least one; versions of one record among them keep their order.
            turns: Keeps the order among several calls.

        Returns:
            A future that completes when the last of them is settled, with an answer for each: its `Submission`, all of its
            entries durable, or its error.
        """
        origin, company = self._institutions[institution].origin, _Company(len(documents))
        pending = [
            _Pending(company, position, origin, PreparationRequest(institution, document))
            for position, document in enumerate(documents)
        ]
        self._prepare(pending, (turns or Turns()).take())
        return company.future

    def _prepare(self, pending: Sequence[_Pending], finish: Callable[[Callable[[], None]], None]) -> None:
        try:
            prepared = self._preparation.submit([one.request for one in pending])
        except Exception as error:  # noqa: BLE001 - whoever waits must learn of it
            reason = error
            finish(lambda: self._give_up(pending, reason))
            return
        prepared.add_done_callback(lambda done: finish(lambda: self._prepared(pending, done)))

    def _prepared(self, pending: Sequence[_Pending], done: Future[list[PreparedDocument | ConcordError]]) -> None:
        """Stage documents when nothing earlier of the same records is on its way; those prepared again have their place."""
        error = done.exception()
        if error is not None:
            self._give_up(pending, error)
            return
        entering: list[Ticket[_Pending]] = []
        again: list[_Pending] = []
        for one, result in zip(pending, done.result(), strict=True):
            if isinstance(result, ConcordError):
                self._give_up([one], result)
                continue
            one.document = result
            if one.ticket is None:
                one.ticket = Ticket(frozenset(drafted.prepared.identity for drafted in result.records), one)
                entering.append(one.ticket)
            else:
                again.append(one)
        self._stage(again)
        self._lanes.enter(entering)

    def _leave(self, pending: Sequence[_Pending]) -> None:
        tickets = [one.ticket for one in pending if one.ticket is not None]
        for one in pending:
            # document and ticket know each other: as a cycle both would wait for the next collection
            one.ticket = None
        self._lanes.leave(tickets)

    def _give_up(self, pending: Sequence[_Pending], error: BaseException) -> None:
        for one in pending:
            REFUSALS.labels(one.request.institution, type(error).__name__).inc()
            one.company.settle(one.position, error)
        self._leave(pending)

    def _stage(self, pending: Sequence[_Pending]) -> None:
        if not pending:
            return
        try:
            staged = self._writer.submit_items(self._handler, [one.staging_request() for one in pending])
        except Exception as error:  # noqa: BLE001 - whoever waits must learn of it
            self._give_up(pending, error)
            return
        staged.add_done_callback(lambda done: self._settled(pending, done))

    def _settled(self, pending: Sequence[_Pending], done: Future[list[StagingResult | BaseException]]) -> None:
        error = done.exception()
        if error is not None:
            self._give_up(pending, error)
            return
        settled: list[_Pending] = []
        again: list[_Pending] = []
        receipts: list[Receipt] = []
        for one, result in zip(pending, done.result(), strict=True):
            if isinstance(result, Reassigned):
                # what was right the first time is not named again: only records that the database knows have assignments
                assignments = {**one.request.assignments, **result.assignments}
                one.request = replace(one.request, assignments=assignments)
                again.append(one)
            elif isinstance(result, BaseException):
                self._give_up([one], result)
            else:
                receipts += result
                settled.append(one)
                self._tell_filed(one, result)
                one.company.settle(one.position, Submission(tuple(map(self._progress.current, result)), _ignored(one)))
        self._tell(receipts)
        self._leave(settled)
        if again:
            self._prepare(again, Turns().take())

    def _tell_filed(self, one: _Pending, receipts: Sequence[Receipt]) -> None:
        records = () if one.document is None else one.document.records
        for drafted, receipt in zip(records, receipts, strict=True):
            if drafted.results and receipt.outcome is Outcome.NEW:
                self._filed(receipt.institution, drafted.results)

    def _tell(self, receipts: Sequence[Receipt]) -> None:
        """Count what was stored, and let the logs grow in which something is new."""
        counted = Counter((receipt.institution, receipt.outcome) for receipt in receipts)
        for (institution, outcome), count in counted.items():
            SUBMISSIONS.labels(institution, outcome).inc(count)
        for origin in {receipt.origin for receipt in receipts if receipt.outcome not in (Outcome.SAME, Outcome.ERASED)}:
            self._staged(origin)


def _tell_nobody(institution: InstitutionId, codes: Sequence[Item]) -> None:
    """Leave it at that: nobody keeps a worklist."""
    del institution, codes


def _ignored(pending: _Pending) -> Mapping[str, int]:
    return {} if pending.document is None else pending.document.ignored


def _answer_single(single: Future[Submission], answer: Answer) -> None:
    if isinstance(answer, BaseException):
        single.set_exception(answer)
    else:
        single.set_result(answer)


def _uncancellable() -> Future[T]:
    """Return a future that a waiter who leaves cannot cancel: what was submitted goes its way all the same."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()
    return future


class IngestStream:
    """Documents that come one after the other, prepared many at a time."""

    def __init__(self, service: IngestService, institution: InstitutionId) -> None:
        self._service = service
        self._institution = institution
        self._turns = Turns()

    def submit_many(self, documents: Sequence[bytes]) -> Future[list[Answer]]:
        """Submit the next documents; as `IngestService.submit_many`."""
        return self._service.submit_many(self._institution, documents, self._turns)
