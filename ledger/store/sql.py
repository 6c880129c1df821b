"""A log in a SQL database, through SQLAlchemy Core: SQLite and PostgreSQL by the same statements.

`SqlLogStore` joins its caller's transaction, so that a record and its place in the log are staged together or not at
all, and a batch of tiles and its checkpoint are committed together. `EngineLogStore` makes a transaction of every call:
for readers, tools, and nodes whose roles run in processes of their own.

One row holds one tile at its greatest width: a partial tile is a prefix of it, so a published one stays readable
without being kept twice. One row of staged entries holds what one call staged, packed as in an entry bundle. The row of
the log's head is updated first by every writer, which puts writers of one log in a queue where the database has row
locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ledger.errors import CheckpointConflictError, ResourceConflictError, ResourceMissingError, StorageError
from ledger.hashing import LeafIndex
from ledger.mirror import Resource, cut, resources_of
from ledger.tiles import BundleAddress, TileAddress, encode_entries, encode_tile_path, parse_entries

_ROW_ENTRIES: Final = 4_096
"""Staged entries a row at the most. Reading relies on it; it may only ever be lowered with an empty staging table."""
_MAX_READ_BYTES: Final = 64 * 2**20
"""One read of staged entries returns at most one row more than this: memory stays flat with the largest entries."""
_BUNDLE_LEVEL: Final = -1
"""The level under which entry bundles are kept, below that of the leaves."""


@dataclass(frozen=True, slots=True)
class LogTables:
    """The tables of all logs in a database."""

    heads: sa.Table
    """One row a log: its checkpoints, and the index of the next entry."""
    staged: sa.Table
    """Packed entries that wait."""
    tiles: sa.Table
    """Tiles and entry bundles."""


def tables(metadata: sa.MetaData) -> LogTables:
    """Declare the log's tables in a schema; once per `MetaData`."""
    return LogTables(
        heads=sa.Table(
            "log_heads",
            metadata,
            sa.Column("origin", sa.String(255), primary_key=True),
            sa.Column("next_index", sa.BigInteger, nullable=False, comment="the index of the next entry to be staged"),
            sa.Column("committed", sa.LargeBinary, comment="the signed checkpoint that decides what the log is"),
            sa.Column("published", sa.LargeBinary, comment="the signed checkpoint that readers get"),
        ),
        staged=sa.Table(
            "log_staged",
            metadata,
            sa.Column("origin", sa.String(255), primary_key=True),
            sa.Column("first_index", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("entry_count", sa.Integer, nullable=False),
            sa.Column("packed", sa.LargeBinary, nullable=False, comment="each entry after its u16 length"),
        ),
        tiles=sa.Table(
            "log_tiles",
            metadata,
            sa.Column("origin", sa.String(255), primary_key=True),
            sa.Column("level", sa.SmallInteger, primary_key=True, autoincrement=False, comment="-1: entry bundles"),
            sa.Column("tile_index", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("width", sa.SmallInteger, nullable=False),
            sa.Column("content", sa.LargeBinary, nullable=False),
        ),
    )


_METADATA: Final = sa.MetaData()
_TABLES: Final = tables(_METADATA)
_HEADS: Final = _TABLES.heads.c
_STAGED: Final = _TABLES.staged.c
_TILES: Final = _TABLES.tiles.c
_OF_LOG: Final = _HEADS.origin == sa.bindparam("log")


def create_sql_log(connection: sa.Connection, origin: str) -> None:
    """Make a new, empty log in the caller's transaction.

    Creating is never implied by opening: a log whose rows are lost must not start again from nothing unnoticed.

    Raises:
        StorageError: The log exists.
    """
    if connection.scalar(sa.select(_HEADS.origin).where(_HEADS.origin == origin)) is not None:
        raise StorageError(f"log {origin!r} exists already")
    connection.execute(sa.insert(_TABLES.heads).values(origin=origin, next_index=0))


class SqlLogStore:
    """A `LogStore` in its caller's transaction: cheap to make, one per transaction, durable with the commit."""

    def __init__(self, connection: sa.Connection, origin: str) -> None:
        """Use the log that `create_sql_log` made; that it is missing shows with the first call."""
        self._connection = connection
        self._origin = origin

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint.

        Raises:
            StorageError: There is no such log.
        """
        return self._head(_HEADS.published)

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles, in one query.

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
        # The update comes before the insert: its row lock makes a second stager wait until this transaction is over.
        end = self._connection.scalar(_ALLOCATE, {"log": self._origin, "count": len(entries)})
        if end is None:
            raise self._missing()
        self._insert_staged(end - len(entries), chunks, packed)
        return LeafIndex(end - len(entries))

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return staged entries.

        Raises:
            StorageError: They start after `start`.
        """
        entries: list[bytes] = []
        budget_bytes = _MAX_READ_BYTES
        values = {"log": self._origin, "lowest": start - _ROW_ENTRIES, "start": start, "stop": start + limit}
        with self._connection.execute(_READ_STAGED, values, execution_options={"yield_per": 64}) as rows:
            for first, count, packed in rows:
                wanted = start + len(entries) - first
                if wanted < 0:
                    raise StorageError(
                        f"log {self._origin!r}: staged entries {first + wanted} to {first - 1} are missing"
                    )
                entries.extend(parse_entries(packed)[wanted : min(count, wanted + limit - len(entries))])
                budget_bytes -= len(packed)
                if budget_bytes < 0:
                    break
        return entries

    def staged_range(self) -> range:
        """Return the indices that are staged.

        Raises:
            StorageError: There is no such log.
        """
        end = self._connection.scalar(sa.select(_HEADS.next_index).where(_OF_LOG), {"log": self._origin})
        if end is None:
            raise self._missing()
        first = self._connection.scalar(_FIRST_STAGED, {"log": self._origin})
        return range(end if first is None else first, end)

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace what is staged."""
        chunks = [entries[at : at + _ROW_ENTRIES] for at in range(0, len(entries), _ROW_ENTRIES)]
        self._update_head({"next_index": first + len(entries)})
        self._connection.execute(sa.delete(_TABLES.staged).where(_STAGED.origin == self._origin))
        self._insert_staged(first, chunks, [encode_entries(chunk) for chunk in chunks])

    def committed(self) -> bytes | None:
        """Return the committed checkpoint.

        Raises:
            StorageError: There is no such log.
        """
        return self._head(_HEADS.committed)

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        """Write tiles and entry bundles; a row that holds the same bytes, or more, is left alone.

        Raises:
            ResourceConflictError: A row holds other bytes and `replace` is not set.
        """
        fresh: dict[tuple[int, int], tuple[Resource, bytes]] = {}
        for resource, content in resources_of(tiles, bundles).items():
            key = (_level(resource), resource.index)
            if key not in fresh or fresh[key][0].width < resource.width:
                fresh[key] = (resource, content)
        obsolete = self._compare(fresh, replace=replace)
        if obsolete:
            self._connection.execute(_DELETE_TILE, [{"log": self._origin, "at": lv, "number": n} for lv, n in obsolete])
        if fresh:
            self._connection.execute(sa.insert(_TABLES.tiles), [self._row(*resource) for resource in fresh.values()])

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint if it still is the expected one.

        Raises:
            CheckpointConflictError: Another one is committed.
        """
        holds = _HEADS.committed.is_(None) if expected is None else _HEADS.committed == expected
        swapped = self._connection.execute(
            sa.update(_TABLES.heads).where(_HEADS.origin == self._origin, holds).values(committed=new)
        )
        if swapped.rowcount != 1:
            raise CheckpointConflictError(expected, self.committed())

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the published one.

        Raises:
            CheckpointConflictError: Another one is committed.
        """
        published = self._connection.execute(
            sa.update(_TABLES.heads)
            .where(_HEADS.origin == self._origin, _HEADS.committed == note)
            .values(published=_HEADS.committed)
        )
        if published.rowcount != 1:
            raise CheckpointConflictError(note, self.committed())

    def discard(self, below: LeafIndex) -> None:
        """Delete rows of staged entries that lie wholly below an index; tiles need nothing, each is one row."""
        self._connection.execute(_DISCARD, {"log": self._origin, "below": below})

    def _head(self, column: sa.Column[Any]) -> bytes | None:
        row = self._connection.execute(sa.select(column).where(_OF_LOG), {"log": self._origin}).first()
        if row is None:
            raise self._missing()
        note: bytes | None = row[0]
        return note

    def _update_head(self, values: dict[str, int]) -> None:
        changed = self._connection.execute(
            sa.update(_TABLES.heads).where(_HEADS.origin == self._origin).values(**values)
        )
        if changed.rowcount != 1:
            raise self._missing()

    def _missing(self) -> StorageError:
        return StorageError(f"the database holds no log {self._origin!r}: create it first, or restore it")

    def _insert_staged(self, first: int, chunks: Sequence[Sequence[bytes]], packed: Sequence[bytes]) -> None:
        rows = []
        for chunk, content in zip(chunks, packed, strict=True):
            rows.append({"origin": self._origin, "first_index": first, "entry_count": len(chunk), "packed": content})
            first += len(chunk)
        if rows:
            self._connection.execute(sa.insert(_TABLES.staged), rows)

    def _read(self, resources: Sequence[Resource]) -> list[bytes]:
        found = self._rows({(_level(resource), resource.index) for resource in resources})
        contents = []
        for resource in resources:
            width, content = found.get((_level(resource), resource.index), (0, b""))
            if width < resource.width:
                raise ResourceMissingError(encode_tile_path(resource))
            contents.append(content if width == resource.width else cut(resource, content))
        return contents

    def _rows(self, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, bytes]]:
        rows = self._connection.execute(_READ_TILES, {"log": self._origin, "keys": sorted(keys)})
        return {(level, index): (width, content) for level, index, width, content in rows}

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
        wanted: dict[int, list[int]] = {}
        for level, index in keys:
            wanted.setdefault(level, []).append(index)
        found: dict[tuple[int, int], tuple[int, bytes]] = {}
        for level, indices in wanted.items():
            values = {"log": self._origin, "at": level, "lowest": min(indices), "highest": max(indices)}
            for index, width, content in self._connection.execute(_READ_RANGE, values):
                if (level, index) in keys:
                    found[level, index] = (width, content)
        return found

    def _row(self, resource: Resource, content: bytes) -> dict[str, object]:
        return {
            "origin": self._origin,
            "level": _level(resource),
            "tile_index": resource.index,
            "width": resource.width,
            "content": content,
        }


class EngineLogStore:
    """A `LogStore` of which every call is a transaction of its own. As safe for threads as its engine."""

    def __init__(self, engine: sa.Engine, origin: str) -> None:
        self._engine = engine
        self._origin = origin

    @property
    def origin(self) -> str:
        """The log's name."""
        return self._origin

    def checkpoint(self) -> bytes | None:
        """Return the published checkpoint."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).checkpoint()

    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        """Return the contents of tiles."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).read_tiles(addresses)

    def tile(self, address: TileAddress) -> bytes:
        """Return the contents of one tile."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).tile(address)

    def bundle(self, address: BundleAddress) -> bytes:
        """Return the contents of one entry bundle."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).bundle(address)

    def stage(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries to the staging sequence; durable when it returns."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).stage(entries)

    def staged(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return staged entries."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).staged(start, limit)

    def staged_range(self) -> range:
        """Return the indices that are staged."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).staged_range()

    def restage(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Replace what is staged."""
        with self._engine.begin() as connection:
            SqlLogStore(connection, self._origin).restage(first, entries)

    def committed(self) -> bytes | None:
        """Return the committed checkpoint."""
        with self._engine.begin() as connection:
            return SqlLogStore(connection, self._origin).committed()

    def write_batch(
        self, tiles: Mapping[TileAddress, bytes], bundles: Mapping[BundleAddress, bytes], *, replace: bool = False
    ) -> None:
        """Write tiles and entry bundles."""
        with self._engine.begin() as connection:
            SqlLogStore(connection, self._origin).write_batch(tiles, bundles, replace=replace)

    def swap_checkpoint(self, expected: bytes | None, new: bytes) -> None:
        """Replace the committed checkpoint if it still is the expected one."""
        with self._engine.begin() as connection:
            SqlLogStore(connection, self._origin).swap_checkpoint(expected, new)

    def publish(self, note: bytes) -> None:
        """Make the committed checkpoint the published one."""
        with self._engine.begin() as connection:
            SqlLogStore(connection, self._origin).publish(note)

    def discard(self, below: LeafIndex) -> None:
        """Forget staged entries below an index."""
        with self._engine.begin() as connection:
            SqlLogStore(connection, self._origin).discard(below)


_ALLOCATE: Final = (
    sa.update(_TABLES.heads)
    .where(_OF_LOG)
    .values(next_index=_HEADS.next_index + sa.bindparam("count"))
    .returning(_HEADS.next_index)
)
_READ_STAGED: Final = (
    sa.select(_STAGED.first_index, _STAGED.entry_count, _STAGED.packed)
    .where(
        _STAGED.origin == sa.bindparam("log"),
        _STAGED.first_index > sa.bindparam("lowest"),
        _STAGED.first_index < sa.bindparam("stop"),
        _STAGED.first_index + _STAGED.entry_count > sa.bindparam("start"),
    )
    .order_by(_STAGED.first_index)
)
_FIRST_STAGED: Final = sa.select(sa.func.min(_STAGED.first_index)).where(_STAGED.origin == sa.bindparam("log"))
_DISCARD: Final = sa.delete(_TABLES.staged).where(
    _STAGED.origin == sa.bindparam("log"),
    _STAGED.first_index < sa.bindparam("below"),
    _STAGED.first_index + _STAGED.entry_count <= sa.bindparam("below"),
)
_READ_TILES: Final = sa.select(_TILES.level, _TILES.tile_index, _TILES.width, _TILES.content).where(
    _TILES.origin == sa.bindparam("log"),
    sa.tuple_(_TILES.level, _TILES.tile_index).in_(sa.bindparam("keys", expanding=True)),
)
_READ_RANGE: Final = sa.select(_TILES.tile_index, _TILES.width, _TILES.content).where(
    _TILES.origin == sa.bindparam("log"),
    _TILES.level == sa.bindparam("at"),
    _TILES.tile_index.between(sa.bindparam("lowest"), sa.bindparam("highest")),
)
_DELETE_TILE: Final = sa.delete(_TABLES.tiles).where(
    _TILES.origin == sa.bindparam("log"),
    _TILES.level == sa.bindparam("at"),
    _TILES.tile_index == sa.bindparam("number"),
)


def _level(resource: Resource) -> int:
    return resource.level if isinstance(resource, TileAddress) else _BUNDLE_LEVEL
