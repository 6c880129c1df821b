"""Reads `records.db` from any thread (`ports.records.transaction.RecordsReader`, `ports.records.bodies.BodyReader`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from ledger.hashing import TreeSize
from ledger.mirror import CachedHashReader, TileCache
from ledger.ports import HashReader, LogReader
from ledger.store.sql import SqlLogReader
from ledger.store.sql_statements import Statement
from node.adapters.database.records import rows
from node.adapters.database.records.tables import anchors, bodies, checkpoints, clients, entries, headers, records
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.domain.entry import InstitutionId, Origin, RecordId
from node.domain.record import Kind
from node.ports.records.secrets import SecretId
from node.ports.records.transaction import AnchorRow, ClientRow, EntryPage, RecordRow

_HEADERS = Statement(
    sa.select(entries.c.leaf_index, headers.c.header)
    .select_from(
        entries.outerjoin(headers, sa.and_(headers.c.origin == entries.c.origin, headers.c.leaf_index == entries.c.leaf_index))
    )
    .where(
        entries.c.origin == sa.bindparam("of"),
        entries.c.leaf_index >= sa.bindparam("start"),
        entries.c.leaf_index < sa.bindparam("end"),
    )
    .order_by(entries.c.leaf_index)
)
"""Own entries that a find hits are read one by one."""
_CHECKPOINT: Final = Statement(
    sa.select(checkpoints.c.note).where(checkpoints.c.origin == sa.bindparam("of"), checkpoints.c.size == sa.bindparam("wanted"))
)
_LATEST_ANCHOR: Final = Statement(
    sa.select(anchors).where(anchors.c.origin == sa.bindparam("of")).order_by(anchors.c.size.desc()).limit(1)
)
_BODY: Final = Statement(
    sa.select(bodies.c.body, entries.c.secret_id)
    .join(entries, sa.and_(bodies.c.origin == entries.c.origin, bodies.c.leaf_index == entries.c.leaf_index))
    .where(bodies.c.origin == sa.bindparam("of"), bodies.c.leaf_index == sa.bindparam("index"))
)


class SqlRecordsReader:
    """Opens a read transaction for each question."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._logs: dict[Origin, SqlLogReader] = {}
        self._caches: defaultdict[Origin, TileCache[tuple[bytes, ...]]] = defaultdict(TileCache)

    def log(self, origin: Origin) -> LogReader:
        """Return a reader of a log's committed and published."""
        reader = self._logs.get(origin)
        if reader is None:
            reader = self._logs.setdefault(origin, SqlLogReader(self._engine, origin))
        return reader

    def hashes(self, origin: Origin, size: TreeSize) -> HashReader:
        """Return the hashes of a log's tree of a size that was committed; full tiles stay in memory."""
        return CachedHashReader(self.log(origin), size, self._caches[origin])

    def record(self, record_id: RecordId) -> RecordRow | None:
        """Return a record with all versions."""
        with self._engine.connect() as connection:
            return SqlRecordsTransaction(connection).record(record_id)

    def page(self, institution: InstitutionId, origin: Origin, *, before: int | None, limit: int) -> EntryPage:
        """Return a page of an institution's record entries, newest first."""
        query = sa.select(entries).where(
            entries.c.institution == institution, entries.c.origin == origin, entries.c.record_id.is_not(None)
        )
        if before is not None:
            query = query.where(entries.c.leaf_index < before)
        with self._engine.connect() as connection:
            found = connection.execute(query.order_by(entries.c.leaf_index.desc()).limit(limit + 1)).all()
            shown = tuple(rows.entry_from(row) for row in found[:limit])
            ids = {entry.record_id for entry in shown if entry.record_id is not None}
            named = sa.select(records.c.record_id, records.c.kind).where(records.c.record_id.in_(ids))
            kinds = {RecordId(record_id): Kind(kind) for record_id, kind in connection.execute(named)}
        return EntryPage(shown, kinds, shown[-1].leaf_index if len(found) > limit else None)

    def headers(self, origin: Origin, start: int, count: int) -> list[tuple[int, bytes | None]]:
        """Return (leaf index, header or None when deleted) for a range of entries."""
        return [(index, header) for index, header in _HEADERS.read(self._engine, of=origin, start=start, end=start + count)]

    def entry_count(self, origin: Origin) -> int:
        """Return how many entries were staged for a log: the next one's index."""
        query = sa.select(sa.func.max(entries.c.leaf_index)).where(entries.c.origin == origin)
        with self._engine.connect() as connection:
            last = connection.execute(query).scalar_one()
        return 0 if last is None else int(last) + 1

    def checkpoint(self, origin: Origin, size: int) -> bytes | None:
        """Return the signed checkpoint of a size that was submitted for anchoring."""
        row = _CHECKPOINT.read_one(self._engine, of=origin, wanted=size)
        return None if row is None else row.note

    def latest_anchor(self, origin: Origin) -> AnchorRow | None:
        """Return the largest accepted head of a log."""
        row = _LATEST_ANCHOR.read_one(self._engine, of=origin)
        return None if row is None else rows.anchor_from(row)

    def client_by_digest(self, key_digest: bytes) -> ClientRow | None:
        """Return the client with this key."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(clients).where(clients.c.key_digest == key_digest)).one_or_none()
        return None if row is None else rows.client_from(row)

    def clients(self) -> list[ClientRow]:
        """Return all clients."""
        with self._engine.connect() as connection:
            found = connection.execute(sa.select(clients).order_by(clients.c.created_at_ms)).all()
        return [rows.client_from(row) for row in found]

    def erased_with_secrets(self) -> list[tuple[RecordId, tuple[SecretId, ...]]]:
        """Return erased records whose secrets may still exist: a crash came between the two steps of erasure."""
        # no join: SQLite, without statistics, would begin it at the entries and read them all at every start
        erased = sa.select(records.c.record_id).where(records.c.erased_at_ms.is_not(None))
        query = sa.select(entries.c.record_id, entries.c.secret_id).where(
            entries.c.record_id.in_(erased), entries.c.secret_id.is_not(None)
        )
        found: dict[RecordId, list[SecretId]] = {}
        with self._engine.connect() as connection:
            for record_id, secret_id in connection.execute(query):
                found.setdefault(RecordId(record_id), []).append(SecretId(secret_id))
        return [(record_id, tuple(ids)) for record_id, ids in found.items()]

    def secrets_in_use(self, candidates: Collection[SecretId]) -> frozenset[SecretId]:
        """Return those of these secrets that an entry refers to; reads all entries once."""
        query = sa.select(entries.c.secret_id).where(entries.c.secret_id.is_not(None))
        with self._engine.connect() as connection:
            found = connection.execution_options(yield_per=10_000).scalars(query)
            return frozenset(SecretId(value) for value in found if value in candidates)


class SqlBodyReader:
    """Reads sealed bodies; built for `services.disclosure` alone."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def read(self, origin: Origin, leaf_index: int) -> tuple[bytes, SecretId] | None:
        """Return an entry's sealed body and the name of its secret, or None when there is none any more."""
        row = _BODY.read_one(self._engine, of=origin, index=leaf_index)
        return None if row is None or row.secret_id is None else (row.body, SecretId(row.secret_id))
