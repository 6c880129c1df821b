"""Times that others state, as points in time: those that a calendar has.

A log may claim any time that fits its format. What is told of one is told of the nearest that the calendar has, so that a clock
gone mad, or malice, is seen and stops nobody. Left out: how times are written (`node.wire.fhir.times`, the API, texts).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

EARLIEST_MS: Final = -62_135_596_800_000
"""0001-01-01T00:00:00Z, unix ms."""
LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of 9999, UTC."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MS: Final = 86_400_000


def moment(unix_ms: int) -> datetime:
    """Return a point in time, UTC; the first or last that there is for what lies beyond."""
    return _EPOCH + timedelta(milliseconds=min(max(unix_ms, EARLIEST_MS), LATEST_MS))


def civil(unix_ms: int, zone: tzinfo) -> datetime:
    """Return a point in time in civil time; on the calendar's first and last day, which not every zone has, their neighbours."""
    return moment(min(max(unix_ms, EARLIEST_MS + _DAY_MS), LATEST_MS - _DAY_MS)).astimezone(zone)
