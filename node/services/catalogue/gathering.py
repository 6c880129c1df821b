"""Gather the documents that were published: from entries of type 8 of every followed log, this node's own among them.

An entry is opened against its leaf, so that its bytes are what its log committed to. What its publisher may not publish, and
what this release cannot read, is kept out, logged, and found where a regulator is hosted; it is judged again at every start,
and when the registry has changed. Left out: which of the documents hold (`node.services.catalogue.adoption`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from ledger.hashing import LeafIndex, hash_leaf
from node.domain.entry import EntryType, InstitutionId, Origin
from node.domain.moments import LATEST_MS
from node.errors import InputError, VerificationError
from node.ports.catalogue.publication import DocumentPlace, Gathered, KnownDocument, PublicationStore, PublishedDocument
from node.ports.clock import Clock, unix_ms
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.logs.trust import TrustStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.services.catalogue.publishers import Publishers
from node.services.logs.log_standing import trusted_size
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.wire.catalogue.documents import pin_of
from node.wire.catalogue.entry import published_document
from node.wire.leaf import parse_leaf
from node.wire.public_entry import open_public_entry

BATCH_LEAVES: Final = 4_096
"""Leaves of one log that a step looks at."""
MAX_WAITING: Final = 1_000
"""Entries that a step looks at again."""

_TYPE: Final = bytes((EntryType.CATALOGUE,))
_TYPE_AT: Final = 1

log = structlog.get_logger(__name__)


@dataclass
class _Step:
    """What one step has gathered so far."""

    cursors: dict[Origin, int] = field(default_factory=dict)
    waiting: dict[tuple[Origin, int], bool] = field(default_factory=dict)
    arrived: set[tuple[Origin, int]] = field(default_factory=set)
    documents: list[PublishedDocument] = field(default_factory=list)
    found: dict[str, list[SupervisionFinding]] = field(default_factory=dict)
    more: bool = False


@dataclass(frozen=True, slots=True)
class GatheringParts:
    """What the service is made of."""

    institutions: Mapping[Origin, InstitutionId]
    """Whose each followed log is."""
    index: FollowedIndex
    """What was followed."""
    publishers: Publishers
    """Say who may publish what."""
    store: PublicationStore
    """Keeps documents."""
    trust: TrustStore
    """Says how far logs are trusted."""
    findings: SupervisionStore | None
    """Keeps what was refused, where a regulator is hosted."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""


class DocumentGathering:
    """Gathers documents; one thread."""

    def __init__(self, parts: GatheringParts) -> None:
        self._parts = parts
        self._kept = dict(parts.store.cursors())
        # ahead of what is kept: a cursor that moved a little is not worth a transaction
        self._cursors = dict(self._kept)
        self._standing: object = None

    def step(self) -> tuple[bool, bool]:
        """Look at entries that came since, and again at those that wait.

        Returns:
            Whether documents were added, and whether there is more than one step looks at.
        """
        parts, step = self._parts, _Step()
        standing = parts.publishers.standing()
        self._look_again(step, refused_too=standing != self._standing)
        for origin in parts.institutions:
            self._look(step, origin, self._cursors.get(origin, 0))
        self._keep(step)
        self._standing = standing
        return bool(step.documents), step.more

    def _look_again(self, step: _Step, *, refused_too: bool) -> None:
        store = self._parts.store
        waiting = dict.fromkeys(store.waiting(refused=False, limit=MAX_WAITING), False)
        if refused_too:
            waiting |= dict.fromkeys(store.waiting(refused=True, limit=MAX_WAITING), True)
        entries = self._parts.index.entries([LeafPlace(origin, LeafIndex(at)) for origin, at in waiting]) if waiting else {}
        for entry in entries.values():
            self._take(step, entry, before=waiting[entry.place.origin, int(entry.place.index)])

    def _look(self, step: _Step, origin: Origin, start: int) -> None:
        index = self._parts.index
        size = int(index.size(origin))
        leaves = index.leaves(origin, LeafIndex(start), BATCH_LEAVES) if start < size else []
        places = [
            LeafPlace(origin, LeafIndex(at)) for at, leaf in enumerate(leaves, start) if leaf[_TYPE_AT : _TYPE_AT + 1] == _TYPE
        ]
        for entry in index.entries(places).values() if places else ():
            self._take(step, entry, before=None)
        if leaves:
            step.cursors[origin] = start + len(leaves)
            step.more = step.more or start + len(leaves) < size

    def _take(self, step: _Step, entry: FollowedEntry, before: bool | None) -> None:  # noqa: FBT001 - what is kept of an entry
        """Judge an entry; `before` is None for one that is new, else whether it was refused."""
        place = entry.place.origin, int(entry.place.index)
        if entry.header is None:
            if before is None:
                step.waiting[place] = False
            return
        group = f"{FindingCode.DOCUMENT_REFUSED} {place[0]}#{place[1]}"
        judged = self._judge(entry, entry.header)
        if isinstance(judged, PublishedDocument):
            step.documents.append(judged)
            if before is not None:
                step.arrived.add(place)
            if before:
                step.found[group] = []
            return
        if not before:
            log.warning("document_refused", origin=place[0], index=place[1], reason=judged)
            step.waiting[place] = True
        step.found[group] = [self._finding(entry, judged)]

    def _judge(self, entry: FollowedEntry, header: bytes) -> PublishedDocument | str:
        """Return what an entry publishes, or why it does not count."""
        origin, index = entry.place.origin, int(entry.place.index)
        publisher = self._parts.institutions[origin]
        try:
            leaf = parse_leaf(entry.leaf)
            opened = open_public_entry(entry.leaf, header, origin)
            document, _ = published_document(opened)
        except (InputError, VerificationError) as error:
            return f"not a document that this release reads: {type(error).__name__}"
        data = opened.parts[0].content
        pin = pin_of(document, data)
        refusal = self._parts.publishers.refusal_of(pin.kind, pin.subject, publisher, (origin, index))
        if refusal is not None:
            return refusal
        place = DocumentPlace(
            origin, index, hash_leaf(entry.leaf), publisher, min(leaf.claimed_time_ms, LATEST_MS), entry.seen_at_ms
        )
        return PublishedDocument(KnownDocument(pin.digest, pin.kind, pin.subject, document.head.serial, place), data)

    def _finding(self, entry: FollowedEntry, reason: str) -> SupervisionFinding:
        origin, index = entry.place.origin, int(entry.place.index)
        where = EntryPlace(origin, index, hash_leaf(entry.leaf), trusted_size(self._parts.trust, origin))
        blamed = (self._parts.institutions[origin],)
        return SupervisionFinding(FindingCode.DOCUMENT_REFUSED, blamed, f"{origin}#{index}", (where,), (("reason", reason),))

    def _keep(self, step: _Step) -> None:
        parts, cursors = self._parts, self._cursors | step.cursors
        is_news = bool(step.waiting or step.arrived or step.documents or step.found)
        if not is_news and all(at - self._kept.get(origin, 0) < BATCH_LEAVES for origin, at in step.cursors.items()):
            self._cursors = cursors
            return
        gathered = Gathered(cursors, step.waiting, step.arrived, step.documents)
        now_ms = unix_ms(parts.clock)

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.keep(transaction, gathered)
            if parts.findings is not None and step.found:
                parts.findings.keep(transaction, found_update(now_ms, step.found))

        parts.writer.submit(keep).result()
        self._kept, self._cursors = dict(cursors), cursors
