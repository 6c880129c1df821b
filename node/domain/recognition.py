"""Recognition in words and types: items, what is ordered, what is offered, what stands against it, what was decided.

The rules that use them are in `node.terminology` (what a result is) and `node.recognition` (what it is good for).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, NewType

from node.domain.entry import InstitutionId, LeafReference, Level, Origin

ItemCode = NewType("ItemCode", str)
"""A recognisable item of the catalogue, such as `LAB-ALT`."""

OrderableCode = NewType("OrderableCode", str)
"""What a hospital's system orders, by its own code: an item or a panel."""

RegionCode = NewType("RegionCode", str)
"""A region of the region table, such as `CN-4401`: country, area, province, city."""

ClassCode = NewType("ClassCode", str)
"""Class of an institution, such as `3A` for 三级甲等."""

MethodGroup = NewType("MethodGroup", str)
"""Methods whose results may be compared with each other; empty where it is not told."""

ANY_CLASS: Final = ClassCode("")
"""In a price: every class that has no price of its own."""

ANY_METHOD: Final = MethodGroup("")
"""In a map: the method is not told."""

CertificateId = NewType("CertificateId", str)
"""Names a certificate of external quality assessment or imaging quality control."""

ReasonCode = NewType("ReasonCode", str)
"""A sub-reason of a region, or `unretrievable`."""

DocumentDigest = NewType("DocumentDigest", bytes)
"""SHA-256 of a document's exact bytes, 32 bytes: the version that a decision pins."""

UNRETRIEVABLE: Final = ReasonCode("unretrievable")
"""The sub-reason that every region has: an offered result could not be retrieved."""


class Obstacle(StrEnum):
    """Why a result cannot be recognised; of several, the first in this order is told."""

    WITHDRAWN = "withdrawn"
    """Its institution took it back."""
    SUPERSEDED = "superseded"
    """A newer version replaces it."""
    RECALLED = "recalled"
    """Its institution recalls it, with others of its device, lot or item."""
    PRELIMINARY = "preliminary"
    """It is not final."""
    LOG_FROZEN = "log-frozen"
    """Its log contradicted itself and is frozen here."""
    UNMAPPED = "unmapped"
    """Its institution's map does not know its code."""
    OUT_OF_WINDOW = "out-of-window"
    """Too old in this region, or performed in the future."""
    UNIT = "unit-not-comparable"
    """Its unit cannot be converted into the item's."""
    METHOD = "method-not-comparable"
    """It was measured by a method that the ordering institution's results cannot be compared with."""
    NO_IMAGES = "no-images"
    """The item is recognised with its images only, and there are none."""
    NO_MARK = "no-mark"
    """Its institution held no valid certificate for the item when it was performed."""
    MARK_OUT_OF_SCOPE = "mark-out-of-scope"
    """The mark does not reach the ordering institution's region."""
    LOWER_CLASS = "lower-class"
    """The region recognises upward only, and the issuing institution is of a lower class."""


class Reachability(StrEnum):
    """Whether the holder can be reached, as far as this node knows."""

    REACHABLE = "reachable"
    """It answered a moment ago."""
    AWAY = "away"
    """It did not answer."""
    UNKNOWN = "unknown"
    """Nobody has asked lately."""


class Coverage(StrEnum):
    """How far results of others answer an order."""

    COVERED = "covered"
    """Every item of it."""
    PARTLY = "partly"
    """Some items."""
    NOT = "not"
    """None."""


class Reason(IntEnum):
    """The six situations for re-examination of 2022 (国卫医发 2022 No. 6)."""

    CONDITION_CHANGED = 1
    FAST_CHANGING = 2
    HIGHLY_SIGNIFICANT = 3
    EMERGENCY = 4
    APPRAISAL = 5
    OTHER = 6


class DecisionOutcome(StrEnum):
    """What a clinician decided on an order line."""

    RECOGNISED = "recognised"
    """Results of others are used; they were retrieved and verified."""
    REORDERED = "reordered"
    """It is examined again, with a reason."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The version of one document that an answer rests on."""

    kind: str
    """Its kind, such as `catalogue`."""
    subject: str
    """Whose it is: an institution for maps, else empty."""
    digest: DocumentDigest
    """SHA-256 of its bytes."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of an order."""

    order_id: str
    """The hospital's number for the line; sensitive."""
    orderable: OrderableCode
    """What is ordered."""


@dataclass(frozen=True, slots=True)
class OfferedItem:
    """One item of an offer."""

    item: ItemCode
    """The item."""
    mark: str
    """The mark that it bears, such as `粤HR`; empty where none is needed."""
    certificate: CertificateId | None
    """The certificate that the mark rests on."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One recognisable result, for one order line."""

    leaf: LeafReference
    """The entry; what is retrieved."""
    institution: InstitutionId
    """Who performed it."""
    own: bool
    """Whether that is the ordering institution itself."""
    performed_at_ms: int
    """When, unix ms."""
    age_ms: int
    """How long before the check."""
    items: tuple[OfferedItem, ...]
    """What it answers of the order, in the order's sequence."""
    level: Level
    """How far it got."""
    images_at_hand: bool
    """Whether images belong to it."""
    reachability: Reachability
    """Whether its holder can be reached."""
    saving_fen: int
    """What is saved if this result alone is recognised."""

    @property
    def marks(self) -> tuple[str, ...]:
        """Return the marks of its items, each once."""
        return tuple(dict.fromkeys(each.mark for each in self.items if each.mark))


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """One item that a result does not answer, and why."""

    item: ItemCode
    """The item."""
    obstacle: Obstacle
    """What stands against it."""


@dataclass(frozen=True, slots=True)
class UnrecognisableResult:
    """A result that concerns an order line and cannot be recognised, or not for these items."""

    leaf: LeafReference
    """The entry."""
    institution: InstitutionId
    """Who performed it."""
    performed_at_ms: int
    """When, unix ms."""
    age_ms: int
    """How long before the check."""
    items: tuple[RefusedItem, ...]
    """Items and reasons, in the order's sequence."""


@dataclass(frozen=True, slots=True)
class UnmappedResult:
    """A result with codes that its institution's map does not know: it may concern any order line."""

    leaf: LeafReference
    """The entry."""
    institution: InstitutionId
    """Whose it is."""
    performed_at_ms: int
    """When, unix ms."""
    codes: tuple[tuple[str, str], ...]
    """Code system and code of each."""


@dataclass(frozen=True, slots=True)
class OrderableCheck:
    """The answer for one order line."""

    line: OrderLine
    """What was asked."""
    known: bool
    """Whether the ordering institution's map knows the orderable."""
    items: tuple[ItemCode, ...]
    """What the orderable stands for."""
    coverage: Coverage
    """How far it is answered."""
    missing: tuple[ItemCode, ...]
    """Items that no offer answers."""
    offers: tuple[Offer, ...]
    """Recognisable results, the newest first."""
    unrecognisable: tuple[UnrecognisableResult, ...]
    """Results that do not count, the newest first."""
    window_days: int | None
    """The shortest window of its items here; None where no item has one."""
    price_fen: int | None
    """Its price here today; None where the price list has none."""
    saving_fen: int
    """What is saved if all that is offered is recognised."""


@dataclass(frozen=True, slots=True)
class ReadLog:
    """How far a log had been read when an order was checked."""

    origin: Origin
    """The log."""
    size: int
    """Every entry of the patient below this index had been found, and its header read, or known to be deleted."""


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The answer to a check at order time. Results withheld by consent are absent from it."""

    institution: InstitutionId
    """Who orders."""
    encounter: str
    """The encounter; sensitive."""
    checked_at_ms: int
    """When, unix ms."""
    lines: tuple[OrderableCheck, ...]
    """One for each order line, in their order."""
    unmapped: tuple[UnmappedResult, ...]
    """Results with codes that nobody could place, the newest first."""
    pins: tuple[Pin, ...]
    """The versions that it rests on."""

    @property
    def has_foreign_hit(self) -> bool:
        """Tell whether a result of another institution is in it: then it is logged."""
        issuers = {each.institution for each in self.unmapped}
        for line in self.lines:
            issuers.update(offer.institution for offer in line.offers)
            issuers.update(result.institution for result in line.unrecognisable)
        return bool(issuers - {self.institution})

    @property
    def results(self) -> frozenset[LeafReference]:
        """Return all results that are named in it."""
        named = {each.leaf for each in self.unmapped}
        for line in self.lines:
            named.update(offer.leaf for offer in line.offers)
            named.update(result.leaf for result in line.unrecognisable)
        return frozenset(named)

    @property
    def concerned_pins(self) -> tuple[Pin, ...]:
        """Return the pins that concern it: those of all, and the maps of the institutions in it."""
        named = {self.institution, *(each.institution for each in self.unmapped)}
        for line in self.lines:
            named.update(offer.institution for offer in line.offers)
            named.update(result.institution for result in line.unrecognisable)
        return tuple(pin for pin in self.pins if not pin.subject or pin.subject in named)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a clinician decided on one order line."""

    outcome: DecisionOutcome
    """Recognised or re-ordered."""
    line: OrderLine
    """The line."""
    recognised: tuple[LeafReference, ...]
    """The results that are used; empty for a re-order."""
    items: tuple[ItemCode, ...]
    """The items that they answer, or that are ordered again."""
    reason: Reason | None
    """Why it is ordered again; None where it is not, or where no reason was demanded or given."""
    sub_reason: ReasonCode | None
    """The region's sub-reason."""
    free_text: str
    """In the clinician's words; sensitive."""
    saving_fen: int
    """What was saved, at the ordering institution's price of that day."""
    warned: bool
    """Whether a reason was due and a setting let it pass."""
    decided_at_ms: int
    """When, unix ms."""
    pins: tuple[Pin, ...]
    """The versions that it rests on: those of its check."""
