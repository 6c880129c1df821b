"""Messages to and from other members in `records.db` (`ports.members.outbox`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import MAX_LISTED, Statement
from node.adapters.database.members.tables_outbox import inbox, outbox
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage, MessageId
from node.ports.members.outbox import Backlog, OutboxRow
from node.ports.records.transaction import RecordsTransaction

_ENQUEUE = Statement(
    {
        "sqlite": sqlite.insert(outbox).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(outbox).on_conflict_do_nothing(),
    }
)
_DUE = Statement(
    sa.select(outbox)
    .where(outbox.c.acknowledged_at_ms.is_(None), outbox.c.next_attempt_at_ms <= sa.bindparam("now"))
    .order_by(outbox.c.next_attempt_at_ms)
    .limit(sa.bindparam("most"))
)
_ACKNOWLEDGE = Statement(
    outbox.update()
    .where(outbox.c.message_id.in_(sa.bindparam("messages", expanding=True)))
    .values(acknowledged_at_ms=sa.bindparam("at"), last_error="")
)
_PRUNE = Statement(outbox.delete().where(outbox.c.acknowledged_at_ms < sa.bindparam("before")))
_BACKLOG = Statement(
    sa.select(sa.func.count().label("waiting"), sa.func.min(outbox.c.created_at_ms).label("oldest")).where(
        outbox.c.acknowledged_at_ms.is_(None)
    )
)
_KNOWN = Statement(
    sa.select(inbox.c.digest).where(inbox.c.sender == sa.bindparam("by"), inbox.c.message_id == sa.bindparam("message"))
)
_ACCEPT = Statement(inbox.insert())


class SqlOutboxStore:
    """Keeps messages to others."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def enqueue(self, transaction: RecordsTransaction, messages: Sequence[MemberMessage]) -> None:
        """Keep messages, to be sent once the caller's transaction has committed; those already kept are passed over."""
        _ENQUEUE.run_all(connection_of(transaction), [_values(message) for message in messages])

    def due(self, now_ms: int, limit: int) -> list[OutboxRow]:
        """Return messages that are to be sent now, oldest first."""
        return [_row(found) for found in _DUE.read(self._readers, now=now_ms, most=limit)]

    def acknowledge(self, transaction: RecordsTransaction, message_ids: Collection[MessageId], at_ms: int) -> None:
        """Note that recipients have acted on messages."""
        connection, messages = connection_of(transaction), list(message_ids)
        for start in range(0, len(messages), MAX_LISTED):
            _ACKNOWLEDGE.run(connection, messages=messages[start : start + MAX_LISTED], at=at_ms)

    def postpone(
        self, transaction: RecordsTransaction, message_id: MessageId, attempts: int, next_attempt_at_ms: int, error: str
    ) -> None:
        """Note an attempt in vain."""
        values = {"attempts": attempts, "next_attempt_at_ms": next_attempt_at_ms, "last_error": error}
        connection_of(transaction).execute(outbox.update().where(outbox.c.message_id == message_id).values(values))

    def unacknowledged(self, sender: InstitutionId, limit: int) -> list[OutboxRow]:
        """Return an institution's messages that nobody has acknowledged yet, oldest first."""
        waiting = sa.and_(outbox.c.sender == sender, outbox.c.acknowledged_at_ms.is_(None))
        return self._rows(sa.select(outbox).where(waiting).order_by(outbox.c.created_at_ms, outbox.c.message_id).limit(limit))

    def about(self, sender: InstitutionId, kind: str, subject: str) -> list[OutboxRow]:
        """Return an institution's messages of a kind about a subject, acknowledged or not."""
        chosen = sa.and_(outbox.c.sender == sender, outbox.c.kind == kind, outbox.c.subject == subject)
        return self._rows(sa.select(outbox).where(chosen).order_by(outbox.c.recipient))

    def backlog(self) -> Backlog:
        """Return how much waits in all."""
        row = _BACKLOG.read_one(self._readers)
        return Backlog(row.waiting, row.oldest)

    def prune(self, transaction: RecordsTransaction, acknowledged_before_ms: int) -> None:
        """Forget messages that were acknowledged long ago."""
        _PRUNE.run(connection_of(transaction), before=acknowledged_before_ms)

    def _rows(self, query: sa.Select[Any]) -> list[OutboxRow]:
        with self._readers.connect() as connection:
            return [_row(found) for found in connection.execute(query)]


class SqlInboxStore:
    """Knows which messages were acted on."""

    def accept(self, transaction: RecordsTransaction, message: MemberMessage, digest: bytes, at_ms: int) -> bytes | None:
        """Note a message as acted on, by the caller's commit; or return the digest under which its id is known already."""
        connection = connection_of(transaction)
        row = _KNOWN.row(connection, by=message.sender, message=message.message_id)
        if row is not None:
            return bytes(row.digest)
        _ACCEPT.run(
            connection,
            sender=message.sender,
            message_id=message.message_id,
            digest=digest,
            kind=message.kind,
            recipient=message.recipient,
            accepted_at_ms=at_ms,
        )
        return None


def _values(message: MemberMessage) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "kind": message.kind,
        "sender": message.sender,
        "recipient": message.recipient,
        "subject": message.subject,
        "body": message.body,
        "created_at_ms": message.created_at_ms,
        "attempts": 0,
        "next_attempt_at_ms": message.created_at_ms,
        "last_error": "",
        "acknowledged_at_ms": None,
    }


def _row(found: Any) -> OutboxRow:  # noqa: ANN401 - a row of `outbox`
    message = MemberMessage(
        message_id=MessageId(found.message_id),
        kind=found.kind,
        sender=InstitutionId(found.sender),
        recipient=InstitutionId(found.recipient),
        subject=found.subject,
        body=bytes(found.body),
        created_at_ms=found.created_at_ms,
    )
    return OutboxRow(
        message=message,
        attempts=found.attempts,
        next_attempt_at_ms=found.next_attempt_at_ms,
        last_error=found.last_error,
        acknowledged_at_ms=found.acknowledged_at_ms,
    )
