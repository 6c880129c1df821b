"""Histories of order lines, in `records.db` (`ports.supervision.orders`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import MAX_LISTED, Statement
from node.adapters.database.records.transaction import connection_of
from node.adapters.database.supervision.tables_orders import order_looks, order_notes, order_offers
from node.domain.entry import InstitutionId, LeafReference
from node.ports.records.transaction import RecordsTransaction
from node.ports.supervision.orders import HistoryName, KeptOrderNote

_LISTED: Final[sa.BindParameter[bytes]] = sa.bindparam("listed", expanding=True)
_KEEP: Final = Statement(
    {
        "sqlite": sqlite.insert(order_notes).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(order_notes).on_conflict_do_nothing(),
    }
)
_KEEP_OFFER: Final = Statement(
    {
        "sqlite": sqlite.insert(order_offers).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(order_offers).on_conflict_do_nothing(),
    }
)
_OFFERING: Final = Statement(
    sa.select(order_offers.c.history, order_offers.c.checked).where(
        order_offers.c.result_hash == sa.bindparam("leaf"), order_offers.c.result_origin == sa.bindparam("log")
    )
)
_WEIGHING: Final = Statement(
    sa.select(order_notes.c.history).where(order_notes.c.history.in_(_LISTED), order_notes.c.weighs.is_(sa.true())).distinct()
)
_NAMING: Final = Statement(
    sa.select(order_notes.c.history).where(order_notes.c.checked.in_(_LISTED), order_notes.c.is_check.is_(sa.false())).distinct()
)
_NOTES: Final = Statement(
    sa.select(
        order_notes.c.history, order_notes.c.institution, order_notes.c.sealed, order_notes.c.checked, order_notes.c.is_check
    ).where(order_notes.c.history.in_(_LISTED))
)
_CHECKS: Final = Statement(
    sa.select(order_notes.c.checked, order_notes.c.history, order_notes.c.sealed).where(
        order_notes.c.checked.in_(_LISTED), order_notes.c.is_check.is_(sa.true())
    )
)
_FORGET_LOOK: Final = Statement(order_looks.delete().where(order_looks.c.history == sa.bindparam("named")))
_KEEP_LOOK: Final = Statement(order_looks.insert())


class SqlOrderStore:
    """An `OrderStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(
        self,
        transaction: RecordsTransaction,
        notes: Sequence[KeptOrderNote],
        replaced: Collection[LeafReference],
        now_ms: int,
    ) -> None:
        """Keep what entries say, and have the histories that it concerns judged."""
        connection = connection_of(transaction)
        _KEEP.run_all(connection, [_values(each) for each in notes])
        _KEEP_OFFER.run_all(connection, [row for each in notes for row in _offer_values(each)])
        concerned: dict[bytes, None] = {}
        for listed in _chunks({each.history for each in notes}):
            concerned.update(dict.fromkeys(bytes(row.history) for row in _WEIGHING.rows(connection, listed=listed)))
        checks = {bytes(each.check) for each in notes if each.is_check and each.check is not None}
        for result in replaced:
            # whoever was offered what is replaced, and, below, whoever names that check
            for row in _OFFERING.rows(connection, leaf=result.leaf_hash, log=result.origin):
                concerned[bytes(row.history)] = None
                checks.add(bytes(row.checked))
        for listed in _chunks(checks):
            concerned.update(dict.fromkeys(bytes(row.history) for row in _NAMING.rows(connection, listed=listed)))
        _set_looks(connection, {HistoryName(each): now_ms for each in concerned})

    def due(self, now_ms: int, limit: int) -> list[HistoryName]:
        """Return histories to judge, the longest overdue first."""
        table = order_looks
        query = sa.select(table.c.history).where(table.c.look_at_ms <= now_ms).order_by(table.c.look_at_ms).limit(limit)
        with self._readers.connect() as connection:
            return [HistoryName(bytes(each)) for each in connection.scalars(query)]

    def histories(self, names: Collection[HistoryName]) -> Mapping[HistoryName, tuple[InstitutionId, Sequence[bytes]]]:
        """Return whose histories are, and their sealed notes, with those of the checks that their decisions name."""
        found: dict[HistoryName, tuple[InstitutionId, list[bytes]]] = {}
        named: dict[bytes, set[HistoryName]] = {}
        with self._readers.connect() as connection:
            for listed in _chunks(names):
                for row in _NOTES.rows(connection, listed=listed):
                    name = HistoryName(bytes(row.history))
                    found.setdefault(name, (InstitutionId(row.institution), []))[1].append(bytes(row.sealed))
                    if row.checked is not None and not row.is_check:
                        named.setdefault(bytes(row.checked), set()).add(name)
            for listed in _chunks(named):
                for row in _CHECKS.rows(connection, listed=listed):
                    for name in named[bytes(row.checked)] - {bytes(row.history)}:
                        found[HistoryName(name)][1].append(bytes(row.sealed))
        return found

    def look_again(self, transaction: RecordsTransaction, looks: Mapping[HistoryName, int | None]) -> None:
        """Set when to judge histories, unix ms; None for not until something new is read."""
        _set_looks(connection_of(transaction), looks)


def _set_looks(connection: sa.Connection, looks: Mapping[HistoryName, int | None]) -> None:
    _FORGET_LOOK.run_all(connection, [{"named": each} for each in looks])
    _KEEP_LOOK.run_all(connection, [{"history": each, "look_at_ms": at_ms} for each, at_ms in looks.items() if at_ms is not None])


def _chunks(values: Collection[bytes]) -> Iterator[list[bytes]]:
    listed = sorted(values)
    for start in range(0, len(listed), MAX_LISTED):
        yield listed[start : start + MAX_LISTED]


def _offer_values(note: KeptOrderNote) -> Iterator[dict[str, object]]:
    for result in note.offered:
        yield {
            "result_hash": result.leaf_hash,
            "result_origin": result.origin,
            "history": note.history,
            "checked": note.check or b"",
        }


def _values(note: KeptOrderNote) -> dict[str, object]:
    return {
        "origin": note.origin,
        "leaf_index": note.leaf_index,
        "number": note.number,
        "history": note.history,
        "checked": note.check,
        "is_check": note.is_check,
        "weighs": note.weighs,
        "institution": note.institution,
        "sealed": note.sealed,
    }
