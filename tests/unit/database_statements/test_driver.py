"""Statements that the driver runs itself: the same rows as through SQLAlchemy, whatever their number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg

from node.adapters.database import (
    consents,
    disclosures,
    nonces,
    notices,
    own_entries,
    reader,
    recalls,
    retrievals,
    statements,
    trust,
    withdrawals,
)
from node.adapters.database.driver import alter, fetch, insert_rows, insert_text, look_up, lookup_text, text_of
from node.adapters.database.engines import Durability, open_sqlite
from node.adapters.database.tables import headers, records, records_metadata

COUNTS = (0, 1, 2, 3, 399, 400, 401, 1000)
INSERTS = {
    name: value
    for name, value in {**vars(statements), **statements.SET_COUNTERS}.items()
    if isinstance(value, sa.Insert) and name != "postgresql"
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sa.Connection]:
    engine = open_sqlite(tmp_path / "records.db", Durability.FULL, writer=True)
    with engine.begin() as opened:
        records_metadata.create_all(opened)
        yield opened
    engine.dispose()


def record(number: int) -> tuple[object, ...]:
    return f"record-{number:04}", "hospital-a", "exam-result", number.to_bytes(32, "big"), None


@pytest.mark.parametrize("count", COUNTS)
def test_what_is_looked_up_is_found_once(connection: sa.Connection, count: int) -> None:
    rows = [record(number) for number in range(count)]
    insert_rows(connection, statements.INSERT_RECORDS, rows)
    assert [tuple(row) for row in connection.execute(sa.select(records).order_by(records.c.record_id))] == rows
    wanted = [number.to_bytes(32, "big") for number in (*range(count), 5_000)]
    assert sorted(look_up(connection, statements.RECORDS_BY_IDENTITY, wanted, "hospital-a"), key=str) == rows
    assert look_up(connection, statements.RECORDS_BY_IDENTITY, wanted, "hospital-b") == []


def test_a_failure_takes_the_transaction_s_rows_along(tmp_path: Path) -> None:
    engine = open_sqlite(tmp_path / "records.db", Durability.FULL, writer=True)
    with engine.begin() as connection:
        records_metadata.create_all(connection)

    def insert_twice() -> None:
        with engine.begin() as connection:
            insert_rows(connection, statements.INSERT_RECORDS, [record(1)])
            insert_rows(connection, statements.INSERT_RECORDS, [record(1)])

    with pytest.raises(Exception, match="UNIQUE"):
        insert_twice()
    with engine.begin() as connection:
        assert connection.execute(sa.select(records)).all() == []
    engine.dispose()


@pytest.mark.parametrize("name", sorted(INSERTS))
def test_insertions_take_all_columns_in_their_order(name: str) -> None:
    dialect: Any = psycopg.dialect
    statement = statements.SET_COUNTERS["postgresql"] if name == "sqlite" else INSERTS[name]
    text = insert_text(statement, dialect())
    columns = [column.name for column in statement.table.columns]
    assert f"({', '.join(columns)}) VALUES (" in text
    assert text.count("%s") == len(columns)


def test_an_insertion_that_takes_other_columns_is_refused(connection: sa.Connection) -> None:
    reduced = headers.insert().values(origin=sa.bindparam("origin"), leaf_index=sa.bindparam("leaf_index"))
    with pytest.raises(TypeError, match="would take values"):
        insert_rows(connection, reduced, [("origin", 1)])


def test_postgresql_s_lookups_tell_parameters_apart_by_their_place() -> None:
    dialect: Any = psycopg.dialect
    text = lookup_text(statements.RECORDS_BY_IDENTITY, dialect(), 4)
    assert "institution = %s" in text
    assert text.index("institution = %s") < text.index("IN (%s, %s, %s, %s)")


MODULES = (consents, disclosures, nonces, notices, own_entries, reader, recalls, retrievals, trust, withdrawals)


def constants() -> dict[str, sa.Executable]:
    """Return the statements that modules keep, those of PostgreSQL where there are two."""
    found: dict[str, sa.Executable] = {}
    for module in MODULES:
        for name, value in vars(module).items():
            statement = value.get("postgresql") if isinstance(value, dict) else value
            # lists of values are the other functions'
            if isinstance(statement, sa.Executable) and "POSTCOMPILE" not in str(statement):
                found[f"{module.__name__.rpartition('.')[2]}.{name}"] = statement
    return found


@pytest.mark.parametrize("name", sorted(constants()))
def test_statements_tell_their_parameters_apart_by_their_place_on_postgresql_too(name: str) -> None:
    dialect: Any = psycopg.dialect
    text, names, fixed = text_of(constants()[name], dialect())
    assert text.count("%s") == len(names)
    assert set(fixed) >= set(names)
    assert "?" not in text


def test_values_that_belong_to_a_statement_are_given_with_it(connection: sa.Connection) -> None:
    insert_rows(connection, statements.INSERT_RECORDS, [record(number) for number in range(4)])
    wanted = records.c.institution == sa.bindparam("of")
    query = sa.select(records.c.record_id).where(wanted, records.c.kind == "exam-result").order_by(records.c.record_id).limit(2)
    assert fetch(connection, query, {"of": "hospital-a"}) == [("record-0000",), ("record-0001",)]
    assert fetch(connection, query, {"of": "hospital-b"}) == []


def test_a_change_says_how_many_rows_it_changed(connection: sa.Connection) -> None:
    insert_rows(connection, statements.INSERT_RECORDS, [record(number) for number in range(4)])
    change = records.update().where(records.c.record_id < sa.bindparam("end")).values(kind=sa.bindparam("new"))
    assert alter(connection, change, {"end": "record-0003", "new": "referral"}) == 3
    assert alter(connection, change, {"end": "record-0000", "new": "referral"}) == 0
