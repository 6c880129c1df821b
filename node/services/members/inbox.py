"""Act on messages of other members: each once, in the transaction that notes it as done (docs/spec/retrieval.md "Outbox").

A feature registers a handler for its kind. The handler runs in the writer's thread and commits together with the note that
the message was acted on; only then it is acknowledged. Left out: who may send what, which each handler decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from node.domain.entry import InstitutionId
from node.domain.message import MemberMessage
from node.errors import MessageConflictError, UnknownMessageKindError
from node.ports.clock import Clock, unix_ms
from node.ports.members.outbox import InboxStore
from node.ports.records.transaction import Act, RecordsTransaction
from node.wire.members.message import parse_message

Handler = Callable[[RecordsTransaction, MemberMessage], None]
"""Acts on a message in the given transaction; an error leaves it unacknowledged, and the sender tries again later."""


class Inbox:
    """Receives messages."""

    def __init__(self, store: InboxStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._handlers: dict[str, tuple[Handler, Callable[[], None]]] = {}

    def register(self, kind: str, handler: Handler, committed: Callable[[], None] = lambda: None) -> None:
        """Let a handler act on messages of a kind.

        Args:
            kind: Such as `tombstone`.
            handler: Acts in the transaction that notes the message as done.
            committed: Called after the commit, such as to wake a loop.
        """
        self._handlers[kind] = handler, committed

    def receive(self, data: bytes, sender: InstitutionId, act: Act) -> MemberMessage:
        """Act on a message, or find that it was acted on before; durable when this returns.

        Args:
            data: The envelope, as it was signed.
            sender: Who signed it.
            act: Runs the transaction that acts.

        Raises:
            WireError: It is no envelope.
            UnknownMessageKindError: Nothing here acts on that kind.
            MessageConflictError: Its id is another message's.
        """
        message = parse_message(data, sender)
        if message.kind not in self._handlers:
            raise UnknownMessageKindError(message.kind)
        handler, committed = self._handlers[message.kind]
        digest = hashlib.sha256(data).digest()

        def work(transaction: RecordsTransaction) -> bytes | None:
            known = self._store.accept(transaction, message, digest, unix_ms(self._clock))
            if known is None:
                handler(transaction, message)
            return known

        known = act(work)
        if known not in (None, digest):
            raise MessageConflictError(message.message_id)
        if known is None:
            committed()
        return message
