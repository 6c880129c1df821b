"""Judge claimed marks by the documents of now, and again when another version of them changes what a claim rests on.

Records that claim a mark are noted with the figures (`figures`); here they are judged, a batch a step. When documents change, one
transaction has the claims judged again that the change concerns (`node.supervision.marks`) and notes the new documents: after a
crash it is either done, or found undone and done. A list that comes late settles what was found; one that withdraws or shortens
a certificate for a time before finds what was borne. A finding names the list that it was judged by, and its entry.

What rests on such a result is not judged here: a recognition is right by the documents that it pins. That a result is not to be
relied on any more is its issuer's to say, by a recall or a withdrawal; from then on `reliance` looks at recognitions of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.hashing import LeafIndex
from node.domain.entry import InstitutionId, Origin
from node.domain.recognition import ItemCode
from node.ports.catalogue.publication import PublishedDocuments
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.logs.trust import TrustStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.ports.supervision.marks import ConcernedClaims, ItemName, KeptClaim, MarkStore
from node.services.logs.log_standing import trusted_size
from node.services.oversight.audit_keys import AuditKeys
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.marks import CERTIFICATES, JudgingList, MarkChange, MarkRules, everything, mark_changes
from node.supervision.misconduct import group_of
from node.supervision.pinned import Documents
from node.supervision.reading import ReadEntry
from node.terminology.bundle import Terminology

BATCH: Final = 500
"""Claims that a step judges."""

_PURPOSE: Final = "marks"
_NO_ITEM: Final = ItemName(b"")


@dataclass(frozen=True, slots=True)
class MarkReviewParts:
    """What the service is made of."""

    institutions: Mapping[Origin, InstitutionId]
    """Whose each followed log is."""
    index: FollowedIndex
    """What was followed."""
    trust: TrustStore
    """Says how far logs are trusted."""
    keys: AuditKeys
    """Open headers."""
    seals: NodeKeys
    """Name items where claims are kept."""
    store: MarkStore
    """Keeps claims."""
    findings: SupervisionStore
    """Keeps what was found."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    documents: Callable[[], Terminology]
    """Returns the documents that hold now; the same object while they do."""
    older: Documents
    """Returns those that held before."""
    published: PublishedDocuments
    """Says where documents are published."""


@dataclass
class _Judged:
    """What one step came to."""

    claims: list[KeptClaim] = field(default_factory=list)
    gone: list[EntryPlace] = field(default_factory=list)
    groups: dict[str, list[SupervisionFinding]] = field(default_factory=dict)


class MarkReview:
    """Judges claims; `step` is a loop's."""

    def __init__(self, parts: MarkReviewParts) -> None:
        self._parts = parts
        self._prepared: tuple[Terminology, MarkRules, JudgingList] | None = None

    def step(self) -> bool:
        """Judge what is due: what was read since, and what other documents concern.

        Returns:
            Whether there is more than one step takes.
        """
        parts = self._parts
        rules, by = self._rules()
        due = parts.store.due(BATCH)
        if not due:
            return False
        entries = parts.index.entries([_leaf_place(place) for place in due])
        judged = _Judged()
        for place in due:
            entry = entries.get(_leaf_place(place))
            read = None if entry is None else self._read(entry, place.leaf_hash)
            claim = None if read is None else claim_of(parts.seals, rules, read, place)
            if read is None or claim is None:
                judged.gone.append(place)  # what showed it is not here any more: it stays what it was
                continue
            finding = rules.finding(read, place, by)
            judged.claims.append(claim)
            judged.groups[_group(place)] = [] if finding is None else [finding]

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.judged(transaction, judged.claims, judged.gone)
            parts.findings.keep(transaction, found_update(unix_ms(parts.clock), judged.groups))

        parts.writer.submit(keep).result()
        return len(due) == BATCH

    def _rules(self) -> tuple[MarkRules, JudgingList]:
        """Return the rules of now, once the claims that they concern are due."""
        documents = self._parts.documents()
        if self._prepared is None or self._prepared[0] is not documents:
            self._judge_again(documents)
            self._prepared = documents, MarkRules(documents), self._list(documents)
        return self._prepared[1:]

    def _judge_again(self, documents: Terminology) -> None:
        parts, pins = self._parts, self._parts.store.documents()
        if pins == tuple(sorted(documents.pins, key=lambda pin: (pin.kind, pin.subject))):
            return
        changes: tuple[MarkChange, ...] = ()
        if pins:
            before = self._prepared[0] if self._prepared is not None else parts.older(pins)
            changes = everything(documents) if before is None else mark_changes(before, documents)
        concerned = [
            ConcernedClaims(each.institution, _item_name(parts.seals, each.item), each.from_ms, each.before_ms) for each in changes
        ]
        parts.writer.submit(lambda transaction: parts.store.judge_again(transaction, concerned, documents.pins)).result()

    def _list(self, documents: Terminology) -> JudgingList:
        parts, serial = self._parts, documents.certificates.head.serial
        digest = next(pin.digest for pin in documents.pins if pin.kind == CERTIFICATES)
        kept = parts.published.by_digest(digest)
        published = None if kept is None else kept.known.place
        if published is None:
            return JudgingList(serial, digest, None)
        size = trusted_size(parts.trust, published.origin)
        return JudgingList(serial, digest, EntryPlace(published.origin, published.leaf_index, published.leaf_hash, size))

    def _read(self, entry: FollowedEntry, leaf_hash: bytes) -> ReadEntry | None:
        institution, header = self._parts.institutions.get(entry.place.origin), self._parts.keys.read(entry)
        return None if institution is None or header is None else ReadEntry(institution, leaf_hash, header)


def claim_of(seals: NodeKeys, rules: MarkRules, read: ReadEntry, place: EntryPlace) -> KeptClaim | None:
    """Return what a record claims, as it is kept; None where it claims no mark, or is no record.

    Args:
        seals: Of this node.
        rules: Say what codes mean now.
        read: The entry.
        place: Where it is.
    """
    items = rules.items(read)
    if items is None:
        return None
    names = tuple(_item_name(seals, each) or _NO_ITEM for each in items) or (_NO_ITEM,)
    return KeptClaim(place, read.institution, read.header.record.performed_at_ms, names)


def _item_name(seals: NodeKeys, item: ItemCode | None) -> ItemName | None:
    return None if item is None else ItemName(seals.mac(_PURPOSE, item.encode()))


def _leaf_place(place: EntryPlace) -> LeafPlace:
    return LeafPlace(place.origin, LeafIndex(place.leaf_index))


def _group(place: EntryPlace) -> str:
    return group_of(SupervisionFinding(FindingCode.MARK_WITHOUT_CERTIFICATE, (), f"{place.origin}#{place.leaf_index}", ()))
