"""What a verified entry says to figures: from its opened header to events (docs/spec/figures.md "From entries to events").

Items come by the map of the institution whose log it is, in the documents at hand when the entry is read: an event is made
once, and stays what it was when documents change. An entry without a person's pseudonym gives none that needs a person.
Left out: opening headers (`node.services.figures`), and what events add up to (`figures`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import EntryType, InstitutionId
from node.domain.header import Header, HeaderContent
from node.domain.recognition import ItemCode
from node.domain.record import Kind
from node.supervision.events import EventId, FigureEvent, Performed, Person, Retrieved
from node.terminology.bundle import Terminology
from node.terminology.maps import ResultIndex

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

_RESULT: Final = Kind("exam-result")


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
        self._results = {each: ResultIndex(mapping, documents.catalogue) for each, mapping in documents.maps.items()}

    def events(self, entry: ReadEntry) -> Iterator[FigureEvent]:
        """Yield what an entry says to figures; nothing for most."""
        match entry.header.content:
            case HeaderContent(kind=kind) as record if kind == _RESULT and entry.header.pseudonym is not None:
                items = tuple(dict.fromkeys(self._items(entry.institution, record)))
                if items:
                    person, event = Person(entry.header.pseudonym), EventId(entry.leaf_hash.hex())
                    yield Performed(event, person, entry.institution, items, record.performed_at_ms)
            case AccessContent(side=AccessSide.REQUESTER, outcome=AccessOutcome.DISCLOSED) as receipt:
                if receipt.counterpart != entry.institution:
                    # a retry is the same retrieval: named after its request, it counts once
                    event = EventId(f"{entry.institution} {receipt.request_id}")
                    yield Retrieved(event, entry.institution, receipt.occurred_at_ms)

    def _items(self, institution: InstitutionId, record: HeaderContent) -> Iterator[ItemCode]:
        index = self._results.get(institution)
        for each in record.items if index is not None else ():
            row = index.find(each) if index is not None else None
            if row is not None and row.item is not None:
                yield row.item
