"""What is kept of figures, in `records.db` (`ports.supervision.figures`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.records.transaction import connection_of
from node.adapters.database.supervision.tables_figures import figure_batches, figure_cursors, figure_waiting
from node.domain.entry import Origin
from node.ports.records.transaction import RecordsTransaction
from node.ports.supervision.figures import FigureCursor, FiguresUpdate

_LOADED_ROWS: Final = 64
_CURSORS: Final = Statement(sa.select(figure_cursors))
_FORGET_CURSOR: Final = Statement(figure_cursors.delete().where(figure_cursors.c.origin == sa.bindparam("log")))
_KEEP_CURSOR: Final = Statement(figure_cursors.insert())
_ARRIVED: Final = Statement(
    figure_waiting.delete().where(figure_waiting.c.origin == sa.bindparam("log"), figure_waiting.c.leaf_index == sa.bindparam("at"))
)
_WAITING: Final = Statement(figure_waiting.insert())


class SqlFigureStore:
    """A `FigureStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def cursors(self) -> Mapping[Origin, FigureCursor]:
        """Return how far each log was read."""
        rows = _CURSORS.read(self._readers)
        return {Origin(row.origin): FigureCursor(row.next_index, row.anchored_to) for row in rows}

    def waiting(self, limit: int) -> Mapping[Origin, Sequence[int]]:
        """Return entries whose header has not come, by log, lowest first; the limit counts over all logs."""
        table, found = figure_waiting, defaultdict[Origin, list[int]](list)
        query = sa.select(table).order_by(table.c.origin, table.c.leaf_index).limit(limit)
        with self._readers.connect() as connection:
            for row in connection.execute(query):
                found[Origin(row.origin)].append(row.leaf_index)
        return found

    def batches(self) -> Iterator[bytes]:
        """Yield all sealed events, in the order in which they were kept."""
        query = sa.select(figure_batches.c.sealed).order_by(figure_batches.c.number)
        with self._readers.connect() as connection:
            for rows in connection.execute(query).yield_per(_LOADED_ROWS).partitions():
                yield from (bytes(row.sealed) for row in rows)

    def keep(self, transaction: RecordsTransaction, update: FiguresUpdate) -> None:
        """Keep what a step read."""
        connection = connection_of(transaction)
        _FORGET_CURSOR.run_all(connection, [{"log": origin} for origin in update.cursors])
        cursors = [
            {"origin": origin, "next_index": cursor.next_index, "anchored_to": cursor.anchored_to}
            for origin, cursor in update.cursors.items()
        ]
        _KEEP_CURSOR.run_all(connection, cursors)
        _ARRIVED.run_all(connection, [{"log": origin, "at": index} for origin, index in update.arrived])
        _WAITING.run_all(connection, [{"origin": origin, "leaf_index": index} for origin, index in sorted(update.waiting)])
        if update.sealed is not None:
            connection.execute(figure_batches.insert().values(sealed=update.sealed))
