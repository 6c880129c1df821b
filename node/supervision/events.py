"""What figures are computed from: one event for each thing that verified entries say (docs/spec/figures.md).

Whoever feeds them opens and verifies entries first, and gives each event once. Persons are pseudonyms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from node.domain.entry import InstitutionId
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, Reason, ReasonCode
from node.terminology.catalogue import CatalogueItem, ItemClass

Person = NewType("Person", bytes)
"""The pseudonym for supervision, 32 bytes."""

EventId = NewType("EventId", str)
"""Names an entry, such as its leaf hash and the number of a line in it; unique."""

LABORATORY = "LAB"
"""What stands for a modality where the item is laboratory data."""


@dataclass(frozen=True, slots=True)
class FiguredItem:
    """What figures need to know of an item, in the catalogue's version that the entry pins."""

    code: ItemCode
    """The item."""
    modality: str
    """Its modality; `LAB` for laboratory data."""
    window_ms: int
    """Its window at the ordering institution."""


def figured(item: CatalogueItem, window_ms: int) -> FiguredItem:
    """Return what figures need to know of an item."""
    return FiguredItem(item.code, LABORATORY if item.item_class is ItemClass.LAB else item.modality, window_ms)


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """Where an order line belongs."""

    person: Person
    """Whose."""
    institution: InstitutionId
    """Who orders."""
    campus: str
    """Its campus, or empty."""
    encounter: str
    """The encounter."""
    order_id: str
    """The institution's number for the line."""
    orderable: OrderableCode
    """What is ordered."""


@dataclass(frozen=True, slots=True)
class LineChecked:
    """An order line was checked."""

    event: EventId
    """The entry."""
    line: OrderedLine
    """The line."""
    foreign: tuple[FiguredItem, ...]
    """Items for which a recognisable final result of another institution was offered."""
    own: tuple[FiguredItem, ...]
    """Items for which one of its own was."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class LineUnchecked:
    """An order went ahead without an answer."""

    event: EventId
    """The entry."""
    line: OrderedLine
    """The line."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class LineDecided:
    """A decision was taken."""

    event: EventId
    """The entry."""
    line: OrderedLine
    """The line."""
    outcome: DecisionOutcome
    """Recognised or ordered again."""
    foreign: bool
    """Whether a result of another institution is recognised."""
    items: tuple[FiguredItem, ...]
    """The items that results of other institutions answer; empty for a re-order."""
    reason: Reason | None
    """The reason of a re-order."""
    sub_reason: ReasonCode | None
    """The region's sub-reason."""
    saving_fen: int
    """Saved, at the ordering institution's price of that day."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class DecisionReversed:
    """A decision was taken back."""

    event: EventId
    """The entry."""
    decision: EventId
    """The decision's."""


@dataclass(frozen=True, slots=True)
class Performed:
    """An institution examined a person."""

    event: EventId
    """The entry."""
    person: Person
    """Whom."""
    institution: InstitutionId
    """Who."""
    items: tuple[ItemCode, ...]
    """What."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """An institution retrieved and verified a result of another."""

    event: EventId
    """The requester's receipt."""
    institution: InstitutionId
    """Who asked."""
    at_ms: int
    """When, unix ms."""


FigureEvent = LineChecked | LineUnchecked | LineDecided | DecisionReversed | Performed | Retrieved
"""Anything that a figure counts."""
