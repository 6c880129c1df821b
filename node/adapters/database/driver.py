"""Run the statements of small transactions, of which there are many, on the driver's own cursor.

SQLAlchemy writes their text, once for each dialect. Running them through it too would cost a group of reports as much as all of
their cryptography: it prepares the parameters of each row anew. Values are what the driver takes as they are: text, bytes,
integers, None. Left out: everything that is not run for every group; SQLAlchemy runs that as usual, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import sqlalchemy as sa

_LOOKUP_CHUNK: Final = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_PARAMETER_STYLES: Final = {"sqlite": "qmark", "postgresql": "format"}
"""By dialect: how its driver spells parameters that are told apart by their place."""


def insert_rows(connection: sa.Connection, statement: sa.Insert, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows; each holds the values of all columns of the table, in their order."""
    if rows:
        with closing(connection.connection.cursor()) as cursor:
            cursor.executemany(insert_text(statement, connection.dialect), rows)


def look_up(
    connection: sa.Connection, statement: sa.Select[Any], wanted: Sequence[object], *given: object
) -> list[tuple[Any, ...]]:
    """Return the rows that hold one of the wanted values.

    Args:
        connection: In whose transaction.
        statement: Its last parameter is the expanding one called `wanted`.
        wanted: Any number of values.
        given: The other parameters, in their order.
    """
    found: list[tuple[Any, ...]] = []
    with closing(connection.connection.cursor()) as cursor:
        for start in range(0, len(wanted), _LOOKUP_CHUNK):
            values = wanted[start : start + _LOOKUP_CHUNK]
            # lists of a few lengths only, so that their texts are known; a value that is asked for twice is found once
            missing = (1 << (len(values) - 1).bit_length()) - len(values)
            text = lookup_text(statement, connection.dialect, len(values) + missing)
            cursor.execute(text, (*given, *values, *repeat(values[0], missing)))
            found += cursor.fetchall()
    return found


@lru_cache(maxsize=64)
def insert_text(statement: sa.Insert, dialect: sa.Dialect) -> str:
    """Return the text of an insertion, its parameters told apart by their place.

    Raises:
        TypeError: It does not take all columns of its table in their order.
    """
    compiled = statement.compile(dialect=_positional(dialect))
    columns = [column.name for column in statement.table.columns]
    if compiled.positiontup != columns:
        raise TypeError(f"an insertion of {compiled.positiontup} would take values of {columns} for them")
    return str(compiled)


@lru_cache(maxsize=256)
def lookup_text(statement: sa.Select[Any], dialect: sa.Dialect, length: int) -> str:
    """Return the text of a look-up of that many wanted values."""
    listed = statement.params(wanted=[b""] * length)
    return str(listed.compile(dialect=_positional(dialect), compile_kwargs={"render_postcompile": True}))


def _positional(dialect: sa.Dialect) -> sa.Dialect:
    kind: Any = type(dialect)
    positional: sa.Dialect = kind(paramstyle=_PARAMETER_STYLES[dialect.name])
    return positional
