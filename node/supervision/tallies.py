"""Counts by group that can be taken back: what makes figures incremental.

A unit (an opportunity, an order line) contributes to groups. When something new is known of it, its old contribution is
subtracted and its new one added; the sums never need to be computed again, and cannot depend on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterator
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


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one unit adds to groups."""

    groups: tuple[tuple[Group, Amounts], ...] = ()
    """Amounts by group."""
    persons: tuple[tuple[Group, bool], ...] = ()
    """Groups in which its person has an opportunity, and whether it was recognised."""
    person: Person | None = None
    """Whose unit it is, where persons are counted."""


class Tally:
    """The figures of all groups."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._rows: dict[Group, list[int]] = {}
        self._persons: dict[tuple[Group, Person | None], list[int]] = {}

    def replace(self, old: Contribution, new: Contribution) -> None:
        """Take back what a unit contributed, and count what it contributes now."""
        if old == new:
            return
        self._apply(old, -1)
        self._apply(new, 1)
        for group, _ in (*old.groups, *old.persons):
            if group in self._rows and not any(self._rows[group]):
                del self._rows[group]

    def figures(self, group: Group) -> Figures:
        """Return the figures of a group; all zero where nothing is counted."""
        return Figures(*self._rows.get(group, ()))

    def groups(self) -> Iterator[Group]:
        """Yield every group that counts something, sorted."""
        yield from sorted(self._rows)

    def _apply(self, contribution: Contribution, sign: int) -> None:
        for group, added in contribution.groups:
            row = self._row(group)
            for place, amount in added:
                row[place] += sign * amount
        for group, recognised in contribution.persons:
            counts = self._persons.setdefault((group, contribution.person), [0, 0])
            row = self._row(group)
            row[_PERSONS] -= counts[0] > 0
            row[_PERSONS_RECOGNISED] -= counts[1] > 0
            counts[0] += sign
            counts[1] += sign if recognised else 0
            row[_PERSONS] += counts[0] > 0
            row[_PERSONS_RECOGNISED] += counts[1] > 0
            if not counts[0]:
                del self._persons[group, contribution.person]

    def _row(self, group: Group) -> list[int]:
        row = self._rows.get(group)
        if row is None:
            row = self._rows[group] = [0] * len(_PLACES)
        return row
