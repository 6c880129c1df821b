"""How long records must be kept, whatever the patient wishes (PIPL 47): locked until then, erased afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

_LEAP_MONTH = 2
_LEAP_DAY = 29


class Care(StrEnum):
    """Kind of care that a record documents; it decides how long the record is kept."""

    OUTPATIENT = "outpatient"
    INPATIENT = "inpatient"


@dataclass(frozen=True, slots=True)
class Retention:
    """Periods of a region."""

    region: str
    """Which region's law."""
    years: Mapping[Care, int]
    """Years by kind of care."""

    def kept_until_ms(self, recorded_at_ms: int, care: Care) -> int:
        """Return when a record's period is over, unix ms; 29 February ends on 1 March."""
        start = datetime.fromtimestamp(recorded_at_ms / 1000, UTC)
        year = start.year + self.years[care]
        if (start.month, start.day) == (_LEAP_MONTH, _LEAP_DAY):
            start = start.replace(month=3, day=1)
        return int(start.replace(year=year).timestamp() * 1000)
