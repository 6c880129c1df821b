"""Search for what recalls cover, list it, tell whoever relies on it; and tell when a recall was lifted (docs/spec/recall.md).

A loop of the worker role, in bounded steps. One transaction keeps what a run of entries brought, stages the lists that are full,
puts the notices into the outbox and moves the search on: a crash loses nothing and doubles nothing. The search never ends while
its recall stands: what is filed later is looked at as it comes. Whoever retrieves a result before the search reached it
is among those who rely on it when it does; whoever retrieves one after is told with the receipt (`sent_notices`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.recall import RecallId, RecallListing
from node.domain.revision_notice import NoticeChange, Revision
from node.ports.clock import Clock, unix_ms
from node.ports.recognition.recalls import KeptRecall, RecallStore, SearchedRun
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.recognition.recall_search import RecallSearch, Run
from node.services.records.public_entries import stage_public
from node.services.records.sent_notices import RevisionNotices
from node.wire.recall_entry import MAX_RESULTS, recall_entry

RUN_ENTRIES = 2_000
"""Entries that one transaction moves a search on by: about a fifth of a second of opening headers, before it."""
TOLD_AT_ONCE = 20
"""Notices of a recall whose recipients one transaction tells of its lifting."""


@dataclass(frozen=True, slots=True)
class RecallWorkParts:
    """What the work is made of."""

    search: RecallSearch
    """Finds results."""
    store: RecallStore
    """Keeps what was found, and how far the search got."""
    notices: RevisionNotices
    """Tells who relies on what is recalled."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""


class RecallWork:
    """Does it; one thread."""

    def __init__(self, parts: RecallWorkParts) -> None:
        self._parts = parts

    def step(self) -> bool:
        """Move the search of each institution on by one run, and tell a few of each recall that was lifted.

        Returns:
            Whether there is more to do at once.
        """
        more = False
        # one question for all: a node hosts hundreds, of which few recall anything
        for institution in filter(self._parts.origins.__contains__, self._parts.store.at_work()):
            more = self._search(institution) or more
            for recall in self._parts.store.to_tell(institution):
                more = self._tell_lifted(recall.recall_id) or more
        return more

    def _search(self, institution: InstitutionId) -> bool:
        parts, recalls = self._parts, self._parts.store.to_search(institution)
        size = parts.search.size(institution) if recalls else 0
        if not recalls or recalls[0].next_index >= size:
            return False
        start = recalls[0].next_index
        group = [each for each in recalls if each.next_index == start]
        # as far as the next search, so that from there one header is opened for both
        ahead = min((each.next_index for each in recalls if each.next_index > start), default=size)
        run = parts.search.run(institution, [each.criteria for each in group], start, min(start + RUN_ENTRIES, ahead, size))
        is_last = run.end == size
        if parts.writer.submit(lambda transaction: self._keep(transaction, group, run, is_last=is_last)).result():
            parts.staged(parts.origins[institution])
        return not is_last

    def _keep(self, transaction: RecordsTransaction, group: Sequence[KeptRecall], run: Run, *, is_last: bool) -> bool:
        """Keep what a run brought; return whether anything was staged."""
        parts, is_staged = self._parts, False
        for looked, results in zip(group, run.results, strict=True):
            recall = parts.store.known(transaction, looked.recall_id)
            # lifted meanwhile; or another worker took the lock over and has moved it on
            if recall is None or recall.lifting is not None or recall.next_index != looked.next_index:
                continue
            new = parts.store.searched(transaction, recall, SearchedRun(run.end, results, run.unread, run.read))
            if new:
                revision = Revision(recall.institution, None, NoticeChange.RECALLED, recall.entry, tuple(new))
                parts.notices.revised(transaction, [revision])
            is_staged = self._list(transaction, recall, is_last=is_last) or is_staged
        return is_staged

    def _list(self, transaction: RecordsTransaction, recall: KeptRecall, *, is_last: bool) -> bool:
        parts, origin, now_ms = self._parts, recall.entry.origin, unix_ms(self._parts.clock)
        is_staged = False
        while hashes := parts.store.unlisted(transaction, recall.recall_id, MAX_RESULTS):
            if len(hashes) < MAX_RESULTS and not is_last:
                break
            entry = recall_entry(origin, RecallListing(recall.recall_id, tuple(hashes)), now_ms)
            index = stage_public(transaction, recall.institution, origin, EntryType.ADMINISTRATIVE, [entry], now_ms)
            parts.store.listed(transaction, recall.recall_id, hashes, index)
            is_staged = True
        return is_staged

    def _tell_lifted(self, recall_id: RecallId) -> bool:
        """Tell those who got the next few notices of a recall that it is lifted; return whether there are more."""
        parts = self._parts

        def work(transaction: RecordsTransaction) -> bool:
            recall = parts.store.known(transaction, recall_id)
            if recall is None or recall.lifting is None or recall.lifting.is_told:
                return False
            told_to = parts.notices.lifted(transaction, recall.entry, recall.lifting.entry, recall.lifting.told_to, TOLD_AT_ONCE)
            parts.store.told(transaction, recall_id, told_to)
            return told_to is not None

        return parts.writer.submit(work).result()
