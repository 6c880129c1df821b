"""Find an institution's own results that recalls are about: by its own headers, opened with its patients' keys (ADR 0022).

A run of entries at a time, for all recalls that got as far: each header is opened once. Nothing is kept of headers: one that was
deleted is not found, and none is in clear anywhere. Each version of a record is looked at by itself. A relocation says what its
target's header said. Keys that a patient had before a change of code are in the schedule of relocations until it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.header import AnyContent, HeaderContent, RelocationContent
from node.domain.patient import LocatorTag
from node.domain.recall import RecallCriteria
from node.errors import HeaderVerificationError
from node.ports.keys.identities import InstitutionIdentity
from node.ports.recognition.recalls import OwnHeader, OwnHeaders, RecalledResult
from node.ports.records.transaction import PatientId
from node.recognition.recalls import Meaning, fits
from node.services.patients.index import PatientIndex
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf

_MARGIN_MS = 86_400_000
"""A result is submitted after it was performed; by this much clocks may differ."""
_RESULTS = frozenset({EntryType.RECORD, EntryType.AMENDMENT})

FormerKeys = Callable[[InstitutionId], Mapping[LocatorTag, bytes]]
"""Says by which keys entries are read that are to be relocated."""


@dataclass(slots=True)
class Run:
    """What a run of entries holds."""

    end: int
    """The next entry after it."""
    results: list[list[RecalledResult]]
    """What fits, for each recall, in the order of the log."""
    read: set[bytes] = field(default_factory=set)
    """Leaf hashes of results that relocations told of."""
    unread: set[bytes] = field(default_factory=set)
    """Leaf hashes of results that nobody here has the keys for."""


@dataclass(frozen=True, slots=True)
class RecallSearchParts:
    """What a search is made of."""

    headers: OwnHeaders
    """The institutions' own headers."""
    patients: PatientIndex
    """Opens the keys on file."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """What institutions do with their own keys."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    meaning: Meaning
    """What codes mean."""
    former_keys: FormerKeys
    """Keys of what is to be relocated."""


class RecallSearch:
    """Searches own headers."""

    def __init__(self, parts: RecallSearchParts) -> None:
        self._parts = parts

    def size(self, institution: InstitutionId) -> int:
        """Return how many entries there are to search."""
        return self._parts.headers.size(self._parts.origins[institution])

    def run(self, institution: InstitutionId, recalls: Sequence[RecallCriteria], start: int, end: int) -> Run:
        """Search a run of entries that are committed.

        Args:
            institution: Whose.
            recalls: What is searched for, one recall at least.
            start: The first entry.
            end: The next one after the last.
        """
        origin, keys = self._parts.origins[institution], _Keys(self._parts, institution)
        staged_from_ms = min(each.from_ms for each in recalls) - _MARGIN_MS
        run = Run(end, [[] for _ in recalls])
        for header, candidates in keys.of(self._parts.headers.between(origin, start, end, staged_from_ms)):
            self._look(institution, recalls, run, header, candidates)
        return run

    def _look(
        self,
        institution: InstitutionId,
        recalls: Sequence[RecallCriteria],
        run: Run,
        header: OwnHeader,
        candidates: Iterator[bytes],
    ) -> None:
        origin = self._parts.origins[institution]
        content, leaf_hash, entry_type = _open(origin, header, candidates), header.leaf_hash, header.entry_type
        if content is None:
            if entry_type in _RESULTS:
                run.unread.add(leaf_hash)
            return
        if isinstance(content, RelocationContent):
            leaf_hash, entry_type, content = content.target.leaf_hash, EntryType(content.target_type), content.record
            run.read.add(leaf_hash)
        if not isinstance(content, HeaderContent) or entry_type not in _RESULTS:
            return
        for criteria, results in zip(recalls, run.results, strict=True):
            if fits(criteria, content, institution, self._parts.meaning):
                results.append(RecalledResult(LeafReference(origin, leaf_hash), content.record_id))


class _Keys:
    """Which keys open which headers."""

    def __init__(self, parts: RecallSearchParts, institution: InstitutionId) -> None:
        self._parts = parts
        self._institution = institution
        self._known: dict[PatientId, tuple[bytes, ...]] = {}
        self._former: Mapping[LocatorTag, bytes] | None = None

    def of(self, page: Sequence[OwnHeader]) -> Iterator[tuple[OwnHeader, Iterator[bytes]]]:
        """Return each header with the keys to be tried, those that are dear to find last."""
        owners = [None if each.owner_sealed is None else self._parts.patients.open_owner(each.owner_sealed) for each in page]
        self._load({owner for owner in owners if owner is not None})
        for header, owner in zip(page, owners, strict=True):
            yield header, self._candidates(header, owner)

    def _candidates(self, header: OwnHeader, owner: PatientId | None) -> Iterator[bytes]:
        if owner is None:
            return
        yield from self._known.get(owner, ())
        if self._former is None:
            self._former = self._parts.former_keys(self._institution)
        former = self._former.get(parse_leaf(header.leaf).tag)
        if former is not None:
            yield former

    def _load(self, owners: set[PatientId]) -> None:
        for patient_id, row in self._parts.headers.patients(owners).items():
            keys = self._parts.patients.keys_of(row)
            newest_first = (key for _, key in sorted(keys.epoch_keys.items(), reverse=True))
            self._known[patient_id] = (
                *newest_first,
                *self._parts.identities[self._institution].pairwise_keys(keys.exchange_public_key),
            )


def _open(origin: Origin, header: OwnHeader, candidates: Iterator[bytes]) -> AnyContent | None:
    """Open a header with the first key that does it; None where none does."""
    place = HeaderPlace(origin, header.entry_type, parse_leaf(header.leaf).tag)
    for key in candidates:
        try:
            return open_header_reader(header.header, place, key).content
        except HeaderVerificationError:
            continue
    return None
