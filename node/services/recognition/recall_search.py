"""Find an institution's own results that a recall is about: by its own headers, opened with its patients' keys (ADR 0022).

Nothing is kept for this: a header that was deleted is not found, and none is in clear anywhere. Each version of a record is
looked at by itself. A relocation says what its target's header said. Keys that a patient had before a change of code are in the
schedule of relocations until it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.header import AnyContent, HeaderContent, RelocationContent
from node.domain.patient import LocatorTag
from node.domain.recall import RecallCriteria
from node.domain.record import Item
from node.errors import HeaderVerificationError
from node.ports.identities import InstitutionIdentity
from node.ports.recalls import OwnHeader, OwnHeaders, RecalledResult
from node.ports.records import PatientId, RecordsTransaction
from node.services.patients.index import PatientIndex
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf

_PAGE = 1_000
_CACHED_PATIENTS = 20_000
_MARGIN_MS = 86_400_000
"""A result is submitted after it was performed; by this much clocks may differ."""
_RESULTS = frozenset({EntryType.RECORD, EntryType.AMENDMENT})

Meaning = Callable[[InstitutionId, Item], str | None]
"""Says which item of the catalogue a code of an institution means."""
FormerKeys = Callable[[InstitutionId], Mapping[LocatorTag, bytes]]
"""Says by which keys entries are read that are to be relocated."""


@dataclass(slots=True)
class Search:
    """A search, as far as it got."""

    criteria: RecallCriteria
    """What is searched for."""
    next_index: int = 0
    """From which entry on it goes on."""
    results: dict[bytes, RecalledResult] = field(default_factory=dict)
    """What fits, by leaf hash, in the order of the log."""
    read: set[bytes] = field(default_factory=set)
    """Leaf hashes of entries whose header, or whose relocation, was read where it could not be at first."""
    unread: set[bytes] = field(default_factory=set)
    """Leaf hashes of entries that nobody here has the keys for."""

    @property
    def unreadable(self) -> int:
        """Return how many entries could not be looked at."""
        return len(self.unread - self.read)


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

    def go_on(self, institution: InstitutionId, search: Search, transaction: RecordsTransaction | None = None) -> None:
        """Search the headers that were not searched yet.

        Args:
            institution: Whose.
            search: As far as it got; changed.
            transaction: Look at what it sees; None: at what is committed.
        """
        origin, keys = self._parts.origins[institution], _Keys(self._parts, institution, transaction)
        staged_from_ms = search.criteria.from_ms - _MARGIN_MS
        while page := self._parts.headers.page(transaction, origin, search.next_index, staged_from_ms, _PAGE):
            for header, candidates in keys.of(page):
                self._look(institution, origin, search, header, candidates)
            search.next_index = page[-1].leaf_index + 1

    def _look(
        self, institution: InstitutionId, origin: Origin, search: Search, header: OwnHeader, candidates: Iterator[bytes]
    ) -> None:
        content = _open(origin, header, candidates)
        if content is None:
            if header.entry_type in _RESULTS:
                search.unread.add(header.leaf_hash)
            return
        leaf_hash, entry_type = header.leaf_hash, header.entry_type
        if isinstance(content, RelocationContent):
            leaf_hash, entry_type, content = content.target.leaf_hash, EntryType(content.target_type), content.record
            search.read.add(leaf_hash)
        if isinstance(content, HeaderContent) and entry_type in _RESULTS and self._fits(institution, search.criteria, content):
            search.results[leaf_hash] = RecalledResult(LeafReference(origin, leaf_hash), content.record_id)

    def _fits(self, institution: InstitutionId, criteria: RecallCriteria, content: HeaderContent) -> bool:
        if not criteria.from_ms <= content.performed_at_ms < criteria.to_ms:
            return False
        if criteria.device and criteria.device not in content.device.split("\n"):
            return False
        if criteria.lot and criteria.lot not in content.lot.split("\n"):
            return False
        item = criteria.item
        return not item or any(each.code == item or self._parts.meaning(institution, each) == item for each in content.items)


class _Keys:
    """Which keys open which headers."""

    def __init__(self, parts: RecallSearchParts, institution: InstitutionId, transaction: RecordsTransaction | None) -> None:
        self._parts = parts
        self._institution = institution
        self._transaction = transaction
        self._known: dict[PatientId, tuple[bytes, ...]] = {}
        self._former: Mapping[LocatorTag, bytes] | None = None

    def of(self, page: Sequence[OwnHeader]) -> Iterator[tuple[OwnHeader, Iterator[bytes]]]:
        """Return each header with the keys to be tried, those that are dear to find last."""
        owners = [None if each.owner_sealed is None else self._parts.patients.open_owner(each.owner_sealed) for each in page]
        self._load({owner for owner in owners if owner is not None and owner not in self._known})
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
        if len(self._known) > _CACHED_PATIENTS:
            self._known.clear()
        for patient_id, row in self._parts.headers.patients(self._transaction, owners).items():
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
