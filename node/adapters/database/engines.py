"""Open database engines with the durability that each file needs (DESIGN section 5).

SQLite runs in WAL mode. `records.db` and `secrets.db` use synchronous=FULL: what was acknowledged survives a power cut.
`index.db` can be rebuilt and uses NORMAL. The driver's own transaction handling is switched off, so that `BEGIN` is
where this module says it is.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

BUSY_TIMEOUT_MS = 10_000
"""How long a connection waits for another one's lock before it gives up."""
CACHE_KIB = 32 * 1024
"""Page cache of a writer. A group of reports is larger than SQLite's default of 2 MiB, beyond which a transaction writes pages
before it commits, and some of them twice."""


class Durability(StrEnum):
    """SQLite's `synchronous` setting."""

    FULL = "FULL"
    """A commit that returned survives a power cut."""
    NORMAL = "NORMAL"
    """A commit that returned survives a crash of the process, not of the machine; for what can be rebuilt."""


class SqliteDialect(SQLiteDialect_pysqlite):
    """SQLite as its driver speaks it, with transactions that begin where SQLAlchemy says so.

    Listening for that would do it too, and have SQLAlchemy look for listeners with every statement of the engine.
    """

    supports_statement_cache = True
    begins = "BEGIN"

    def do_begin(self, dbapi_connection: Any) -> None:  # noqa: ANN401 - a connection of the pool
        """Begin a transaction."""
        dbapi_connection.execute(self.begins)


class SqliteWriterDialect(SqliteDialect):
    """The same for writers: their transactions take the write lock when they begin."""

    supports_statement_cache = True
    begins = "BEGIN IMMEDIATE"


registry.register("sqlite.reader", __name__, SqliteDialect.__name__)
registry.register("sqlite.writer", __name__, SqliteWriterDialect.__name__)


class _DriverConnection(Protocol):
    """What is used here of a `sqlite3.Connection`."""

    isolation_level: str | None

    def execute(self, statement: str, /) -> object: ...


def truncate_log(engine: sa.Engine) -> None:
    """Move what SQLite's write-ahead log holds into the database and empty it: deleted bytes must not linger there.

    Waits for readers, at most `BUSY_TIMEOUT_MS`. Other databases need nothing that can be asked for here.
    """
    if engine.dialect.name != "sqlite":
        return
    # in a connection of the pool but outside SQLAlchemy's transactions: a checkpoint is refused inside one
    pooled = engine.raw_connection()
    try:
        pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        pooled.close()


def open_sqlite(path: Path, durability: Durability, *, writer: bool, shred: bool = False) -> sa.Engine:
    """Open a SQLite file.

    Args:
        path: The database file; created when missing.
        durability: What a returned commit survives.
        writer: Whether transactions take the write lock when they begin: upgrading a read transaction later could fail.
        shred: Whether deleted rows are overwritten with zeros; for the file that holds what erasure destroys.

    Returns:
        An engine. A writer's pool holds one connection, a reader's up to eight.
    """
    engine = sa.create_engine(
        f"sqlite+{'writer' if writer else 'reader'}:///{path}",
        pool_size=1 if writer else 8,
        max_overflow=0,
        # a statement that fails is logged without what it carried
        hide_parameters=True,
        connect_args={"check_same_thread": False, "cached_statements": 256},
    )

    @event.listens_for(engine, "connect")
    def configure(connection: _DriverConnection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={durability}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA secure_delete={'ON' if shred else 'OFF'}")
        if writer:
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")

    return engine
