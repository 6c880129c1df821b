"""Statements on the driver's own cursor: the same rows, the same transaction and the same errors as through SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.store.sql_statements import MAX_LISTED, Statement

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary),
)
INSERT = Statement(THINGS.insert())
NAMED = Statement(sa.select(THINGS.c.number, THINGS.c.content).where(THINGS.c.name == sa.bindparam("wanted")))
LISTED = Statement(
    sa.select(THINGS)
    .where(THINGS.c.number.in_(sa.bindparam("numbers", expanding=True)), THINGS.c.name != "left out")
    .order_by(THINGS.c.number)
)
EMPTY = Statement(
    THINGS.update().where(THINGS.c.number.in_(sa.bindparam("numbers", expanding=True))).values(content=sa.bindparam("new"))
)


def thing(number: int) -> dict[str, object]:
    return {"name": f"thing {number}", "number": number, "content": bytes([number % 256])}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'things.db'}", hide_parameters=True)
    with engine.begin() as connection:
        METADATA.create_all(connection)
    yield engine
    engine.dispose()


def test_rows_know_the_names_of_their_columns(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        assert INSERT.run(connection, **thing(7)) == 1
        row = NAMED.row(connection, wanted="thing 7")
        assert (row.number, row.content) == tuple(row) == (7, b"\x07")
        assert NAMED.row(connection, wanted="nothing") is None
    assert NAMED.read(engine, wanted="thing 7") == [row]
    assert NAMED.read_one(engine, wanted="nothing") is None


@pytest.mark.parametrize("count", [1, 2, 3, 5, MAX_LISTED - 1, MAX_LISTED])
def test_a_list_finds_what_it_names_once(engine: sa.Engine, count: int) -> None:
    with engine.begin() as connection:
        INSERT.run_all(connection, [thing(number) for number in range(count + 3)])
        INSERT.run(connection, name="left out", number=0, content=None)
        assert [row.number for row in LISTED.rows(connection, numbers=list(range(count)))] == list(range(count))
        assert EMPTY.run(connection, numbers=list(range(count)), new=None) == count + 1
    assert NAMED.read_one(engine, wanted=f"thing {count}").content == bytes([count % 256])


def test_they_are_part_of_the_caller_s_transaction(engine: sa.Engine) -> None:
    def fail() -> None:
        with engine.begin() as connection:
            INSERT.run(connection, **thing(1))
            raise RuntimeError("afterwards")

    with pytest.raises(RuntimeError, match="afterwards"):
        fail()
    with engine.connect() as connection:
        INSERT.run(connection, **thing(2))
        connection.rollback()
    assert LISTED.read(engine, numbers=[1, 2]) == []


def test_errors_are_those_of_sqlalchemy_without_the_values(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        INSERT.run(connection, **thing(1))
        with pytest.raises(sa.exc.IntegrityError) as caught:
            INSERT.run(connection, **thing(1))
        with pytest.raises(sa.exc.IntegrityError):
            INSERT.run_all(connection, [thing(1)])
    assert "thing 1" not in str(caught.value)
    with pytest.raises(sa.exc.OperationalError, match="no such table"):
        Statement(sa.select(sa.table("missing", sa.column("x")).c.x)).read(engine)
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError, match="no such table"):
        Statement(sa.select(sa.table("missing", sa.column("x")).c.x)).rows(connection)


def test_a_value_that_is_missing_is_no_null(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(KeyError, match="content"):
        INSERT.run(connection, name="thing", number=1)


@pytest.mark.parametrize("values", [{}, {"numbers": []}])
def test_a_list_that_is_missing_or_empty_is_refused(engine: sa.Engine, values: dict[str, list[int]]) -> None:
    with pytest.raises(LookupError):
        LISTED.read(engine, **values)
