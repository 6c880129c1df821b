"""Media that outlive a process: each can be opened again, as after a crash, and then shows what was durable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from ledger.ports import LogStore
from ledger.store.memory import MemoryLogStore
from ledger.store.posix import PosixLogStore, create_posix_log
from ledger.store.sql import SqlLogStore, create_sql_log, tables
from ledger.store.sql_engine import EngineLogStore
from tests.simulators import ORIGIN

KINDS = ("memory", "posix", "sql-joined", "sql-calls")


class Medium(Protocol):
    """Something a log is kept on."""

    def open(self) -> contextlib.AbstractContextManager[LogStore]:
        """Open the log; leaving the context closes it and, where it is a transaction, commits."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class MemoryMedium:
    def __init__(self) -> None:
        self._store = MemoryLogStore(ORIGIN)

    @contextlib.contextmanager
    def open(self) -> Iterator[LogStore]:
        yield self._store

    def close(self) -> None:
        pass


class PosixMedium:
    def __init__(self, root: Path) -> None:
        self.root = root
        create_posix_log(root, ORIGIN)

    @contextlib.contextmanager
    def open(self) -> Iterator[LogStore]:
        with PosixLogStore(self.root, ORIGIN) as store:
            yield store

    def close(self) -> None:
        pass


class SqlMedium:
    """A log in a database; each `open` is one transaction, or each call is."""

    def __init__(self, engine: sa.Engine, *, joined: bool) -> None:
        self.engine = engine
        self._joined = joined
        self.reset()

    def reset(self) -> None:
        """Empty the database and make the log in it."""
        metadata = sa.MetaData()
        tables(metadata)
        metadata.drop_all(self.engine)
        metadata.create_all(self.engine)
        with self.engine.begin() as connection:
            create_sql_log(connection, ORIGIN)

    @contextlib.contextmanager
    def open(self) -> Iterator[LogStore]:
        if not self._joined:
            yield EngineLogStore(self.engine, ORIGIN)
            return
        with self.engine.begin() as connection:
            yield SqlLogStore(connection, ORIGIN)

    def close(self) -> None:
        self.engine.dispose()


def sqlite_engine(path: Path, synchronous: str = "FULL") -> sa.Engine:
    """Open SQLite as the node does: WAL, and a transaction that takes the write lock when it begins."""
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def make_medium(kind: str, directory: Path) -> Medium:
    """Make an empty log on a medium of some kind."""
    if kind == "memory":
        return MemoryMedium()
    if kind == "posix":
        return PosixMedium(directory / "log")
    # Unsynced: the crashes that these media are for leave the page cache alone.
    return SqlMedium(sqlite_engine(directory / "log.db", "OFF"), joined=kind == "sql-joined")
