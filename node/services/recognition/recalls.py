"""Recall results of an item, a device, a lot, performed within a period; lift recalls; show how far each got (docs/spec/recall.md).

A recall stands from the transaction that stages its announcement: nothing that fits is offered or recognised here after it, nor
elsewhere once it is followed. Which results it covers is searched for afterwards, by the loop of `recall_work`. Lifting ends both.

Left out: the search, lists and notices (`recall_work`); what recalls stand against a result (`recall_standing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from node.domain.access import Actor
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.message import MessageId
from node.domain.recall import (
    LiftingReason,
    RecallAnnouncement,
    RecallCriteria,
    RecallId,
    RecallLifting,
    RecallReason,
    RecallStatement,
)
from node.errors import RecallConflictError, TooManyRecallsError, UnknownRecallError
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.recognition.notices import NoticeFilter, NoticeState, ToldMember
from node.ports.recognition.recalls import KeptLifting, KeptRecall, RecalledResult, RecallStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.recognition.recalls import MAX_STANDING
from node.services.recognition.recall_search import RecallSearch
from node.services.records.public_entries import stage_public
from node.services.records.sent_notices import RevisionNotices
from node.wire.recall_entry import recall_entry

_SEAL = "recall"
PREVIEW_ENTRIES = 20_000
"""Entries that one preview looks at: about two seconds."""
MAX_NOTICES = 1_000
"""Notices of one recall that are shown, the newest; who was told is counted over all."""


class RecallState(StrEnum):
    """How far a recall got."""

    RUNNING = "running"
    """It stands; what was filed before it is being searched."""
    DONE = "done"
    """It stands; what was filed before it was searched, and what is filed since is looked at as it comes."""
    LIFTING = "lifting"
    """It was lifted; whoever was told of it is being told."""
    LIFTED = "lifted"
    """It was lifted, and the notices of that are on their way."""


@dataclass(frozen=True, slots=True)
class RecallOrder:
    """What is to be recalled."""

    recall_id: RecallId
    """Names it: the same again is answered alike."""
    criteria: RecallCriteria
    """Which results."""
    reason: RecallReason
    """Why."""
    actor: Actor
    """Who recalls."""


@dataclass(frozen=True, slots=True)
class RecallReport:
    """A recall, how far it got, and who knows of it."""

    recall: KeptRecall
    """The recall."""
    state: RecallState
    """How far it got; unless it is `done`, counts are of what was found so far."""
    unreadable: int
    """Results that could not be searched: nobody here has the keys for their headers."""
    actor: Actor
    """Who announced it."""
    lifter: Actor | None
    """Who lifted it; None while it stands."""
    results: tuple[RecalledResult, ...]
    """What it found, from a position on."""
    members: tuple[ToldMember, ...]
    """Whom the institution told of it, or of its lifting."""
    notices: tuple[NoticeState, ...]
    """How far each notice got, the newest first."""


@dataclass(frozen=True, slots=True)
class RecallPreview:
    """What a recall would find in a run of entries."""

    results: tuple[RecalledResult, ...]
    """Results that fit."""
    unreadable: int
    """Results that could not be searched where they are; some may be told of by an entry further on."""
    searched: int
    """Entries below were searched: where to go on."""
    size: int
    """How many there are."""


@dataclass(frozen=True, slots=True)
class RecallParts:
    """What the service is made of."""

    search: RecallSearch
    """Finds results."""
    store: RecallStore
    """Keeps recalls."""
    notices: RevisionNotices
    """Knows who was told."""
    keys: NodeKeys
    """Seals who announced and who lifted."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    changed: Callable[[], None]
    """Told of a recall that was announced or lifted: there is work."""


class Recalls:
    """Announces recalls, lifts and shows them; any thread."""

    def __init__(self, parts: RecallParts) -> None:
        self._parts = parts

    def preview(self, institution: InstitutionId, criteria: RecallCriteria, start: int) -> RecallPreview:
        """Return what a recall would find from an entry on, in as many as one answer looks at; nothing is logged or told."""
        search = self._parts.search
        size = search.size(institution)
        end = min(start + PREVIEW_ENTRIES, size)
        if end <= start:
            return RecallPreview((), 0, size, size)
        run = search.run(institution, [criteria], start, end)
        return RecallPreview(tuple(run.results[0]), len(run.unread - run.read), end, size)

    def announce(self, institution: InstitutionId, order: RecallOrder) -> RecallReport:
        """Recall results; it stands, staged and durable, when this returns, and the search for them begins.

        Raises:
            RecallConflictError: Another recall has this id.
            TooManyRecallsError: The institution has as many that stand as readers of its log hold against results.
        """
        parts, origin = self._parts, self._parts.origins[institution]

        def work(transaction: RecordsTransaction) -> KeptRecall:
            known = parts.store.known(transaction, order.recall_id)
            if known is not None:
                if (known.institution, known.criteria, known.reason) != (institution, order.criteria, order.reason):
                    raise RecallConflictError(order.recall_id)
                return known
            if len(parts.store.standing(transaction).get(origin, ())) >= MAX_STANDING:
                raise TooManyRecallsError(MAX_STANDING)
            statement = RecallAnnouncement(order.recall_id, order.criteria, order.reason)
            entry, leaf_index, now_ms = self._stage(transaction, institution, statement)
            recall = KeptRecall(
                recall_id=order.recall_id,
                institution=institution,
                criteria=order.criteria,
                reason=order.reason,
                entry=entry,
                leaf_index=leaf_index,
                announced_at_ms=now_ms,
                actor=self._sealed(order.actor),
                next_index=0,
                total=0,
                lifting=None,
            )
            parts.store.keep(transaction, recall)
            return recall

        return self._report(self._written(origin, work))

    def lift(self, institution: InstitutionId, recall_id: RecallId, reason: LiftingReason, actor: Actor) -> RecallReport:
        """Lift a recall, once; staged and durable when this returns, and whoever was told of the recall is told.

        Raises:
            UnknownRecallError: The institution announced no such recall.
        """
        parts, origin = self._parts, self._parts.origins[institution]

        def work(transaction: RecordsTransaction) -> KeptRecall:
            recall = parts.store.known(transaction, recall_id)
            if recall is None or recall.institution != institution:
                raise UnknownRecallError(recall_id)
            if recall.lifting is None:
                entry, _, now_ms = self._stage(transaction, institution, RecallLifting(recall_id, reason))
                lifting = KeptLifting(reason, entry, now_ms, self._sealed(actor), MessageId(""), is_told=False)
                parts.store.lift(transaction, recall_id, lifting)
            return recall

        self._written(origin, work)
        return self.show(institution, recall_id)

    def show(self, institution: InstitutionId, recall_id: RecallId, start: int = 0, limit: int = 0) -> RecallReport:
        """Return a recall, how far it got, and who knows of it.

        Args:
            institution: Who announced it.
            recall_id: Which.
            start: The position of the first result to return.
            limit: How many results at most.

        Raises:
            UnknownRecallError: The institution announced no such recall.
        """
        recall = self._parts.store.recall(institution, recall_id)
        if recall is None:
            raise UnknownRecallError(recall_id)
        return self._report(recall, start, limit)

    def list(self, institution: InstitutionId, limit: int) -> list[KeptRecall]:
        """Return an institution's recalls, the newest first."""
        return self._parts.store.page(institution, limit)

    def _written(self, origin: Origin, work: Callable[[RecordsTransaction], KeptRecall]) -> KeptRecall:
        recall = self._parts.writer.submit(work).result()
        self._parts.staged(origin)
        self._parts.changed()
        return recall

    def _stage(
        self, transaction: RecordsTransaction, institution: InstitutionId, statement: RecallStatement
    ) -> tuple[LeafReference, int, int]:
        origin, now_ms = self._parts.origins[institution], unix_ms(self._parts.clock)
        entry = recall_entry(origin, statement, now_ms)
        index = stage_public(transaction, institution, origin, EntryType.ADMINISTRATIVE, [entry], now_ms)
        return LeafReference(origin, entry.leaf_hash), index, now_ms

    def _sealed(self, actor: Actor) -> bytes:
        return self._parts.keys.seal(_SEAL, msgspec.json.encode(actor))

    def _opened(self, sealed: bytes) -> Actor:
        return msgspec.json.decode(self._parts.keys.open(_SEAL, sealed), type=Actor)

    def _report(self, recall: KeptRecall, start: int = 0, limit: int = 0) -> RecallReport:
        parts, lifting = self._parts, recall.lifting
        reasons = [recall.entry] if lifting is None else [recall.entry, lifting.entry]
        pages = [parts.notices.page(recall.institution, NoticeFilter(entry=each), MAX_NOTICES) for each in reversed(reasons)]
        return RecallReport(
            recall=recall,
            state=state_of(recall),
            unreadable=parts.store.unreadable(recall.recall_id),
            actor=self._opened(recall.actor),
            lifter=None if lifting is None else self._opened(lifting.actor),
            results=tuple(parts.store.results(recall.recall_id, start, limit)) if limit else (),
            members=tuple(parts.notices.members(recall.institution, reasons)),
            notices=tuple(notice for page in pages for notice in page)[:MAX_NOTICES],
        )


def state_of(recall: KeptRecall) -> RecallState:
    """Return how far a recall got."""
    if recall.lifting is not None:
        return RecallState.LIFTED if recall.lifting.is_told else RecallState.LIFTING
    return RecallState.DONE if recall.next_index >= recall.leaf_index else RecallState.RUNNING
