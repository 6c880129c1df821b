"""Who relies on entries of the institutions here, and the notices that they were sent (`ports.recognition.notices`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import Statement
from node.adapters.database.members.tables_outbox import outbox
from node.adapters.database.recognition.tables_checks import heard_decisions
from node.adapters.database.recognition.tables_notices import disclosed_entries, sent_notice_entries, sent_notices
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, LeafReference, Origin, RecordId
from node.domain.message import MessageId
from node.domain.recognition import DecisionOutcome
from node.domain.revision_notice import NoticeChange
from node.ports.recognition.notices import NoticeFilter, NoticeState, SentNotice, ToldMember, Waiting
from node.ports.records.transaction import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""


_DISCLOSE: Final = Statement(
    {
        "sqlite": sqlite.insert(disclosed_entries).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(disclosed_entries).on_conflict_do_nothing(),
    }
)
"""By dialect: SQL has no word of its own for insert-or-leave."""


class SqlReliances:
    """A `Reliances`."""

    def disclosed(self, transaction: RecordsTransaction, entry: LeafReference, requester: InstitutionId, at_ms: int) -> None:
        """Note that an entry was disclosed; the first time counts."""
        values = {"leaf_hash": entry.leaf_hash, "origin": entry.origin, "requester": requester, "disclosed_at_ms": at_ms}
        _DISCLOSE.run(connection_of(transaction), **values)

    def relying(
        self, transaction: RecordsTransaction, entries: Sequence[LeafReference]
    ) -> Mapping[LeafReference, frozenset[InstitutionId]]:
        """Return who retrieved each of these entries, or told that it recognises it and did not take that back."""
        wanted, found = frozenset(entries), defaultdict[LeafReference, set[InstitutionId]](set)
        for hashes in chunks(sorted({each.leaf_hash for each in wanted})):
            for row in connection_of(transaction).execute(_relying(hashes)):
                found[LeafReference(Origin(row.origin), row.leaf_hash)].add(InstitutionId(row.member))
        return {entry: frozenset(members) for entry, members in found.items() if entry in wanted}


class SqlSentNotices:
    """A `SentNotices`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def untold(
        self,
        transaction: RecordsTransaction,
        entry: LeafReference,
        recipient: InstitutionId,
        concerned: Sequence[LeafReference],
    ) -> list[LeafReference]:
        """Return those of `concerned` of which a member was not told yet that `entry` concerns them."""
        told = (
            sa.select(sent_notice_entries.c.origin, sent_notice_entries.c.leaf_hash)
            .join(sent_notices, sent_notices.c.message_id == sent_notice_entries.c.message_id)
            .where(_about(entry), sent_notices.c.recipient == recipient)
        )
        known = {LeafReference(Origin(row.origin), row.leaf_hash) for row in connection_of(transaction).execute(told)}
        return [each for each in concerned if each not in known]

    def keep(self, transaction: RecordsTransaction, notice: SentNotice) -> None:
        """Keep a notice."""
        connection = connection_of(transaction)
        connection.execute(
            sent_notices.insert().values(
                message_id=notice.message_id,
                institution=notice.institution,
                recipient=notice.recipient,
                change=notice.change.value,
                origin=notice.entry.origin,
                leaf_hash=notice.entry.leaf_hash,
                record_id=notice.record_id,
                told_at_ms=notice.told_at_ms,
            )
        )
        connection.execute(
            sent_notice_entries.insert(),
            [
                {"message_id": notice.message_id, "leaf_hash": each.leaf_hash, "origin": each.origin, "position": position}
                for position, each in enumerate(notice.concerned)
            ],
        )

    def acknowledge(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        recipient: InstitutionId,
        message_id: MessageId,
        at_ms: int,
    ) -> bool:
        """Note that a person took notice, the first time; False where this member was sent no such notice."""
        connection, table = connection_of(transaction), sent_notices
        sent = sa.and_(table.c.message_id == message_id, table.c.institution == institution, table.c.recipient == recipient)
        if connection.execute(sa.select(table.c.message_id).where(sent)).first() is None:
            return False
        first = table.update().where(sent, table.c.acknowledged_at_ms.is_(None))
        connection.execute(first.values(acknowledged_at_ms=at_ms))
        return True

    def page(self, institution: InstitutionId, wanted: NoticeFilter, limit: int) -> list[NoticeState]:
        """Return an institution's notices, the newest first."""
        table = sent_notices
        chosen = [table.c.institution == institution]
        if wanted.unacknowledged:
            chosen.append(table.c.acknowledged_at_ms.is_(None))
        if wanted.record_id is not None:
            chosen.append(table.c.record_id == wanted.record_id)
        if wanted.entry is not None:
            chosen.append(_about(wanted.entry))
        query = (
            sa.select(table, _is_delivered().label("is_delivered"), outbox.c.attempts)
            .outerjoin(outbox, outbox.c.message_id == table.c.message_id)
            .where(*chosen)
            .order_by(table.c.told_at_ms.desc(), table.c.recipient, table.c.message_id)
            .limit(limit)
        )
        with self._readers.connect() as connection:
            found = connection.execute(query).all()
            concerned = _concerned(connection, [row.message_id for row in found])
        return [_state(row, concerned[row.message_id]) for row in found]

    def members(self, institution: InstitutionId, entries: Sequence[LeafReference]) -> list[ToldMember]:
        """Return who was told that these entries say something, and how far that got, sorted."""
        table, is_acknowledged = sent_notices, sent_notices.c.acknowledged_at_ms.is_not(None)
        counts = [sa.func.sum(sa.case((each, 1), else_=0)) for each in (_is_delivered(), is_acknowledged)]
        query = (
            sa.select(table.c.recipient, sa.func.count(), *counts)
            .outerjoin(outbox, outbox.c.message_id == table.c.message_id)
            .where(table.c.institution == institution, sa.or_(*map(_about, entries)))
            .group_by(table.c.recipient)
            .order_by(table.c.recipient)
        )
        with self._readers.connect() as connection:
            rows = connection.execute(query).all()
        return [ToldMember(InstitutionId(member), *map(int, told)) for member, *told in rows]

    def about(
        self, transaction: RecordsTransaction, entry: LeafReference, after: MessageId, limit: int
    ) -> list[tuple[MessageId, InstitutionId, InstitutionId]]:
        """Return notices that an entry is the reason of, after one in the order of their ids: id, institution, recipient."""
        table = sent_notices
        query = sa.select(table.c.message_id, table.c.institution, table.c.recipient)
        chosen = query.where(_about(entry), table.c.message_id > after).order_by(table.c.message_id).limit(limit)
        rows = connection_of(transaction).execute(chosen)
        return [(MessageId(row[0]), InstitutionId(row[1]), InstitutionId(row[2])) for row in rows]

    def concerned(self, transaction: RecordsTransaction, message_id: MessageId) -> list[LeafReference]:
        """Return what a notice concerns."""
        return list(_concerned(connection_of(transaction), [message_id])[message_id])

    def waiting(self, institution: InstitutionId, before_ms: int) -> Waiting:
        """Return how many notices nobody has acknowledged; those told before a time are overdue."""
        table = sent_notices
        overdue = sa.func.coalesce(sa.func.sum(sa.case((table.c.told_at_ms < before_ms, 1), else_=0)), 0)
        query = sa.select(sa.func.count(), overdue).where(table.c.institution == institution, table.c.acknowledged_at_ms.is_(None))
        with self._readers.connect() as connection:
            count, late = connection.execute(query).one()
        return Waiting(int(count), int(late))


def chunks(hashes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut a list into pieces that one query can hold."""
    for start in range(0, len(hashes), _CHUNK):
        yield hashes[start : start + _CHUNK]


def _is_delivered() -> sa.ColumnElement[bool]:
    # a message that is no longer kept was acknowledged by the recipient's node long ago
    return sa.or_(outbox.c.message_id.is_(None), outbox.c.acknowledged_at_ms.is_not(None))


def _about(entry: LeafReference) -> sa.ColumnElement[bool]:
    return sa.and_(sent_notices.c.leaf_hash == entry.leaf_hash, sent_notices.c.origin == entry.origin)


def _relying(hashes: Sequence[bytes]) -> sa.CompoundSelect[Any]:
    retrieved, heard = disclosed_entries.c, heard_decisions.c
    recognised = sa.and_(heard.outcome == DecisionOutcome.RECOGNISED.value, heard.reversed_at_ms.is_(None))
    disclosed = sa.select(retrieved.origin, retrieved.leaf_hash, retrieved.requester.label("member"))
    decided = sa.select(heard.origin, heard.leaf_hash, heard.decider.label("member")).where(recognised)
    return sa.union_all(disclosed.where(retrieved.leaf_hash.in_(hashes)), decided.where(heard.leaf_hash.in_(hashes)))


def _concerned(connection: sa.Connection, message_ids: Sequence[str]) -> Mapping[str, Sequence[LeafReference]]:
    table, found = sent_notice_entries, defaultdict[str, list[LeafReference]](list)
    for start in range(0, len(message_ids), _CHUNK):
        chosen = table.c.message_id.in_(message_ids[start : start + _CHUNK])
        for row in connection.execute(sa.select(table).where(chosen).order_by(table.c.message_id, table.c.position)):
            found[row.message_id].append(LeafReference(Origin(row.origin), row.leaf_hash))
    return found


def _state(row: sa.Row[Any], concerned: Sequence[LeafReference]) -> NoticeState:
    notice = SentNotice(
        message_id=MessageId(row.message_id),
        institution=InstitutionId(row.institution),
        recipient=InstitutionId(row.recipient),
        change=NoticeChange(row.change),
        entry=LeafReference(Origin(row.origin), row.leaf_hash),
        record_id=None if row.record_id is None else RecordId(row.record_id),
        concerned=tuple(concerned),
        told_at_ms=row.told_at_ms,
    )
    return NoticeState(notice, bool(row.is_delivered), row.attempts or 0, row.acknowledged_at_ms)
