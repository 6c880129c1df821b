"""Simulated time: a clock that stands until the world sets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SimulatedClock:
    """A `Clock`."""

    def __init__(self, at_ms: int) -> None:
        """Start at a time, unix ms."""
        self._now = _EPOCH
        self.set(at_ms)

    def now(self) -> datetime:
        """Return the time."""
        return self._now

    def set(self, at_ms: int) -> None:
        """Let it be another time, unix ms; visits of one period may be gone through in passes."""
        self._now = _EPOCH + timedelta(milliseconds=at_ms)
