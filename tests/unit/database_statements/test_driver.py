"""Statements that the driver runs itself: the same rows as through SQLAlchemy, whatever their number."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg

import node.adapters.database
from ledger.store.sql_statements import Statement
from node.adapters.database.driver import insert_rows, insert_text, look_up, lookup_text
from node.adapters.database.engines import Durability, open_sqlite
from node.adapters.database.records import statements
from node.adapters.database.records.tables import headers, records, records_metadata

COUNTS = (0, 1, 2, 3, 399, 400, 401, 1000)
INSERTS = {
    name: value
    for name, value in {**vars(statements), **statements.SET_COUNTERS}.items()
    if isinstance(value, sa.Insert) and name != "postgresql"
}


def kept() -> dict[str, Statement]:
    """Return the statements that the adapters keep, by module and name."""
    package = node.adapters.database
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    modules = [importlib.import_module(each.name) for each in found]
    return {
        f"{module.__name__.removeprefix(package.__name__)}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Statement)
    }


STATEMENTS = kept()
assert STATEMENTS, "the adapters keep their statements somewhere else"


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


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_statements_tell_their_parameters_apart_by_their_place_on_postgresql_too(name: str) -> None:
    dialect: Any = psycopg.dialect
    compiled = STATEMENTS[name]._compile(dialect(), 4)
    assert compiled.text.count("%s") == len(compiled.names)
    assert "?" not in compiled.text
