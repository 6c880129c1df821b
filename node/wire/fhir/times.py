"""FHIR R4 dateTime and instant (https://hl7.org/fhir/R4/datatypes.html#dateTime) as points in time.

A partial date stands for its first moment in UTC: a result must not seem fresher than it may be. A leap second is the
next second. Fractions are cut after the microsecond.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_FORM: Final = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?"
)
_LEAP: Final = "60"
_MICROSECOND_DIGITS: Final = 6
_MAX_OFFSET: Final = timedelta(hours=14)


def parse_time(text: str) -> datetime | None:
    """Parse a FHIR dateTime or instant into an aware time in UTC; None where it is neither."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    year, month, day, minutes, seconds, fraction, zone = match.groups()
    try:
        if minutes is None:
            return datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        leap = seconds == _LEAP
        digits = (fraction or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
        whole = f"{year}-{month}-{day}T{minutes}:{'59' if leap else seconds}.{digits}{zone}"
        time = datetime.fromisoformat(whole)
        if abs(time.utcoffset() or timedelta()) > _MAX_OFFSET:
            return None
        return time.astimezone(UTC) + timedelta(seconds=1) if leap else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
