"""Counts by group that can be taken back: what makes figures incremental.

A unit (an opportunity, an order line) contributes to groups. When something new is known of it, its old contribution is
subtracted and its new one added; the sums never need to be computed again, and cannot depend on the order of arrival.

Many units contribute the same, so contributions are shared, and what is taken back and added is how *many* contribute so:
a change costs a few counts, and groups are touched when somebody asks, once for each contribution that changed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from node.supervision.events import Person


class Dimension(StrEnum):
    """By what figures are told."""

    ALL = "all"
    INSTITUTION = "institution"
    CAMPUS = "campus"
    CLASS = "class"
    MODALITY = "modality"
    INSTITUTION_MODALITY = "institution-modality"
    ITEM = "item"
    REASON = "reason"


class Group(NamedTuple):
    """One line of a report."""

    dimension: Dimension
    """By what."""
    value: str
    """Which; `institution/campus` and `institution/modality` where there are two."""
    period: str
    """Month such as `2026-11` in civil time; empty for all time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a group; docs/spec/figures.md defines each."""

    opportunities: int = 0
    """Person x orderable x encounter, offered at least one recognisable final result of another institution."""
    recognised: int = 0
    """Of these, with a standing recognition of another's result."""
    reordered: int = 0
    """Of these, without one, and with a standing re-order."""
    without_reason: int = 0
    """Of the re-ordered, without a reason."""
    persons: int = 0
    """Persons with an opportunity."""
    persons_recognised: int = 0
    """Of these, with a recognition."""
    saving_fen: int = 0
    """Saved, once for each order line, less what was cancelled."""
    cancelled_fen: int = 0
    """Savings that were cancelled, because the same item was performed there within its window."""
    own: int = 0
    """Person x orderable x encounter, offered results of the hospital itself only."""
    own_recognised: int = 0
    """Opportunities, or own ones, in which only the hospital's own results are used."""
    unchecked: int = 0
    """Order lines that went ahead without an answer."""
    reversed: int = 0
    """Decisions that were taken back."""
    retrievals: int = 0
    """Results of others that were retrieved and verified."""

    @property
    def item_rate(self) -> tuple[int, int]:
        """Numerator and denominator of the item rate."""
        return self.recognised, self.opportunities

    @property
    def person_rate(self) -> tuple[int, int]:
        """Numerator and denominator of the person rate."""
        return self.persons_recognised, self.persons


_PLACES = {each.name: at for at, each in enumerate(fields(Figures))}
_PERSONS = _PLACES["persons"]
_PERSONS_RECOGNISED = _PLACES["persons_recognised"]

Amounts = tuple[tuple[int, int], ...]
"""What is added to a group: place of a figure, and how much."""


@lru_cache(maxsize=4096)
def amounts(**named: int) -> Amounts:
    """Return what adds to the named figures; nothing for those that are zero."""
    return tuple((_PLACES[name], amount) for name, amount in named.items() if amount)


@dataclass(frozen=True, slots=True, eq=False)
class Contribution:
    """What a unit adds to groups; shared by all that add the same, and itself in comparisons."""

    groups: tuple[tuple[Group, Amounts], ...] = ()
    """Amounts by group."""
    persons: tuple[tuple[Group, bool], ...] = ()
    """Groups in which its person has an opportunity, and whether it was recognised."""


NOTHING = Contribution()
"""What a unit contributes of which nothing is known yet."""

_Opportunities = tuple[Contribution, ...]


class Tally:
    """The figures of all groups."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._rows: dict[Group, list[int]] = {}
        self._persons: dict[Person, _Opportunities] = {}
        # what has changed since the rows were written: how many more contribute so, and persons as the rows have them
        self._more: defaultdict[Contribution, int] = defaultdict(int)
        self._before: dict[Person, _Opportunities] = {}

    def replace(self, old: Contribution, new: Contribution, person: Person | None = None) -> None:
        """Take back what a unit contributed, and count what it contributes now; `person` is whose unit it is."""
        if old is new:
            return
        self._more[old] -= 1
        self._more[new] += 1
        if person is not None and (old.persons or new.persons):
            self._replace_of(person, old, new)

    def add(self, contribution: Contribution, times: int) -> None:
        """Count so many more units, or of a saving so many more fen, that contribute so; fewer, if negative."""
        self._more[contribution] += times

    def _replace_of(self, person: Person, old: Contribution, new: Contribution) -> None:
        now = self._persons.get(person, ())
        self._before.setdefault(person, now)
        if old.persons:
            at = now.index(old)
            now = now[:at] + now[at + 1 :]
        if new.persons:
            now = (*now, new)
        if now:
            self._persons[person] = now
        else:
            self._persons.pop(person, None)

    def figures(self, group: Group) -> Figures:
        """Return the figures of a group; all zero where nothing is counted."""
        self._write()
        return Figures(*self._rows.get(group, ()))

    def groups(self) -> Iterator[Group]:
        """Yield every group that counts something, sorted."""
        self._write()
        yield from sorted(self._rows)

    def _write(self) -> None:
        """Write into the rows what has changed since."""
        changed: set[Group] = set()
        for contribution, times in self._more.items():
            for group, added in contribution.groups if times else ():
                row = self._row(group)
                changed.add(group)
                for place, amount in added:
                    row[place] += times * amount
        moves = Counter((before, self._persons.get(person, ())) for person, before in self._before.items())
        for (before, now), persons in moves.items():
            self._count_persons(before, -persons, changed)
            self._count_persons(now, persons, changed)
        self._more.clear()
        self._before.clear()
        for group in changed:
            if not any(self._rows[group]):
                del self._rows[group]

    def _count_persons(self, opportunities: _Opportunities, persons: int, changed: set[Group]) -> None:
        for group, recognised in _of_person(opportunities).items():
            row = self._row(group)
            changed.add(group)
            row[_PERSONS] += persons
            row[_PERSONS_RECOGNISED] += persons if recognised else 0

    def _row(self, group: Group) -> list[int]:
        row = self._rows.get(group)
        if row is None:
            row = self._rows[group] = [0] * len(_PLACES)
        return row


def _of_person(opportunities: _Opportunities) -> Mapping[Group, bool]:
    """Return the groups in which a person has an opportunity, and whether any of them was recognised."""
    if not opportunities:
        return {}
    first, *others = opportunities
    groups = dict(first.persons)
    for each in others:
        for group, recognised in each.persons:
            groups[group] = recognised or groups.get(group, False)
    return groups
