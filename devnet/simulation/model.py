"""Draw a year of visits from a seed (pure): who comes where, what is ordered, what clinicians do with what they are offered.

Ordering visits come in courses: a person comes back after days, often elsewhere, and often the same is ordered again. What
a check has to offer follows from `rules`; clinicians then act as `Behaviour` says. The model keeps no clock but its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from devnet.simulation.happenings import (
    LineOrdered,
    Obstacle,
    OfferExpected,
    OrderingVisit,
    PersonNumber,
    Recognition,
    Reordering,
    ResultMade,
    ResultNumber,
    RetrievalMade,
    VersionName,
    Year,
)
from devnet.simulation.region import LABORATORY, Region
from devnet.simulation.revising import Revisions
from devnet.simulation.rules import DAY_MS, Answer, RegionRulesRead
from devnet.simulation.standing import Known
from node.domain.entry import InstitutionId
from node.domain.recognition import ItemCode, OrderableCode, Reason, ReasonCode

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DECIDES_AFTER_MS: Final = 5 * MINUTE_MS
RETRIEVES_AFTER_MS: Final = 3 * MINUTE_MS
_EXAMINED_AFTER_MS: Final = HOUR_MS
_REVERSED_AFTER_MS: Final = 2 * HOUR_MS
_OPENS_MS: Final = 8 * HOUR_MS
_OPEN_MS: Final = 9 * HOUR_MS
_CHECKED_TWICE: Final = 0.05
_CLINICIANS: Final = 12
_LAST_DAYS: Final = 60
"""In the last days of the year every institution orders something, so that no log but the planted one is silent."""

_REASONS: Final = (
    (Reordering(Reason.CONDITION_CHANGED, None, ""), 30),
    (Reordering(Reason.CONDITION_CHANGED, ReasonCode("too-old-for-course"), ""), 10),
    (Reordering(Reason.FAST_CHANGING, None, ""), 20),
    (Reordering(Reason.HIGHLY_SIGNIFICANT, ReasonCode("before-surgery"), ""), 12),
    (Reordering(Reason.EMERGENCY, None, ""), 8),
    (Reordering(Reason.APPRAISAL, None, ""), 2),
    (Reordering(Reason.OTHER, ReasonCode("patient-request"), ""), 12),
    (Reordering(Reason.OTHER, None, "simulated words"), 6),
)
"""The six national reasons, some with a sub-reason, and their weights (m)."""


@dataclass(frozen=True, slots=True)
class _Planned:
    """A visit before it is known what it is offered."""

    person: PersonNumber
    institution: InstitutionId
    at_ms: int
    orderables: tuple[OrderableCode, ...]


def draw_year(region: Region, visits: int, seed: int, silent: frozenset[InstitutionId] = frozenset()) -> Year:
    """Draw a year.

    Args:
        region: Where.
        visits: How many, all in all: persons and courses are scaled down to them.
        seed: Gives the same year every time.
        silent: Institutions that order nothing in the second half of the year.
    """
    return _Drawing(region, visits, seed, silent).draw()


class _Drawing:
    def __init__(self, region: Region, visits: int, seed: int, silent: frozenset[InstitutionId]) -> None:
        self._region = region
        self._config = region.config
        self._rules = RegionRulesRead(region)
        self._visits = visits
        self._silent = silent
        source = f"{region.config.name}/{seed}/{visits}"
        self._rng = Random(f"year/{source}")  # noqa: S311 - a model, not a secret
        self._persons = max(1, round(visits / region.config.visits_a_person))
        self._start = datetime(self._config.year, 1, 1, tzinfo=self._rules.zone)
        self._start_ms = int(self._start.timestamp() * 1000)
        self._days = (datetime(self._config.year + 1, 1, 1, tzinfo=self._rules.zone) - self._start) // timedelta(days=1)
        self._cumulated = list(accumulate(each.share.visits for each in region.institutions))
        self._results: list[ResultMade] = []
        self._campuses = {each.institution: each.share.campuses for each in region.institutions}
        self._of_person: defaultdict[PersonNumber, list[ResultMade]] = defaultdict(list)
        self._retrievals: list[RetrievalMade] = []
        self._end_ms = self._start_ms + self._days * DAY_MS
        self._revisions = Revisions(region, source, (self._start_ms, self._end_ms), silent)
        self._hours = Random(f"hours/{source}")  # noqa: S311 - a model, not a secret
        # what somebody looks at before ordering again is drawn apart from what is ordered
        self._looks = Random(f"looks/{source}")  # noqa: S311 - a model, not a secret

    def draw(self) -> Year:
        planned = sorted(self._plan(), key=lambda each: (each.at_ms, each.person, each.institution))
        ordering = tuple(self._visit(number, each) for number, each in enumerate(planned))
        self._revisions.until(self._end_ms)
        plain = self._visits - len(ordering)
        days = self._rng.choices(range(self._days), k=plain)
        periods = Counter(day // self._config.period_days for day in days)
        return Year(
            visits=self._visits,
            persons=self._persons,
            plain_visits=dict(sorted(periods.items())),
            ordering=ordering,
            results=tuple(sorted(self._results, key=lambda each: (each.at_ms, each.number))),
            retrievals=tuple(self._retrievals),
            periods=tuple(self._periods()),
            revisions=tuple(self._revisions.versions),
            recalls=tuple(self._revisions.recalls),
            lists_worked=tuple(self._revisions.lists_worked),
        )

    def _periods(self) -> Iterator[tuple[int, int]]:
        length_ms = self._config.period_days * DAY_MS
        for start in range(self._start_ms, self._end_ms, length_ms):
            yield start, min(start + length_ms, self._end_ms)

    def _period_of(self, at_ms: int) -> int:
        return (at_ms - self._start_ms) // (self._config.period_days * DAY_MS)

    # who comes where

    def _plan(self) -> Iterator[_Planned]:
        wanted = max(2, round(self._visits * self._config.ordering_share))
        for institution in self._region.institutions:
            if institution.institution not in self._silent:
                day = self._days - 1 - self._rng.randrange(min(_LAST_DAYS, self._days))
                yield _Planned(self._person(), institution.institution, self._at(day), self._orderables(()))
        # in a small run the last days' visits alone would be all of them
        left = max(wanted - len(self._region.institutions), wanted // 2)
        while left > 0:
            for planned in self._course():
                yield planned
                left -= 1
                if left == 0:
                    break

    def _course(self) -> Iterator[_Planned]:
        movement, rng = self._config.movement, self._rng
        person, day = self._person(), rng.randrange(self._days)
        institution, orderables = self._draw_institution(day), self._orderables(())
        for _ in range(movement.max_visits):
            yield _Planned(person, institution, self._at(day), orderables)
            day += rng.randint(*movement.gap_days)
            if day >= self._days or rng.random() >= movement.more_visits:
                return
            if rng.random() < movement.moves or institution in self._silent:
                institution = self._draw_institution(day)
            orderables = self._orderables(orderables)

    def _draw_institution(self, day: int) -> InstitutionId:
        while True:
            (drawn,) = self._rng.choices(self._region.institutions, cum_weights=self._cumulated)
            if drawn.institution not in self._silent or day < self._days // 2:
                return drawn.institution

    def _person(self) -> PersonNumber:
        return PersonNumber(self._rng.randrange(self._persons))

    def _at(self, day: int) -> int:
        moment = self._rng.randrange(_OPEN_MS)
        if self._hours.random() < self._config.movement.night:
            return self._start_ms + day * DAY_MS + self._hours.randrange(_OPENS_MS)
        return self._start_ms + day * DAY_MS + _OPENS_MS + moment

    def _orderables(self, last: Sequence[OrderableCode]) -> tuple[OrderableCode, ...]:
        rng, movement = self._rng, self._config.movement
        drawn = [each for each in last if rng.random() < movement.orders_again]
        codes, weights = list(self._config.orderables), list(self._config.orderables.values())
        wanted = 2 if rng.random() < movement.second_orderable else 1
        while len(drawn) < wanted:
            (code,) = rng.choices(codes, weights)
            if code not in drawn:
                drawn.append(code)
        return tuple(drawn)

    # what comes of it

    def _visit(self, number: int, planned: _Planned) -> OrderingVisit:
        self._revisions.until(planned.at_ms)
        period = self._period_of(planned.at_ms)
        findable = [each for each in self._of_person[planned.person] if each.period < period]
        is_answered = self._rng.random() >= self._config.behaviour.unchecked
        wanted = {item for code in planned.orderables for item in self._rules.items(code)}
        concerned = any(each.institution != planned.institution and wanted & set(each.items) for each in findable)
        found = self._revisions.standing.found(findable, planned.institution, period, planned.at_ms)
        lines = []
        for at, orderable in enumerate(planned.orderables):
            answer = self._rules.answer(planned.institution, orderable, found if is_answered else (), planned.at_ms)
            lines.append(self._line(f"O{number}-{at}", orderable, answer, planned))
        retrieved = tuple(self._retrieved(planned, lines, found if is_answered else (), wanted))
        at_ms = planned.at_ms + RETRIEVES_AFTER_MS
        self._retrievals += [RetrievalMade(planned.institution, at_ms) for _ in retrieved]
        visit = OrderingVisit(
            number=number,
            person=planned.person,
            institution=planned.institution,
            campus=self._rng.choice(self._campuses[planned.institution] or ("",)),
            clinician=f"D{self._rng.randrange(_CLINICIANS):02}",
            at_ms=planned.at_ms,
            period=period,
            is_answered=is_answered,
            checks_twice=is_answered and self._rng.random() < _CHECKED_TWICE,
            is_logged=concerned or not is_answered,
            lines=tuple(lines),
            retrieved=retrieved,
        )
        self._revisions.visited(visit)
        return visit

    def _retrieved(
        self, planned: _Planned, lines: Sequence[LineOrdered], found: Sequence[Known], wanted: set[ItemCode]
    ) -> Iterator[VersionName]:
        """Yield what is retrieved of others, each once: what is recognised, and what somebody looks at."""
        diligence, retrieved = self._config.diligence, dict[VersionName, None]()
        for line in lines:
            foreign = [each for each in line.offers if each.institution != planned.institution]
            retrieved.update((each.name, None) for each in line.used if each in foreign)
            if isinstance(line.decision, Reordering) and foreign and self._looks.random() < diligence.looks:
                retrieved[foreign[0].name] = None
        for known in found:
            result = known.version.result
            is_open = known.against is Obstacle.PRELIMINARY and result.institution != planned.institution
            if is_open and wanted & set(result.items) and self._looks.random() < diligence.looks_preliminary:
                retrieved[known.version.name] = None
        yield from retrieved

    def _line(self, order_id: str, orderable: OrderableCode, answer: Answer, planned: _Planned) -> LineOrdered:
        offers = answer.offers
        decision = self._decide(orderable, offers, planned)
        decided_at_ms = planned.at_ms + DECIDES_AFTER_MS
        is_reversed = decision is not None and self._rng.random() < self._config.behaviour.reversed_later
        reversed_at_ms = planned.at_ms + _REVERSED_AFTER_MS if is_reversed else None
        self._examine(orderable, offers, decision, planned, reversed_at_ms)
        return LineOrdered(order_id, orderable, offers, decision, decided_at_ms, reversed_at_ms, answer.refused)

    def _decide(
        self, orderable: OrderableCode, offers: tuple[OfferExpected, ...], planned: _Planned
    ) -> Recognition | Reordering | None:
        behaviour, draw = self._config.behaviour, self._rng.random()
        is_foreign = any(each.institution != planned.institution for each in offers)
        if not offers or draw < behaviour.undecided:
            return None
        if draw < behaviour.undecided + behaviour.recognise:
            return self._recognise(orderable, offers, planned)
        if not is_foreign:
            return None
        if draw < behaviour.undecided + behaviour.recognise + behaviour.without_reason:
            return Reordering(None, None, "")
        (reason,) = self._rng.choices([each for each, _ in _REASONS], [weight for _, weight in _REASONS])
        return reason

    def _recognise(self, orderable: OrderableCode, offers: tuple[OfferExpected, ...], planned: _Planned) -> Recognition:
        """Use the newest results, and of the others those that answer something more."""
        used: list[OfferExpected] = []
        answered: dict[ItemCode, None] = {}
        for offer in offers:
            if not answered.keys() >= set(offer.items):
                used.append(offer)
                answered.update(dict.fromkeys(offer.items))
        foreign = dict.fromkeys(item for each in used if each.institution != planned.institution for item in each.items)
        own = dict.fromkeys(item for each in used if each.institution == planned.institution for item in each.items)
        saving = self._rules.saving_fen(planned.institution, orderable, list(answered), list(own), planned.at_ms)
        return Recognition(tuple(each.result for each in used), tuple(foreign), bool(foreign), saving)

    def _examine(
        self,
        orderable: OrderableCode,
        offers: tuple[OfferExpected, ...],
        decision: Recognition | Reordering | None,
        planned: _Planned,
        reversed_at_ms: int | None,
    ) -> None:
        """Examine what is left to be examined."""
        items, at_ms = self._rules.items(orderable), planned.at_ms + _EXAMINED_AFTER_MS
        if isinstance(decision, Recognition) and reversed_at_ms is not None:
            at_ms = reversed_at_ms + _EXAMINED_AFTER_MS
        elif isinstance(decision, Recognition) and self._rng.random() < self._config.behaviour.performed_anyway:
            at_ms = planned.at_ms + DAY_MS
        elif isinstance(decision, Recognition):
            answered = {item for each in offers if each.result in decision.results for item in each.items}
            items = tuple(item for item in items if item not in answered)
        if items and self._period_of(at_ms) * self._config.period_days < self._days:
            self._file(planned, items, at_ms)

    def _file(self, planned: _Planned, items: tuple[ItemCode, ...], at_ms: int) -> None:
        if at_ms >= self._end_ms:
            return
        is_lab = all(self._rules.modalities[item] == LABORATORY for item in items)
        device, lot = self._revisions.lot_of(planned.institution, at_ms) if is_lab else ("", "")
        result = ResultMade(
            number=ResultNumber(len(self._results)),
            person=planned.person,
            institution=planned.institution,
            items=items,
            at_ms=at_ms,
            period=self._period_of(at_ms),
            is_preliminary=self._rng.random() < self._config.movement.preliminary,
            device=device,
            lot=lot,
        )
        self._results.append(result)
        self._of_person[planned.person].append(result)
        self._revisions.made(result)
