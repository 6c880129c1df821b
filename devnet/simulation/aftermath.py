"""What comes of corrections, withdrawals and recalls in a year: who had to be told, who took notice, what was taken back (pure).

The year is gone through once more, in order of time, from its happenings alone. Whoever works a list of notices takes notice of
all that came in the periods before, and takes back what rests on what they concern, as far as the model has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from devnet.simulation.happenings import Lifting, ListWorked, OrderingVisit, RecallMade, VersionMade, VersionName, Year
from devnet.simulation.telling import NoticeDue, NoticeName, Telling
from node.domain.entry import InstitutionId


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What came of it."""

    notices: Mapping[NoticeName, bool]
    """All notices that had to go out, and whether somebody has taken notice."""
    taken_back: Mapping[str, ListWorked]
    """When decisions were taken back that rested on what a notice concerned, by the order line."""


def aftermath_of(year: Year) -> Aftermath:
    """Return what came of a year's corrections."""
    return _Replay(year).run()


class _Replay:
    def __init__(self, year: Year) -> None:
        self._year = year
        self._telling = Telling()
        self._seen = 0
        self._waiting: defaultdict[InstitutionId, list[NoticeDue]] = defaultdict(list)
        self._acknowledged: set[NoticeName] = set()
        self._resting: defaultdict[tuple[InstitutionId, VersionName], list[str]] = defaultdict(list)
        self._taken_back: dict[str, ListWorked] = {}

    def run(self) -> Aftermath:
        for result in self._year.results:
            # nobody reads them before they are filed: when that is does not matter here
            self._telling.file(result.first)
        for happening in self._year.timeline():
            match happening:
                case VersionMade():
                    self._telling.file(happening)
                case RecallMade():
                    self._telling.announce(happening)
                case Lifting(recall, _, period):
                    self._telling.lift(recall, period)
                case ListWorked():
                    self._work(happening)
                case OrderingVisit():
                    self._visit(happening)
        notices = {due.name: due.name in self._acknowledged for due in self._telling.due}
        return Aftermath(notices, self._taken_back)

    def _visit(self, visit: OrderingVisit) -> None:
        for name in visit.retrieved:
            self._telling.read(visit.institution, name, visit.period)
        for line in visit.lines:
            if line.reversed_at_ms is None:
                for offer in line.used:
                    self._resting[visit.institution, offer.name].append(line.order_id)

    def _work(self, worked: ListWorked) -> None:
        for due in self._telling.due[self._seen :]:
            self._waiting[due.name.recipient].append(due)
        self._seen = len(self._telling.due)
        waiting = self._waiting[worked.institution]
        there = [due.name for due in waiting if due.period < worked.period]
        self._waiting[worked.institution] = [due for due in waiting if due.period >= worked.period]
        known = self._acknowledged.union(there)
        for name in there:
            if name.change in worked.takes_back and name.lifting not in known:
                for order_id in self._resting[worked.institution, name.concerned]:
                    self._taken_back.setdefault(order_id, worked)
        self._acknowledged.update(there)
