"""The figures of recognition, incremental (docs/spec/figures.md): events in, in any order; figures by group out.

Two units are counted. An *opportunity* is person x orderable x encounter at an institution. An *order line* carries the
saving: one, whatever was decided on it how often, cancelled when the same item is performed there within its window.
Events are taken in first, then each unit that they touched is counted again, once: a million events at the start of a node
cost what they say, and one more event costs its own units.

Left out: verifying entries (services), what adds to which group (`contributions`), findings, forms (`liaoning`).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import zip_longest
from typing import Final, TypeVar

from node.domain.entry import InstitutionId
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode
from node.supervision.contributions import ALL_TIME, Contributions, ItemSet, Reordered, Told, Where
from node.supervision.events import (
    DecisionReversed,
    EventId,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    OrderedLine,
    Performed,
    Person,
    Retrieved,
)
from node.supervision.tallies import NOTHING, Contribution, Dimension, Figures, Group, Tally
from node.terminology.regions import InstitutionProfile

_OpportunityKey = tuple[Person, InstitutionId, OrderableCode, str]
_LineKey = tuple[Person, InstitutionId, str, str]
_First = tuple[int, EventId, str]
"""When and by which event something came first, and at which campus."""
_Counted = tuple[Contribution, int]
"""What an order line contributes, and how often: once, or for each fen."""
_Word = TypeVar("_Word", bound=bytes | str)

_NO_ENCOUNTER: Final = "\0"
"""Begins what stands for an encounter that was not told: no encounter does."""
_NO_ITEMS: Final = frozenset[ItemCode]()
_NO_MODALITIES: Final = frozenset[str]()


@dataclass(slots=True, eq=False)
class _Visits:
    """A person at an institution."""

    performed: list[tuple[int, tuple[ItemCode, ...]]] = field(default_factory=list)
    recognised: list[_Decision] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Opportunity:
    person: Person
    institution: InstitutionId
    foreign: _First | None = None
    """The earliest check that offered something of others."""
    own: _First | None = None
    """The earliest check that offered something of its own."""
    offered: ItemSet | None = None
    """Everything of others that was offered."""
    decisions: tuple[_Decision, ...] = ()
    counted: tuple[Contribution, ...] = ()


@dataclass(slots=True, eq=False)
class _Line:
    institution: InstitutionId
    decisions: tuple[_Decision, ...] = ()
    unchecked: _First | None = None
    counted: tuple[_Counted, ...] = ()


@dataclass(slots=True, eq=False)
class _Decision:
    """What is kept of a decision: not the words that its units have already."""

    when: _First
    is_recognised: bool
    is_foreign: bool
    items: ItemSet
    reordered: Reordered
    saving_fen: int
    opportunity: _Opportunity
    line: _Line
    visits: _Visits
    is_reversed: bool = False


@dataclass(slots=True)
class _Touched:
    """Units that have to be counted again."""

    opportunities: dict[_Opportunity, None] = field(default_factory=dict)
    lines: dict[_Line, None] = field(default_factory=dict)


class RecognitionFigures:
    """All figures so far."""

    def __init__(self, profiles: Mapping[InstitutionId, InstitutionProfile], zone: tzinfo) -> None:
        """Start with nothing.

        Args:
            profiles: Classes of institutions.
            zone: The civil time of months.
        """
        self._contributions = Contributions(profiles, zone)
        self._tally = Tally()
        self._opportunities: dict[_OpportunityKey, _Opportunity] = {}
        self._lines: dict[_LineKey, _Line] = {}
        self._visits: dict[tuple[Person, InstitutionId], _Visits] = {}
        self._decided: dict[EventId, _Decision] = {}
        self._reversed_early: set[EventId] = set()
        self._words: dict[bytes | str, bytes | str] = {}

    def take(self, event: FigureEvent) -> None:
        """Take in one event; each is to be given once."""
        self.take_all((event,))

    def take_all(self, events: Iterable[FigureEvent]) -> None:
        """Take in events, in any order; each is to be given once."""
        touched = _Touched()
        for event in events:
            match event:
                case LineChecked():
                    self._checked(event, touched)
                case LineDecided():
                    self._decide(event, touched)
                case Performed():
                    self._perform(event, touched)
                case Retrieved():
                    where = self._contributions.where(event.institution, "", event.at_ms)
                    self._tally.add(self._contributions.retrieval(where), 1)
                case LineUnchecked():
                    line = self._line(event.line)
                    line.unchecked = _earlier(line.unchecked, (event.at_ms, event.event, self._word(event.line.campus)))
                    touched.lines[line] = None
                case DecisionReversed():
                    self._reverse(event, touched)
        for opportunity in touched.opportunities:
            self._recount_opportunity(opportunity)
        for line in touched.lines:
            self._recount_line(line)

    def figures(self, dimension: Dimension = Dimension.ALL, value: str = "", period: str = ALL_TIME) -> Figures:
        """Return the figures of one group."""
        return self._tally.figures(Group(dimension, value, period))

    def report(self) -> dict[Group, Figures]:
        """Return the figures of every group, sorted."""
        return {group: self._tally.figures(group) for group in self._tally.groups()}

    # taking in

    def _checked(self, event: LineChecked, touched: _Touched) -> None:
        opportunity = self._opportunity(event.line)
        first = event.at_ms, event.event, self._word(event.line.campus)
        if event.foreign:
            opportunity.foreign = _earlier(opportunity.foreign, first)
            offered = self._contributions.item_set(event.foreign)
            if opportunity.offered is not None and opportunity.offered is not offered:
                offered = self._contributions.item_set((*opportunity.offered.items, *offered.items))
            opportunity.offered = offered
        if event.own:
            opportunity.own = _earlier(opportunity.own, first)
        touched.opportunities[opportunity] = None

    def _decide(self, event: LineDecided, touched: _Touched) -> None:
        opportunity, line = self._opportunity(event.line), self._line(event.line)
        decision = _Decision(
            when=(event.at_ms, event.event, self._word(event.line.campus)),
            is_recognised=event.outcome is DecisionOutcome.RECOGNISED,
            is_foreign=event.foreign,
            items=self._contributions.item_set(event.items),
            reordered=Reordered(event.reason, event.sub_reason),
            saving_fen=event.saving_fen,
            opportunity=opportunity,
            line=line,
            visits=self._visits_of(event.line.person, event.line.institution),
            is_reversed=event.event in self._reversed_early,
        )
        self._decided[event.event] = decision
        opportunity.decisions += (decision,)
        line.decisions += (decision,)
        if decision.is_recognised:
            decision.visits.recognised.append(decision)
        touched.opportunities[opportunity] = touched.lines[line] = None

    def _perform(self, event: Performed, touched: _Touched) -> None:
        visits = self._visits_of(event.person, event.institution)
        insort(visits.performed, (event.at_ms, event.items))
        for decision in visits.recognised:
            touched.lines[decision.line] = None

    def _reverse(self, event: DecisionReversed, touched: _Touched) -> None:
        decision = self._decided.get(event.decision)
        if decision is None:
            self._reversed_early.add(event.decision)
            return
        decision.is_reversed = True
        touched.opportunities[decision.opportunity] = touched.lines[decision.line] = None

    def _opportunity(self, line: OrderedLine) -> _Opportunity:
        # where no encounter is told, each order line is one: whoever tells none has no fewer opportunities
        encounter = line.encounter or f"{_NO_ENCOUNTER}{line.order_id}"
        key = line.person, line.institution, line.orderable, encounter
        unit = self._opportunities.get(key)
        if unit is None:
            person, institution = self._word(line.person), self._word(line.institution)
            unit = _Opportunity(person, institution)
            self._opportunities[person, institution, self._word(line.orderable), encounter] = unit
        return unit

    def _line(self, line: OrderedLine) -> _Line:
        unit = self._lines.get((line.person, line.institution, line.encounter, line.order_id))
        if unit is None:
            person, institution = self._word(line.person), self._word(line.institution)
            unit = self._lines[person, institution, line.encounter, line.order_id] = _Line(institution)
        return unit

    def _visits_of(self, person: Person, institution: InstitutionId) -> _Visits:
        visits = self._visits.get((person, institution))
        if visits is None:
            visits = self._visits[self._word(person), self._word(institution)] = _Visits()
        return visits

    def _word(self, word: _Word) -> _Word:
        """Return the one object that stands for a word that many events bring."""
        return self._words.setdefault(word, word)  # type: ignore[return-value]  # what is there is equal

    # counting again

    def _recount_opportunity(self, unit: _Opportunity) -> None:
        new = self._opportunity_counts(unit)
        for old, each in zip_longest(unit.counted, new, fillvalue=NOTHING):
            self._tally.replace(old, each, unit.person)
        unit.counted = new

    def _opportunity_counts(self, unit: _Opportunity) -> tuple[Contribution, ...]:
        first, offered = unit.foreign or unit.own, unit.offered
        if first is None:
            return ()
        where = self._contributions.where(unit.institution, first[2], first[0])
        standing = [each for each in unit.decisions if not each.is_reversed]
        recognitions = [each for each in standing if each.is_recognised]
        own_used = bool(recognitions) and not any(each.is_foreign for each in recognitions)
        if offered is None:
            return (self._contributions.simple(where, "own", own_used),)
        used = _used(recognitions, offered)
        again = [each for each in standing if not each.is_recognised] if not used else []
        reordered = min(again, key=lambda each: each.when).reordered if again else None
        told = Told(bool(used), bool(again), reordered is not None and reordered.reason is None, own_used)
        modalities = frozenset(item.modality for item in offered.items if item.code in used) if used else _NO_MODALITIES
        counts = (
            self._contributions.opportunity(where, told, offered.modalities, modalities),
            self._contributions.items(where.month, told, offered, used),
        )
        return counts if reordered is None else (*counts, self._contributions.reasons(where.month, reordered))

    def _recount_line(self, unit: _Line) -> None:
        new = tuple(self._line_counts(unit))
        for contribution, times in unit.counted:
            self._tally.add(contribution, -times)
        for contribution, times in new:
            self._tally.add(contribution, times)
        unit.counted = new

    def _line_counts(self, unit: _Line) -> Iterator[_Counted]:
        made = self._contributions
        if unit.unchecked is not None:
            yield made.simple(self._where(unit, unit.unchecked), "unchecked"), 1
        for each in unit.decisions:
            if each.is_reversed:
                yield made.simple(self._where(unit, each.when), "reversed"), 1
        saved = [each for each in unit.decisions if each.is_foreign and each.is_recognised and not each.is_reversed]
        if saved:
            first = min(saved, key=lambda each: each.when)
            where, figure = self._where(unit, first.when), "cancelled_fen" if _is_cancelled(first) else "saving_fen"
            yield made.saving(where, first.items.modalities, figure), first.saving_fen
            if first.items.only is not None:
                yield made.item_saving(where.month, first.items.only, figure), first.saving_fen

    def _where(self, unit: _Line, first: _First) -> Where:
        return self._contributions.where(unit.institution, first[2], first[0])


def _earlier(known: _First | None, other: _First) -> _First:
    return other if known is None else min(known, other)


def _used(recognitions: Sequence[_Decision], offered: ItemSet) -> frozenset[ItemCode]:
    """Return what of others is used of what was offered."""
    foreign = [each.items.codes for each in recognitions if each.is_foreign]
    if not foreign:
        return _NO_ITEMS
    return (foreign[0] if len(foreign) == 1 else frozenset().union(*foreign)) & offered.codes


def _is_cancelled(decision: _Decision) -> bool:
    """Tell whether an item that was recognised was performed there after all, within its window of the decision."""
    performed, decided_at_ms = decision.visits.performed, decision.when[0]
    for at_ms, items in performed[bisect_right(performed, decided_at_ms, key=lambda each: each[0]) :]:
        age_ms = at_ms - decided_at_ms
        if any(item.code in items and age_ms <= item.window_ms for item in decision.items.items):
            return True
    return False
