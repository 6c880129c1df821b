"""Claimed marks, in `records.db` (`ports.supervision.marks`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import Statement
from node.adapters.database.records.transaction import connection_of
from node.adapters.database.supervision.tables_marks import claimed_marks, mark_documents
from node.domain.entry import Origin
from node.domain.recognition import DocumentDigest, Pin
from node.ports.records.transaction import RecordsTransaction
from node.ports.supervision.marks import ConcernedClaims, KeptClaim
from node.supervision.findings import EntryPlace

_KEEP: Final = Statement(
    {
        "sqlite": sqlite.insert(claimed_marks).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(claimed_marks).on_conflict_do_nothing(),
    }
)
_AT: Final = sa.and_(claimed_marks.c.origin == sa.bindparam("log"), claimed_marks.c.leaf_index == sa.bindparam("at"))
_FORGET: Final = Statement(claimed_marks.delete().where(_AT))
_JUDGED: Final = Statement(claimed_marks.update().where(_AT).values(is_due=sa.false()))
_OF_ALL: Final = sa.and_(
    claimed_marks.c.institution == sa.bindparam("whose"),
    claimed_marks.c.performed_at_ms >= sa.bindparam("start"),
    claimed_marks.c.performed_at_ms < sa.bindparam("end"),
)
_AGAIN: Final = Statement(claimed_marks.update().where(_OF_ALL).values(is_due=sa.true()))
_AGAIN_OF_ITEM: Final = Statement(
    claimed_marks.update().where(_OF_ALL, claimed_marks.c.item == sa.bindparam("which")).values(is_due=sa.true())
)
_KEEP_DOCUMENT: Final = Statement(mark_documents.insert())
_DOCUMENTS: Final = Statement(sa.select(mark_documents))


class SqlMarkStore:
    """A `MarkStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(self, transaction: RecordsTransaction, claims: Sequence[KeptClaim]) -> None:
        """Keep claims, to be judged."""
        rows = [row for claim in claims for row in _rows(claim, is_due=True)]
        _KEEP.run_all(connection_of(transaction), rows)

    def due(self, limit: int) -> list[EntryPlace]:
        """Return records whose claims have to be judged."""
        table = claimed_marks
        columns = table.c.origin, table.c.leaf_index, table.c.leaf_hash, table.c.tree_size
        query = sa.select(*columns).where(table.c.is_due.is_(sa.true())).distinct()
        ordered = query.order_by(table.c.origin, table.c.leaf_index).limit(limit)
        with self._readers.connect() as connection:
            rows = connection.execute(ordered).all()
        return [EntryPlace(Origin(row.origin), row.leaf_index, bytes(row.leaf_hash), row.tree_size) for row in rows]

    def judged(self, transaction: RecordsTransaction, claims: Sequence[KeptClaim], gone: Sequence[EntryPlace]) -> None:
        """Note what was judged, with what their codes mean now; and of which records nothing can be read any more."""
        connection = connection_of(transaction)
        _FORGET.run_all(connection, [{"log": claim.place.origin, "at": claim.place.leaf_index} for claim in claims])
        _KEEP.run_all(connection, [row for claim in claims for row in _rows(claim, is_due=False)])
        _JUDGED.run_all(connection, [{"log": place.origin, "at": place.leaf_index} for place in gone])

    def judge_again(self, transaction: RecordsTransaction, concerned: Sequence[ConcernedClaims], documents: Sequence[Pin]) -> None:
        """Have claims judged again, by these documents from now on."""
        connection = connection_of(transaction)
        for each in concerned:
            run = {"whose": each.institution, "start": each.from_ms, "end": each.before_ms}
            if each.item is None:
                _AGAIN.run(connection, **run)
            else:
                _AGAIN_OF_ITEM.run(connection, **run, which=each.item)
        connection.execute(mark_documents.delete())
        rows = [{"kind": pin.kind, "subject": pin.subject, "digest": pin.digest} for pin in documents]
        _KEEP_DOCUMENT.run_all(connection, rows)

    def documents(self) -> tuple[Pin, ...]:
        """Return the documents that claims are judged by; none before the first time."""
        rows = _DOCUMENTS.read(self._readers)
        pins = [Pin(row.kind, row.subject, DocumentDigest(bytes(row.digest))) for row in rows]
        return tuple(sorted(pins, key=lambda pin: (pin.kind, pin.subject)))


def _rows(claim: KeptClaim, *, is_due: bool) -> list[dict[str, object]]:
    return [
        {
            "origin": claim.place.origin,
            "leaf_index": claim.place.leaf_index,
            "item": item,
            "leaf_hash": claim.place.leaf_hash,
            "tree_size": claim.place.tree_size,
            "institution": claim.institution,
            "performed_at_ms": claim.performed_at_ms,
            "is_due": is_due,
        }
        for item in claim.items
    ]
