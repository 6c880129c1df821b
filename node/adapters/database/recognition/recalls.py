"""Recalls that institutions here announced, in `records.db` (`ports.recognition.recalls.RecallStore`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from ledger.store.sql_statements import Statement
from node.adapters.database.recognition.tables_recalls import recall_liftings, recall_unread, recalled_entries, recalls
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, LeafReference, Origin, RecordId
from node.domain.message import MessageId
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallReason
from node.ports.recognition.recalls import KeptLifting, KeptRecall, RecalledResult, SearchedRun
from node.ports.records.transaction import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""
_LIFTING = tuple(column.label(f"lifting_{column.name}") for column in recall_liftings.c)
_RECALLS = sa.select(recalls, *_LIFTING).outerjoin(recall_liftings, recall_liftings.c.recall_id == recalls.c.recall_id)
_STANDS = recall_liftings.c.recall_id.is_(None)
_STANDING = Statement(
    sa.select(recalls.c.origin, recalls.c.item, recalls.c.device, recalls.c.lot, recalls.c.from_ms, recalls.c.to_ms)
    .outerjoin(recall_liftings, recall_liftings.c.recall_id == recalls.c.recall_id)
    .where(_STANDS)
)
"""Asked at every check of what is in an own log."""
_AT_WORK: Final = Statement(
    sa.select(recalls.c.institution)
    .distinct()
    .outerjoin(recall_liftings, recall_liftings.c.recall_id == recalls.c.recall_id)
    .where(sa.or_(_STANDS, recall_liftings.c.is_told.is_(False)))
)
"""Asked every few seconds."""
_NAMING: Final = Statement(
    sa.select(recalls.c.origin, recalls.c.leaf_hash)
    .join(recalled_entries, recalled_entries.c.recall_id == recalls.c.recall_id)
    .outerjoin(recall_liftings, recall_liftings.c.recall_id == recalls.c.recall_id)
    .where(_STANDS, recalled_entries.c.leaf_hash == sa.bindparam("hash"), recalled_entries.c.origin == sa.bindparam("log"))
    .order_by(recalls.c.announced_at_ms, recalls.c.recall_id)
)
"""Asked at every disclosure."""


class SqlRecallStore:
    """A `RecallStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, recall: KeptRecall) -> None:
        """Keep a recall that nothing was searched for yet."""
        criteria = recall.criteria
        connection_of(transaction).execute(
            recalls.insert().values(
                recall_id=recall.recall_id,
                institution=recall.institution,
                item=criteria.item,
                device=criteria.device,
                lot=criteria.lot,
                from_ms=criteria.from_ms,
                to_ms=criteria.to_ms,
                reason=recall.reason.value,
                origin=recall.entry.origin,
                leaf_hash=recall.entry.leaf_hash,
                leaf_index=recall.leaf_index,
                announced_at_ms=recall.announced_at_ms,
                actor_sealed=recall.actor,
                next_index=recall.next_index,
                total=recall.total,
            )
        )

    def known(self, transaction: RecordsTransaction, recall_id: RecallId) -> KeptRecall | None:
        """Return a recall, whoever announced it."""
        row = connection_of(transaction).execute(_RECALLS.where(recalls.c.recall_id == recall_id)).one_or_none()
        return None if row is None else _recall(row)

    def naming(self, transaction: RecordsTransaction, entry: LeafReference) -> list[LeafReference]:
        """Return the announcements of the recalls that stand and found a result, the oldest first."""
        found = _NAMING.rows(connection_of(transaction), hash=entry.leaf_hash, log=entry.origin)
        return [LeafReference(Origin(origin), leaf_hash) for origin, leaf_hash in found]

    def standing(self, transaction: RecordsTransaction | None) -> Mapping[Origin, Sequence[RecallCriteria]]:
        """Return what the recalls that stand are about, by log; without a transaction, as it is committed."""
        found = defaultdict[Origin, list[RecallCriteria]](list)
        rows = _STANDING.read(self._readers) if transaction is None else _STANDING.rows(connection_of(transaction))
        for row in rows:
            found[Origin(row.origin)].append(_criteria(row))
        return found

    def searched(self, transaction: RecordsTransaction, recall: KeptRecall, run: SearchedRun) -> list[LeafReference]:
        """Keep what a run brought and how far the search got; return what was not known yet."""
        connection, named = connection_of(transaction), {each.entry.leaf_hash: each for each in run.results}
        for leaf_hash in _known(connection, recalled_entries, recall.recall_id, named):
            del named[leaf_hash]
        if named:
            rows = [
                {
                    "leaf_hash": each.entry.leaf_hash,
                    "origin": each.entry.origin,
                    "recall_id": recall.recall_id,
                    "position": position,
                    "record_id": each.record_id,
                }
                for position, each in enumerate(named.values(), recall.total)
            ]
            connection.execute(recalled_entries.insert(), rows)
        _note_unread(connection, recall.recall_id, run)
        moved = recalls.update().where(recalls.c.recall_id == recall.recall_id)
        connection.execute(moved.values(next_index=run.next_index, total=recall.total + len(named)))
        return [each.entry for each in named.values()]

    def unlisted(self, transaction: RecordsTransaction, recall_id: RecallId, limit: int) -> list[bytes]:
        """Return leaf hashes of results that no entry lists yet, in the order in which they were found."""
        table = recalled_entries
        query = sa.select(table.c.leaf_hash).where(table.c.recall_id == recall_id, table.c.list_index.is_(None))
        found = connection_of(transaction).scalars(query.order_by(table.c.position).limit(limit))
        return [bytes(leaf_hash) for leaf_hash in found]

    def listed(self, transaction: RecordsTransaction, recall_id: RecallId, leaf_hashes: Sequence[bytes], index: int) -> None:
        """Note which entry lists results."""
        table, connection = recalled_entries, connection_of(transaction)
        for hashes in _chunks(leaf_hashes):
            chosen = sa.and_(table.c.recall_id == recall_id, table.c.leaf_hash.in_(hashes))
            connection.execute(table.update().where(chosen).values(list_index=index))

    def lift(self, transaction: RecordsTransaction, recall_id: RecallId, lifting: KeptLifting) -> None:
        """Keep that a recall is lifted."""
        connection_of(transaction).execute(
            recall_liftings.insert().values(
                recall_id=recall_id,
                reason=lifting.reason.value,
                leaf_hash=lifting.entry.leaf_hash,
                lifted_at_ms=lifting.lifted_at_ms,
                actor_sealed=lifting.actor,
                told_to=lifting.told_to,
                is_told=lifting.is_told,
            )
        )

    def told(self, transaction: RecordsTransaction, recall_id: RecallId, told_to: MessageId | None) -> None:
        """Note how far it was told that a recall is lifted; None for to the end."""
        change = recall_liftings.update().where(recall_liftings.c.recall_id == recall_id)
        connection_of(transaction).execute(change.values(is_told=True) if told_to is None else change.values(told_to=told_to))

    def at_work(self) -> list[InstitutionId]:
        """Return whose recalls there is to search for or to tell of, sorted."""
        return sorted(InstitutionId(row.institution) for row in _AT_WORK.read(self._readers))

    def to_search(self, institution: InstitutionId) -> list[KeptRecall]:
        """Return an institution's recalls that stand, those that were searched least first."""
        query = _RECALLS.where(recalls.c.institution == institution, _STANDS)
        return self._read(query.order_by(recalls.c.next_index, recalls.c.recall_id))

    def to_tell(self, institution: InstitutionId) -> list[KeptRecall]:
        """Return an institution's recalls that were lifted and whose lifting was not told to all."""
        query = _RECALLS.where(recalls.c.institution == institution, recall_liftings.c.is_told.is_(False))
        return self._read(query.order_by(recalls.c.recall_id))

    def recall(self, institution: InstitutionId, recall_id: RecallId) -> KeptRecall | None:
        """Return an institution's recall; None for another institution's."""
        found = self._read(_RECALLS.where(recalls.c.institution == institution, recalls.c.recall_id == recall_id))
        return found[0] if found else None

    def results(self, recall_id: RecallId, start: int, limit: int) -> list[RecalledResult]:
        """Return what a recall found, in that order, from a position on."""
        table = recalled_entries
        query = sa.select(table).where(table.c.recall_id == recall_id, table.c.position >= start)
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(table.c.position).limit(limit)).all()
        return [RecalledResult(_reference(row), RecordId(row.record_id)) for row in rows]

    def unreadable(self, recall_id: RecallId) -> int:
        """Return how many results could not be searched."""
        query = sa.select(sa.func.count()).where(recall_unread.c.recall_id == recall_id)
        with self._readers.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def page(self, institution: InstitutionId, limit: int) -> list[KeptRecall]:
        """Return an institution's recalls, the newest first."""
        query = _RECALLS.where(recalls.c.institution == institution)
        return self._read(query.order_by(recalls.c.announced_at_ms.desc(), recalls.c.recall_id).limit(limit))

    def _read(self, query: sa.Select[Any]) -> list[KeptRecall]:
        with self._readers.connect() as connection:
            return [_recall(row) for row in connection.execute(query)]


def _note_unread(connection: sa.Connection, recall_id: RecallId, run: SearchedRun) -> None:
    # a relocation comes after what it relocates: what it tells of was unread before, if at all
    for hashes in _chunks(sorted(run.read)):
        chosen = sa.and_(recall_unread.c.recall_id == recall_id, recall_unread.c.leaf_hash.in_(hashes))
        connection.execute(recall_unread.delete().where(chosen))
    unread = set(run.unread) - set(run.read)
    unread -= set(_known(connection, recall_unread, recall_id, unread))
    if unread:
        rows = [{"recall_id": recall_id, "leaf_hash": each} for each in sorted(unread)]
        connection.execute(recall_unread.insert(), rows)


def _known(connection: sa.Connection, table: sa.Table, recall_id: RecallId, leaf_hashes: Collection[bytes]) -> list[bytes]:
    found: list[bytes] = []
    for hashes in _chunks(sorted(leaf_hashes)):
        query = sa.select(table.c.leaf_hash).where(table.c.recall_id == recall_id, table.c.leaf_hash.in_(hashes))
        found += [bytes(leaf_hash) for leaf_hash in connection.scalars(query)]
    return found


def _chunks(leaf_hashes: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(leaf_hashes), _CHUNK):
        yield leaf_hashes[start : start + _CHUNK]


def _recall(row: sa.Row[Any]) -> KeptRecall:
    return KeptRecall(
        recall_id=RecallId(row.recall_id),
        institution=InstitutionId(row.institution),
        criteria=_criteria(row),
        reason=RecallReason(row.reason),
        entry=_reference(row),
        leaf_index=row.leaf_index,
        announced_at_ms=row.announced_at_ms,
        actor=row.actor_sealed,
        next_index=row.next_index,
        total=row.total,
        lifting=None if row.lifting_recall_id is None else _lifting(row),
    )


def _lifting(row: sa.Row[Any]) -> KeptLifting:
    return KeptLifting(
        reason=LiftingReason(row.lifting_reason),
        entry=LeafReference(Origin(row.origin), bytes(row.lifting_leaf_hash)),
        lifted_at_ms=row.lifting_lifted_at_ms,
        actor=row.lifting_actor_sealed,
        told_to=MessageId(row.lifting_told_to),
        is_told=row.lifting_is_told,
    )


def _criteria(row: Any) -> RecallCriteria:  # noqa: ANN401 - a row with the criteria's columns
    return RecallCriteria(row.item, row.device, row.lot, row.from_ms, row.to_ms)


def _reference(row: sa.Row[Any]) -> LeafReference:
    return LeafReference(Origin(row.origin), row.leaf_hash)
