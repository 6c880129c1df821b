"""Deliver messages to other members: durable with what they tell of, sent until acknowledged (docs/spec/retrieval.md "Outbox").

`Outbox.tell` joins the caller's transaction. The loop sends what is due, several members at once, so that one that hangs
holds up only its own messages. What fails waits twice as long each time, up to an hour, with jitter; how long is kept, so
that a restart neither forgets nor hurries. Order is not kept: a handler must not rely on it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

import structlog

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage, MessageId
from node.errors import ConcordError, MemberAwayError, NodeStoppingError
from node.ports.clock import Clock, unix_ms
from node.ports.members.outbox import OutboxRow, OutboxStore
from node.ports.members.requests import MemberClient
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.telemetry import OUTBOX_OLDEST, OUTBOX_WAITING
from node.wire.members.http_signature import SignatureTag
from node.wire.members.message import encode_message

log = structlog.get_logger(__name__)

INBOX_PATH = "/v1/inbox"

_ID_BYTES = 16
_BATCH = 256
_AT_ONCE = 8
_FIRST_DELAY_MS = 1_000
_MAX_DELAY_MS = 3_600_000
_KEPT_MS = 30 * 86_400_000
"""How long acknowledged messages stay listed by subject."""
_JITTER = 0.5
_random = secrets.SystemRandom()


class Outbox:
    """Takes messages, and delivers them."""

    def __init__(
        self,
        *,
        store: OutboxStore,
        clients: Mapping[InstitutionId, MemberClient],
        writer: RecordsWriter,
        clock: Clock,
        jitter: Callable[[float, float], float] = _random.uniform,
    ) -> None:
        self._store = store
        self._clients = clients
        self._writer = writer
        self._clock = clock
        self._jitter = jitter
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="outbox")
        self._wake: Callable[[], None] = lambda: None

    def on_news(self, wake: Callable[[], None]) -> None:
        """Let `wake` be called when something is to be sent."""
        self._wake = wake

    def close(self) -> None:
        """Stop sending; what is under way is finished."""
        self._pool.shutdown(cancel_futures=True)

    def tell(
        self,
        transaction: RecordsTransaction,
        sender: InstitutionId,
        recipients: Sequence[InstitutionId],
        kind: str,
        subject: str,
        body: bytes,
    ) -> list[MessageId]:
        """Tell members something, once the caller's transaction has committed.

        Args:
            transaction: Of the records writer.
            sender: A hosted institution.
            recipients: Whom; each gets a message of its own.
            kind: Whose handler it is for.
            subject: What it is about; lists go by it. Never patient data.
            body: One JSON value.
        """
        now_ms = unix_ms(self._clock)
        messages = [
            MemberMessage(MessageId(secrets.token_hex(_ID_BYTES)), kind, sender, recipient, subject, body, now_ms)
            for recipient in recipients
        ]
        self._store.enqueue(transaction, messages)
        # before the commit: at worst the loop looks in vain, and again at its interval
        self._wake()
        return [message.message_id for message in messages]

    def unacknowledged(self, sender: InstitutionId, limit: int) -> list[OutboxRow]:
        """Return an institution's messages that nobody has acknowledged yet, oldest first."""
        return self._store.unacknowledged(sender, limit)

    def about(self, sender: InstitutionId, kind: str, subject: str) -> list[OutboxRow]:
        """Return an institution's messages of a kind about a subject: who has acknowledged, and who has not."""
        return self._store.about(sender, kind, subject)

    def deliver(self) -> None:
        """Send what is due; the step of a loop."""
        now_ms = unix_ms(self._clock)
        rows = sorted(self._store.due(now_ms, _BATCH), key=lambda row: (row.message.sender, row.message.recipient))
        groups = [list(group) for _, group in groupby(rows, key=lambda row: (row.message.sender, row.message.recipient))]
        for _ in self._pool.map(self._deliver_to_one, groups):
            pass
        self._writer.submit(lambda transaction: self._store.prune(transaction, now_ms - _KEPT_MS)).result()
        backlog = self._store.backlog()
        OUTBOX_WAITING.set(backlog.waiting)
        OUTBOX_OLDEST.set(0 if backlog.oldest_at_ms is None else (now_ms - backlog.oldest_at_ms) / 1000)
        if len(rows) == _BATCH:
            self._wake()

    def _deliver_to_one(self, rows: Sequence[OutboxRow]) -> None:
        """Send one member's messages in turn; once one fails because the member is away, the others wait as well."""
        for position, row in enumerate(rows):
            try:
                self._send(row.message)
            except NodeStoppingError:
                raise
            except MemberAwayError as error:
                self._postpone(rows[position:], error)
                return
            except ConcordError as error:
                self._postpone([row], error)

    def _send(self, message: MemberMessage) -> None:
        client = self._clients[message.sender]
        # any signed answer below 300 says that the recipient's handler has committed
        client.post(message.recipient, INBOX_PATH, encode_message(message), SignatureTag.INBOX)
        at_ms = unix_ms(self._clock)
        self._writer.submit(lambda transaction: self._store.acknowledge(transaction, [message.message_id], at_ms)).result()

    def _postpone(self, rows: Sequence[OutboxRow], error: ConcordError) -> None:
        name, now_ms = type(error).__name__, unix_ms(self._clock)
        log.info("messages_not_delivered", to=rows[0].message.recipient, count=len(rows), error=name)

        def work(transaction: RecordsTransaction) -> None:
            for row in rows:
                delay_ms = min(_FIRST_DELAY_MS * 2 ** min(row.attempts, 30), _MAX_DELAY_MS)
                next_at_ms = now_ms + int(delay_ms * self._jitter(_JITTER, 1.0))
                self._store.postpone(transaction, row.message.message_id, row.attempts + 1, next_at_ms, name)

        self._writer.submit(work).result()
