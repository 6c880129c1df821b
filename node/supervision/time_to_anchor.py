"""How long entries wait for their anchor: exact percentiles by institution and month, kept as counts of whole seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.moments import civil

_SECOND_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class AnchorDelay:
    """How long entries waited, in whole seconds, rounded up."""

    entries: int
    """How many were anchored."""
    median_s: int
    """Half of them waited at most so long."""
    p95_s: int
    """95 of 100 waited at most so long."""
    longest_s: int
    """The longest wait."""


class AnchorDelays:
    """Delays so far."""

    def __init__(self, zone: tzinfo) -> None:
        """Start with nothing; `zone` is the civil time of months."""
        self._zone = zone
        self._counts: dict[tuple[InstitutionId | None, str], Counter[int]] = {}

    def take(self, institution: InstitutionId, logged_at_ms: int, anchored_at_ms: int, entries: int = 1) -> None:
        """Take in entries: when their checkpoint was first seen, and when the chain accepted a head that covers them."""
        seconds = max(0, -(-(anchored_at_ms - logged_at_ms) // _SECOND_MS))
        month = civil(logged_at_ms, self._zone).strftime("%Y-%m")
        for who in (institution, None):
            for period in (month, ""):
                self._counts.setdefault((who, period), Counter())[seconds] += entries

    def groups(self) -> list[tuple[InstitutionId | None, str]]:
        """Return every institution, None for all, and month, empty for ever, in which something was anchored; sorted."""
        return sorted(self._counts, key=lambda group: (group[0] or "", group[1]))

    def delay(self, institution: InstitutionId | None = None, period: str = "") -> AnchorDelay | None:
        """Return the delays of an institution, or of all, in a month, or ever; None where nothing was anchored."""
        counts = self._counts.get((institution, period))
        if not counts:
            return None
        total = counts.total()
        return AnchorDelay(total, _rank(counts, total, 50), _rank(counts, total, 95), max(counts))


def _rank(counts: Counter[int], total: int, percent: int) -> int:
    """Return the nearest-rank percentile."""
    wanted = -(-total * percent // 100)
    reached = 0
    for seconds in sorted(counts):
        reached += counts[seconds]
        if reached >= wanted:
            return seconds
    raise AssertionError
