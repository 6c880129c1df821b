"""Counters are set by one statement, which each dialect spells in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from node.adapters.database.engines import Durability, open_sqlite
from node.adapters.database.records.statements import SET_COUNTERS
from node.adapters.database.records.tables import records_metadata
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.domain.entry import Origin
from node.ports.records.transaction import CounterKey, LocatorId

ONE, OTHER = LocatorId(b"1" * 16), LocatorId(b"2" * 16)
LOG, OTHER_LOG = Origin("one.example/log"), Origin("other.example/log")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_sqlite(tmp_path / "records.db", Durability.FULL, writer=True)
    yield engine
    engine.dispose()


def test_counters_are_inserted_and_replaced_each_under_its_own_key(engine: sa.Engine) -> None:
    first, second, third = CounterKey(LOG, ONE, 0), CounterKey(LOG, ONE, 1), CounterKey(OTHER_LOG, OTHER, 0)
    with engine.begin() as connection:
        records_metadata.create_all(connection)
        transaction = SqlRecordsTransaction(connection)
        transaction.set_counters({})
        transaction.set_counters({first: 1, second: 5})
        transaction.set_counters({first: 2, third: 7})
        assert transaction.counters([ONE, OTHER]) == {first: 2, second: 5, third: 7}
        assert transaction.counters([OTHER]) == {third: 7}


def test_postgresql_has_its_own_words_for_it() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    text = str(SET_COUNTERS["postgresql"].compile(dialect=dialect))
    assert "ON CONFLICT (origin, locator_id, tag_class) DO UPDATE SET next_counter = excluded.next_counter" in text
