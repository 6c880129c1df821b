"""What the figures of a year have to be, counted from the model's happenings by docs/spec/figures.md (pure).

An oracle is worth something if it shares nothing with what it judges: there are no increments here, no events and no code of
`node.supervision` but the names of dimensions and the type that both are compared in. Every unit is looked at once, with
all that ever happened to it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

from devnet.simulation.aftermath import Aftermath
from devnet.simulation.happenings import LineOrdered, OrderingVisit, Recognition, Reordering, ResultMade, RetrievalMade, Year
from devnet.simulation.rules import RegionRulesRead
from node.domain.entry import InstitutionId
from node.domain.recognition import ItemCode
from node.supervision.tallies import Dimension, Figures

Place = tuple[Dimension, str, str]
"""Dimension, value and month; an empty month for all time."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """One line of one visit, with what makes it count."""

    visit: OrderingVisit
    line: LineOrdered
    is_reversed: bool

    @property
    def foreign(self) -> frozenset[ItemCode]:
        """Items for which results of others had to be offered."""
        others = (each for each in self.line.offers if each.institution != self.visit.institution)
        return frozenset(item for each in others for item in each.items)

    @property
    def standing(self) -> Recognition | Reordering | None:
        """The decision, unless it was taken back."""
        return None if self.is_reversed else self.line.decision

    @property
    def recognised(self) -> frozenset[ItemCode]:
        """Items that were recognised and had been offered."""
        decision = self.standing
        return frozenset(decision.items) & self.foreign if isinstance(decision, Recognition) else frozenset()

    @property
    def uses_own_only(self) -> bool:
        """Whether only the hospital's own results are used."""
        return isinstance(self.standing, Recognition) and not self.standing.is_foreign


class Oracle:
    """Counts a year."""

    def __init__(self, rules: RegionRulesRead, year: Year, aftermath: Aftermath, retrievals: Iterable[RetrievalMade] = ()) -> None:
        """Take what happened.

        Args:
            rules: The region's rules.
            year: The model's year.
            aftermath: What was taken back because of what became of results.
            retrievals: Further ones, that misconduct put into the logs.
        """
        self._rules = rules
        self._year = year
        self._taken_back = aftermath.taken_back
        self._retrievals = (*year.retrievals, *retrievals)
        self._performed: defaultdict[tuple[int, InstitutionId], list[ResultMade]] = defaultdict(list)
        for result in year.results:
            self._performed[result.person, result.institution].append(result)
        self._rows: defaultdict[Place, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._persons: defaultdict[Place, dict[int, bool]] = defaultdict(dict)

    def figures(self) -> Mapping[Place, Figures]:
        """Return the figures of every group in which something counts."""
        for visit in self._year.ordering:
            for line in visit.lines:
                self._count(_Unit(visit, line, line.reversed_at_ms is not None or line.order_id in self._taken_back))
        for retrieval in self._retrievals:
            self._add(self._institution_places(retrieval.institution), retrieval.at_ms, retrievals=1)
        for place, persons in self._persons.items():
            self._rows[place]["persons"] = len(persons)
            self._rows[place]["persons_recognised"] = sum(persons.values())
        names = [each.name for each in fields(Figures)]
        made = {place: Figures(**{name: row[name] for name in names}) for place, row in self._rows.items()}
        return {place: each for place, each in made.items() if each != Figures()}

    def _count(self, unit: _Unit) -> None:
        visit = unit.visit
        if not visit.is_answered:
            self._add(self._places(visit), visit.at_ms, unchecked=1)
        # only checks in which results of others were are logged: of what is not logged nothing can be proved
        elif visit.is_logged and unit.foreign:
            self._count_opportunity(unit)
        elif visit.is_logged and unit.line.offers:
            self._add(self._places(visit), visit.at_ms, own=1, own_recognised=int(unit.uses_own_only))
        self._count_line(unit)

    def _count_opportunity(self, unit: _Unit) -> None:
        decision = unit.standing
        again = isinstance(decision, Reordering)
        without = isinstance(decision, Reordering) and decision.reason is None
        for places, is_recognised, has_persons in self._sides(unit):
            self._add(
                places,
                unit.visit.at_ms,
                opportunities=1,
                recognised=int(is_recognised),
                reordered=int(again),
                without_reason=int(without),
                own_recognised=int(unit.uses_own_only),
            )
            if has_persons:
                for place in self._in_time(places, unit.visit.at_ms):
                    persons = self._persons[place]
                    persons[unit.visit.person] = persons.get(unit.visit.person, False) or is_recognised
        if isinstance(decision, Reordering):
            self._add(_reasons(decision), unit.visit.at_ms, reordered=1, without_reason=int(without))

    def _sides(self, unit: _Unit) -> Iterator[tuple[Sequence[tuple[Dimension, str]], bool, bool]]:
        """Yield groups, whether the opportunity is recognised as far as they go, and whether persons are counted in them."""
        institution, modalities = unit.visit.institution, self._rules.modalities
        yield self._places(unit.visit), bool(unit.recognised), True
        for modality in {modalities[item] for item in unit.foreign}:
            is_recognised = any(modalities[item] == modality for item in unit.recognised)
            yield (
                [(Dimension.MODALITY, modality), (Dimension.INSTITUTION_MODALITY, f"{institution}/{modality}")],
                is_recognised,
                True,
            )
        for item in unit.foreign:
            yield [(Dimension.ITEM, item)], item in unit.recognised, False

    def _count_line(self, unit: _Unit) -> None:
        visit, line = unit.visit, unit.line
        if line.decision is not None and unit.is_reversed:
            self._add(self._places(visit), line.decided_at_ms, reversed=1)
        decision = unit.standing
        if not isinstance(decision, Recognition) or not decision.is_foreign or not decision.saving_fen:
            return
        places = self._places(visit)
        for modality in {self._rules.modalities[item] for item in decision.items}:
            places += [(Dimension.MODALITY, modality), (Dimension.INSTITUTION_MODALITY, f"{visit.institution}/{modality}")]
        if len(decision.items) == 1:
            places.append((Dimension.ITEM, decision.items[0]))
        name = "cancelled_fen" if self._is_cancelled(unit, decision) else "saving_fen"
        self._add(places, line.decided_at_ms, **{name: decision.saving_fen})

    def _is_cancelled(self, unit: _Unit, decision: Recognition) -> bool:
        """Tell whether an item that was recognised was examined there after all, within its window of the decision."""
        decided = unit.line.decided_at_ms
        return any(
            item in each.items and 0 < each.at_ms - decided <= self._rules.window_ms(item)
            for each in self._performed[unit.visit.person, unit.visit.institution]
            for item in decision.items
        )

    def _institution_places(self, institution: InstitutionId) -> list[tuple[Dimension, str]]:
        return [
            (Dimension.ALL, ""),
            (Dimension.INSTITUTION, institution),
            (Dimension.CLASS, self._rules.class_of(institution)),
        ]

    def _places(self, visit: OrderingVisit) -> list[tuple[Dimension, str]]:
        return [*self._institution_places(visit.institution), (Dimension.CAMPUS, f"{visit.institution}/{visit.campus}")]

    def _add(self, places: Sequence[tuple[Dimension, str]], at_ms: int, **amounts: int) -> None:
        for place in self._in_time(places, at_ms):
            for name, amount in amounts.items():
                self._rows[place][name] += amount

    def _in_time(self, places: Sequence[tuple[Dimension, str]], at_ms: int) -> Iterator[Place]:
        month = self._rules.month(at_ms)
        for dimension, value in places:
            yield dimension, value, ""
            yield dimension, value, month


def _reasons(decision: Reordering) -> list[tuple[Dimension, str]]:
    if decision.reason is None:
        return [(Dimension.REASON, "none")]
    reasons = [(Dimension.REASON, str(int(decision.reason)))]
    if decision.sub_reason is not None:
        reasons.append((Dimension.REASON, f"{int(decision.reason)}/{decision.sub_reason}"))
    return reasons
