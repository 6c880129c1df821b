"""Record secrets for acts, durable ahead of the entries that will need them (DESIGN section 5).

A secret has to be durable before its entry is staged. Drawn one by one inside the staging transaction, each would cost that
transaction a second durable write, for which whoever waits for a receipt waits too. Here one durable write draws several: one
at first, then twice as many each time while they are used. What a stop leaves unused is an orphan, which the sweep destroys.
Left out: the secrets of records, which are drawn where documents are prepared.
"""

from __future__ import annotations

import os
import secrets
import threading
from typing import Final

from node.ports.clock import Clock, unix_ms
from node.ports.records.secrets import RecordSecret, SecretId, SecretStore
from node.wire.commitment import SECRET_BYTES

MAX_AGE_MS: Final = 60_000
"""How long a secret may wait for its entry: far less than the age at which a sweep takes one without an entry for an orphan."""
MAX_DRAWN: Final = 64
"""Secrets of one durable write at the most, unless more are asked for at once."""

_ID_BYTES: Final = 16


class SecretStock:
    """Gives out secrets that are durable; any thread."""

    def __init__(self, store: SecretStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._drawn: list[tuple[SecretId, RecordSecret]] = []
        self._drawn_at_ms = 0
        self._last_count = 0

    def take(self, count: int) -> list[tuple[SecretId, RecordSecret]]:
        """Return secrets that nothing else uses, each with its name; they are durable."""
        with self._lock:
            now_ms = unix_ms(self._clock)
            # a clock that was set back makes them look newer than they are: they are left to the sweep as well
            if not self._drawn_at_ms <= now_ms <= self._drawn_at_ms + MAX_AGE_MS:
                self._drawn, self._last_count = [], 0
            missing = count - len(self._drawn)
            if missing > 0:
                self._draw(max(missing, min(2 * self._last_count, MAX_DRAWN)), now_ms)
            taken, self._drawn = self._drawn[:count], self._drawn[count:]
            return taken

    def _draw(self, count: int, now_ms: int) -> None:
        drawn = [(SecretId(secrets.token_bytes(_ID_BYTES)), RecordSecret(os.urandom(SECRET_BYTES))) for _ in range(count)]
        self._store.put_many(dict(drawn))
        # those that were left keep the age of the older ones
        self._drawn_at_ms = self._drawn_at_ms if self._drawn else now_ms
        self._drawn += drawn
        self._last_count = count
