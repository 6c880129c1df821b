"""What only the SQL store has: transactions, and rows of several logs beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.errors import ResourceMissingError, StorageError
from ledger.hashing import LeafIndex
from ledger.mirror import TileCache
from ledger.notes import NoteSigner
from ledger.sequencer import Sequencer
from ledger.store.sql import SqlLogReader, SqlLogStore, create_sql_log
from ledger.tiles import TileAddress
from tests.log_audit import audited_entries
from tests.log_media import SqlMedium, sqlite_engine
from tests.simulators import ORIGIN, SIGNER, InjectedFaultError, ScriptedGuard


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    medium = SqlMedium(sqlite_engine(tmp_path / "log.db", "OFF"), joined=True)
    yield medium.engine
    medium.close()


def stage_and_fail(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert SqlLogStore(connection, ORIGIN).stage([b"x", b"y"]) == 1
        raise InjectedFaultError("the caller's own work failed")


def test_a_roll_back_gives_the_indices_back(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        SqlLogStore(connection, ORIGIN).stage([b"a"])
    with pytest.raises(InjectedFaultError):
        stage_and_fail(engine)
    with engine.begin() as connection:
        store = SqlLogStore(connection, ORIGIN)
        assert store.stage([b"b"]) == 1
        assert store.staged(LeafIndex(0), 10) == [b"a", b"b"]


def test_logs_in_one_database_do_not_see_each_other(engine: sa.Engine) -> None:
    other = NoteSigner.from_seed("log.hospital-b.example", b"\x02" * 32)
    with engine.begin() as connection:
        create_sql_log(connection, "log.hospital-b.example")
        first, second = (SqlLogStore(connection, origin) for origin in (ORIGIN, "log.hospital-b.example"))
        first.stage([b"a1", b"a2"])
        assert second.stage([b"b1"]) == 0
        Sequencer(SIGNER, ScriptedGuard()).step(first)
        Sequencer(other, ScriptedGuard()).step(second)
        assert audited_entries(first) == [b"a1", b"a2"]
        assert second.staged_range() == range(1, 1)


def test_lost_rows_of_staged_entries_are_noticed(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        store = SqlLogStore(connection, ORIGIN)
        for entry in (b"a", b"b", b"c"):
            store.stage([entry])
        connection.execute(sa.text("DELETE FROM log_staged WHERE first_index = 1"))
        with pytest.raises(StorageError, match="staged entries 1 to 1 are missing"):
            store.staged(LeafIndex(0), 10)
        connection.execute(sa.text("DELETE FROM log_staged"))
        with pytest.raises(StorageError, match="staged entries 0 to 2 are missing"):
            Sequencer(SIGNER, ScriptedGuard()).step(store)


def test_a_log_has_to_be_created_once(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        with pytest.raises(StorageError, match="exists already"):
            create_sql_log(connection, ORIGIN)
        missing = SqlLogStore(connection, "log.nobody.example")
        for call in (
            missing.checkpoint,
            missing.committed,
            missing.staged_range,
            lambda: missing.stage([b"a"]),
            lambda: missing.restage(LeafIndex(0), []),
        ):
            with pytest.raises(StorageError, match="holds no log"):
                call()


def test_a_reader_sees_what_is_committed(engine: sa.Engine) -> None:
    reader = SqlLogReader(engine, ORIGIN)
    assert reader.checkpoint() is None
    with engine.begin() as connection:
        store = SqlLogStore(connection, ORIGIN)
        store.stage([b"%d" % number for number in range(700)])
        Sequencer(SIGNER, ScriptedGuard()).step(store)
    assert len(audited_entries(reader)) == 700


def test_a_reader_keeps_full_tiles_and_no_partial_ones(engine: sa.Engine) -> None:
    cache: TileCache[bytes] = TileCache()
    reader = SqlLogReader(engine, ORIGIN, cache)
    with engine.begin() as connection:
        store = SqlLogStore(connection, ORIGIN)
        store.stage([b"%d" % number for number in range(700)])
        Sequencer(SIGNER, ScriptedGuard()).step(store)
    wanted = [TileAddress(0, 0), TileAddress(0, 2, 188), TileAddress(1, 0, 2)]
    plain = SqlLogReader(engine, ORIGIN).read_tiles(wanted)
    assert [reader.read_tiles(wanted) for _ in range(2)] == [plain, plain]
    assert [cache.get(address) for address in wanted] == [plain[0], None, None]
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM log_tiles"))
    assert reader.tile(wanted[0]) == plain[0]
    with pytest.raises(ResourceMissingError):
        reader.tile(wanted[1])


def test_a_database_that_fails_is_a_storage_error(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "empty.db")
    with pytest.raises(StorageError, match="no such table"):
        SqlLogReader(engine, ORIGIN).checkpoint()
    engine.dispose()
