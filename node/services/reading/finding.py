"""Find a patient's entries in all followed logs, with the patient's keys and nothing else, calling nobody.

Of each log, class and epoch the tags are counted up from 0 until the first miss (FORMATS "Patient code and locator"). The
first tags of all logs are looked up together, the next ones only of logs that had the one before: what a find costs grows
with the patient's own entries. A tombstone is a hit without a header.

Left out: whose keys these are and who may use them (the caller's), and what the records say beyond their headers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.hashing import hash_leaf
from node.domain.entry import EntryType, LeafReference, Origin
from node.domain.header import Header, HeaderContent, RelocationContent
from node.domain.patient import LocatorTag
from node.errors import HeaderVerificationError, InputError
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import Leaf, parse_leaf
from node.wire.locator import TagMaker

ORDINARY: Final = 0
"""Class of what any treating hospital may find."""
PAIRWISE: Final = 1
"""Class of what its writer and the patient find."""


@dataclass(frozen=True, slots=True)
class PatientProbe:
    """The keys of one patient."""

    epoch_keys: Mapping[int, bytes]
    """Epoch serial -> K_e, 32 bytes; all that are held."""
    pairwise_keys: Mapping[Origin, Sequence[bytes]] | None = None
    """Log -> K_r with its institution, former ones included; None where class 1 is not looked for."""


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry of the patient."""

    place: LeafPlace
    """Where it is."""
    entry_type: EntryType
    """What it is."""
    reference: LeafReference
    """By which other entries name it."""
    claimed_time_ms: int
    """The issuer's claim, unix ms."""
    tag_class: int
    """0 or 1."""
    epoch: int | None
    """Under which epoch's key it was found; None in class 1."""
    counter: int
    """Its number under that key, from 0."""
    header: Header | None
    """Its header, opened; None once it was deleted, while it is withheld, and if it does not open."""
    deleted: bool
    """Whether a tombstone deleted its header."""

    @property
    def supersedes(self) -> LeafReference | None:
        """Return the entry that this one amends or withdraws."""
        content = None if self.header is None else self.header.content
        return content.supersedes if isinstance(content, HeaderContent) else None


@dataclass(frozen=True, slots=True)
class Found:
    """All entries of a patient that the followed logs hold."""

    entries: tuple[FoundEntry, ...]
    """In the order of logs, keys and counters."""

    def current(self) -> list[FoundEntry]:
        """Return the records (types 1, 2, 3, and 10 for records that lie elsewhere) that nothing newer replaces.

        A withdrawal is current: whoever looks has to see that the record was taken back.
        """
        replaced = {entry.supersedes for entry in self.entries}
        records = [entry for entry in self.entries if entry.header is not None and entry.reference not in replaced]
        return _highest(entry for entry in records if _record(entry) is not None)

    def replaced(self) -> list[FoundEntry]:
        """Return of each record that was amended or taken back the version that this replaced, if its header is still there."""
        replaced = {entry.supersedes for entry in self.current()}
        return [entry for entry in self.entries if entry.reference in replaced and _record(entry) is not None]


class Finder:
    """Finds; any thread."""

    def __init__(self, index: FollowedIndex) -> None:
        self._index = index

    def find(self, probe: PatientProbe) -> Found:
        """Find a patient's entries in all followed logs."""
        hits = []
        origins = self._index.origins()
        for epoch, key in sorted(probe.epoch_keys.items()):
            hits += self._probe(TagMaker(key), key, origins, ORDINARY, epoch)
        for origin, keys in (probe.pairwise_keys or {}).items():
            for key in keys:
                hits += self._probe(TagMaker(key), key, [origin], PAIRWISE, None)
        entries = self._index.entries([hit.place for hit in hits])
        found = (_open(hit, entries.get(hit.place)) for hit in hits)
        return Found(tuple(entry for entry in found if entry is not None))

    def _probe(self, maker: TagMaker, key: bytes, origins: Sequence[Origin], tag_class: int, epoch: int | None) -> list[_Hit]:
        """Count up in all logs at once; a log drops out at its first miss."""
        hits: list[_Hit] = []
        left, counter = origins, 0
        while left:
            tags = maker.tags(left, tag_class, counter)
            places = self._index.probe(tags)
            found = [(place, index) for place, index in zip(tags, places, strict=True) if index is not None]
            hits += [_Hit(LeafPlace(origin, index), key, tag, tag_class, epoch, counter) for (origin, tag), index in found]
            left = [origin for (origin, _), _ in found]
            counter += 1
        return hits


@dataclass(frozen=True, slots=True)
class _Hit:
    place: LeafPlace
    key: bytes
    tag: LocatorTag
    tag_class: int
    epoch: int | None
    counter: int


def _open(hit: _Hit, entry: FollowedEntry | None) -> FoundEntry | None:
    if entry is None:
        return None
    try:
        leaf = parse_leaf(entry.leaf)
    except InputError:
        return None
    if leaf.tag != hit.tag:
        return None
    return FoundEntry(
        place=hit.place,
        entry_type=leaf.entry_type,
        reference=LeafReference(hit.place.origin, hash_leaf(entry.leaf)),
        claimed_time_ms=leaf.claimed_time_ms,
        tag_class=hit.tag_class,
        epoch=hit.epoch,
        counter=hit.counter,
        header=None if entry.header is None else _header(entry.header, hit, leaf),
        deleted=entry.tombstone is not None,
    )


def _header(data: bytes, hit: _Hit, leaf: Leaf) -> Header | None:
    """Open a header; one that does not open is its writer's fault, and hides no other entry."""
    try:
        return open_header_reader(data, HeaderPlace(hit.place.origin, leaf.entry_type, leaf.tag), hit.key)
    except (InputError, HeaderVerificationError):
        return None


def _record(entry: FoundEntry) -> HeaderContent | None:
    """Return what a header says of a record, its own or one that was relocated here."""
    content = None if entry.header is None else entry.header.content
    if isinstance(content, RelocationContent):
        return content.record
    return content if isinstance(content, HeaderContent) else None


def _highest(entries: Iterable[FoundEntry]) -> list[FoundEntry]:
    """Keep the highest version of each record: a deleted amendment no longer says what it replaced."""
    latest: dict[tuple[Origin, str], FoundEntry] = {}
    for entry in entries:
        content = _record(entry)
        if content is None:
            continue
        place = entry.place.origin, content.record_id
        held = latest.get(place)
        held_content = None if held is None else _record(held)
        if held_content is None or content.version >= held_content.version:
            latest[place] = entry
    return list(latest.values())
