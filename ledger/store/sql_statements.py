"""Statements that are run for every entry: compiled once for each dialect, and run on the driver's own cursor.

SQLAlchemy writes their text. Running them through it too costs several times what the database takes to answer a small
question: it makes a key of the statement, an execution and a result each time. Errors are reported as SQLAlchemy reports
them. Values are what drivers take as they are: text, bytes, integers, booleans, None; a boolean that is read from SQLite is a
number.

Left out: statements whose shape depends on what is asked, and rows by the hundred (`run_all` takes any number of them, as
tuples).
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql import visitors

Element = sa.Select[*tuple[Any, ...]] | sa.Insert | sa.Update | sa.Delete

MAX_LISTED: Final = 512
"""Values in one list: below every engine's limit on bound parameters."""
_NAMED_TUPLE: Final[Any] = namedtuple  # noqa: PYI024 - see below
"""Any: a statement's columns are not known before it runs."""
_PARAMETER_STYLES: Final = {"sqlite": "qmark", "postgresql": "format"}
"""By dialect: how its driver spells parameters that are told apart by their place."""


@dataclass(slots=True)
class _Compiled:
    """A statement as one driver takes it."""

    text: str
    names: tuple[str, ...]
    """The parameters in their order; those of a list one by one."""
    fixed: dict[str, Any]
    """Values that the statement itself holds."""
    listed: str | None
    """The parameter that is a list."""
    each: tuple[str, ...]
    """What the values of the list are called."""
    row: Callable[[Sequence[Any]], Any] | None = None
    """Makes a row that has its columns' names; known once the statement was run."""

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        if self.fixed:
            values = {**self.fixed, **values}
        if self.listed is not None:
            listed = values[self.listed]
            # lists of a few lengths only, so that their texts are known; what is asked for twice is found once
            values = {**values, **dict(zip(self.each, chain(listed, repeat(listed[0])), strict=False))}
        return [values[name] for name in self.names]


class Statement:
    """A statement; safe for threads."""

    def __init__(self, element: Element | Mapping[str, Element]) -> None:
        """Compile nothing yet.

        Args:
            element: The statement, or one for each dialect where they differ. A parameter that is expanding, one at the most,
                takes a list of one to `MAX_LISTED` values.
        """
        self._element = element
        self._listed = None if isinstance(element, Mapping) else _list_of(element)
        self._compiled: dict[tuple[str, int], _Compiled] = {}

    def rows(self, connection: sa.Connection, /, **values: object) -> list[Any]:
        """Return the rows, in the caller's transaction; a row is a tuple that knows its columns' names."""
        compiled = self._for(connection.dialect, values)
        with _cursor(connection) as cursor:
            try:
                cursor.execute(compiled.text, compiled.arguments(values))
                return _rows(compiled, cursor)
            except connection.dialect.loaded_dbapi.Error as error:
                raise _failure(connection.dialect, compiled, error) from error

    def row(self, connection: sa.Connection, /, **values: object) -> Any:  # noqa: ANN401 - of whatever is selected
        """Return the first row, or None."""
        found = self.rows(connection, **values)
        return found[0] if found else None

    def read(self, engine: sa.Engine, /, **values: object) -> list[Any]:
        """Return the rows, in a transaction of its own."""
        compiled = self._for(engine.dialect, values)
        # one statement is one snapshot: where the driver begins no transaction by itself, none is needed
        pooled = engine.raw_connection()
        try:
            cursor = pooled.cursor()
            cursor.execute(compiled.text, compiled.arguments(values))
            return _rows(compiled, cursor)
        except engine.dialect.loaded_dbapi.Error as error:
            raise _failure(engine.dialect, compiled, error) from error
        finally:
            pooled.close()

    def read_one(self, engine: sa.Engine, /, **values: object) -> Any:  # noqa: ANN401 - of whatever is selected
        """Return the first row, or None, in a transaction of its own."""
        found = self.read(engine, **values)
        return found[0] if found else None

    def run(self, connection: sa.Connection, /, **values: object) -> int:
        """Change rows in the caller's transaction, and return how many were changed."""
        compiled = self._for(connection.dialect, values)
        with _cursor(connection) as cursor:
            try:
                cursor.execute(compiled.text, compiled.arguments(values))
            except connection.dialect.loaded_dbapi.Error as error:
                raise _failure(connection.dialect, compiled, error) from error
            return int(cursor.rowcount)

    def run_all(self, connection: sa.Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it once for each row."""
        if rows:
            compiled = self._for(connection.dialect, rows[0])
            with _cursor(connection) as cursor:
                try:
                    cursor.executemany(compiled.text, [compiled.arguments(row) for row in rows])
                except connection.dialect.loaded_dbapi.Error as error:
                    raise _failure(connection.dialect, compiled, error) from error

    def _for(self, dialect: sa.Dialect, values: Mapping[str, Any]) -> _Compiled:
        key = dialect.name, 0 if self._listed is None else 1 << (len(values[self._listed]) - 1).bit_length()
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = self._compile(dialect, key[1])
        return compiled

    def _compile(self, dialect: sa.Dialect, length: int) -> _Compiled:
        element = self._element[dialect.name] if isinstance(self._element, Mapping) else self._element
        kind: Any = type(dialect)
        compiled: Any = element.compile(dialect=kind(paramstyle=_PARAMETER_STYLES[dialect.name]))
        given = {
            name: [None] * length if name == self._listed else None for name, bound in compiled.binds.items() if bound.required
        }
        state = compiled.construct_expanded_state(given, escape_names=False)
        each = () if self._listed is None else tuple(state.parameter_expansion[self._listed])
        names, taken = tuple(state.positiontup), {*given, *each}
        fixed = {name: state.parameters[name] for name in names if name not in taken}
        return _Compiled(state.statement, names, fixed, self._listed, each)


def _list_of(element: Element) -> str | None:
    """Return the parameter that takes a list; those whose values the statement holds are none."""
    found = [each for each in visitors.iterate(element) if isinstance(each, sa.BindParameter)]
    return next((str(each.key) for each in found if each.expanding and each.required), None)


def _cursor(connection: sa.Connection) -> closing[Any]:
    """Return a cursor in a connection's transaction, which begins with its first statement, whoever runs it."""
    if not connection.in_transaction():
        connection.begin()
    return closing(connection.connection.cursor())


def _failure(dialect: sa.Dialect, compiled: _Compiled, error: Exception) -> BaseException:
    """Return a driver's error as SQLAlchemy reports it, without the values."""
    base = dialect.loaded_dbapi.Error
    return sa.exc.DBAPIError.instance(compiled.text, None, error, base, hide_parameters=True, dialect=dialect)


def _rows(compiled: _Compiled, cursor: Any) -> list[Any]:  # noqa: ANN401 - of whichever driver
    make = compiled.row
    if make is None:
        columns = [column[0] for column in cursor.description]
        make = compiled.row = _NAMED_TUPLE("Row", columns, rename=True)._make
    return list(map(make, cursor.fetchall()))
