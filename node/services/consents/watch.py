"""Keep what the chain says of consents fresh: how old is it, and what was revoked (FORMATS "Consent").

A loop reads the head and what happened since; a reading that nothing happened to is as good as one read now. A revocation
counts from the moment it is seen, whatever the chain does with its block later. What cannot be known within the staleness
that the settings allow is not guessed: `ConsentStateUnknownError`. Left out: what a consent covers (`node.policy`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from node.domain.access import ConsentId
from node.domain.consent_message import EmergencyId
from node.domain.consent_state import ConsentHistories, ConsentReading, EmergencyState, SeenBlock, SeenHead
from node.errors import ChainError, ConsentStateUnknownError
from node.ports.clock import Clock, unix_ms
from node.ports.consents.store import ConsentChain, ConsentStore, KeptConsent
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.telemetry import CONSENT_STALENESS, OPEN_EMERGENCIES

log = structlog.get_logger(__name__)

RevocationHandler = Callable[[RecordsTransaction, Sequence[KeptConsent]], None]
"""Acts on revocations of consents that are kept here, in the transaction that notes them."""

_CACHED = 10_000
_CURSOR_BLOCKS = 256
"""How far the chain may move on before the cursor is written without news."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """How old what is known of the chain's consents may be."""

    max_s: float
    """Older state is unknown state."""
    block_period_s: float
    """How often the engine makes blocks; 0 where it makes them for transactions only."""


class ConsentWatch:
    """Reads consents for whoever decides on a disclosure; from any thread."""

    def __init__(self, chain: ConsentChain, store: ConsentStore, writer: RecordsWriter, clock: Clock, staleness: Staleness) -> None:
        self._chain = chain
        self._store = store
        self._writer = writer
        self._clock = clock
        self._staleness = staleness
        self._lock = threading.Lock()
        self._head: SeenHead | None = None
        self._readings: OrderedDict[ConsentId, ConsentReading] = OrderedDict()
        self._revoked: set[ConsentId] = set()
        self._handlers: list[RevocationHandler] = []

    def on_revoked(self, handler: RevocationHandler) -> None:
        """Let a handler act on revocations: hide what they opened, tell whom they concern."""
        self._handlers.append(handler)

    def refresh(self) -> None:
        """Read the head and what happened since the last time; the step of a loop.

        Raises:
            ChainError: The chain does not answer; what is known gets older.
        """
        staleness_s = self.staleness_s()
        if staleness_s is not None:
            # before the question, which may fail: what is shown then grows
            CONSENT_STALENESS.set(staleness_s)
        OPEN_EMERGENCIES.set(self._store.open_emergencies())
        cursor = self._store.cursor()
        head = self._head
        first = cursor if head is None else head.final.stamp.number
        if first is None:
            found_head = self._chain.head()
            self._take(found_head, (), ())
            self._move_cursor(found_head, None)
            return
        # from the last final block on: later ones may have been taken back and made anew
        found = self._chain.changes(first + 1)
        revoked = [change.consent for change in found.changes if change.is_revocation]
        self._take(found.head, [change.consent for change in found.changes], revoked)
        news = [consent for consent in dict.fromkeys(revoked) if not self._store.is_revoked(consent)]
        if news:
            self._note(news)
        self._move_cursor(found.head, cursor)

    def read(self, consent: ConsentId) -> ConsentReading:
        """Return what the chain says of a consent, no older than the settings allow.

        Raises:
            ConsentStateUnknownError: It cannot be known now.
        """
        with self._lock:
            head, known = self._head, self._readings.get(consent)
            if head is not None and known is not None and self._is_fresh(head):
                self._readings.move_to_end(consent)
                return replace(known, head=head, revocation_seen=consent in self._revoked)
        try:
            reading = self._chain.consent(consent)
        except ChainError as error:
            raise ConsentStateUnknownError(self._staleness.max_s) from error
        if not self._is_fresh(reading.head):
            raise ConsentStateUnknownError(self._staleness.max_s)
        self._keep(reading)
        return replace(reading, revocation_seen=self._was_revoked(reading))

    def emergency(self, emergency: EmergencyId) -> EmergencyState | None:
        """Return what the chain says of an emergency at its newest block.

        Raises:
            ConsentStateUnknownError: The chain does not answer.
        """
        try:
            return self._chain.emergency(emergency)
        except ChainError as error:
            raise ConsentStateUnknownError(self._staleness.max_s) from error

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        """Return what happened to consents up to the final block, read at a head that is no older than the settings allow.

        Raises:
            ConsentStateUnknownError: It cannot be known now.
        """
        try:
            told = self._chain.histories(consents)
        except ChainError as error:
            raise ConsentStateUnknownError(self._staleness.max_s) from error
        if not self._is_fresh(told.head):
            raise ConsentStateUnknownError(self._staleness.max_s)
        return told

    def block(self, number: int) -> SeenBlock:
        """Return a block of the chain.

        Raises:
            ConsentStateUnknownError: The chain does not answer.
        """
        try:
            return self._chain.block(number)
        except ChainError as error:
            raise ConsentStateUnknownError(self._staleness.max_s) from error

    def forget(self, consent: ConsentId) -> None:
        """Read a consent anew at the next question: somebody says that it was revoked, and the chain will tell."""
        with self._lock:
            self._readings.pop(consent, None)

    def revoked_here(self, consent: ConsentId) -> None:
        """Let a consent count as revoked from now on: an institution here, or the patient through it, has revoked it."""
        with self._lock:
            self._revoked.add(consent)

    def staleness_s(self) -> float | None:
        """Return how old what is known is; None before the head was read for the first time."""
        head = self._head
        return None if head is None else head.staleness_s(self._clock.now(), self._staleness.block_period_s)

    def _is_fresh(self, head: SeenHead) -> bool:
        return head.staleness_s(self._clock.now(), self._staleness.block_period_s) <= self._staleness.max_s

    def _was_revoked(self, reading: ConsentReading) -> bool:
        newest = reading.newest
        if newest is not None and newest.revoked_at_s is not None:
            self.revoked_here(reading.consent)
            return True
        return reading.consent in self._revoked or self._store.is_revoked(reading.consent)

    def _keep(self, reading: ConsentReading) -> None:
        """Remember a reading that can change by an event only: one that is final, and not older than what was looked at."""
        with self._lock:
            head = self._head
            is_behind = head is None or reading.head.newest.stamp.number < head.newest.stamp.number
            if reading.final != reading.newest or is_behind:
                return
            self._readings[reading.consent] = reading
            if len(self._readings) > _CACHED:
                self._readings.popitem(last=False)

    def _take(self, head: SeenHead, changed: Sequence[ConsentId], revoked: Sequence[ConsentId]) -> None:
        with self._lock:
            for consent in changed:
                self._readings.pop(consent, None)
            self._revoked.update(revoked)
            # last: a reading counts as looked after up to this head
            self._head = head

    def _note(self, revoked: Sequence[ConsentId]) -> None:
        now_ms = unix_ms(self._clock)

        def work(transaction: RecordsTransaction) -> int:
            news = self._store.mark_revoked(transaction, revoked, now_ms)
            for handler in self._handlers if news else ():
                handler(transaction, news)
            return len(news)

        count = self._writer.submit(work).result()
        if count:
            log.info("consents_revoked", count=count)

    def _move_cursor(self, head: SeenHead, cursor: int | None) -> None:
        number = head.final.stamp.number
        if cursor is None or number >= cursor + _CURSOR_BLOCKS:
            self._writer.submit(lambda transaction: self._store.set_cursor(transaction, number)).result()
