"""Which recognitions have to be found because what they rest on was withdrawn or recalled (pure).

Written from docs/operations/regulators.md and docs/spec/recall.md, not from `node.supervision`. A recognition is found when the
grace time is over, counted from when supervision had read both the decision and the withdrawal or the list of the recall, unless
it was taken back by then; taking it back later settles the finding, and so does lifting a recall, but for what was recognised while
that stood. Supervision reads at known times only, and knows then what was logged in the periods that were over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from devnet.simulation.aftermath import Aftermath
from devnet.simulation.happenings import LineOrdered, OfferExpected, OrderingVisit, RecallMade, Status, Year
from devnet.simulation.replaced import Replacements, minute

_KNOWN_AFTER_MS = 5 * 60_000
"""After how long everybody may be expected to follow a recall."""


@dataclass(frozen=True, slots=True)
class _Withdrawal:
    """Something that takes away what a recognition rests on."""

    at_ms: int
    """When its entry is logged, unix ms."""
    period: int
    """In which period."""
    recall: RecallMade | None
    """The recall; None for a withdrawal."""


@dataclass(frozen=True, slots=True)
class FoundReliance:
    """What has to be found, by order line."""

    open: frozenset[str]
    """Found, and still so when the last time came at which supervision read."""
    settled: frozenset[str]
    """Found, and settled since."""


class RelianceOracle:
    """Judges the recognitions of a year."""

    def __init__(self, year: Year, aftermath: Aftermath, read_at_ms: Sequence[int], grace_ms: int) -> None:
        """Take what happened.

        Args:
            year: The model's year.
            aftermath: What was taken back.
            read_at_ms: When supervision reads, unix ms, sorted.
            grace_ms: How long a recognition may stand.
        """
        self._year = year
        self._aftermath = aftermath
        self._read_at_ms = read_at_ms
        self._grace_ms = grace_ms
        self._replacements = Replacements(year)

    def found(self) -> FoundReliance:
        """Return the order lines whose recognitions have to be found."""
        found, standing = set(), set()
        for visit in self._year.ordering:
            for line in visit.lines:
                times = self._found_at(visit, line)
                if times:
                    found.add(line.order_id)
                if times and times[-1] == self._read_at_ms[-1]:
                    standing.add(line.order_id)
        return FoundReliance(frozenset(standing), frozenset(found - standing))

    def _found_at(self, visit: OrderingVisit, line: LineOrdered) -> list[int]:
        """Return the times at which supervision finds a recognition wanting."""
        foreign = [each for each in line.used if each.institution != visit.institution]
        withdrawals = [each for offer in foreign for each in self._withdrawals(offer)]
        if not withdrawals:
            return []
        reversed_in = visit.period if line.reversed_at_ms is not None else None
        worked = self._aftermath.taken_back.get(line.order_id)
        if worked is not None:
            reversed_in = worked.period
        return [
            at_ms
            for at_ms in self._read_at_ms
            if (reversed_in is None or not self._is_read(reversed_in, at_ms))
            and any(self._is_wanting(visit, line, each, at_ms) for each in withdrawals)
        ]

    def _withdrawals(self, offer: OfferExpected) -> Iterator[_Withdrawal]:
        """Yield what took the version that was used, or a later one, away."""
        later = [each for each in self._replacements.versions[offer.result] if each.version >= offer.version]
        for version in later:
            if version.status is Status.WITHDRAWN:
                yield _Withdrawal(version.at_ms, version.period, None)
        for recall in self._year.recalls:
            if recall.institution == offer.institution:
                for version, at_ms, period in self._replacements.listed(recall):
                    if version in later:
                        yield _Withdrawal(at_ms, period, recall)

    def _is_wanting(self, visit: OrderingVisit, line: LineOrdered, withdrawal: _Withdrawal, now_ms: int) -> bool:
        both_read_ms = self._first_read(max(visit.period, withdrawal.period))
        if both_read_ms is None or now_ms < both_read_ms + self._grace_ms:
            return False
        recall = withdrawal.recall
        if recall is None or recall.lifted_at_ms is None or recall.lifted_period is None:
            return True
        if not self._is_read(recall.lifted_period, now_ms):
            return True
        decided_ms = minute(line.decided_at_ms)
        return withdrawal.at_ms + _KNOWN_AFTER_MS <= decided_ms < minute(recall.lifted_at_ms)

    def _is_read(self, period: int, now_ms: int) -> bool:
        """Tell whether supervision has read by now what was logged in a period."""
        return self._year.periods[period][1] <= now_ms

    def _first_read(self, period: int) -> int | None:
        return next((at_ms for at_ms in self._read_at_ms if self._is_read(period, at_ms)), None)


def reading_times(year: Year, every_periods: int, looks_ms: Iterable[int]) -> list[int]:
    """Return when supervision reads, unix ms: every few periods, at the end of the year, and after it."""
    ends = [end for number, (_, end) in enumerate(year.periods, start=1) if number % every_periods == 0]
    return sorted({*ends, year.periods[-1][1], *looks_ms})
