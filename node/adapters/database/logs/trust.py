"""`trust.db` (`ports.logs.trust`): short transactions, each durable when it returns.

Written by the worker's loops, by the witness in the API's threads, and by an operator's command in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from ledger.errors import CheckpointConflictError
from ledger.hashing import RootHash, TreeSize
from ledger.store.sql_statements import Statement
from ledger.witness import CosignedHead
from node.adapters.database.logs.tables_trust import cosigned_checkpoints, followed_heads, freezes, witness_heads
from node.domain.entry import Origin
from node.ports.logs.trust import CosignedCheckpoint, FrozenLog

KEPT_COSIGNED: Final = 128
"""Cosigned checkpoints of a log that are kept: more than come between two anchors."""


_FOLLOWED: Final = Statement(sa.select(followed_heads.c.state).where(followed_heads.c.origin == sa.bindparam("log")))
_REPLACE_HEAD: Final = Statement(
    followed_heads.update().where(followed_heads.c.origin == sa.bindparam("log")).values(state=sa.bindparam("new_state"))
)
_WITNESSED: Final = Statement(sa.select(witness_heads).where(witness_heads.c.origin == sa.bindparam("log")))
"""What every step of a follower asks."""
_FROZEN: Final = Statement(sa.select(freezes).where(freezes.c.cleared_at_ms.is_(None)))
_LARGEST: Final = 2**62
_COSIGNED: Final = Statement(
    sa.select(cosigned_checkpoints)
    .where(
        cosigned_checkpoints.c.origin == sa.bindparam("log"),
        cosigned_checkpoints.c.quorum,
        cosigned_checkpoints.c.size > sa.bindparam("above"),
        cosigned_checkpoints.c.size <= sa.bindparam("up_to"),
    )
    .order_by(cosigned_checkpoints.c.size.desc())
    .limit(1)
)
"""What every proof asks."""


class SqlTrustStore:
    """A `TrustStore` and a `CosignedStore`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def followed(self, origin: Origin) -> bytes | None:
        """Return the follower's state of a log."""
        row = _FOLLOWED.read_one(self._engine, log=origin)
        return None if row is None else bytes(row.state)

    def keep_followed(self, origin: Origin, state: bytes) -> None:
        """Replace the follower's state of a log."""
        with self._engine.begin() as connection:
            if not _REPLACE_HEAD.run(connection, log=origin, new_state=state):
                connection.execute(followed_heads.insert().values(origin=origin, state=state))

    def frozen(self) -> Mapping[Origin, FrozenLog]:
        """Return the logs that are frozen."""
        found = _FROZEN.read(self._engine)
        return {Origin(row.origin): FrozenLog(Origin(row.origin), row.kind, row.evidence, row.frozen_at_ms) for row in found}

    def freeze(self, frozen: FrozenLog) -> None:
        """Freeze a log; one that is frozen keeps its first evidence."""
        query = sa.select(freezes.c.freeze_id).where(freezes.c.origin == frozen.origin, freezes.c.cleared_at_ms.is_(None))
        values = {"origin": frozen.origin, "kind": frozen.kind, "evidence": frozen.evidence, "frozen_at_ms": frozen.frozen_at_ms}
        with self._engine.begin() as connection:
            if connection.execute(query).first() is None:
                connection.execute(freezes.insert().values(values))

    def unfreeze(self, origin: Origin, reason: str, now_ms: int) -> bool:
        """Let a log be followed again, keeping the evidence and the reason; False when it is not frozen."""
        change = freezes.update().where(freezes.c.origin == origin, freezes.c.cleared_at_ms.is_(None))
        with self._engine.begin() as connection:
            return connection.execute(change.values(cleared_at_ms=now_ms, cleared_reason=reason)).rowcount > 0

    def evidence(self, origin: Origin) -> bytes | None:
        """Return the newest evidence against a log, whether it is still frozen or not."""
        query = sa.select(freezes.c.evidence).where(freezes.c.origin == origin).order_by(freezes.c.freeze_id.desc())
        with self._engine.connect() as connection:
            return connection.execute(query.limit(1)).scalar_one_or_none()

    def witness(self, key_name: str) -> _CosignedHeads:
        """Return what a cosign key has cosigned."""
        return _CosignedHeads(self._engine, key_name)

    def witnessed_heads(self, origin: Origin) -> list[CosignedHead]:
        """Return the largest heads of a log that this node's cosign keys have cosigned."""
        return [_head(row) for row in _WITNESSED.read(self._engine, log=origin)]

    def keep_cosigned(self, checkpoint: CosignedCheckpoint) -> None:
        """Keep a checkpoint, in place of the same one with fewer cosignatures; the oldest of a log go."""
        table = cosigned_checkpoints
        of_log = table.c.origin == checkpoint.origin
        values = {"size": checkpoint.size, "note": checkpoint.note, "quorum": checkpoint.quorum}
        kept = sa.select(table.c.size).where(of_log).order_by(table.c.size.desc()).limit(KEPT_COSIGNED)
        with self._engine.begin() as connection:
            connection.execute(table.delete().where(of_log, table.c.size == checkpoint.size))
            connection.execute(table.insert().values(origin=checkpoint.origin, **values))
            oldest = min(connection.scalars(kept), default=0)
            connection.execute(table.delete().where(of_log, table.c.size < oldest))

    def cosigned(self, origin: Origin, above: int, up_to: int | None = None) -> CosignedCheckpoint | None:
        """Return the largest checkpoint with a quorum, of a size above one and up to another."""
        row = _COSIGNED.read_one(self._engine, log=origin, above=above, up_to=_LARGEST if up_to is None else up_to)
        return None if row is None else _cosigned(row)

    def cosigned_at(self, origin: Origin, size: int) -> CosignedCheckpoint | None:
        """Return the checkpoint of a size, whether with a quorum or not."""
        table = cosigned_checkpoints
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.origin == origin, table.c.size == size)).first()
        return None if row is None else _cosigned(row)


class _CosignedHeads:
    """What one cosign key has cosigned; a `ledger.witness.CosignedHeads`."""

    def __init__(self, engine: sa.Engine, key_name: str) -> None:
        self._engine = engine
        self._key_name = key_name

    def head(self, origin: str) -> CosignedHead | None:
        """Return the largest head of a log that was cosigned."""
        with self._engine.connect() as connection:
            return self._read(connection, origin)

    def replace(self, origin: str, expected: CosignedHead | None, new: CosignedHead) -> None:
        """Replace a head if it still is the expected one.

        Raises:
            CheckpointConflictError: Another one is there.
        """
        values = {"key_name": self._key_name, "origin": origin, "size": new.size, "root": new.root, "note": new.note}
        # the write lock is taken when the transaction begins: nobody moves the head between the comparison and the change
        with self._engine.begin() as connection:
            held = self._read(connection, origin)
            if held != expected:
                raise CheckpointConflictError(_note(expected), _note(held))
            connection.execute(witness_heads.delete().where(*self._at(origin)))
            connection.execute(witness_heads.insert().values(values))

    def _read(self, connection: sa.Connection, origin: str) -> CosignedHead | None:
        row = connection.execute(sa.select(witness_heads).where(*self._at(origin))).first()
        return None if row is None else _head(row)

    def _at(self, origin: str) -> tuple[sa.ColumnElement[bool], ...]:
        return witness_heads.c.key_name == self._key_name, witness_heads.c.origin == origin


def _note(head: CosignedHead | None) -> bytes | None:
    return None if head is None else head.note


def _head(row: sa.Row[tuple[object, ...]]) -> CosignedHead:
    return CosignedHead(TreeSize(row.size), RootHash(row.root), row.note)


def _cosigned(row: Sequence[Any]) -> CosignedCheckpoint:
    origin, size, note, quorum = row
    return CosignedCheckpoint(Origin(origin), TreeSize(size), note, bool(quorum))
