"""What happens in a simulated year: the words of the model, which knows nothing of entries, logs or nodes (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

from node.domain.entry import InstitutionId
from node.domain.recognition import ItemCode, OrderableCode, Reason, ReasonCode

PersonNumber = NewType("PersonNumber", int)
"""A person, from 0."""

ResultNumber = NewType("ResultNumber", int)
"""A result, from 0."""


@dataclass(frozen=True, slots=True)
class ResultMade:
    """An institution examined a person, and files what it found."""

    number: ResultNumber
    """Names it."""
    person: PersonNumber
    """Whom."""
    institution: InstitutionId
    """Who."""
    items: tuple[ItemCode, ...]
    """What."""
    at_ms: int
    """When, unix ms."""
    period: int
    """In which period; others find it from the next one on."""
    is_preliminary: bool
    """Whether it never became final."""


@dataclass(frozen=True, slots=True)
class OfferExpected:
    """A result that a check has to offer for a line."""

    result: ResultNumber
    """The result."""
    institution: InstitutionId
    """Whose."""
    items: tuple[ItemCode, ...]
    """The items of the line that it answers."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """The clinician uses results."""

    results: tuple[ResultNumber, ...]
    """Which."""
    items: tuple[ItemCode, ...]
    """The items that results of other institutions answer."""
    is_foreign: bool
    """Whether one of them is another institution's."""
    saving_fen: int
    """What that saves, as the model reckons it."""


@dataclass(frozen=True, slots=True)
class Reordering:
    """The clinician orders again."""

    reason: Reason | None
    """Why; None where nothing was said."""
    sub_reason: ReasonCode | None
    """The region's sub-reason."""
    free_text: str
    """In the clinician's words."""


@dataclass(frozen=True, slots=True)
class LineOrdered:
    """One line of an order."""

    order_id: str
    """Its number at the institution."""
    orderable: OrderableCode
    """What is ordered."""
    offers: tuple[OfferExpected, ...]
    """What the check has to offer."""
    decision: Recognition | Reordering | None
    """What the clinician decides; None where nobody decides."""
    decided_at_ms: int
    """When, unix ms."""
    reversed_at_ms: int | None
    """When it is taken back, unix ms; None where it stands."""


@dataclass(frozen=True, slots=True)
class OrderingVisit:
    """A visit that orders something recognisable."""

    number: int
    """From 0, in order of time."""
    person: PersonNumber
    """Who."""
    institution: InstitutionId
    """Where."""
    campus: str
    """At which of its campuses; empty where it names none."""
    clinician: str
    """The clinician's number there."""
    at_ms: int
    """When it is checked, unix ms."""
    period: int
    """In which period."""
    is_answered: bool
    """Whether the check has an answer in time."""
    checks_twice: bool
    """Whether the same order is checked a second time, a minute later."""
    is_logged: bool
    """Whether the check concerns a result of another institution, or had no answer: only then it is logged."""
    lines: tuple[LineOrdered, ...]
    """The order."""

    @property
    def encounter(self) -> str:
        """Return the encounter's number."""
        return f"E{self.number}"


@dataclass(frozen=True, slots=True)
class RetrievalMade:
    """An institution retrieved a result of another, or says so in its log."""

    institution: InstitutionId
    """Who."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class Year:
    """Everything that happens in one region in one year."""

    visits: int
    """All visits, those that order nothing included."""
    persons: int
    """Persons of the region."""
    plain_visits: Mapping[int, int]
    """Visits that order nothing recognisable, by period."""
    ordering: tuple[OrderingVisit, ...]
    """The others, in order of time."""
    results: tuple[ResultMade, ...]
    """What was examined, in order of time."""
    retrievals: tuple[RetrievalMade, ...]
    """What was retrieved."""
    periods: tuple[tuple[int, int], ...]
    """First moment and end of each period, unix ms."""
