"""Recall results: of an item, a device, a lot, performed within a period (docs/spec/recall.md).

The own headers are searched first, then what was staged meanwhile, in the transaction that publishes the recall, keeps it and
puts the notices into the outbox: no result slips in between. What is submitted later is not recalled; announce again. A recall
is never taken back: a result that turns out to be right is amended. Left out: following recalls of others (`header_collection`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from node.domain.access import Actor
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.recall import RecallCriteria, RecallId, RecallPage, RecallReason
from node.domain.revision_notice import NoticeChange, Revision
from node.errors import NothingToRecallError, RecallConflictError, UnknownRecallError
from node.ports.clock import Clock, unix_ms
from node.ports.keys import NodeKeys
from node.ports.notices import NoticeFilter, NoticeState
from node.ports.recalls import KeptRecall, RecalledResult, RecallStore
from node.ports.records import RecordsTransaction, RecordsWriter
from node.services.recognition.recall_search import RecallSearch, Search
from node.services.records.public_entries import stage_public
from node.services.records.sent_notices import RevisionNotices
from node.wire.recall_entry import MAX_RESULTS, recall_entry

_SEAL = "recall"
MAX_NOTICES = 10_000
"""Notices of one recall that are shown."""


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
    """A recall, and who knows of it."""

    recall: KeptRecall
    """The recall."""
    actor: Actor
    """Who announced it."""
    results: tuple[RecalledResult, ...]
    """What it lists."""
    notices: tuple[NoticeState, ...]
    """Whom the institution told, and how far each notice got."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A recall that was announced a moment ago."""

    report: RecallReport
    """The recall."""
    unreadable: int
    """Results that could not be searched: nobody here has the keys for their headers."""


@dataclass(frozen=True, slots=True)
class RecallPreview:
    """What a recall would list."""

    results: tuple[RecalledResult, ...]
    """Results that fit."""
    unreadable: int
    """As for a recall that is announced."""


@dataclass(frozen=True, slots=True)
class RecallParts:
    """What the service is made of."""

    search: RecallSearch
    """Finds results."""
    store: RecallStore
    """Keeps recalls."""
    notices: RevisionNotices
    """Tells who relies on what is recalled."""
    keys: NodeKeys
    """Seals who announced."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""


class Recalls:
    """Announces recalls, and shows them; any thread."""

    def __init__(self, parts: RecallParts) -> None:
        self._parts = parts

    def preview(self, institution: InstitutionId, criteria: RecallCriteria) -> RecallPreview:
        """Return what a recall would list now; nothing is logged, and nobody is told."""
        search = Search(criteria)
        self._parts.search.go_on(institution, search)
        return RecallPreview(tuple(search.results.values()), search.unreadable)

    def announce(self, institution: InstitutionId, order: RecallOrder) -> Announced:
        """Recall results; staged, durable and on its way to whoever relies on them when this returns.

        Raises:
            NothingToRecallError: No result fits; nothing was logged.
            RecallConflictError: Another recall has this id.
        """
        parts, search = self._parts, Search(order.criteria)
        parts.search.go_on(institution, search)

        def work(transaction: RecordsTransaction) -> KeptRecall:
            known = parts.store.known(transaction, order.recall_id)
            if known is not None:
                if (known.institution, known.criteria, known.reason) != (institution, order.criteria, order.reason):
                    raise RecallConflictError(order.recall_id)
                return known
            parts.search.go_on(institution, search, transaction)
            if not search.results:
                raise NothingToRecallError(search.unreadable)
            return self._publish(transaction, institution, order, tuple(search.results.values()))

        recall = parts.writer.submit(work).result()
        parts.staged(parts.origins[institution])
        return Announced(self._report(recall), search.unreadable)

    def show(self, institution: InstitutionId, recall_id: RecallId) -> RecallReport:
        """Return a recall, what it lists, and who knows of it.

        Raises:
            UnknownRecallError: The institution announced no such recall.
        """
        recall = self._parts.store.recall(institution, recall_id)
        if recall is None:
            raise UnknownRecallError(recall_id)
        return self._report(recall)

    def list(self, institution: InstitutionId, limit: int) -> list[KeptRecall]:
        """Return an institution's recalls, the newest first."""
        return self._parts.store.page(institution, limit)

    def _publish(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        order: RecallOrder,
        results: Sequence[RecalledResult],
    ) -> KeptRecall:
        parts, origin, now_ms = self._parts, self._parts.origins[institution], unix_ms(self._parts.clock)
        entries = [recall_entry(origin, page, now_ms) for page in _pages(order, results)]
        first = stage_public(transaction, institution, origin, EntryType.ADMINISTRATIVE, entries, now_ms)
        recall = KeptRecall(
            recall_id=order.recall_id,
            institution=institution,
            criteria=order.criteria,
            reason=order.reason,
            total=len(results),
            entry=LeafReference(origin, entries[0].leaf_hash),
            leaf_index=first,
            pages=len(entries),
            announced_at_ms=now_ms,
            actor=parts.keys.seal(_SEAL, msgspec.json.encode(order.actor)),
        )
        parts.store.keep(transaction, recall, results)
        concerned = tuple(each.entry for each in results)
        parts.notices.revised(transaction, [Revision(institution, None, NoticeChange.RECALLED, recall.entry, concerned)])
        return recall

    def _report(self, recall: KeptRecall) -> RecallReport:
        parts = self._parts
        return RecallReport(
            recall=recall,
            actor=msgspec.json.decode(parts.keys.open(_SEAL, recall.actor), type=Actor),
            results=tuple(parts.store.results(recall.recall_id)),
            notices=tuple(parts.notices.page(recall.institution, NoticeFilter(entry=recall.entry), MAX_NOTICES)),
        )


def _pages(order: RecallOrder, results: Sequence[RecalledResult]) -> list[RecallPage]:
    hashes = [each.entry.leaf_hash for each in results]
    starts = range(0, len(hashes), MAX_RESULTS)
    return [
        RecallPage(
            recall_id=order.recall_id,
            criteria=order.criteria,
            reason=order.reason,
            total=len(hashes),
            page=number,
            pages=len(starts),
            leaf_hashes=tuple(hashes[start : start + MAX_RESULTS]),
        )
        for number, start in enumerate(starts, start=1)
    ]
