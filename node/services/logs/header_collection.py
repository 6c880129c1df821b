"""Fetch sealed headers of followed logs, keep those whose digest is the leaf's; heed tombstones and recalls.

Headers are asked for in order, page by page; what does not come, or is not what the leaf names, is a gap that is asked for
again. A gap without a tombstone that is older than the grace period is a withheld header (`FollowedIndex.withheld`).
A tombstone counts for entries of its own log only, and never for those that must not be deleted (FORMATS "Header").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from ledger.hashing import LeafIndex
from node.domain.entry import KEPT_TYPES, EntryType, LeafReference, Origin
from node.domain.recall import RecallListing, RecallStatement
from node.errors import HeaderVerificationError, InputError, VerificationError
from node.ports.logs.index import HeaderPage, IndexStore
from node.ports.logs.peers import FollowedPeer
from node.wire.header.seal import verify_header_digest
from node.wire.leaf import parse_leaf
from node.wire.public_entry import TOMBSTONE, open_public_entry, tombstone_target
from node.wire.recall_entry import RECALL_KINDS, recall_statement

PAGE_HEADERS: Final = 256
PAGES_PER_TURN: Final = 16
"""Pages that one log may fetch before the others have their turn."""


log = structlog.get_logger(__name__)

TombstoneSeen = Callable[[Origin, LeafIndex, LeafIndex], None]
"""Told of a log, the entry whose header was deleted here, and its tombstone; perhaps twice."""


def ignore_tombstone(origin: Origin, target: LeafIndex, tombstone: LeafIndex) -> None:
    """Tell nobody of a tombstone."""
    del origin, target, tombstone


@dataclass(slots=True)
class _Sorted:
    """A page, sorted into what came, what did not, and what tombstones name."""

    headers: dict[LeafIndex, bytes] = field(default_factory=dict)
    missing: list[LeafIndex] = field(default_factory=list)
    tombstones: dict[LeafIndex, LeafIndex] = field(default_factory=dict)
    recalls: list[tuple[LeafIndex, RecallStatement]] = field(default_factory=list)


class HeaderCollector:
    """Fetches headers, in the following loop."""

    def __init__(self, index: IndexStore, *, retry_s: float, tombstone_seen: TombstoneSeen = ignore_tombstone) -> None:
        """Make a collector.

        Args:
            index: Keeps the headers.
            retry_s: How long a gap is left alone before it is asked for again.
            tombstone_seen: Told after a header was deleted: its holder waits for acknowledgements.
        """
        self._index = index
        self._retry_s = retry_s
        self._tombstone_seen = tombstone_seen
        self._retry_at: dict[Origin, datetime] = {}
        self._retry_from: dict[Origin, LeafIndex] = {}

    def step(self, origin: Origin, peer: FollowedPeer, now: datetime) -> bool:
        """Ask for headers of a log that were never asked for, then for gaps.

        Returns:
            Whether more are left than one turn fetches.
        """
        for _ in range(PAGES_PER_TURN):
            asked, size = self._index.headers_asked(origin), self._index.size(origin)
            if asked >= size:
                self._retry(origin, peer, now)
                return False
            if not self._page(origin, peer, asked, min(PAGE_HEADERS, size - asked)):
                return False
        return True

    def _page(self, origin: Origin, peer: FollowedPeer, start: LeafIndex, count: int) -> bool:
        """Fetch one page; return whether the peer gave any of it."""
        found = dict(peer.headers(start, count))
        # a peer that ends early has not the later ones yet; what lies between is withheld
        end = max((index + 1 for index in found if start <= index < start + count), default=start)
        if end > start:
            self._keep(origin, start, LeafIndex(end), found)
        return end > start

    def _retry(self, origin: Origin, peer: FollowedPeer, now: datetime) -> None:
        if self._retry_at.get(origin, now) > now:
            return
        self._retry_at[origin] = now + timedelta(seconds=self._retry_s)
        for _ in range(PAGES_PER_TURN):
            gaps = self._index.missing_headers(origin, self._retry_from.get(origin, LeafIndex(0)), PAGE_HEADERS)
            if not gaps:
                # the next time from the first gap on
                self._retry_from.pop(origin, None)
                return
            wanted = [gap for gap in gaps if gap < gaps[0] + PAGE_HEADERS]
            end = LeafIndex(wanted[-1] + 1)
            self._keep(origin, wanted[0], end, dict(peer.headers(wanted[0], end - wanted[0])), only=frozenset(wanted))
            self._retry_from[origin] = end

    def _keep(
        self,
        origin: Origin,
        start: LeafIndex,
        end: LeafIndex,
        found: Mapping[int, bytes | None],
        only: frozenset[LeafIndex] | None = None,
    ) -> None:
        page = _Sorted()
        for index, leaf in enumerate(self._index.leaves(origin, start, end - start), start):
            if only is None or index in only:
                self._sort(page, origin, LeafIndex(index), leaf, found.get(index))
        self._index.keep_headers(HeaderPage(origin, page.headers, page.missing, page.tombstones, end, page.recalls))
        for target, tombstone in page.tombstones.items():
            self._tombstone_seen(origin, target, tombstone)

    def _sort(self, page: _Sorted, origin: Origin, index: LeafIndex, data: bytes, header: bytes | None) -> None:
        try:
            leaf = parse_leaf(data)
        except InputError:
            # a type or version of a newer release: indexed, and nothing more is known of it
            return
        if header is None:
            page.missing.append(index)
            return
        try:
            verify_header_digest(header, leaf.header_digest)
        except HeaderVerificationError:
            log.warning("header_is_not_the_leafs", origin=origin, index=index)
            page.missing.append(index)
            return
        page.headers[index] = header
        if leaf.entry_type is EntryType.ADMINISTRATIVE:
            self._act(page, origin, index, data, header)

    def _act(self, page: _Sorted, origin: Origin, index: LeafIndex, data: bytes, header: bytes) -> None:
        """Do what a public entry says of others."""
        try:
            entry = open_public_entry(data, header, origin)
            if entry.manifest.kind == TOMBSTONE:
                self._bury(page, origin, index, tombstone_target(entry))
            elif entry.manifest.kind in RECALL_KINDS:
                page.recalls.append((index, self._known_results(origin, index, recall_statement(entry))))
        except (InputError, VerificationError) as error:
            log.warning("public_entry_refused", origin=origin, index=index, error=type(error).__name__)

    def _known_results(self, origin: Origin, index: LeafIndex, statement: RecallStatement) -> RecallStatement:
        if not isinstance(statement, RecallListing):
            return statement
        return replace(statement, leaf_hashes=tuple(self._earlier(origin, index, statement.leaf_hashes)))

    def _earlier(self, origin: Origin, index: LeafIndex, leaf_hashes: Iterable[bytes]) -> Iterator[bytes]:
        """Return those that are entries of the log: a thousand that are none would cost it one entry, and us the memory."""
        for leaf_hash in leaf_hashes:
            found = self._index.find_leaf(origin, leaf_hash)
            if found is not None and found < index:
                yield leaf_hash

    def _bury(self, page: _Sorted, origin: Origin, index: LeafIndex, reference: LeafReference) -> None:
        target = self._index.find_leaf(origin, reference.leaf_hash) if reference.origin == origin else None
        if target is None or target >= index or not self._is_deletable(origin, target):
            log.warning("tombstone_refused", origin=origin, index=index)
            return
        page.headers.pop(target, None)
        if target in page.missing:
            page.missing.remove(target)
        page.tombstones[target] = index

    def _is_deletable(self, origin: Origin, index: LeafIndex) -> bool:
        try:
            return parse_leaf(self._index.leaves(origin, index, 1)[0]).entry_type not in KEPT_TYPES
        except InputError:
            return False
