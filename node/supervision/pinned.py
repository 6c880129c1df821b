"""Read an entry with the documents that it pins: checks and decisions mean what their words meant when they were made.

Most entries pin what holds now, and cost a comparison of digests. Entries that pin nothing (results, receipts), and those whose
documents are not at hand, are read with what holds now. Left out: what an entry says (`reading`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from node.domain.header import AnyContent
from node.domain.recognition import DocumentDigest, Pin
from node.domain.recognition_acts import CheckContent, DecisionContent
from node.supervision.events import FigureEvent
from node.supervision.reading import EventReader, ReadEntry
from node.terminology.bundle import Terminology
from node.terminology.editions import SHARED_KINDS

MAX_OLDER: Final = 16
"""Older versions that are held in memory."""

Documents = Callable[[tuple[Pin, ...]], Terminology | None]
"""Returns the documents that pins name; None where one of them is not at hand."""


class PinnedReader:
    """An `EventReader` for all versions; one thread."""

    def __init__(self, documents: Terminology, older: Documents) -> None:
        """Prepare what holds now.

        Args:
            documents: What holds now.
            older: Gives out what held before.
        """
        self._now = EventReader(documents)
        self._held = frozenset(pin for pin in documents.pins if pin.kind in SHARED_KINDS)
        self._find = older
        self._older: dict[frozenset[DocumentDigest], EventReader] = {}

    def events(self, entry: ReadEntry) -> Iterator[FigureEvent]:
        """Yield what an entry says to figures; nothing for most."""
        pins = tuple(pin for pin in _pins(entry.header.content) if pin.kind in SHARED_KINDS)
        reader = self._now if self._held.issuperset(pins) else self._reader(pins)
        return reader.events(entry)

    def _reader(self, pins: tuple[Pin, ...]) -> EventReader:
        key = frozenset(pin.digest for pin in pins)
        known = self._older.get(key)
        if known is None:
            documents = self._find(pins)
            known = self._now if documents is None else EventReader(documents)
            while len(self._older) >= MAX_OLDER:
                self._older.pop(next(iter(self._older)))
            self._older[key] = known
        return known


def _pins(content: AnyContent) -> tuple[Pin, ...]:
    """Return what an entry pins; of a leaf with several checks what the last of them does."""
    match content:
        case CheckContent(checks=(*_, last)):
            return last.pins
        case DecisionContent(pins=pins):
            return pins
    return ()
