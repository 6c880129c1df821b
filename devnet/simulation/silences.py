"""What of a year was examined again in silence, by the model's own reading (docs/spec/figures.md "Re-orders"; pure).

Written from the page, not from `node.supervision.reorders`: where the two differ, one of them is wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from devnet.simulation.aftermath import Aftermath
from devnet.simulation.happenings import LineOrdered, OrderingVisit, PersonNumber, Recognition, ResultMade, ResultNumber, Year
from devnet.simulation.replaced import Replacements
from devnet.simulation.rules import RegionRulesRead
from node.domain.entry import InstitutionId
from node.domain.recognition import ItemCode

_TOLERANCE_MS: Final = 5 * 60_000


class Silences:
    """Looks for them."""

    def __init__(self, rules: RegionRulesRead, year: Year, aftermath: Aftermath) -> None:
        """Sort the year."""
        self._rules = rules
        self._taken_back = aftermath.taken_back
        self._replaced = Replacements(year).first_replaced()
        self._results: dict[ResultNumber, ResultMade] = {each.number: each for each in year.results}
        self._visits: defaultdict[tuple[PersonNumber, InstitutionId], list[OrderingVisit]] = defaultdict(list)
        for visit in year.ordering:
            self._visits[visit.person, visit.institution].append(visit)

    def found(self) -> Iterator[ResultMade]:
        """Yield every result of which an item was examined while one of others that was offered counted, and nobody decided."""
        for result in self._results.values():
            if any(self._is_silent(result, item) for item in result.items):
                yield result

    def _is_silent(self, result: ResultMade, item: ItemCode) -> bool:
        visits = self._visits[result.person, result.institution]
        offering = [visit for visit in visits if visit.at_ms < result.at_ms and self._offers(visit, item, result.at_ms)]
        if not offering:
            return False
        start_ms = max(visit.at_ms for visit in offering) - _TOLERANCE_MS
        return not any(
            start_ms <= visit.at_ms and self._answers(visit, line, item, result.at_ms) for visit in visits for line in visit.lines
        )

    def _offers(self, visit: OrderingVisit, item: ItemCode, at_ms: int) -> bool:
        """Tell whether a visit's check offered an item of others that counts still."""
        return any(
            item in offer.items
            and offer.institution != visit.institution
            and at_ms <= self._results[offer.result].at_ms + self._rules.window_ms(item)
            and at_ms < self._replaced.get(offer.name, at_ms + 1)
            for line in visit.lines
            for offer in line.offers
        )

    def _answers(self, visit: OrderingVisit, line: LineOrdered, item: ItemCode, at_ms: int) -> bool:
        """Tell whether something was decided on an item by then, or it was ordered where no check could answer."""
        if not visit.is_answered:
            return visit.at_ms <= at_ms + _TOLERANCE_MS and item in self._rules.items(line.orderable)
        is_reversed = line.reversed_at_ms is not None or line.order_id in self._taken_back
        if line.decision is None or is_reversed or line.decided_at_ms > at_ms + _TOLERANCE_MS:
            return False
        used = line.decision.items if isinstance(line.decision, Recognition) else ()
        return item in (*used, *self._rules.items(line.orderable))
