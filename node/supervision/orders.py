"""What entries say of order lines: what was offered, what was decided, what was examined (docs/spec/figures.md "Re-orders").

Pure. One history for each person at one institution; `reorders` judges it. What was offered is what the check's own entry lists,
never what a decision says of it. Windows are those of the catalogue that the entry pins, fixed when it is read.
As bytes, a part is one byte of version and MessagePack; it stays at the node that made it.

Left out: keeping and sealing histories (`node.ports.supervision.orders`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from node.domain.entry import InstitutionId, LeafReference, RecordId
from node.domain.header import HeaderContent
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode
from node.domain.recognition_acts import CheckContent, CheckedLine, CheckedOrder, CheckId, DecisionContent, ReversalContent
from node.errors import MalformedEventsError, UnknownFormatError
from node.supervision.events import FigureEvent, LineChecked, Performed
from node.supervision.findings import EntryPlace
from node.supervision.reading import ReadEntry
from node.terminology.bundle import Terminology

VERSION: Final = b"\x01"


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """A result of another institution that a check offered."""

    result: LeafReference
    """Its entry."""
    windows: tuple[tuple[ItemCode, int], ...]
    """The items that it answers, and how long it counts for each after it was performed, ms."""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """An order line for which a check offered something of others."""

    place: EntryPlace
    """The check's entry."""
    check_id: CheckId
    """The check."""
    encounter: str
    """The encounter, or empty."""
    order_id: str
    """The order line."""
    orderable: OrderableCode
    """What was ordered."""
    offers: tuple[ShownOffer, ...]
    """What was offered of others."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class UncheckedLine:
    """An order line that went ahead without an answer."""

    items: tuple[ItemCode, ...]
    """What its orderable stands for."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """A decision on an order line."""

    place: EntryPlace
    """The decision's entry."""
    check_id: CheckId
    """The check that it names."""
    encounter: str
    """The encounter, or empty."""
    order_id: str
    """The order line."""
    orderable: OrderableCode
    """What was ordered."""
    items: tuple[ItemCode, ...]
    """What is used or ordered again, and what the orderable stands for."""
    is_recognised: bool
    """Whether results are used."""
    has_reason: bool
    """Whether a reason is given."""
    is_warned: bool
    """Whether it says itself that a reason was due."""
    at_ms: int
    """When, unix ms."""


@dataclass(frozen=True, slots=True)
class ExaminedResult:
    """A result of the institution itself."""

    place: EntryPlace
    """Its entry."""
    record_id: RecordId
    """The record: versions of it are one examination."""
    items: tuple[ItemCode, ...]
    """What was examined."""
    at_ms: int
    """When it was performed, unix ms."""
    seen_at_ms: int
    """When supervision read it, unix ms."""


@dataclass(frozen=True, slots=True)
class OrderReversal:
    """A decision that was taken back."""

    decision: LeafReference
    """Its entry."""


OrderPart = ShownLine | UncheckedLine | DecidedLine | ExaminedResult | OrderReversal
"""What an entry says of one order line."""


@dataclass(frozen=True, slots=True)
class OrderNote:
    """Parts that belong together, and where they belong."""

    person: bytes | None
    """The person's pseudonym; None where the entry has none."""
    check: CheckId | None
    """The check that they are of, or that they name."""
    is_check: bool
    """Whether they are what was checked."""
    parts: tuple[OrderPart, ...]
    """What is said."""

    @property
    def offered(self) -> tuple[LeafReference, ...]:
        """Return the results of others that were offered, each once."""
        shown = (each for each in self.parts if isinstance(each, ShownLine))
        return tuple(dict.fromkeys(offer.result for line in shown for offer in line.offers))

    @property
    def weighs(self) -> bool:
        """Tell whether a history has to be judged for it: something was offered, or ordered again without a reason."""
        return any(isinstance(each, ShownLine) or (isinstance(each, DecidedLine) and is_unreasoned(each)) for each in self.parts)


@dataclass(slots=True)
class OrderHistory:
    """All that was read of a person at an institution."""

    shown: list[ShownLine] = field(default_factory=list)
    """What was offered."""
    unchecked: list[UncheckedLine] = field(default_factory=list)
    """What went ahead unchecked."""
    decided: list[DecidedLine] = field(default_factory=list)
    """Decisions."""
    examined: list[ExaminedResult] = field(default_factory=list)
    """What was examined."""
    reversed: list[OrderReversal] = field(default_factory=list)
    """Decisions that were taken back."""

    def add(self, part: OrderPart) -> None:
        """Take in a part; the order does not matter."""
        match part:
            case ShownLine():
                self.shown.append(part)
            case UncheckedLine():
                self.unchecked.append(part)
            case DecidedLine():
                self.decided.append(part)
            case ExaminedResult():
                self.examined.append(part)
            case OrderReversal():
                self.reversed.append(part)


class _Parts(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    shown: list[ShownLine] = []
    unchecked: list[UncheckedLine] = []
    decided: list[DecidedLine] = []
    examined: list[ExaminedResult] = []
    reversed: list[OrderReversal] = []


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(_Parts)


def is_unreasoned(decided: DecidedLine) -> bool:
    """Tell whether a decision orders again and gives no reason."""
    return not (decided.is_recognised or decided.has_reason)


def encode_parts(parts: Iterable[OrderPart]) -> bytes:
    """Encode parts, for this node."""
    history = OrderHistory()
    for part in parts:
        history.add(part)
    encoded = _Parts(history.shown, history.unchecked, history.decided, history.examined, history.reversed)
    return VERSION + _ENCODER.encode(encoded)


def parse_parts(data: bytes) -> Iterator[OrderPart]:
    """Parse parts.

    Raises:
        MalformedEventsError: They are none.
        UnknownFormatError: A version that this release does not know.
    """
    if data[:1] != VERSION:
        raise UnknownFormatError("order parts", data[:1].hex())
    try:
        found = _DECODER.decode(data[1:])
    except msgspec.MsgspecError as error:
        raise MalformedEventsError from error
    for parts in (found.shown, found.unchecked, found.decided, found.examined, found.reversed):
        yield from parts


class OrderReader:
    """Reads entries, with what orderables stand for now."""

    def __init__(self, documents: Terminology) -> None:
        """Prepare the institutions' orderables."""
        self._items = {
            (institution, each.code): each.items for institution, mapping in documents.maps.items() for each in mapping.orderables
        }

    def notes(self, entry: ReadEntry, place: EntryPlace, events: Iterable[FigureEvent], now_ms: int) -> Iterator[OrderNote]:
        """Yield what an entry says of order lines; nothing for most.

        Args:
            entry: The entry.
            place: Where it is.
            events: What it says to figures.
            now_ms: When it is read, unix ms.
        """
        person = entry.header.pseudonym
        match entry.header.content:
            case CheckContent() as content:
                windows = {item.code: item.window_ms for each in events if isinstance(each, LineChecked) for item in each.foreign}
                for check in content.checks:
                    parts = tuple(self._checked(entry.institution, place, check, windows))
                    if parts:
                        yield OrderNote(person, check.check_id, is_check=True, parts=parts)
            case DecisionContent() as decision:
                part = self._decided(entry.institution, place, decision)
                yield OrderNote(person, decision.check_id, is_check=False, parts=(part,))
            case ReversalContent() as reversal if person is not None:
                yield OrderNote(person, None, is_check=False, parts=(OrderReversal(reversal.decision),))
            case HeaderContent() as record:
                for event in events:
                    if isinstance(event, Performed):
                        examined = ExaminedResult(place, record.record_id, event.items, event.at_ms, now_ms)
                        yield OrderNote(person, None, is_check=False, parts=(examined,))

    def _checked(
        self, institution: InstitutionId, place: EntryPlace, check: CheckedOrder, windows: dict[ItemCode, int]
    ) -> Iterator[OrderPart]:
        for checked in check.lines:
            offers = tuple(_foreign(institution, checked, windows))
            if not check.answered:
                yield UncheckedLine(self._items.get((institution, checked.line.orderable), ()), check.checked_at_ms)
            elif offers:
                line = checked.line
                at_ms = check.checked_at_ms
                yield ShownLine(place, check.check_id, check.encounter, line.order_id, line.orderable, offers, at_ms)

    def _decided(self, institution: InstitutionId, place: EntryPlace, decision: DecisionContent) -> DecidedLine:
        line = decision.line
        stands_for = self._items.get((institution, line.orderable), ())
        return DecidedLine(
            place=place,
            check_id=decision.check_id,
            encounter=decision.encounter,
            order_id=line.order_id,
            orderable=line.orderable,
            items=tuple(dict.fromkeys((*decision.items, *stands_for))),
            is_recognised=decision.outcome is DecisionOutcome.RECOGNISED,
            has_reason=decision.reason is not None,
            is_warned=decision.warned,
            at_ms=decision.decided_at_ms,
        )


def _foreign(institution: InstitutionId, checked: CheckedLine, windows: dict[ItemCode, int]) -> Iterator[ShownOffer]:
    for offer in checked.offers:
        if offer.institution != institution and offer.items:
            yield ShownOffer(offer.leaf, tuple((item, windows.get(item, 0)) for item in offer.items))
