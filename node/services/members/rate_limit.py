"""How often somebody may ask: a bucket of tokens for each, in memory, that fills up as time passes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from node.errors import RateLimitedError
from node.ports.clock import Clock

_MAX_KEPT: Final = 10_000
"""Who was not heard of for longest is forgotten, with a full bucket."""


class RateLimit:
    """Counts requests of each sender; safe for threads."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        """Allow so many requests a minute, and as many at once."""
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, sender: str) -> None:
        """Count a request.

        Raises:
            RateLimitedError: The sender has asked too often.
        """
        now_s = self._clock.now().timestamp()
        with self._lock:
            left, at_s = self._buckets.pop(sender, (float(self._per_minute), now_s))
            left = min(float(self._per_minute), left + max(0.0, now_s - at_s) * self._per_minute / 60)
            allowed = left >= 1
            self._buckets[sender] = (left - 1 if allowed else left, now_s)
            if len(self._buckets) > _MAX_KEPT:
                self._buckets.popitem(last=False)
        if not allowed:
            raise RateLimitedError(self._per_minute)
