"""The log's tables in a SQL database, and the statements that `ledger.store.sql` runs on them.

Nothing here is one engine's own: `UPDATE … RETURNING` and row values in `IN` are understood by SQLite (3.35) and
PostgreSQL alike. Left out: migrations; whoever includes the tables in a schema versions them with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from ledger.store.sql_statements import Statement


@dataclass(frozen=True, slots=True)
class LogTables:
    """The tables of all logs in a database."""

    heads: sa.Table
    """One row a log: its checkpoints, and the index of the next entry."""
    staged: sa.Table
    """Packed entries that wait."""
    tiles: sa.Table
    """Tiles and entry bundles."""


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The row of a log's head, as one statement reads it."""

    committed: bytes | None
    """The signed checkpoint that decides what the log is."""
    published: bytes | None
    """The one that readers get."""
    end: int
    """The index of the next entry to be staged."""


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
TABLES: Final = tables(_METADATA)
HEADS: Final = TABLES.heads.c
STAGED: Final = TABLES.staged.c
TILES: Final = TABLES.tiles.c
_OF_LOG: Final = HEADS.origin == sa.bindparam("log")
ALLOCATE: Final = Statement(
    sa.update(TABLES.heads).where(_OF_LOG).values(next_index=HEADS.next_index + sa.bindparam("count")).returning(HEADS.next_index)
)
READ_HEAD: Final = Statement(sa.select(HEADS.committed, HEADS.published, HEADS.next_index).where(_OF_LOG))
PUBLISHED: Final = Statement(sa.select(HEADS.published).where(_OF_LOG))
_SWAP: Final = sa.update(TABLES.heads).values(committed=sa.bindparam("new"))
SWAP_FIRST: Final = Statement(_SWAP.where(_OF_LOG, HEADS.committed.is_(None)))
SWAP: Final = Statement(_SWAP.where(_OF_LOG, HEADS.committed == sa.bindparam("expected")))
RENUMBER: Final = Statement(sa.update(TABLES.heads).where(_OF_LOG).values(next_index=sa.bindparam("end")))
PUBLISH: Final = Statement(
    sa.update(TABLES.heads).where(_OF_LOG, HEADS.committed == sa.bindparam("note")).values(published=HEADS.committed)
)
STAGE: Final = Statement(sa.insert(TABLES.staged))
WRITE_TILES: Final = Statement(sa.insert(TABLES.tiles))
PAGE_ROWS: Final = 64
"""Rows of staged entries that are read at once."""
READ_STAGED: Final = Statement(
    sa.select(STAGED.first_index, STAGED.entry_count, STAGED.packed)
    .where(
        STAGED.origin == sa.bindparam("log"),
        STAGED.first_index > sa.bindparam("lowest"),
        STAGED.first_index < sa.bindparam("stop"),
        STAGED.first_index + STAGED.entry_count > sa.bindparam("start"),
    )
    .order_by(STAGED.first_index)
    .limit(PAGE_ROWS)
)
STAGED_RANGE: Final = sa.select(
    sa.select(sa.func.min(STAGED.first_index)).where(STAGED.origin == sa.bindparam("log")).scalar_subquery(), HEADS.next_index
).where(_OF_LOG)
DISCARD: Final = Statement(
    sa.delete(TABLES.staged).where(
        STAGED.origin == sa.bindparam("log"),
        STAGED.first_index < sa.bindparam("below"),
        STAGED.first_index + STAGED.entry_count <= sa.bindparam("below"),
    )
)
_TILE: Final = sa.select(TILES.tile_index, TILES.width, TILES.content).where(
    TILES.origin == sa.bindparam("log"), TILES.level == sa.bindparam("at")
)
READ_TILES: Final = Statement(_TILE.where(TILES.tile_index.in_(sa.bindparam("numbers", expanding=True))))
READ_RANGE: Final = Statement(_TILE.where(TILES.tile_index.between(sa.bindparam("lowest"), sa.bindparam("highest"))))
DELETE_TILE: Final = Statement(
    sa.delete(TABLES.tiles).where(
        TILES.origin == sa.bindparam("log"), TILES.level == sa.bindparam("at"), TILES.tile_index == sa.bindparam("number")
    )
)
