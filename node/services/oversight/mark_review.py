"""Judge claimed marks again when documents change: a list of certificates often comes after the first results that it is for.

What a record claims is judged when it is read (`figures`), with the certificates that hold by then. A finding that a later list
of certificates, map or catalogue answers is settled here, with both times kept. Left out: records that bore a mark by certificates
which are withdrawn later for a time before; they are judged at order time (`node.recognition.check`), where it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.hashing import LeafIndex
from node.domain.entry import InstitutionId, Origin
from node.errors import HeaderVerificationError, InputError
from node.ports.clock import Clock, unix_ms
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.records.transaction import RecordsWriter
from node.ports.supervision.findings import FindingFilter, KeptFinding, SupervisionStore, found_update
from node.services.oversight.audit_keys import AuditKeys
from node.supervision.findings import FindingCode
from node.supervision.misconduct import EntryRules, group_of
from node.supervision.reading import ReadEntry
from node.terminology.bundle import Terminology
from node.wire.header.seal import HeaderPlace
from node.wire.leaf import parse_leaf

PAGE: Final = 500
"""Findings that are looked at in one go."""

_WANTED: Final = FindingFilter(codes=(FindingCode.MARK_WITHOUT_CERTIFICATE,), open_only=True)


@dataclass(frozen=True, slots=True)
class MarkReviewParts:
    """What the service is made of."""

    institutions: Mapping[Origin, InstitutionId]
    """Whose each followed log is."""
    index: FollowedIndex
    """What was followed."""
    keys: AuditKeys
    """Open headers."""
    findings: SupervisionStore
    """Keeps what was found."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    documents: Callable[[], Terminology]
    """Returns the documents that hold now; the same object while they do."""


class MarkReview:
    """Judges what is open; `step` is a loop's."""

    def __init__(self, parts: MarkReviewParts) -> None:
        self._parts = parts
        self._judged_by: Terminology | None = None

    def step(self) -> None:
        """Settle the claims that the documents of now bear out; nothing while they are those of the last time."""
        documents = self._parts.documents()
        if documents is self._judged_by:
            return
        rules = EntryRules(documents)
        borne_out = [kept for kept in self._open() if self._is_borne_out(kept, rules)]
        if borne_out:
            update = found_update(unix_ms(self._parts.clock), {group_of(kept.finding): [] for kept in borne_out})
            self._parts.writer.submit(lambda transaction: self._parts.findings.keep(transaction, update)).result()
        self._judged_by = documents

    def _open(self) -> Iterator[KeptFinding]:
        before = None
        while page := self._parts.findings.findings(_WANTED, before, PAGE):
            yield from page
            before = page[-1].raised_at_ms, page[-1].finding.finding_id

    def _is_borne_out(self, kept: KeptFinding, rules: EntryRules) -> bool:
        (where,) = kept.finding.entries
        place = LeafPlace(where.origin, LeafIndex(where.leaf_index))
        entry = self._parts.index.entries([place]).get(place)
        read = None if entry is None else self._read(entry, where.leaf_hash)
        if read is None:
            return False  # what showed it is not here any more: it stays what it was
        return all(finding.code is not FindingCode.MARK_WITHOUT_CERTIFICATE for finding in rules.findings(read, where))

    def _read(self, entry: FollowedEntry, leaf_hash: bytes) -> ReadEntry | None:
        origin, leaf = entry.place.origin, parse_leaf(entry.leaf)
        if entry.header is None or origin not in self._parts.institutions:
            return None
        try:
            header = self._parts.keys.open(entry.header, HeaderPlace(origin, leaf.entry_type, leaf.tag))
        except (InputError, HeaderVerificationError):
            return None
        return ReadEntry(self._parts.institutions[origin], leaf_hash, header)
