"""Counts by group that can be taken back: what makes figures incremental.

A unit (an opportunity, an order line) contributes to groups. When something new is known of it, its old contribution is
subtracted and its new one added; the sums never need to be computed again, and cannot depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
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


@dataclass(slots=True)
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

    def add(self, other: Figures, sign: int) -> None:
        """Add or subtract."""
        for name in _NAMES:
            amount = getattr(other, name)
            if amount:
                setattr(self, name, getattr(self, name) + sign * amount)

    def is_empty(self) -> bool:
        """Tell whether nothing is counted."""
        return not any(getattr(self, name) for name in _NAMES)


_NAMES = tuple(each.name for each in fields(Figures))


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one unit adds to groups."""

    groups: tuple[tuple[Group, Figures], ...] = ()
    """Amounts by group."""
    persons: tuple[tuple[Group, bool], ...] = ()
    """Groups in which its person has an opportunity, and whether it was recognised."""
    person: Person = field(default=Person(b""))
    """Whose unit it is."""


class Tally:
    """The figures of all groups."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._figures: dict[Group, Figures] = {}
        self._persons: dict[tuple[Group, Person], list[int]] = {}

    def replace(self, old: Contribution, new: Contribution) -> None:
        """Take back what a unit contributed, and count what it contributes now."""
        if old != new:
            self._apply(old, -1)
            self._apply(new, 1)

    def figures(self, group: Group) -> Figures:
        """Return the figures of a group; all zero where nothing is counted."""
        return self._figures.get(group, Figures())

    def groups(self) -> Iterator[Group]:
        """Yield every group that counts something, sorted."""
        yield from sorted(self._figures)

    def _apply(self, contribution: Contribution, sign: int) -> None:
        for group, amounts in contribution.groups:
            self._figures.setdefault(group, Figures()).add(amounts, sign)
        for group, recognised in contribution.persons:
            self._count_person(group, contribution.person, sign, recognised=recognised)
        touched = [group for group, _ in (*contribution.groups, *contribution.persons)]
        self._drop_empty(touched)

    def _count_person(self, group: Group, person: Person, sign: int, *, recognised: bool) -> None:
        counts = self._persons.setdefault((group, person), [0, 0])
        before = [count > 0 for count in counts]
        counts[0] += sign
        counts[1] += sign if recognised else 0
        figures = self._figures.setdefault(group, Figures())
        figures.persons += (counts[0] > 0) - before[0]
        figures.persons_recognised += (counts[1] > 0) - before[1]
        if counts == [0, 0]:
            del self._persons[group, person]

    def _drop_empty(self, groups: Iterable[Group]) -> None:
        for group in groups:
            if group in self._figures and self._figures[group].is_empty():
                del self._figures[group]
