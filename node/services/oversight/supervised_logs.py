"""Whom a regulator supervises, and the entries of their logs, page by page: what an export lists and figures rest on.

Of an entry it tells what the leaf says, and of a receipt what its header says of the request: who asked whom, why, with what
outcome. No name of a patient or clinician, and no content of a record. Left out: proofs (`findings`, `trail`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledger.hashing import LeafIndex, hash_leaf
from node.domain.access import AccessContent
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.trust import TrustRoot
from node.errors import InputError, UnknownOriginError
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.logs.trust import TrustStore
from node.services.oversight.audit_keys import AuditKeys
from node.terminology.bundle import Terminology
from node.terminology.regions import InstitutionProfile
from node.wire.leaf import Leaf, parse_leaf

_RECEIPTS: Final = frozenset({EntryType.ACCESS_RECEIPT, EntryType.CHECK_OUTCOME})


@dataclass(frozen=True, slots=True)
class SupervisedLog:
    """One log."""

    origin: Origin
    """Its origin."""
    entries: int
    """How many entries of it were verified here."""
    frozen: bool
    """Whether it contradicted itself."""


@dataclass(frozen=True, slots=True)
class SupervisedInstitution:
    """An institution of the consortium."""

    institution: InstitutionId
    """Its id."""
    name: str
    """Its name in the trust root."""
    roles: tuple[str, ...]
    """What it does in the consortium."""
    profile: InstitutionProfile | None
    """What the table of institutions says of it."""
    logs: tuple[SupervisedLog, ...]
    """Its logs."""


@dataclass(frozen=True, slots=True)
class SupervisedEntry:
    """One entry of a followed log."""

    place: LeafPlace
    """Where it is."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes."""
    leaf: Leaf | None
    """What the leaf says; None for a version or type of a newer release."""
    seen_at_ms: int
    """When it was seen here first, unix ms."""
    receipt: AccessContent | None
    """What a receipt says; None for other entries, and where the header has not come or does not open."""


class SupervisedLogs:
    """Lists institutions and entries; safe for threads."""

    def __init__(
        self, root: TrustRoot, index: FollowedIndex, trust: TrustStore, keys: AuditKeys, documents: Callable[[], Terminology]
    ) -> None:
        self._root = root
        self._index = index
        self._trust = trust
        self._keys = keys
        self._documents = documents

    def is_known(self, institution: InstitutionId) -> bool:
        """Tell whether the trust root names an institution."""
        return institution in self._root.institutions

    def institutions(self) -> list[SupervisedInstitution]:
        """Return the institutions of the trust root, sorted, with their logs."""
        profiles = self._documents().institutions.by_id()
        frozen = self._trust.frozen()
        logs: dict[InstitutionId, list[SupervisedLog]] = {}
        for origin, log in sorted(self._root.logs.items()):
            told = SupervisedLog(origin, int(self._index.size(origin)), origin in frozen)
            logs.setdefault(log.institution, []).append(told)
        return [
            SupervisedInstitution(each, trusted.name, trusted.roles, profiles.get(each), tuple(logs.get(each, ())))
            for each, trusted in sorted(self._root.institutions.items())
        ]

    def entries(self, origin: Origin, start: int, limit: int) -> list[SupervisedEntry]:
        """Return entries of a log from an index on; fewer at the end.

        Raises:
            UnknownOriginError: The trust root names no such log.
        """
        if origin not in self._root.logs:
            raise UnknownOriginError(origin)
        found = self._index.entries([LeafPlace(origin, LeafIndex(at)) for at in range(start, start + limit)])
        return [self._entry(found[place]) for place in sorted(found, key=lambda each: each.index)]

    def _entry(self, entry: FollowedEntry) -> SupervisedEntry:
        try:
            leaf = parse_leaf(entry.leaf)
        except InputError:
            return SupervisedEntry(entry.place, hash_leaf(entry.leaf), None, entry.seen_at_ms, None)
        return SupervisedEntry(entry.place, hash_leaf(entry.leaf), leaf, entry.seen_at_ms, self._receipt(entry, leaf))

    def _receipt(self, entry: FollowedEntry, leaf: Leaf) -> AccessContent | None:
        header = self._keys.read(entry) if leaf.entry_type in _RECEIPTS else None
        return header.content if header is not None and isinstance(header.content, AccessContent) else None
