"""A log in a SQL database, through SQLAlchemy Core: SQLite and PostgreSQL by the same statements.

`SqlLogStore` joins its caller's transaction, so that a record and its place in the log are staged together or not at
all, and a batch of tiles and its checkpoint are committed together. `SqlLogReader`
reads from any thread, each call in a transaction of its own; `ledger.store.sql_engine` writes like that too.

One row holds one tile at its greatest width: a partial tile is a prefix of it, so a published one stays readable
without being kept twice. One row of staged entries holds what one call staged, packed as in an entry bundle. The row of
the log's head is updated first by every writer, which puts writers of one log in a queue where the database has row
locks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import sqlalchemy as sa

from ledger.errors import CheckpointConflictError, ResourceConflictError, StorageError
from ledger.hashing import LeafIndex
from ledger.mirror import TileCache, resources_of
from ledger.store.sql_resources import by_level, level_of, read_resources
from ledger.store.sql_tables import (
    ALLOCATE,
    DELETE_TILE,
    DISCARD,
    HEADS,
    PAGE_ROWS,
    PUBLISH,
    PUBLISHED,
    READ_HEAD,
    READ_RANGE,
    READ_STAGED,
    READ_TILES,
    RENUMBER,
    STAGE,
    STAGED,
    STAGED_RANGE,
    SWAP,
    SWAP_FIRST,
    TABLES,
    WRITE_TILES,
    HeadRow,
    LogTables,
    tables,
)
from ledger.tiles import TILE_WIDTH, BundleAddress, Resource, TileAddress, encode_entries, encode_tile_path, parse_entries

__all__ = ["LogTables", "SqlLogReader", "SqlLogStore", "create_sql_log", "tables"]

_ROW_ENTRIES: Final = 4_096
"""Staged entries a row at the most. Reading relies on it; it may only ever be lowered with an empty staging table."""
_MAX_READ_BYTES: Final = 64 * 2**20
"""One read of staged entries returns at most one row more than this: memory stays flat with the largest entries."""


def create_sql_log(connection: sa.Connection, origin: str) -> None:
    """Make a new, empty log in the caller's transaction.

    Creating is never implied by opening: a log whose rows are lost must not start again from nothing unnoticed.

    Raises:
        StorageError: The log exists.
    """
    if connection.scalar(sa.select(HEADS.origin).where(HEADS.origin == origin)) is not None:
        raise StorageError(f"log {origin!r} exists already")
    connection.execute(sa.insert(TABLES.heads).values(origin=origin, next_index=0))


class SqlLogStore:
    """A `LogStore` in its caller's transaction: cheap to make, one per transaction, durable with the commit.

    What goes wrong with the caller's connection reaches the caller as SQLAlchemy reports it.
    """

    def __init__(self, connection: sa.Connection, origin: str) -> None:
        """Use the log that `create_sql_log` made; that it is missing shows with the first call."""
        self._connection = connection
        self._origin = origin
        self._known: HeadRow | None = None

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint.

        Raises:
            StorageError: There is no such log.
        """
        return self._head().published

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, with one query a level.

        Raises:
            ResourceMissingError: One of them is not there.
        """
        return self._read(addresses)

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile.

        Raises:
            ResourceMissingError: It is not there.
        """
        return self._read([address])[0]

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle.

        Raises:
            ResourceMissingError: It is not there.
        """
        return self._read([address])[0]

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries to the staging sequence; a roll-back gives their indices back.

        Raises:
            EntryTooLargeError: One is longer than 65535 bytes; nothing is staged.
            StorageError: There is no such log.
        """
        chunks = [entries[at : at + _ROW_ENTRIES] for at in range(0, len(entries), _ROW_ENTRIES)]
        packed = [encode_entries(chunk) for chunk in chunks]
        self._known = None
        # The update comes before the insert: its row lock makes a second stager wait until this transaction is over.
        row = ALLOCATE.row(self._connection, log=self._origin, count=len(entries))
        if row is None:
            raise self._missing()
        first = row.next_index - len(entries)
        self._insert_staged(first, chunks, packed)
        return LeafIndex(first)

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return staged entries.

        Raises:
            StorageError: They start after `start`.
        """
        # The end before the rows: between two statements another stager may commit, which then only adds to what is found.
        end = self._head().end
        entries: list[bytes] = []
        budget_bytes = _MAX_READ_BYTES
        more = True
        while more:
            next_index = start + len(entries)
            found = READ_STAGED.rows(
                self._connection, log=self._origin, lowest=next_index - _ROW_ENTRIES, start=next_index, stop=start + limit
            )
            for first, count, packed in found:
                wanted = start + len(entries) - first
                if wanted < 0:
                    raise StorageError(f"log {self._origin!r}: staged entries {first + wanted} to {first - 1} are missing")
                entries.extend(parse_entries(packed)[wanted : min(count, wanted + limit - len(entries))])
                budget_bytes -= len(packed)
                if budget_bytes < 0:
                    break
            more = len(found) == PAGE_ROWS and budget_bytes >= 0
        if not entries and start < end:
            raise StorageError(f"log {self._origin!r}: staged entries {start} to {end - 1} are missing")
        return entries

    def staged_range(self) -> range:
        """Return the indices that are staged.

        Raises:
            StorageError: There is no such log.
        """
        # One statement: between two of them another stager may commit.
        found = self._connection.execute(STAGED_RANGE, {"log": self._origin}).first()
        if found is None:
            raise self._missing()
        first, end = found
        return range(end if first is None else first, end)

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace what is staged."""
        chunks = [entries[at : at + _ROW_ENTRIES] for at in range(0, len(entries), _ROW_ENTRIES)]
        self._known = None
        if RENUMBER.run(self._connection, log=self._origin, end=first + len(entries)) != 1:
            raise self._missing()
        self._connection.execute(sa.delete(TABLES.staged).where(STAGED.origin == self._origin))
        self._insert_staged(first, chunks, [encode_entries(chunk) for chunk in chunks])

    def committed(self) -> bytes | None:
        """Return the committed checkpoint.

        Raises:
            StorageError: There is no such log.
        """
        return self._head().committed

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        """Write tiles and entry bundles; a row that holds the same bytes, or more, is left alone.

        Raises:
            ResourceConflictError: A row holds other bytes and `replace` is not set.
        """
        fresh: dict[tuple[int, int], tuple[Resource, bytes]] = {}
        for resource, content in resources_of(tiles, bundles).items():
            key = (level_of(resource), resource.index)
            if key not in fresh or fresh[key][0].width < resource.width:
                fresh[key] = (resource, content)
        obsolete = self._compare(fresh, replace=replace)
        if obsolete:
            DELETE_TILE.run_all(self._connection, [{"log": self._origin, "at": lv, "number": n} for lv, n in obsolete])
        WRITE_TILES.run_all(self._connection, [self._row(*resource) for resource in fresh.values()])

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint if it still is the expected one.

        Raises:
            CheckpointConflictError: Another one is committed.
        """
        known, self._known = self._known, None
        if expected is None:
            swapped = SWAP_FIRST.run(self._connection, log=self._origin, new=new)
        else:
            swapped = SWAP.run(self._connection, log=self._origin, new=new, expected=expected)
        if swapped != 1:
            raise CheckpointConflictError(expected, self.committed())
        self._known = None if known is None else replace(known, committed=new)

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the published one.

        Raises:
            CheckpointConflictError: Another one is committed.
        """
        self._known = None
        if PUBLISH.run(self._connection, log=self._origin, note=note) != 1:
            raise CheckpointConflictError(note, self.committed())

    def discard(self, below: LeafIndex) -> None:
        """Delete rows of staged entries that lie wholly below an index; tiles need nothing, each is one row."""
        DISCARD.run(self._connection, log=self._origin, below=below)

    def _head(self) -> HeadRow:
        """Read the row of the head, once until this store changes it: a swap finds out what others changed meanwhile."""
        if self._known is None:
            row = READ_HEAD.row(self._connection, log=self._origin)
            if row is None:
                raise self._missing()
            self._known = HeadRow(*row)
        return self._known

    def _missing(self) -> StorageError:
        return _missing(self._origin)

    def _insert_staged(self, first: int, chunks: Sequence[Sequence[bytes]], packed: Sequence[bytes]) -> None:
        rows = []
        for chunk, content in zip(chunks, packed, strict=True):
            rows.append({"origin": self._origin, "first_index": first, "entry_count": len(chunk), "packed": content})
            first += len(chunk)
        STAGE.run_all(self._connection, rows)

    def _read(self, resources: Sequence[Resource]) -> list[bytes]:
        return read_resources(resources, partial(READ_TILES.rows, self._connection, log=self._origin))

    def _compare(self, fresh: dict[tuple[int, int], tuple[Resource, bytes]], *, replace: bool) -> list[tuple[int, int]]:
        """Take out of `fresh` what is there already; return the keys of rows that have to give way."""
        obsolete: list[tuple[int, int]] = []
        for key, (width, content) in self._existing(fresh).items():
            resource, new = fresh[key]
            if width >= resource.width and content.startswith(new):
                del fresh[key]
            elif replace or new.startswith(content):
                obsolete.append(key)
            else:
                raise ResourceConflictError(encode_tile_path(resource))
        return obsolete

    def _existing(self, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, bytes]]:
        """Read the rows at these keys; by ranges, as a batch has hundreds of neighbours and few of them exist."""
        found: dict[tuple[int, int], tuple[int, bytes]] = {}
        for level, indices in by_level(keys).items():
            values = {"log": self._origin, "at": level, "lowest": min(indices), "highest": max(indices)}
            for index, width, content in READ_RANGE.rows(self._connection, **values):
                if (level, index) in keys:
                    found[level, index] = (width, content)
        return found

    def _row(self, resource: Resource, content: bytes) -> dict[str, object]:
        return {
            "origin": self._origin,
            "level": level_of(resource),
            "tile_index": resource.index,
            "width": resource.width,
            "content": content,
        }


@contextlib.contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction for one call of a store.

    Raises:
        StorageError: The database failed.
    """
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        raise StorageError(f"the database failed: {error}") from error


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """Ask single questions; raises as `transaction`."""
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        raise StorageError(f"the database failed: {error}") from error


class SqlLogReader:
    """Reads a published log, each call in a transaction of its own. As safe for threads as its engine."""

    def __init__(self, engine: sa.Engine, origin: str, cache: TileCache[bytes] | None = None) -> None:
        """Read a log.

        Args:
            engine: The database.
            origin: The log.
            cache: Keeps full tiles of this log; may be shared by its readers. Without one every tile is read each time.
        """
        self._engine = engine
        self._origin = origin
        self._cache = cache

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint.

        Raises:
            StorageError: There is no such log.
        """
        with _reading():
            row = PUBLISHED.read_one(self._engine, log=self._origin)
        if row is None:
            raise _missing(self._origin)
        note: bytes | None = row.published
        return note

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, with one query a level.

        Raises:
            ResourceMissingError: One of them is not there.
        """
        if self._cache is None:
            return self._read_resources(addresses)
        found = {address: self._cache.get(address) for address in addresses}
        missing = [address for address, data in found.items() if data is None]
        fresh = dict(zip(missing, self._read_resources(missing) if missing else (), strict=True))
        for address, data in fresh.items():
            if address.width == TILE_WIDTH:
                self._cache.put(address, data)
        return [found[address] or fresh[address] for address in addresses]

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile.

        Raises:
            ResourceMissingError: It is not there.
        """
        return self.read_tiles([address])[0]

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle.

        Raises:
            ResourceMissingError: It is not there.
        """
        return self._read_resources([address])[0]

    def _read_resources(self, resources: Sequence[Resource]) -> list[bytes]:
        # what is published only ever gets wider: levels may be read one after the other
        with _reading():
            return read_resources(resources, partial(READ_TILES.read, self._engine, log=self._origin))


def _missing(origin: str) -> StorageError:
    return StorageError(f"the database holds no log {origin!r}: create it first, or restore it")
