"""`index.db` (`ports.logs.index`): followed leaves and headers in tables, and the tags of all leaves in memory.

A find asks for one tag of every log: a dictionary answers that in a microsecond where a database takes twenty. A log has a
dictionary of its own, so that nobody can hide an entry by putting its tag into another log; of equal tags in one log the
first counts. Eight bytes of a tag are kept, about 110 bytes of memory a leaf.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ledger.hashing import LeafHash, LeafIndex, hash_leaf
from ledger.store.sql_statements import Statement
from node.adapters.database.driver import insert_rows
from node.adapters.database.engines import truncate_log
from node.adapters.database.logs.recalls import RECALL_TABLES, keep_recalls, read_recalls
from node.adapters.database.logs.tables_index import (
    event_cursors,
    followed_headers,
    followed_leaves,
    followed_logs,
    followed_tombstones,
    missing_headers,
)
from node.domain.entry import LeafReference, Origin
from node.domain.patient import LocatorTag
from node.domain.recall import RecallCriteria
from node.errors import IndexGapError
from node.ports.chain.anchoring import EventCursor
from node.ports.logs.index import FollowedEntry, HeaderPage, LeafPlace, WithheldHeaders
from node.ports.records.transaction import RecordsReader
from node.recognition.recalls import LogRecalls
from node.wire.leaf import LEAF_BYTES, LEAF_TAG_SLICE

_PREFIX_BYTES: Final = 8
_TAG_AT: Final = LEAF_TAG_SLICE.start
_CHUNK: Final = 500
_LOADED_ROWS: Final = 10_000

_CURSOR_DECODER: Final = msgspec.json.Decoder(EventCursor)
_ENTRIES: Final = Statement(
    sa.select(
        followed_leaves.c.leaf_index,
        followed_leaves.c.leaf,
        followed_leaves.c.seen_at_ms,
        followed_headers.c.header,
        followed_tombstones.c.tombstone_index,
    )
    .select_from(
        followed_leaves.outerjoin(
            followed_headers,
            (followed_headers.c.log_id == followed_leaves.c.log_id)
            & (followed_headers.c.leaf_index == followed_leaves.c.leaf_index),
        ).outerjoin(
            followed_tombstones,
            (followed_tombstones.c.log_id == followed_leaves.c.log_id)
            & (followed_tombstones.c.leaf_index == followed_leaves.c.leaf_index),
        )
    )
    .where(
        followed_leaves.c.log_id == sa.bindparam("log"),
        followed_leaves.c.leaf_index.in_(sa.bindparam("indices", expanding=True)),
    )
)
_LOG: Final[sa.BindParameter[int]] = sa.bindparam("log")
_START: Final[sa.BindParameter[int]] = sa.bindparam("start")
_END: Final[sa.BindParameter[int]] = sa.bindparam("end")
_RUN: Final = sa.and_(followed_leaves.c.log_id == _LOG, followed_leaves.c.leaf_index >= _START, followed_leaves.c.leaf_index < _END)
_LEAVES: Final = Statement(sa.select(followed_leaves.c.leaf).where(_RUN).order_by(followed_leaves.c.leaf_index))
_SEEN: Final = Statement(
    sa.select(followed_leaves.c.seen_at_ms, sa.func.count())
    .where(_RUN)
    .group_by(followed_leaves.c.seen_at_ms)
    .order_by(followed_leaves.c.seen_at_ms)
)
_BY_HASH: Final = Statement(
    sa.select(followed_leaves.c.leaf_index, followed_leaves.c.leaf)
    .where(followed_leaves.c.hash_prefix == sa.bindparam("prefix"), followed_leaves.c.log_id == _LOG)
    .order_by(followed_leaves.c.leaf_index)
)
_MISSING: Final = Statement(
    sa.select(missing_headers.c.leaf_index)
    .where(missing_headers.c.log_id == _LOG, missing_headers.c.leaf_index >= _START)
    .order_by(missing_headers.c.leaf_index)
    .limit(sa.bindparam("most"))
)
_OF_LOG: Final = followed_logs.update().where(followed_logs.c.log_id == _LOG)
_INSERT_LEAVES: Final = followed_leaves.insert()
_INSERT_HEADERS: Final = followed_headers.insert()
_INSERT_MISSING: Final = missing_headers.insert()
_GROWN: Final = Statement(_OF_LOG.values(size=sa.bindparam("new_size")))
_ASKED: Final = Statement(_OF_LOG.values(headers_asked=sa.bindparam("new_asked")))


class SqlFollowedIndex:
    """An `IndexStore`; reads from any thread, writes from one."""

    def __init__(
        self, writer: sa.Engine, readers: sa.Engine, own: Collection[Origin] = (), own_records: RecordsReader | None = None
    ) -> None:
        """Load the tags of all leaves.

        Args:
            writer: Writes `index.db`.
            readers: Read it.
            own: Logs of this node: their headers are in `records.db`, and are not kept a second time, where erasure
                would have to look for them.
            own_records: Reads those headers.
        """
        self._writer = writer
        self._readers = readers
        self._own = frozenset(own)
        self._own_records = own_records
        self._ids: dict[Origin, int] = {}
        self._sizes: dict[Origin, LeafIndex] = {}
        self._asked: dict[Origin, LeafIndex] = {}
        self._tags: defaultdict[Origin, dict[int, int]] = defaultdict(dict)
        self._recalls: dict[Origin, LogRecalls] = {}
        self._load()

    def _load(self) -> None:
        with self._readers.connect() as connection:
            for row in connection.execute(sa.select(followed_logs)):
                self._ids[Origin(row.origin)] = row.log_id
                self._sizes[Origin(row.origin)] = LeafIndex(row.size)
                self._asked[Origin(row.origin)] = LeafIndex(row.headers_asked)
            self._recalls = {origin: read_recalls(connection, log_id) for origin, log_id in self._ids.items()}
            origins = {log_id: self._tags[origin] for origin, log_id in self._ids.items()}
            prefix = sa.func.substr(followed_leaves.c.leaf, _TAG_AT + 1, _PREFIX_BYTES)
            query = sa.select(followed_leaves.c.log_id, followed_leaves.c.leaf_index, prefix).where(
                sa.func.length(followed_leaves.c.leaf) == LEAF_BYTES
            )
            order = (followed_leaves.c.log_id, followed_leaves.c.leaf_index)
            for rows in connection.execute(query.order_by(*order)).yield_per(_LOADED_ROWS).partitions():
                for log_id, index, tag in rows:
                    origins[log_id].setdefault(int.from_bytes(tag, "big"), index)

    # Reading

    def origins(self) -> Sequence[Origin]:
        """Return the followed logs."""
        return list(self._ids)

    def size(self, origin: Origin) -> LeafIndex:
        """Return how many leaves of a log are indexed."""
        return self._sizes.get(origin, LeafIndex(0))

    def probe(self, tags: Sequence[tuple[Origin, LocatorTag]]) -> list[LeafIndex | None]:
        """Return, for each log and tag, the leaf that may have it, or None. Reads memory only."""
        logs = self._tags
        number = int.from_bytes
        # `get`: the mapping makes an entry for an origin that it does not know, and readers must not change it
        return [(logs.get(origin) or {}).get(number(tag[:_PREFIX_BYTES], "big")) for origin, tag in tags]  # type: ignore[misc]

    def entries(self, places: Sequence[LeafPlace]) -> dict[LeafPlace, FollowedEntry]:
        """Return the entries at places, those that are not indexed apart."""
        if not places:
            return {}
        wanted: defaultdict[Origin, list[int]] = defaultdict(list)
        for place in places:
            wanted[place.origin].append(place.index)
        found = {}
        with self._readers.connect() as connection:
            for origin, indices in wanted.items():
                for start in range(0, len(indices), _CHUNK):
                    chosen = indices[start : start + _CHUNK]
                    for row in _ENTRIES.rows(connection, log=self._ids.get(origin, -1), indices=chosen):
                        entry = _entry(origin, row)
                        found[entry.place] = entry
        return {place: self._with_own_header(entry) for place, entry in found.items()}

    def _with_own_header(self, entry: FollowedEntry) -> FollowedEntry:
        origin, index = entry.place.origin, entry.place.index
        if origin not in self._own or self._own_records is None:
            return entry
        headers = self._own_records.headers(origin, index, 1)
        return replace(entry, header=headers[0][1] if headers else None)

    def leaves(self, origin: Origin, start: LeafIndex, count: int) -> list[bytes]:
        """Return a run of leaves; fewer at the end."""
        return [row.leaf for row in _LEAVES.read(self._readers, log=self._ids.get(origin, -1), start=start, end=start + count)]

    def seen_times(self, origin: Origin, start: LeafIndex, end: LeafIndex) -> list[tuple[int, int]]:
        """Return when a run of entries was seen, unix ms, and how many at each time, the earliest first."""
        rows = _SEEN.read(self._readers, log=self._ids.get(origin, -1), start=start, end=end)
        return [(seen_at_ms, count) for seen_at_ms, count in rows]

    def find_leaf(self, origin: Origin, leaf_hash: bytes) -> LeafIndex | None:
        """Return the first leaf of a log with this leaf hash."""
        rows = _BY_HASH.read(self._readers, prefix=_hash_prefix(leaf_hash), log=self._ids.get(origin, -1))
        return next((LeafIndex(row.leaf_index) for row in rows if hash_leaf(row.leaf) == leaf_hash), None)

    def is_recalled(self, entry: LeafReference) -> bool:
        """Tell whether a recall of an entry's own log that stands names it. Reads memory only."""
        recalls = self._recalls.get(entry.origin)
        return recalls is not None and recalls.names(entry.leaf_hash)

    def standing_recalls(self, origin: Origin) -> Sequence[RecallCriteria]:
        """Return what the recalls of a log that stand are about. Reads memory only."""
        recalls = self._recalls.get(origin)
        return () if recalls is None else recalls.standing

    def withheld(self, before_ms: int) -> list[WithheldHeaders]:
        """Return which logs' headers are missing of entries that were seen before a time, without a tombstone."""
        leaf, missing, log = followed_leaves, missing_headers, followed_logs
        at = (leaf.c.log_id == missing.c.log_id) & (leaf.c.leaf_index == missing.c.leaf_index)
        refused = sa.select(leaf.c.log_id, leaf.c.leaf_index, leaf.c.seen_at_ms).select_from(missing.join(leaf, at))
        unasked = sa.select(leaf.c.log_id, leaf.c.leaf_index, leaf.c.seen_at_ms).select_from(
            log.join(leaf, (leaf.c.log_id == log.c.log_id) & (leaf.c.leaf_index >= log.c.headers_asked))
        )
        overdue = sa.union_all(refused, unasked).subquery()
        query = (
            sa.select(log.c.origin, sa.func.count(), sa.func.min(overdue.c.leaf_index), sa.func.min(overdue.c.seen_at_ms))
            .select_from(overdue.join(log, log.c.log_id == overdue.c.log_id))
            .where(overdue.c.seen_at_ms < before_ms)
            .group_by(log.c.origin)
            .order_by(log.c.origin)
        )
        with self._readers.connect() as connection:
            rows = connection.execute(query).all()
        return [WithheldHeaders(Origin(origin), count, LeafIndex(first), since) for origin, count, first, since in rows]

    # Writing

    def append(
        self, origin: Origin, first: LeafIndex, leaves: Sequence[bytes], hashes: Sequence[LeafHash], seen_at_ms: int
    ) -> None:
        """Add verified leaves right after those that are there.

        Raises:
            IndexGapError: `first` is not the next index.
        """
        if first != self.size(origin):
            raise IndexGapError(origin, self.size(origin), first)
        size = LeafIndex(first + len(leaves))
        with self._writer.begin() as connection:
            log_id = self._log_id(connection, origin)
            rows = [
                (log_id, index, leaf, _hash_prefix(leaf_hash), seen_at_ms)
                for index, (leaf, leaf_hash) in enumerate(zip(leaves, hashes, strict=True), first)
            ]
            insert_rows(connection, _INSERT_LEAVES, rows)
            _GROWN.run(connection, log=log_id, new_size=size)
        # after the commit: whoever probes finds only what can be read
        tags = self._tags[origin]
        end = _TAG_AT + _PREFIX_BYTES
        for index, leaf in enumerate(leaves, first):
            if len(leaf) == LEAF_BYTES:
                tags.setdefault(int.from_bytes(leaf[_TAG_AT:end], "big"), index)
        self._sizes[origin] = size

    def truncate(self, origin: Origin, size: LeafIndex) -> None:
        """Forget the leaves from an index on, and everything about them."""
        log_id = self._ids.get(origin)
        if log_id is None:
            return
        asked = min(size, self.headers_asked(origin))
        with self._writer.begin() as connection:
            for table in (followed_leaves, followed_headers, missing_headers, followed_tombstones, *RECALL_TABLES):
                connection.execute(table.delete().where(table.c.log_id == log_id, table.c.leaf_index >= size))
            gone = followed_tombstones.c.log_id == log_id, followed_tombstones.c.tombstone_index >= size
            connection.execute(followed_tombstones.delete().where(*gone))
            recalls = read_recalls(connection, log_id)
            log = followed_logs.update().where(followed_logs.c.log_id == log_id)
            connection.execute(log.values(size=min(size, self._sizes[origin]), headers_asked=asked))
        self._sizes[origin] = LeafIndex(min(size, self._sizes[origin]))
        self._recalls[origin] = recalls
        self._asked[origin] = LeafIndex(asked)
        self._tags[origin] = {tag: index for tag, index in self._tags[origin].items() if index < size}

    def headers_asked(self, origin: Origin) -> LeafIndex:
        """Return below which index every header was asked for at least once."""
        return self._asked.get(origin, LeafIndex(0))

    def missing_headers(self, origin: Origin, start: LeafIndex, limit: int) -> list[LeafIndex]:
        """Return entries from an index on whose headers were asked for and did not come, lowest first."""
        rows = _MISSING.read(self._readers, log=self._ids.get(origin, -1), start=start, most=limit)
        return [LeafIndex(row.leaf_index) for row in rows]

    def keep_headers(self, page: HeaderPage) -> None:
        """Keep headers, gaps and recalls, and delete what tombstones name; all in one transaction."""
        asked = max(self.headers_asked(page.origin), page.asked_to)
        with self._writer.begin() as connection:
            log_id = self._log_id(connection, page.origin)
            gone = self._settle(connection, log_id, page)
            headers = [
                (log_id, index, header)
                for index, header in page.headers.items()
                if index not in gone and page.origin not in self._own
            ]
            insert_rows(connection, _INSERT_HEADERS, headers)
            insert_rows(connection, _INSERT_MISSING, [(log_id, index) for index in page.missing if index not in gone])
            keep_recalls(connection, log_id, page.recalls)
            _ASKED.run(connection, log=log_id, new_asked=asked)
        self._recalls.setdefault(page.origin, LogRecalls()).take(page.recalls)
        self._asked[page.origin] = asked
        if page.tombstones:
            # a deleted header must not linger in the write-ahead log
            truncate_log(self._writer)

    def event_cursor(self) -> EventCursor | None:
        """Return how far the chain's events were read."""
        with self._readers.connect() as connection:
            cursor = connection.scalar(sa.select(event_cursors.c.cursor))
        return None if cursor is None else _CURSOR_DECODER.decode(cursor)

    def keep_event_cursor(self, cursor: EventCursor | None) -> None:
        """Keep how far the chain's events were read."""
        with self._writer.begin() as connection:
            connection.execute(event_cursors.delete())
            if cursor is not None:
                connection.execute(event_cursors.insert().values(id=1, cursor=msgspec.json.encode(cursor)))

    def _log_id(self, connection: sa.Connection, origin: Origin) -> int:
        log_id = self._ids.get(origin)
        if log_id is None:
            connection.execute(followed_logs.insert().values(origin=origin, size=0, headers_asked=0))
            query = sa.select(followed_logs.c.log_id).where(followed_logs.c.origin == origin)
            log_id = self._ids[origin] = connection.execute(query).scalar_one()
        return log_id

    def _settle(self, connection: sa.Connection, log_id: int, page: HeaderPage) -> set[int]:
        """Delete what a page replaces; return those of its entries whose headers were deleted."""
        settled = {*page.headers, *page.missing, *page.tombstones}
        if not page.tombstones and settled and min(settled) >= self.headers_asked(page.origin):
            # asked for the first time: nothing is known of them yet, and a tombstone names earlier entries only
            return set()
        self._mark_deleted(connection, log_id, page)
        _delete(connection, missing_headers, log_id, settled)
        gone = self._deleted_among(connection, log_id, settled)
        _delete(connection, followed_headers, log_id, settled)
        return gone

    def _mark_deleted(self, connection: sa.Connection, log_id: int, page: HeaderPage) -> None:
        new = dict(page.tombstones)
        for target in self._deleted_among(connection, log_id, set(new)):
            del new[LeafIndex(target)]
        if new:
            values = [{"log_id": log_id, "leaf_index": target, "tombstone_index": index} for target, index in new.items()]
            connection.execute(followed_tombstones.insert(), values)

    def _deleted_among(self, connection: sa.Connection, log_id: int, indices: set[LeafIndex]) -> set[int]:
        table = followed_tombstones
        found: set[int] = set()
        wanted = sorted(indices)
        for start in range(0, len(wanted), _CHUNK):
            query = sa.select(table.c.leaf_index).where(
                table.c.log_id == log_id, table.c.leaf_index.in_(wanted[start : start + _CHUNK])
            )
            found.update(connection.scalars(query))
        return found


def _delete(connection: sa.Connection, table: sa.Table, log_id: int, indices: set[LeafIndex]) -> None:
    wanted = sorted(indices)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        connection.execute(table.delete().where(table.c.log_id == log_id, table.c.leaf_index.in_(chunk)))


def _hash_prefix(leaf_hash: bytes) -> int:
    return int.from_bytes(leaf_hash[:_PREFIX_BYTES], "big", signed=True)


def _entry(origin: Origin, row: Any) -> FollowedEntry:  # noqa: ANN401 - a row of `_ENTRIES`
    tombstone = None if row.tombstone_index is None else LeafIndex(row.tombstone_index)
    place = LeafPlace(origin, LeafIndex(row.leaf_index))
    return FollowedEntry(place, row.leaf, row.seen_at_ms, row.header, tombstone)
