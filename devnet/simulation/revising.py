"""Draw what becomes of reports after they were filed (pure): corrections, withdrawals, recalls, and what people do about notices.

Draws have a source of their own, so that who comes and what is ordered do not depend on them. The fate of a report is drawn when it
is made, whoever recognises it in between; a recall looks for something that somebody has read. Institutions that have to be silent
do nothing of this in the second half of the year.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Final

from devnet.simulation.happenings import (
    Change,
    ListWorked,
    OrderingVisit,
    RecallMade,
    RecallNumber,
    ResultMade,
    Status,
    VersionMade,
)
from devnet.simulation.region import Region
from devnet.simulation.rules import DAY_MS
from devnet.simulation.standing import Standing
from devnet.simulation.telling import Telling
from node.domain.entry import InstitutionId

_OPENS_MS: Final = 8 * 3_600_000
_OPEN_MS: Final = 9 * 3_600_000
_TAKEN_BACK: Final = frozenset({Change.WITHDRAWN, Change.RECALLED})
_RECALL_DAYS: Final = (50, 340)
"""Days of the year on which something is recalled: before there is little to recall, and after it nothing comes of it."""
_BY_LOT, _BY_DEVICE, _BY_ITEM = range(3)
"""What recalls are about, in turns."""

Work = Callable[[int], None]
"""Does something at a time, unix ms."""


class Revisions:
    """Draws them, in order of time."""

    def __init__(self, region: Region, seed: str, span: tuple[int, int], silent: Collection[InstitutionId]) -> None:
        """Draw when something is recalled.

        Args:
            region: Where.
            seed: Gives the same every time.
            span: First moment and end of the year, unix ms.
            silent: Institutions that do nothing in the second half.
        """
        self._config = region.config
        self._revising = region.config.revising
        self._rng = Random(f"revisions/{seed}")  # noqa: S311 - a model, not a secret
        self._start_ms, self._end_ms = span
        self._silent = silent
        self._pending: list[tuple[int, int, Work]] = []
        self._number = 0
        self._told = 0
        self._telling = Telling()
        self._filed: list[ResultMade] = []
        self.standing = Standing({each.institution: each.host for each in region.institutions})
        self.versions: list[VersionMade] = []
        self.recalls: list[RecallMade] = []
        self.lists_worked: list[ListWorked] = []
        for _ in range(self._revising.recalls):
            self._later(self._start_ms + self._rng.randrange(*_RECALL_DAYS) * DAY_MS, self._recall)

    def lot_of(self, institution: InstitutionId, at_ms: int) -> tuple[str, str]:
        """Return the analyser and the reagent lot that a laboratory report names; empty where it names none."""
        if self._rng.random() >= self._revising.names_lot:
            return "", ""
        number = (at_ms - self._start_ms) // (self._revising.lot_days * DAY_MS)
        return f"analyser-{institution}", f"LOT-{number + 1}"

    def made(self, result: ResultMade) -> None:
        """Take in a result, and draw its fate."""
        self._filed.append(result)
        self.standing.file(result.first)
        self._telling.file(result.first)
        self._draw_fate(result.first)

    def until(self, at_ms: int) -> None:
        """Let happen what happens up to a moment, unix ms."""
        while self._pending and self._pending[0][0] <= at_ms:
            moment, _, work = heappop(self._pending)
            work(moment)

    def visited(self, visit: OrderingVisit) -> None:
        """Take in what a visit retrieves."""
        for name in visit.retrieved:
            self._telling.read(visit.institution, name, visit.period)
            latest = self.standing.latest(name.result)
            if self._rng.random() < self._revising.doubted:
                is_upheld = self._rng.random() < self._revising.doubt_upheld
                self._revise_later(latest, Status.WITHDRAWN if is_upheld else Status.CORRECTED, latest.lot, visit.at_ms)
        self._draw_lists()

    # when

    def period_of(self, at_ms: int) -> int:
        """Return the period of a moment."""
        return (at_ms - self._start_ms) // (self._config.period_days * DAY_MS)

    def _later(self, day_ms: int, work: Work) -> None:
        """Let something happen in the hours of a day; what lies beyond the year does not happen."""
        day_ms -= (day_ms - self._start_ms) % DAY_MS
        at_ms = day_ms + _OPENS_MS + self._rng.randrange(_OPEN_MS)
        if at_ms < self._end_ms:
            self._at(at_ms, work)

    def _at(self, at_ms: int, work: Work) -> None:
        self._number += 1
        heappush(self._pending, (at_ms, self._number, work))

    def _next_period(self, period: int) -> int:
        return self._start_ms + (period + 1) * self._config.period_days * DAY_MS

    def _days(self, between: tuple[int, int]) -> int:
        return self._rng.randint(*between) * DAY_MS

    def _may_act(self, institution: InstitutionId, at_ms: int) -> bool:
        return institution not in self._silent or at_ms < (self._start_ms + self._end_ms) // 2

    # what becomes of a report

    def _draw_fate(self, version: VersionMade) -> None:
        draw, revising = self._rng.random(), self._revising
        if version.status is Status.PRELIMINARY:
            status = Status.FINAL if draw < revising.becomes_final else None
        elif draw < revising.corrected:
            status = Status.CORRECTED
        else:
            status = Status.WITHDRAWN if draw < revising.corrected + revising.withdrawn else None
        if status is not None:
            # nobody corrects what is not filed yet
            self._revise_later(version, status, version.lot, max(version.at_ms, self._next_period(version.period) - DAY_MS))

    def _revise_later(self, version: VersionMade, status: Status, lot: str, from_ms: int) -> None:
        day_ms = from_ms + self._days(self._revising.after_days)
        self._later(day_ms, partial(self._revise, version.result, status, lot))

    def _revise(self, result: ResultMade, status: Status, lot: str, at_ms: int) -> None:
        latest = self.standing.latest(result.number)
        if latest.status is Status.WITHDRAWN or not self._may_act(result.institution, at_ms):
            return
        version = VersionMade(result, latest.version + 1, status, at_ms, self.period_of(at_ms), lot)
        self.versions.append(version)
        self.standing.file(version)
        self._telling.file(version)
        self._draw_fate(version)
        self._draw_lists()

    def _recall(self, at_ms: int) -> None:
        """Recall something that somebody has read, if there is anything."""
        period = self.period_of(at_ms)
        before_ms, after_ms = (days * DAY_MS for days in self._revising.recalled_days)
        recent = [
            self.standing.latest(each.number)
            for each in self._filed
            if at_ms - before_ms <= each.at_ms and each.period < period and self._may_act(each.institution, at_ms)
        ]
        named = [each for each in recent if each.lot and each.is_usable]
        if not named:
            return
        chosen = self._rng.choice([each for each in named if self._telling.is_read(each)] or named)
        lifted_at_ms = self._draw_lifted(chosen.result.institution, at_ms)
        number = len(self.recalls)
        recall = RecallMade(
            number=RecallNumber(number),
            institution=chosen.result.institution,
            lot=chosen.lot if number % 3 == _BY_LOT else "",
            device=chosen.result.device if number % 3 == _BY_DEVICE else "",
            item=self._rng.choice(chosen.result.items) if number % 3 == _BY_ITEM else "",
            from_ms=at_ms - before_ms,
            to_ms=at_ms + after_ms,
            at_ms=at_ms,
            period=period,
            lifted_at_ms=lifted_at_ms,
            lifted_period=None if lifted_at_ms is None else self.period_of(lifted_at_ms),
        )
        self.recalls.append(recall)
        self.standing.announce(recall)
        self._telling.announce(recall)
        if lifted_at_ms is not None:
            self._at(lifted_at_ms, partial(self._lift, recall))
        if recall.lot:
            self._remeasure([each for each in recent if recall.covers(each)], at_ms)
        self._draw_lists()

    def _draw_lifted(self, institution: InstitutionId, at_ms: int) -> int | None:
        """Draw when a recall is lifted, if it is."""
        lifted_at_ms = at_ms + self._days(self._revising.lifted_after_days)
        is_lifted = self._rng.random() < self._revising.lifted and lifted_at_ms < self._end_ms
        return lifted_at_ms if is_lifted and self._may_act(institution, lifted_at_ms) else None

    def _remeasure(self, covered: Sequence[VersionMade], at_ms: int) -> None:
        """Let some of what a recall covers be examined again from another lot, on which the corrected reports rest."""
        for version in covered:
            if self._rng.random() < self._revising.remeasured:
                revise = partial(self._revise, version.result, Status.CORRECTED, f"{version.lot}-again")
                self._later(at_ms + self._days(self._revising.after_days), revise)

    def _lift(self, recall: RecallMade, at_ms: int) -> None:
        self._telling.lift(recall, self.period_of(at_ms))
        self._draw_lists()

    # what people do about notices

    def _draw_lists(self) -> None:
        """Draw when the lists are worked on which something new waits."""
        diligence = self._config.diligence
        for due in self._telling.due[self._told :]:
            draw = self._rng.random()
            if draw < diligence.prompt + diligence.late:
                between = diligence.prompt_days if draw < diligence.prompt else diligence.late_days
                day_ms = self._next_period(due.period) - DAY_MS + self._days(between)
                self._later(day_ms, partial(self._work_list, due.name.recipient, self._draw_takes_back()))
        self._told = len(self._telling.due)

    def _draw_takes_back(self) -> frozenset[Change]:
        diligence = self._config.diligence
        if self._rng.random() < diligence.only_noted:
            return frozenset()
        return _TAKEN_BACK | {Change.AMENDED} if self._rng.random() < diligence.after_amendment else _TAKEN_BACK

    def _work_list(self, institution: InstitutionId, takes_back: frozenset[Change], at_ms: int) -> None:
        if self._may_act(institution, at_ms):
            self.lists_worked.append(ListWorked(institution, at_ms, self.period_of(at_ms), takes_back))
