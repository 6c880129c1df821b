"""The figures of recognition, incremental (docs/spec/figures.md): events in, in any order; figures by group out.

Two units are counted. An *opportunity* is person x orderable x encounter at an institution. An *order line* carries the
saving: one, whatever was decided on it how often, cancelled when the same item is performed there within its window.
Left out: verifying entries (services), findings (`node.supervision`), forms (`liaoning`).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache

from node.domain.entry import InstitutionId
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode
from node.supervision.events import (
    DecisionReversed,
    EventId,
    FiguredItem,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    OrderedLine,
    Performed,
    Person,
    Retrieved,
)
from node.supervision.tallies import Amounts, Contribution, Dimension, Figures, Group, Tally, amounts
from node.terminology.regions import InstitutionProfile

ALL_TIME = ""
WITHOUT_REASON = "none"

_QUARTER_MS = 900_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_OpportunityKey = tuple[Person, InstitutionId, OrderableCode, str]
_LineKey = tuple[InstitutionId, str]
_Dimensions = list[tuple[Dimension, str]]


@dataclass(slots=True)
class _Opportunity:
    foreign: LineChecked | None = None
    """The earliest check that offered something of others."""
    own: LineChecked | None = None
    """The earliest check that offered something of its own."""
    items: dict[ItemCode, FiguredItem] = field(default_factory=dict)
    """Everything of others that was offered."""
    decisions: dict[EventId, LineDecided] = field(default_factory=dict)
    counted: Contribution = field(default_factory=Contribution)


@dataclass(slots=True)
class _Line:
    decisions: dict[EventId, LineDecided] = field(default_factory=dict)
    unchecked: LineUnchecked | None = None
    counted: Contribution = field(default_factory=Contribution)


class RecognitionFigures:
    """All figures so far."""

    def __init__(self, profiles: Mapping[InstitutionId, InstitutionProfile], zone: tzinfo) -> None:
        """Start with nothing.

        Args:
            profiles: Classes of institutions.
            zone: The civil time of months.
        """
        self._profiles = profiles
        self._zone = zone
        self._tally = Tally()
        self._opportunities: dict[_OpportunityKey, _Opportunity] = {}
        self._lines: dict[_LineKey, _Line] = {}
        self._decided: dict[EventId, LineDecided] = {}
        self._reversed: set[EventId] = set()
        self._performed: dict[tuple[Person, InstitutionId], list[tuple[int, tuple[ItemCode, ...]]]] = {}
        self._recognitions: dict[tuple[Person, InstitutionId], list[LineDecided]] = {}

    def take(self, event: FigureEvent) -> None:
        """Take in one event; each is to be given once."""
        match event:
            case LineChecked():
                self._checked(event)
            case LineUnchecked():
                self._line(event.line).unchecked = min(self._line(event.line).unchecked or event, event, key=_when)
                self._recount_line(event.line)
            case LineDecided():
                self._decide(event)
            case DecisionReversed():
                self._reversed.add(event.decision)
                if event.decision in self._decided:
                    self._recount(self._decided[event.decision].line)
            case Performed():
                key = (event.person, event.institution)
                insort(self._performed.setdefault(key, []), (event.at_ms, event.items))
                for decision in self._recognitions.get(key, ()):
                    if _is_repeated(decision, event.at_ms, event.items):
                        self._recount_saving(_line_key(decision.line))
            case Retrieved():
                groups = self._spread(self._places(event.institution), event.at_ms)
                one = tuple((group, amounts(retrievals=1)) for group in groups)
                self._tally.replace(Contribution(), Contribution(one))

    def figures(self, dimension: Dimension = Dimension.ALL, value: str = "", period: str = ALL_TIME) -> Figures:
        """Return the figures of one group."""
        return self._tally.figures(Group(dimension, value, period))

    def report(self) -> dict[Group, Figures]:
        """Return the figures of every group, sorted."""
        return {group: self._tally.figures(group) for group in self._tally.groups()}

    # taking in

    def _checked(self, event: LineChecked) -> None:
        opportunity = self._opportunity(event.line)
        if event.foreign:
            opportunity.foreign = min(opportunity.foreign or event, event, key=_when)
            for item in event.foreign:
                kept = opportunity.items.get(item.code, item)
                opportunity.items[item.code] = min(kept, item, key=lambda each: (each.modality, each.window_ms))
        if event.own:
            opportunity.own = min(opportunity.own or event, event, key=_when)
        self._recount_opportunity(event.line)

    def _decide(self, event: LineDecided) -> None:
        self._decided[event.event] = event
        self._opportunity(event.line).decisions[event.event] = event
        self._line(event.line).decisions[event.event] = event
        if event.outcome is DecisionOutcome.RECOGNISED:
            key = (event.line.person, event.line.institution)
            self._recognitions.setdefault(key, []).append(event)
        self._recount(event.line)

    def _opportunity(self, line: OrderedLine) -> _Opportunity:
        return self._opportunities.setdefault(_opportunity_key(line), _Opportunity())

    def _line(self, line: OrderedLine) -> _Line:
        return self._lines.setdefault(_line_key(line), _Line())

    # counting again

    def _recount(self, line: OrderedLine) -> None:
        self._recount_opportunity(line)
        self._recount_line(line)

    def _recount_opportunity(self, line: OrderedLine) -> None:
        unit = self._opportunity(line)
        new = self._opportunity_counts(unit)
        self._tally.replace(unit.counted, new)
        unit.counted = new

    def _recount_line(self, line: OrderedLine) -> None:
        self._recount_saving(_line_key(line))

    def _recount_saving(self, key: _LineKey) -> None:
        unit = self._lines[key]
        new = Contribution(tuple(self._line_counts(unit)))
        self._tally.replace(unit.counted, new)
        unit.counted = new

    def _opportunity_counts(self, unit: _Opportunity) -> Contribution:
        standing = sorted((each for each in unit.decisions.values() if each.event not in self._reversed), key=_when)
        recognitions = [each for each in standing if each.outcome is DecisionOutcome.RECOGNISED]
        recognised = {item.code for each in recognitions if each.foreign for item in each.items} & unit.items.keys()
        reorder = next((each for each in standing if each.outcome is DecisionOutcome.REORDERED), None)
        own_used = bool(recognitions) and not any(each.foreign for each in recognitions)
        check = unit.foreign or unit.own
        if check is None:
            return Contribution()
        if unit.foreign is None:
            added = amounts(own=1, own_recognised=int(own_used))
            return Contribution(tuple((group, added) for group in self._spread(self._whole(check.line), check.at_ms)))
        whole = self._whole(check.line)
        counts: list[tuple[Group, Amounts]] = []
        persons: list[tuple[Group, bool]] = []
        items = list(unit.items.values())
        for dimension, value, used in self._sides(whole, check.line, items, recognised):
            ordered_again = reorder is not None and not recognised
            added = amounts(
                opportunities=1,
                recognised=int(used),
                reordered=int(ordered_again),
                without_reason=int(reorder is not None and ordered_again and reorder.reason is None),
                own_recognised=int(own_used),
            )
            for group in self._spread([(dimension, value)], check.at_ms):
                counts.append((group, added))
                if dimension is not Dimension.ITEM:
                    persons.append((group, used))
        if reorder is not None and not recognised:
            added = amounts(reordered=1, without_reason=int(reorder.reason is None))
            counts += [(group, added) for group in self._spread(_reasons(reorder), check.at_ms)]
        return Contribution(tuple(counts), tuple(persons), check.line.person)

    def _line_counts(self, unit: _Line) -> Iterable[tuple[Group, Amounts]]:
        if unit.unchecked is not None:
            yield from self._amounts(self._whole(unit.unchecked.line), unit.unchecked.at_ms, amounts(unchecked=1))
        for each in sorted(unit.decisions.values(), key=_when):
            if each.event in self._reversed:
                yield from self._amounts(self._whole(each.line), each.at_ms, amounts(reversed=1))
        standing = [each for each in unit.decisions.values() if each.event not in self._reversed and each.foreign]
        saved = min((each for each in standing if each.outcome is DecisionOutcome.RECOGNISED), key=_when, default=None)
        if saved is not None and saved.saving_fen:
            cancelled = self._is_cancelled(saved)
            added = amounts(cancelled_fen=saved.saving_fen) if cancelled else amounts(saving_fen=saved.saving_fen)
            places = self._whole(saved.line) + _modalities(saved.line.institution, saved.items)
            if len(saved.items) == 1:
                places.append((Dimension.ITEM, saved.items[0].code))
            yield from self._amounts(places, saved.at_ms, added)

    def _is_cancelled(self, decision: LineDecided) -> bool:
        """Tell whether an item that was recognised was performed there after all, within its window of the decision."""
        performed = self._performed.get((decision.line.person, decision.line.institution), [])
        later = performed[bisect_right(performed, decision.at_ms, key=lambda each: each[0]) :]
        return any(_is_repeated(decision, at_ms, items) for at_ms, items in later)

    # groups

    def _places(self, institution: InstitutionId) -> _Dimensions:
        profile = self._profiles.get(institution)
        institution_class = profile.institution_class if profile is not None else ""
        return [(Dimension.ALL, ""), (Dimension.INSTITUTION, institution), (Dimension.CLASS, institution_class)]

    def _whole(self, line: OrderedLine) -> _Dimensions:
        return [*self._places(line.institution), (Dimension.CAMPUS, f"{line.institution}/{line.campus}")]

    def _sides(
        self, whole: _Dimensions, line: OrderedLine, items: Iterable[FiguredItem], recognised: set[ItemCode]
    ) -> Iterable[tuple[Dimension, str, bool]]:
        """Yield every group of an opportunity, and whether it is recognised as far as that group is concerned."""
        listed = list(items)
        yield from ((dimension, value, bool(recognised)) for dimension, value in whole)
        for modality in sorted({item.modality for item in listed}):
            used = any(item.modality == modality and item.code in recognised for item in listed)
            yield Dimension.MODALITY, modality, used
            yield Dimension.INSTITUTION_MODALITY, f"{line.institution}/{modality}", used
        yield from ((Dimension.ITEM, item.code, item.code in recognised) for item in listed)

    def _amounts(self, places: _Dimensions, at_ms: int, added: Amounts) -> Iterable[tuple[Group, Amounts]]:
        return ((group, added) for group in self._spread(places, at_ms))

    def _spread(self, places: _Dimensions, at_ms: int) -> Iterable[Group]:
        month = _month(at_ms // _QUARTER_MS, self._zone)
        return (group for dimension, value in places for group in _groups(dimension, value, month))


@cache
def _groups(dimension: Dimension, value: str, month: str) -> tuple[Group, Group]:
    """Return a group for all time and one for a month: each exists once, however many units count in it."""
    return Group(dimension, value, ALL_TIME), Group(dimension, value, month)


@lru_cache(maxsize=65_536)
def _month(quarter: int, zone: tzinfo) -> str:
    """Return the month, in civil time, of a quarter of an hour, counted from 1970: no zone divides one."""
    return (_EPOCH + timedelta(minutes=15 * quarter)).astimezone(zone).strftime("%Y-%m")


def _is_repeated(decision: LineDecided, at_ms: int, items: tuple[ItemCode, ...]) -> bool:
    """Tell whether what was performed makes a recognition's saving void."""
    age_ms = at_ms - decision.at_ms
    return age_ms > 0 and any(item.code in items and age_ms <= item.window_ms for item in decision.items)


def _when(event: LineChecked | LineUnchecked | LineDecided) -> tuple[int, EventId]:
    return event.at_ms, event.event


def _opportunity_key(line: OrderedLine) -> _OpportunityKey:
    return line.person, line.institution, line.orderable, line.encounter


def _line_key(line: OrderedLine) -> _LineKey:
    return line.institution, line.order_id


def _modalities(institution: InstitutionId, items: Iterable[FiguredItem]) -> _Dimensions:
    modalities = sorted({item.modality for item in items})
    return [(Dimension.MODALITY, each) for each in modalities] + [
        (Dimension.INSTITUTION_MODALITY, f"{institution}/{each}") for each in modalities
    ]


def _reasons(decision: LineDecided) -> _Dimensions:
    if decision.reason is None:
        return [(Dimension.REASON, WITHOUT_REASON)]
    reasons = [(Dimension.REASON, str(decision.reason.value))]
    if decision.sub_reason is not None:
        reasons.append((Dimension.REASON, f"{decision.reason.value}/{decision.sub_reason}"))
    return reasons
