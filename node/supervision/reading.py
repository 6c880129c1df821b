"""What a verified entry says to figures: from its opened header to events (docs/spec/figures.md "From entries to events").

Items come by the map of the institution whose log it is, in the documents at hand when the entry is read: an event is made
once, and stays what it was when documents change. An entry without a person's pseudonym gives none that needs a person.
Events carry their institution in their names: nobody takes back a decision of somebody else.
Left out: opening headers (`node.services.oversight.figures`), and what events add up to (`figures`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import EntryType, InstitutionId
from node.domain.header import Header, HeaderContent
from node.domain.recognition import ItemCode
from node.domain.recognition_acts import CheckContent, DecisionContent, OfferedResult, ReversalContent
from node.domain.record import Kind
from node.supervision.events import (
    DecisionReversed,
    EventId,
    FiguredItem,
    FigureEvent,
    LineChecked,
    LineDecided,
    LineUnchecked,
    OrderedLine,
    Performed,
    Person,
    Retrieved,
    figured,
)
from node.terminology.bundle import Terminology
from node.terminology.maps import ResultIndex
from node.terminology.regions import nearest

READ_TYPES: Final = frozenset(
    {
        EntryType.RECORD,
        EntryType.AMENDMENT,
        EntryType.ACCESS_RECEIPT,
        EntryType.RECOGNITION_DECISION,
        EntryType.CHECK_OUTCOME,
    }
)
"""Entry types whose headers say something to figures."""

UNKNOWN: Final = ""
"""Stands for the modality of an item that the catalogue at hand does not have."""

_RESULT: Final = Kind("exam-result")
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """A verified entry whose header was opened."""

    institution: InstitutionId
    """Whose log it is in."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes; events are named after it."""
    header: Header
    """What it says."""


class EventReader:
    """Reads entries with one version of the documents."""

    def __init__(self, documents: Terminology) -> None:
        """Prepare the maps."""
        self._catalogue = documents.catalogue.by_code()
        self._regions = documents.regions
        self._profiles = documents.institutions.by_id()
        self._results = {each: ResultIndex(mapping, documents.catalogue) for each, mapping in documents.maps.items()}

    def events(self, entry: ReadEntry) -> Iterator[FigureEvent]:
        """Yield what an entry says to figures; nothing for most."""
        match entry.header.content:
            case HeaderContent(kind=kind) as record if kind == _RESULT and entry.header.pseudonym is not None:
                items = tuple(dict.fromkeys(self._items(entry.institution, record)))
                if items:
                    person, event = Person(entry.header.pseudonym), _named(entry.institution, entry.leaf_hash)
                    yield Performed(event, person, entry.institution, items, record.performed_at_ms)
            case AccessContent(side=AccessSide.REQUESTER, outcome=AccessOutcome.DISCLOSED) as receipt:
                if receipt.counterpart != entry.institution:
                    # a retry is the same retrieval: named after its request, it counts once
                    event = EventId(f"{entry.institution} {receipt.request_id}")
                    yield Retrieved(event, entry.institution, receipt.occurred_at_ms)
            case CheckContent() as check if entry.header.pseudonym is not None:
                yield from self._checked(entry, Person(entry.header.pseudonym), check)
            case DecisionContent() as decision if entry.header.pseudonym is not None:
                yield self._decided(entry, Person(entry.header.pseudonym), decision)
            case ReversalContent() as reversal:
                decision_event = _named(entry.institution, reversal.decision.leaf_hash)
                yield DecisionReversed(_named(entry.institution, entry.leaf_hash), decision_event)

    def _checked(self, entry: ReadEntry, person: Person, content: CheckContent) -> Iterator[FigureEvent]:
        number = 0
        for check in content.checks:
            for checked in check.lines:
                number += 1
                event = EventId(f"{_named(entry.institution, entry.leaf_hash)} {number}")
                line = OrderedLine(
                    person, entry.institution, check.campus, check.encounter, checked.line.order_id, checked.line.orderable
                )
                foreign, own = self._offered(entry.institution, checked.offers)
                if not check.answered:
                    yield LineUnchecked(event, line, check.checked_at_ms)
                elif foreign or own:
                    yield LineChecked(event, line, foreign, own, check.checked_at_ms)

    def _decided(self, entry: ReadEntry, person: Person, content: DecisionContent) -> LineDecided:
        foreign, _ = self._offered(entry.institution, content.results)
        return LineDecided(
            event=_named(entry.institution, entry.leaf_hash),
            line=OrderedLine(
                person, entry.institution, content.campus, content.encounter, content.line.order_id, content.line.orderable
            ),
            outcome=content.outcome,
            foreign=any(each.institution != entry.institution for each in content.results),
            items=foreign,
            reason=content.reason,
            sub_reason=content.sub_reason,
            saving_fen=content.saving_fen,
            at_ms=content.decided_at_ms,
        )

    def _offered(
        self, institution: InstitutionId, offers: Sequence[OfferedResult]
    ) -> tuple[tuple[FiguredItem, ...], tuple[FiguredItem, ...]]:
        """Return the items that results of others answer, and those that its own do; each once."""
        sides: tuple[dict[ItemCode, None], dict[ItemCode, None]] = {}, {}
        for offer in offers:
            sides[offer.institution == institution].update(dict.fromkeys(offer.items))
        foreign, own = (tuple(self._figured(institution, code) for code in side) for side in sides)
        return foreign, own

    def _figured(self, institution: InstitutionId, code: ItemCode) -> FiguredItem:
        item = self._catalogue.get(code)
        if item is None:
            return FiguredItem(code, UNKNOWN, 0)  # of another version of the catalogue: it counts, as nobody's modality
        profile = self._profiles.get(institution)
        days = None if profile is None else nearest(item.windows, self._regions.around(profile.region))
        return figured(item, (days or 0) * _DAY_MS)

    def _items(self, institution: InstitutionId, record: HeaderContent) -> Iterator[ItemCode]:
        index = self._results.get(institution)
        for each in record.items if index is not None else ():
            row = index.find(each) if index is not None else None
            if row is not None and row.item is not None:
                yield row.item


def _named(institution: InstitutionId, leaf_hash: bytes) -> EventId:
    return EventId(f"{institution} {leaf_hash.hex()}")
