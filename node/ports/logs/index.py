"""What followers know of all logs: leaves by place and by tag, sealed headers, and which of them are withheld.

`FollowedIndex` is what everyone reads, from any thread; `IndexStore` is what the following loop writes, alone. All of it
can be built again from the logs. Left out: what is trusted of each log (`node.ports.logs.trust`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.hashing import LeafHash, LeafIndex
from node.domain.entry import LeafReference, Origin
from node.domain.patient import LocatorTag
from node.domain.recall import RecallCriteria, RecallStatement
from node.ports.chain.anchoring import EventCursor


@dataclass(frozen=True, slots=True)
class LeafPlace:
    """Where an entry is."""

    origin: Origin
    """The log."""
    index: LeafIndex
    """Its place there."""


@dataclass(frozen=True, slots=True)
class FollowedEntry:
    """An entry of a followed log; proven to be there."""

    place: LeafPlace
    """Where."""
    leaf: bytes
    """The bytes of the log."""
    seen_at_ms: int
    """When this node saw it first, unix ms."""
    header: bytes | None
    """Its header, whose digest is the leaf's; None while it has not come, and once it was deleted."""
    tombstone: LeafIndex | None
    """The tombstone, in the same log, that deleted its header; None for most."""


@dataclass(frozen=True, slots=True)
class WithheldHeaders:
    """Headers of one log that are overdue."""

    origin: Origin
    """The log."""
    count: int
    """How many, those of entries with a tombstone apart."""
    first: LeafIndex
    """The first of them."""
    since_ms: int
    """When that entry was seen, unix ms."""


class FollowedIndex(Protocol):
    """Reads what was followed."""

    def origins(self) -> Sequence[Origin]:
        """Return the followed logs."""

    def size(self, origin: Origin) -> LeafIndex:
        """Return how many leaves of a log are indexed: the next one's index."""

    def probe(self, tags: Sequence[tuple[Origin, LocatorTag]]) -> list[LeafIndex | None]:
        """Return, for each log and tag, the leaf that may have it, or None. Reads memory only.

        Half a tag is compared, which chance never confuses: the caller compares the rest when it has read the entry.
        """

    def entries(self, places: Sequence[LeafPlace]) -> dict[LeafPlace, FollowedEntry]:
        """Return the entries at places, those that are not indexed apart."""

    def leaves(self, origin: Origin, start: LeafIndex, count: int) -> list[bytes]:
        """Return a run of leaves; fewer at the end."""

    def seen_times(self, origin: Origin, start: LeafIndex, end: LeafIndex) -> list[tuple[int, int]]:
        """Return when a run of entries was seen, unix ms, and how many at each time, the earliest first."""

    def find_leaf(self, origin: Origin, leaf_hash: bytes) -> LeafIndex | None:
        """Return the first leaf of a log with this leaf hash."""

    def is_recalled(self, entry: LeafReference) -> bool:
        """Tell whether a recall of an entry's own log that stands names it. Reads memory only."""

    def standing_recalls(self, origin: Origin) -> Sequence[RecallCriteria]:
        """Return what the recalls of a log that stand are about. Reads memory only."""

    def withheld(self, before_ms: int) -> list[WithheldHeaders]:
        """Return which logs' headers are missing of entries that were seen before a time (unix ms), without a tombstone."""


@dataclass(frozen=True, slots=True)
class HeaderPage:
    """What became of a run of headers that were asked for."""

    origin: Origin
    """The log."""
    headers: Mapping[LeafIndex, bytes]
    """Those that came and are right."""
    missing: Sequence[LeafIndex]
    """Those that did not come, or were others'."""
    tombstones: Mapping[LeafIndex, LeafIndex]
    """Targets whose headers are deleted, to the tombstones that say so."""
    asked_to: LeafIndex
    """Every header below was asked for at least once."""
    recalls: Sequence[tuple[LeafIndex, RecallStatement]] = ()
    """What entries say of recalls, each with its place; lists name entries of the log before them alone."""


class IndexStore(FollowedIndex, Protocol):
    """Writes what was followed; one thread."""

    def append(
        self, origin: Origin, first: LeafIndex, leaves: Sequence[bytes], hashes: Sequence[LeafHash], seen_at_ms: int
    ) -> None:
        """Add verified leaves right after those that are there.

        Raises:
            IndexGapError: `first` is not the next index.
        """

    def truncate(self, origin: Origin, size: LeafIndex) -> None:
        """Forget the leaves from an index on, and everything about them."""

    def headers_asked(self, origin: Origin) -> LeafIndex:
        """Return below which index every header was asked for at least once."""

    def missing_headers(self, origin: Origin, start: LeafIndex, limit: int) -> list[LeafIndex]:
        """Return entries from an index on whose headers were asked for and did not come, lowest first."""

    def keep_headers(self, page: HeaderPage) -> None:
        """Keep headers, gaps and recalls, and delete what tombstones name; all in one transaction."""


class EventCursors(Protocol):
    """Keeps how far the chain's events were read; any thread."""

    def event_cursor(self) -> EventCursor | None:
        """Return how far they were read; None before the first time."""

    def keep_event_cursor(self, cursor: EventCursor | None) -> None:
        """Keep how far they were read; None: from the start."""
