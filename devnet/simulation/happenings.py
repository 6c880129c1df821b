"""What happens in a simulated year: the words of the model, which knows nothing of entries, logs or nodes (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, NewType

from node.domain.entry import InstitutionId
from node.domain.recognition import ItemCode, OrderableCode, Reason, ReasonCode

PersonNumber = NewType("PersonNumber", int)
"""A person, from 0."""

ResultNumber = NewType("ResultNumber", int)
"""A result, from 0."""

RecallNumber = NewType("RecallNumber", int)
"""A recall, from 0."""


class Status(StrEnum):
    """What a version of a report says of itself, in the words of FHIR."""

    PRELIMINARY = "preliminary"
    """It may still change, and can never be recognised."""
    FINAL = "final"
    """It stands."""
    CORRECTED = "corrected"
    """It stands, with another value than before."""
    WITHDRAWN = "entered-in-error"
    """It was taken back."""


class Change(StrEnum):
    """What somebody is told of a result."""

    AMENDED = "amended"
    """A newer version replaces it."""
    WITHDRAWN = "withdrawn"
    """It was taken back."""
    RECALLED = "recalled"
    """It is recalled."""
    LIFTED = "lifted"
    """The recall was lifted."""


class Obstacle(StrEnum):
    """What stands against a result."""

    WITHDRAWN = "withdrawn"
    """It was taken back."""
    SUPERSEDED = "superseded"
    """A newer version replaced it."""
    RECALLED = "recalled"
    """A recall stands against it."""
    PRELIMINARY = "preliminary"
    """It is not final."""
    OUT_OF_WINDOW = "out-of-window"
    """It is too old."""
    NO_MARK = "no-mark"
    """Its institution held no certificate on the day."""
    MARK_OUT_OF_SCOPE = "mark-out-of-scope"
    """Its institution held certificates that do not count here."""


class VersionName(NamedTuple):
    """Names one version of a result."""

    result: ResultNumber
    """The result."""
    version: int
    """From 1."""


class RecallName(NamedTuple):
    """Names the announcement of a recall, or its lifting."""

    recall: RecallNumber
    """The recall."""
    is_lifting: bool
    """Whether its lifting is meant."""


Cause = VersionName | RecallName
"""What a notice has as its reason: a newer version, a recall, a lifting."""


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
    """Whether its first report is preliminary."""
    device: str = ""
    """The analyser that the report names; empty for none."""
    lot: str = ""
    """The reagent lot that the report names; empty for none."""

    @property
    def first(self) -> VersionMade:
        """Return its first version."""
        status = Status.PRELIMINARY if self.is_preliminary else Status.FINAL
        return VersionMade(self, 1, status, self.at_ms, self.period, self.lot)


@dataclass(frozen=True, slots=True)
class VersionMade:
    """A version of a report: the first, or one that replaces or takes back the one before it."""

    result: ResultMade
    """The result."""
    version: int
    """From 1, in the order in which they are filed."""
    status: Status
    """What it says of itself."""
    at_ms: int
    """When it is filed, unix ms; the first one at the end of its period."""
    period: int
    """In which period; others find it from the next one on."""
    lot: str
    """The reagent lot that it names: a correction may rest on another."""

    @property
    def name(self) -> VersionName:
        """Return what names it."""
        return VersionName(self.result.number, self.version)

    @property
    def is_usable(self) -> bool:
        """Tell whether its status lets it be recognised."""
        return self.status in (Status.FINAL, Status.CORRECTED)


@dataclass(frozen=True, slots=True)
class RecallMade:
    """An institution recalls what it reported of a device, a lot or an item, and may lift that later."""

    number: RecallNumber
    """Names it."""
    institution: InstitutionId
    """Who."""
    device: str
    """Of this analyser; empty for any."""
    lot: str
    """Of this reagent lot; empty for any."""
    item: str
    """Of this item; empty for any."""
    from_ms: int
    """Examined at this time or later, unix ms."""
    to_ms: int
    """Examined before this time, unix ms."""
    at_ms: int
    """When it is announced, unix ms."""
    period: int
    """In which period; other nodes know of it from the next one on."""
    lifted_at_ms: int | None
    """When it is lifted, unix ms; None for never."""
    lifted_period: int | None
    """In which period; everybody knows of it from the next one on."""

    def covers(self, version: VersionMade) -> bool:
        """Tell whether a version is one that it is about, whenever that was filed: each version by itself, no withdrawal."""
        result = version.result
        return (
            result.institution == self.institution
            and version.status is not Status.WITHDRAWN
            and self.from_ms <= result.at_ms < self.to_ms
            and self.device in ("", result.device)
            and self.lot in ("", version.lot)
            and (not self.item or self.item in result.items)
        )

    def is_lifted_by(self, period: int) -> bool:
        """Tell whether everybody knows in a period that it was lifted."""
        return self.lifted_period is not None and self.lifted_period < period


@dataclass(frozen=True, slots=True)
class Lifting:
    """A recall is lifted."""

    recall: RecallMade
    """Which."""
    at_ms: int
    """When, unix ms."""
    period: int
    """In which period."""


@dataclass(frozen=True, slots=True)
class ListWorked:
    """Somebody at an institution goes through the notices that wait there, and takes notice of all."""

    institution: InstitutionId
    """Where."""
    at_ms: int
    """When, unix ms."""
    period: int
    """In which period."""
    takes_back: frozenset[Change]
    """After notices of which changes the decisions that rest on what they concern are taken back."""


@dataclass(frozen=True, slots=True)
class OfferExpected:
    """A result that a check has to offer for a line."""

    result: ResultNumber
    """The result."""
    institution: InstitutionId
    """Whose."""
    items: tuple[ItemCode, ...]
    """The items of the line that it answers."""
    version: int = 1
    """Its version: the newest that is known."""

    @property
    def name(self) -> VersionName:
        """Return what names the version."""
        return VersionName(self.result, self.version)


class RefusalExpected(NamedTuple):
    """What a check has to say against a result, for one item of a line."""

    name: VersionName
    """The version."""
    item: ItemCode
    """The item."""
    obstacle: Obstacle
    """What stands against it."""


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
    """When the clinician takes it back the same day, unix ms; None where that does not happen."""
    refused: tuple[RefusalExpected, ...] = ()
    """What the check has to say against other results."""

    @property
    def used(self) -> tuple[OfferExpected, ...]:
        """Return what the clinician recognises of what is offered."""
        decision = self.decision
        return tuple(each for each in self.offers if each.result in decision.results) if isinstance(decision, Recognition) else ()


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
    retrieved: tuple[VersionName, ...] = ()
    """What is retrieved of other institutions, to be recognised or only to be looked at."""

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


Happening = VersionMade | RecallMade | Lifting | ListWorked | OrderingVisit
"""What happens at a moment of its own; first versions are filed at the end of their period."""


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
    revisions: tuple[VersionMade, ...] = ()
    """Later versions of results, in order of time."""
    recalls: tuple[RecallMade, ...] = ()
    """Recalls, in order of time."""
    lists_worked: tuple[ListWorked, ...] = ()
    """When notices were gone through, in order of time."""

    def timeline(self) -> Iterator[Happening]:
        """Yield what happens, in order of time; of one moment a visit comes last."""
        liftings = [
            Lifting(each, each.lifted_at_ms, each.lifted_period)
            for each in self.recalls
            if each.lifted_at_ms is not None and each.lifted_period is not None
        ]
        happenings: list[Happening] = [*self.revisions, *self.recalls, *liftings, *self.lists_worked, *self.ordering]
        yield from sorted(happenings, key=lambda each: each.at_ms)
