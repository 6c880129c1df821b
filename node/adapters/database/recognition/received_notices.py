"""Notices of other members, and what here rests on what they concern (`ports.recognition.notices.ReceivedNotices`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.reading.tables_retrievals import retrieval_requests
from node.adapters.database.recognition.notices import chunks
from node.adapters.database.recognition.tables_checks import decisions
from node.adapters.database.recognition.tables_notices import decision_results, received_notice_entries, received_notices
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.message import MessageId
from node.domain.recognition_acts import DecisionId
from node.domain.retrieval import RequestState, RetrievalId
from node.domain.revision_notice import NoticeChange, NoticeId
from node.ports.recognition.notices import ReceivedNotice, ReliedDecision, ReliedRetrieval
from node.ports.records.transaction import RecordsTransaction

_liftings = received_notices.alias("liftings")
_IS_LIFTED = (
    sa.select(_liftings.c.notice_id)
    .where(
        _liftings.c.lifts_hash == received_notices.c.leaf_hash,
        _liftings.c.lifts_origin == received_notices.c.origin,
        _liftings.c.institution == received_notices.c.institution,
        received_notices.c.change == NoticeChange.RECALLED.value,
    )
    .exists()
)
"""Notices may come in any order, and a lifting of a recall of a thousand results takes several."""
_NOTICES = sa.select(received_notices, _IS_LIFTED.label("is_lifted"))
_USED = Statement(decision_results.insert())
_CONCERNED = Statement(
    sa.select(received_notice_entries.c.origin, received_notice_entries.c.leaf_hash)
    .join(received_notices, received_notices.c.notice_id == received_notice_entries.c.notice_id)
    .where(
        received_notices.c.institution == sa.bindparam("institution"),
        received_notices.c.change != NoticeChange.LIFTED.value,
        sa.not_(_IS_LIFTED),
        received_notice_entries.c.leaf_hash.in_(sa.bindparam("hashes", expanding=True)),
    )
)


class SqlReceivedNotices:
    """A `ReceivedNotices`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def used(
        self, transaction: RecordsTransaction, institution: InstitutionId, decision_id: DecisionId, results: Sequence[LeafReference]
    ) -> None:
        """Note which results a decision uses."""
        rows = [
            {"leaf_hash": each.leaf_hash, "origin": each.origin, "decision_id": decision_id, "institution": institution}
            for each in dict.fromkeys(results)
        ]
        _USED.run_all(connection_of(transaction), rows)

    def concerned(
        self, transaction: RecordsTransaction, institution: InstitutionId, results: Sequence[LeafReference]
    ) -> frozenset[LeafReference]:
        """Return those of these results that an institution was told are amended, withdrawn or recalled."""
        wanted, found = frozenset(results), set[LeafReference]()
        for hashes in chunks(sorted({each.leaf_hash for each in wanted})):
            rows = _CONCERNED.rows(connection_of(transaction), institution=institution, hashes=list(hashes))
            found.update(_reference(row) for row in rows)
        return wanted & found

    def keep(self, transaction: RecordsTransaction, notice: ReceivedNotice) -> None:
        """Keep a notice; one that is kept is passed over."""
        connection, table = connection_of(transaction), received_notices
        known = sa.select(table.c.notice_id).where(table.c.notice_id == notice.notice_id)
        if connection.execute(known).first() is not None:
            return
        connection.execute(
            table.insert().values(
                notice_id=notice.notice_id,
                institution=notice.institution,
                issuer=notice.issuer,
                message_id=notice.message_id,
                change=notice.change.value,
                origin=notice.entry.origin,
                leaf_hash=notice.entry.leaf_hash,
                lifts_origin=None if notice.lifts is None else notice.lifts.origin,
                lifts_hash=None if notice.lifts is None else notice.lifts.leaf_hash,
                revised_at_ms=notice.revised_at_ms,
                received_at_ms=notice.received_at_ms,
            )
        )
        connection.execute(
            received_notice_entries.insert(),
            [
                {"leaf_hash": each.leaf_hash, "origin": each.origin, "notice_id": notice.notice_id, "position": position}
                for position, each in enumerate(notice.concerned)
            ],
        )

    def notice(self, transaction: RecordsTransaction, institution: InstitutionId, notice_id: NoticeId) -> ReceivedNotice | None:
        """Return an institution's notice; None for another institution's."""
        own = sa.and_(received_notices.c.institution == institution, received_notices.c.notice_id == notice_id)
        found = _notices(connection_of(transaction), _NOTICES.where(own))
        return found[0] if found else None

    def about(
        self, transaction: RecordsTransaction, institution: InstitutionId, entry: LeafReference, limit: int
    ) -> list[NoticeId]:
        """Return an institution's notices that an entry is the reason of, in the order of their ids: acknowledged ones too."""
        columns = received_notices.c
        named = sa.and_(columns.leaf_hash == entry.leaf_hash, columns.origin == entry.origin)
        query = sa.select(columns.notice_id).where(columns.institution == institution, named)
        rows = connection_of(transaction).execute(query.order_by(columns.notice_id).limit(limit))
        return [NoticeId(row.notice_id) for row in rows]

    def acknowledge(self, transaction: RecordsTransaction, notice_id: NoticeId, at_ms: int, acknowledger: bytes) -> None:
        """Note that a person took notice."""
        change = received_notices.update().where(received_notices.c.notice_id == notice_id)
        connection_of(transaction).execute(change.values(acknowledged_at_ms=at_ms, acknowledger_sealed=acknowledger))

    def page(self, institution: InstitutionId, limit: int, *, waiting: bool) -> list[ReceivedNotice]:
        """Return an institution's notices, the newest first; with `waiting` those that nobody has acknowledged."""
        table = received_notices
        query = _NOTICES.where(table.c.institution == institution)
        if waiting:
            query = query.where(table.c.acknowledged_at_ms.is_(None))
        with self._readers.connect() as connection:
            return _notices(connection, query.order_by(table.c.received_at_ms.desc(), table.c.notice_id).limit(limit))

    def retrievals(self, institution: InstitutionId, results: Sequence[LeafReference]) -> list[ReliedRetrieval]:
        """Return an institution's retrievals of these results, the newest first."""
        table, wanted = retrieval_requests, frozenset(results)
        query = sa.select(table).where(table.c.institution == institution)
        with self._readers.connect() as connection:
            found = [
                ReliedRetrieval(
                    entry=_reference(row),
                    retrieval_id=RetrievalId(row.retrieval_id),
                    state=RequestState(row.state),
                    ordered_at_ms=row.created_at_ms,
                    order=row.body_sealed,
                )
                for row in _each(connection, query, table.c.leaf_hash, wanted)
            ]
        return sorted((each for each in found if each.entry in wanted), key=lambda each: (-each.ordered_at_ms, each.retrieval_id))

    def decisions(self, institution: InstitutionId, results: Sequence[LeafReference]) -> list[ReliedDecision]:
        """Return an institution's decisions that use these results, the newest first."""
        used, wanted = decision_results.c, frozenset(results)
        query = (
            sa.select(
                used.origin,
                used.leaf_hash,
                used.decision_id,
                decisions.c.decided_at_ms,
                decisions.c.reversed_at_ms,
                decisions.c.content_sealed,
            )
            .join(decisions, decisions.c.decision_id == used.decision_id)
            .where(used.institution == institution)
        )
        with self._readers.connect() as connection:
            found = [
                ReliedDecision(
                    entry=_reference(row),
                    decision_id=DecisionId(row.decision_id),
                    decided_at_ms=row.decided_at_ms,
                    reversed_at_ms=row.reversed_at_ms,
                    content=row.content_sealed,
                )
                for row in _each(connection, query, used.leaf_hash, wanted)
            ]
        return sorted((each for each in found if each.entry in wanted), key=lambda each: (-each.decided_at_ms, each.decision_id))


def _each(
    connection: sa.Connection, query: sa.Select[Any], column: sa.ColumnElement[bytes], wanted: frozenset[LeafReference]
) -> Iterator[sa.Row[Any]]:
    """Ask for the rows of these entries, by their hashes alone: the caller compares the logs."""
    for hashes in chunks(sorted({each.leaf_hash for each in wanted})):
        yield from connection.execute(query.where(column.in_(hashes)))


def _notices(connection: sa.Connection, query: sa.Select[Any]) -> list[ReceivedNotice]:
    rows = connection.execute(query).all()
    concerned = _concerned(connection, [row.notice_id for row in rows])
    return [
        ReceivedNotice(
            notice_id=NoticeId(row.notice_id),
            institution=InstitutionId(row.institution),
            issuer=InstitutionId(row.issuer),
            message_id=MessageId(row.message_id),
            change=NoticeChange(row.change),
            entry=_reference(row),
            concerned=tuple(concerned[row.notice_id]),
            lifts=None if row.lifts_hash is None else LeafReference(Origin(row.lifts_origin), bytes(row.lifts_hash)),
            is_lifted=bool(row.is_lifted),
            revised_at_ms=row.revised_at_ms,
            received_at_ms=row.received_at_ms,
            acknowledged_at_ms=row.acknowledged_at_ms,
            acknowledger=row.acknowledger_sealed,
        )
        for row in rows
    ]


def _concerned(connection: sa.Connection, notice_ids: Sequence[str]) -> Mapping[str, Sequence[LeafReference]]:
    table, found = received_notice_entries, defaultdict[str, list[LeafReference]](list)
    for start in range(0, len(notice_ids), 400):
        chosen = table.c.notice_id.in_(notice_ids[start : start + 400])
        for row in connection.execute(sa.select(table).where(chosen).order_by(table.c.notice_id, table.c.position)):
            found[row.notice_id].append(_reference(row))
    return found


def _reference(row: Any) -> LeafReference:  # noqa: ANN401 - a row with origin and leaf hash
    return LeafReference(Origin(row.origin), row.leaf_hash)
