"""Claimed marks held against the certificates that hold, and what another version of the documents changes about them.

Pure. A record that claims a mark or a certificate is judged by the documents of now: when these change, the claims that the change
concerns are judged again, whichever way that goes. A change concerns an institution, an item and a time, or, where its map or what
codes mean has changed, the institution at all times. Left out: keeping claims (`node.ports.supervision.marks`), records that claim
nothing: what they bear is judged at order time (`node.recognition.check`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.header import HeaderContent
from node.domain.recognition import ItemCode
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.reading import ReadEntry
from node.terminology.bundle import Terminology
from node.terminology.maps import ResultIndex
from node.terminology.marks import HeldMark, MarkIndex

_MarkKey = tuple[InstitutionId, ItemCode, str, str]
_ALWAYS: Final = (-(2**62), 2**62)
CERTIFICATES: Final = "certificates"
"""Kind of the document that lists them."""


@dataclass(frozen=True, slots=True)
class MarkChange:
    """What another version of the documents concerns."""

    institution: InstitutionId
    """Whose records."""
    item: ItemCode | None
    """Of which item; None for all."""
    from_ms: int
    """Performed from then on, unix ms."""
    before_ms: int
    """And before then, unix ms."""


@dataclass(frozen=True, slots=True)
class JudgingList:
    """The version of the list of certificates that a claim is judged by."""

    serial: int
    """Its version, as it says itself."""
    digest: bytes
    """SHA-256 of its exact bytes."""
    place: EntryPlace | None
    """The entry that publishes it; None where it is from a file."""


class MarkRules:
    """Judges claims, with one version of the documents."""

    def __init__(self, documents: Terminology) -> None:
        """Prepare certificates and maps."""
        self._marks = MarkIndex(documents.certificates, documents.regions)
        self._results = {each: ResultIndex(mapping, documents.catalogue) for each, mapping in documents.maps.items()}

    def items(self, entry: ReadEntry) -> tuple[ItemCode, ...] | None:
        """Return the items of a record that claims a mark, each once; None where it claims none, or is no record."""
        record = entry.header.content
        if not isinstance(record, HeaderContent) or not (record.mark or record.certificate):
            return None
        return tuple(dict.fromkeys(self._items(entry.institution, record)))

    def finding(self, entry: ReadEntry, place: EntryPlace, by: JudgingList) -> SupervisionFinding | None:
        """Judge what a record claims; None where a certificate bears it, or nothing is claimed.

        Args:
            entry: The record.
            place: Where it is.
            by: The list that it is judged by: the one that was prepared.
        """
        items, record = self.items(entry), entry.header.content
        if items is None or not isinstance(record, HeaderContent) or self._is_borne(entry.institution, record, items):
            return None
        values = (
            ("mark", record.mark or "-"),
            ("certificate", record.certificate or "-"),
            ("list_serial", str(by.serial)),
            ("list_digest", by.digest.hex()),
        )
        entries = tuple(sorted({place, *(() if by.place is None else (by.place,))}))
        subject = f"{place.origin}#{place.leaf_index}"
        return SupervisionFinding(FindingCode.MARK_WITHOUT_CERTIFICATE, (entry.institution,), subject, entries, values)

    def _is_borne(self, institution: InstitutionId, record: HeaderContent, items: Iterable[ItemCode]) -> bool:
        """Tell whether a certificate, the one that a record names if it does, bears its mark, for one of its items, on the day."""
        return any(
            record.certificate in {"", mark.certificate} and record.mark in {"", mark.label}
            for item in items
            for mark in self._marks.marks(institution, item, record.performed_at_ms)
        )

    def _items(self, institution: InstitutionId, record: HeaderContent) -> Iterator[ItemCode]:
        index = self._results.get(institution)
        if index is not None:
            rows = (index.find(each) for each in record.items)
            yield from (row.item for row in rows if row is not None and row.item is not None)


def mark_changes(before: Terminology, now: Terminology) -> tuple[MarkChange, ...]:
    """Return what a version of the documents changes about claimed marks."""
    changes = {
        MarkChange(institution, None, *_ALWAYS)
        for institution in {*before.maps, *now.maps}
        if before.maps.get(institution) != now.maps.get(institution) or _meanings(before) != _meanings(now)
    }
    old, new = _held(before), _held(now)
    for key in {*old, *new}:
        institution, item, _, _ = key
        changes.update(MarkChange(institution, item, *run) for run in _differing(old.get(key, []), new.get(key, [])))
    return tuple(sorted(changes, key=lambda each: (each.institution, each.item or "", each.from_ms, each.before_ms)))


def everything(documents: Terminology) -> tuple[MarkChange, ...]:
    """Return what has to be judged again where nobody knows what held before."""
    institutions = {*documents.maps, *(each.institution for each in documents.institutions.institutions)}
    return tuple(MarkChange(each, None, *_ALWAYS) for each in sorted(institutions))


def _meanings(documents: Terminology) -> frozenset[tuple[ItemCode, tuple[str, ...]]]:
    """Return what of a catalogue decides which item a code means."""
    return frozenset((item.code, item.loinc) for item in documents.catalogue.items)


def _held(documents: Terminology) -> Mapping[_MarkKey, list[HeldMark]]:
    held: dict[_MarkKey, list[HeldMark]] = {}
    for each in MarkIndex(documents.certificates, documents.regions).held():
        held.setdefault((each.institution, each.item, each.mark.label, each.mark.certificate), []).append(each)
    return held


def _differing(before: Iterable[HeldMark], now: Iterable[HeldMark]) -> Iterator[tuple[int, int]]:
    """Yield the times at which one of two sets of runs holds and the other does not."""
    runs = [[(each.from_ms, each.before_ms) for each in held] for held in (before, now)]
    bounds = sorted({moment for side in runs for run in side for moment in run})
    for start, end in pairwise(bounds):
        holds = [any(run[0] <= start and end <= run[1] for run in side) for side in runs]
        if holds[0] != holds[1]:
            yield start, end
