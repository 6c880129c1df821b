"""Time, as services see it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""


def unix_ms(clock: Clock) -> int:
    """Return the time now in unix milliseconds."""
    return int(clock.now().timestamp() * 1000)
