"""The figures of a regulator: read verified entries once, keep what they say, count (docs/spec/figures.md).

One loop of the worker role, at nodes that host a regulator. A step reads the entries that came since, and those whose headers
came late, and keeps their events, sealed, in one transaction; then they are counted in memory. What a step costs depends on
what is new. At the start the kept events are counted again: no entry is opened a second time.

A header that does not open for supervision gives no events; for record and decision entries that is found here, for receipts by
`pairing`. Left out: what an entry says (`node.supervision.reading`), what it shows by itself (`misconduct`), what takes more to
see, which is noted here and judged by the reviews beside this module, and what counts (`figures`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ledger.hashing import LeafIndex, hash_leaf
from node.domain.access import AccessContent, CodeContent, ConsentContent
from node.domain.consent_message import EmergencyId
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.header import Header
from node.errors import HeaderVerificationError, InputError
from node.ports.clock import Clock, unix_ms
from node.ports.consents.emergency_reviews import EmergencyReviewStore, EmergencyUse
from node.ports.consents.review import ConsentReviewStore
from node.ports.consents.scopes import ConsentScopeStore
from node.ports.keys.signing import NodeKeys
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.logs.trust import TrustStore
from node.ports.recognition.reliance import RelianceStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.figures import FigureCursor, FigureStore, FiguresUpdate
from node.ports.supervision.findings import SupervisionStore, found_update
from node.ports.supervision.marks import KeptClaim, MarkStore
from node.ports.supervision.orders import KeptOrderNote, OrderStore
from node.services.logs.following import FollowingService
from node.services.logs.log_standing import trusted_size
from node.services.oversight.audit_keys import AuditKeys
from node.services.oversight.mark_review import claim_of
from node.services.oversight.order_review import kept_notes
from node.services.oversight.pairing import RECEIPT_TYPES
from node.services.oversight.reliance import said_of_recalls
from node.services.oversight.scope_review import person_name
from node.supervision.batches import AnchoredRun, encode_batch, parse_batch
from node.supervision.bulk import without_collection
from node.supervision.consent_scope import DOCUMENT_GRACE_MS, ConsentDocumented, ScopedUse, documented, scoped_use
from node.supervision.consented import ConsentUse, use_of
from node.supervision.events import EventId, FigureEvent, Retrieved
from node.supervision.figures import RecognitionFigures
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.group_names import GroupNames
from node.supervision.liaoning import LiaoningRow, liaoning_form
from node.supervision.marks import MarkRules
from node.supervision.misconduct import findings_of, group_of
from node.supervision.orders import OrderReader
from node.supervision.pinned import Documents, PinnedReader
from node.supervision.reading import READ_TYPES, ReadEntry
from node.supervision.reliance import Lifted, ReliancePart, Replaced, said_of_reliance
from node.supervision.tallies import Dimension, Figures, Group
from node.supervision.time_to_anchor import AnchorDelay, AnchorDelays
from node.terminology.bundle import Terminology
from node.wire.header.seal import HeaderPlace
from node.wire.leaf import parse_leaf

BATCH_LEAVES: Final = 4_096
"""Leaves of one log that a step looks at."""
MAX_WAITING: Final = 10_000
"""Entries without a header that a step asks for again."""
CONSENT_LOOK_MS: Final = 60_000
"""When the chain is asked about a receipt's consent: by then a final block is as late as the receipt, one question is enough."""

_PURPOSE: Final = "figures"
_TYPES: Final = frozenset(
    bytes((each,)) for each in (*READ_TYPES, EntryType.WITHDRAWAL, EntryType.CONSENT_DOCUMENT, EntryType.ADMINISTRATIVE)
)
_TYPE_AT: Final = 1


@dataclass
class _Step:
    """What one step has read so far."""

    waited: Mapping[Origin, Sequence[int]]
    cursors: dict[Origin, FigureCursor] = field(default_factory=dict)
    waiting: set[tuple[Origin, int]] = field(default_factory=set)
    arrived: set[tuple[Origin, int]] = field(default_factory=set)
    events: list[FigureEvent] = field(default_factory=list)
    anchored: list[AnchoredRun] = field(default_factory=list)
    emergencies: list[EmergencyUse] = field(default_factory=list)
    consents: list[ConsentUse] = field(default_factory=list)
    reliance: list[ReliancePart] = field(default_factory=list)
    orders: list[KeptOrderNote] = field(default_factory=list)
    claims: list[KeptClaim] = field(default_factory=list)
    scoped: list[ScopedUse] = field(default_factory=list)
    documents: list[ConsentDocumented] = field(default_factory=list)
    found: dict[str, list[SupervisionFinding]] = field(default_factory=dict)
    sizes: dict[Origin, int] = field(default_factory=dict)
    more: bool = False


class _Counted:
    """Everything that was counted so far, in memory."""

    def __init__(self, documents: Terminology) -> None:
        zone = documents.regions.zone
        self._documents = documents
        self.figures = RecognitionFigures(documents.institutions.by_id(), zone)
        self.delays = AnchorDelays(zone)
        self._retrievals: set[EventId] = set()

    def fits(self, documents: Terminology) -> bool:
        """Tell whether what was counted stays right under other documents: institutions and civil time are the same."""
        if documents is not self._documents:
            if documents.institutions != self._documents.institutions or documents.regions.zone != self._documents.regions.zone:
                return False
            self._documents = documents
        return True

    def take(self, batches: Iterable[tuple[Sequence[FigureEvent], Sequence[AnchoredRun]]]) -> None:
        """Count what was read; a retrieval that was logged twice counts once."""
        self.figures.take_all(self._events(batches))

    def _events(self, batches: Iterable[tuple[Sequence[FigureEvent], Sequence[AnchoredRun]]]) -> Iterator[FigureEvent]:
        for events, anchored in batches:
            for event in events:
                if isinstance(event, Retrieved):
                    if event.event in self._retrievals:
                        continue
                    self._retrievals.add(event.event)
                yield event
            for run in anchored:
                self.delays.take(run.institution, run.seen_at_ms, run.anchored_at_ms, run.entries)


@dataclass(frozen=True, slots=True)
class FiguresParts:
    """What the service is made of."""

    institutions: Mapping[Origin, InstitutionId]
    """Whose each followed log is."""
    following: FollowingService
    """Says which heads the chain holds."""
    index: FollowedIndex
    """What was followed."""
    keys: AuditKeys
    """Open headers."""
    seals: NodeKeys
    """Seal events where they are kept."""
    store: FigureStore
    """Keeps them."""
    findings: SupervisionStore
    """Keeps what does not open."""
    emergencies: EmergencyReviewStore
    """Keeps under which emergencies somebody read."""
    review_ms: int
    """How long their reviews may take."""
    consents: ConsentReviewStore
    """Keeps under which consents something was disclosed."""
    scopes: ConsentScopeStore
    """Keeps what consents cover, by their documents."""
    reliance: RelianceStore
    """Keeps who recognised what, and what became of it."""
    orders: OrderStore
    """Keeps what was offered, decided and examined."""
    marks: MarkStore
    """Keeps which records claim marks."""
    trust: TrustStore
    """Says how far logs are trusted."""
    clock: Clock
    """Tells the time."""
    writer: RecordsWriter
    """The one writer."""
    documents: Callable[[], Terminology]
    """Returns catalogue, maps, regions, certificates and institutions as they hold now; the same object while they do."""
    older: Documents
    """Returns those that held before."""


class FiguresService:
    """Figures; `step` is the loop's alone, everything else may be called from any thread."""

    def __init__(self, parts: FiguresParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._counted: _Counted | None = None
        self._reading: tuple[Terminology, PinnedReader, OrderReader, MarkRules] | None = None

    def step(self) -> bool:
        """Read what is new, and what came late.

        Returns:
            Whether there is more than one step takes.
        """
        parts, step = self._parts, _Step(self._parts.store.waiting(MAX_WAITING))
        cursors, heads = parts.store.cursors(), parts.following.anchored_heads()
        for origin in parts.institutions:
            cursor = cursors.get(origin, FigureCursor())
            reached = self._read_log(step, origin, cursor)
            head = heads.get(origin)
            # what was read is verified; a head may be ahead of it
            anchored_to = cursor.anchored_to if head is None else max(cursor.anchored_to, min(int(head.size), reached))
            if head is not None and anchored_to > cursor.anchored_to:
                self._read_anchored(step, origin, (cursor.anchored_to, anchored_to), head.timestamp_s * 1000)
            if FigureCursor(reached, anchored_to) != cursor:
                step.cursors[origin] = FigureCursor(reached, anchored_to)
        self._keep(step)
        with self._lock:
            # at the start, so that whoever asks first does not wait for everything that was kept
            self._ready()
        return step.more

    def report(self, by: Dimension, periods: Sequence[str]) -> list[tuple[Group, Figures]]:
        """Return the figures of every group of a dimension, sorted by value and month.

        Args:
            by: By what.
            periods: Months such as `2026-11`; an empty one for all time.
        """
        with self._lock:
            figures = self._ready().figures.report()
        return [(group, each) for group, each in figures.items() if group.dimension is by and group.period in periods]

    def names(self) -> GroupNames:
        """Return what groups are called, by the documents as they hold now."""
        return GroupNames(self._parts.documents())

    def delays(self, periods: Sequence[str]) -> list[tuple[InstitutionId | None, str, AnchorDelay]]:
        """Return how long entries waited for their anchors, by institution, None for all, and month."""
        with self._lock:
            counted = self._ready().delays
            told = [(*group, counted.delay(*group)) for group in counted.groups() if group[1] in periods]
        return [(institution, period, delay) for institution, period, delay in told if delay is not None]

    def liaoning(self, period: str, day: date) -> tuple[LiaoningRow, ...]:
        """Fill in the form of Liaoning for a month, with the certificates that are valid on a day."""
        with self._lock:
            return liaoning_form(self._ready().figures, self._parts.documents(), period, day)

    # Reading entries

    def _read_log(self, step: _Step, origin: Origin, cursor: FigureCursor) -> int:
        index = self._parts.index
        start, size = cursor.next_index, int(index.size(origin))
        leaves = index.leaves(origin, LeafIndex(start), BATCH_LEAVES) if start < size else []
        new = [start + at for at, leaf in enumerate(leaves) if leaf[_TYPE_AT : _TYPE_AT + 1] in _TYPES]
        places = [LeafPlace(origin, LeafIndex(at)) for at in (*step.waited.get(origin, ()), *new)]
        entries = index.entries(places) if places else {}
        for place in sorted(entries, key=lambda each: each.index):
            self._read_entry(step, entries[place], late=place.index < start)
        reached = start + len(leaves)
        step.more = step.more or reached < size
        return reached

    def _read_entry(self, step: _Step, entry: FollowedEntry, *, late: bool) -> None:
        place = entry.place.origin, int(entry.place.index)
        if entry.header is None:
            if entry.tombstone is None and not late:
                step.waiting.add(place)
            if entry.tombstone is not None and late:
                step.arrived.add(place)  # it was deleted before it came: nothing to wait for
            return
        if late:
            step.arrived.add(place)
        leaf = parse_leaf(entry.leaf)
        if leaf.entry_type is EntryType.ADMINISTRATIVE:
            step.reliance += self._of_recalls(
                entry.place.origin, said_of_recalls(entry.leaf, entry.header, self._place(step, entry))
            )
            return
        try:
            header = self._parts.keys.open(entry.header, HeaderPlace(entry.place.origin, leaf.entry_type, leaf.tag))
        except (InputError, HeaderVerificationError) as error:
            if leaf.entry_type not in RECEIPT_TYPES:
                self._unreadable(step, entry, type(error).__name__)
            return
        self._note_basis(step, entry, header)
        read = ReadEntry(self._parts.institutions[entry.place.origin], hash_leaf(entry.leaf), header)
        where = self._place(step, entry)
        step.reliance += said_of_reliance(read, leaf.entry_type, where, leaf.claimed_time_ms)
        if leaf.entry_type is EntryType.WITHDRAWAL:
            return  # what was withdrawn was performed nevertheless, and was read when it was logged
        reader, orders, marks = self._prepared()
        events = list(reader.events(read))
        step.events += events
        step.orders += kept_notes(
            self._parts.seals, read.institution, where, orders.notes(read, where, events, unix_ms(self._parts.clock))
        )
        claim = claim_of(self._parts.seals, marks, read, where)
        step.claims += () if claim is None else (claim,)
        for finding in findings_of(read, where):
            step.found[group_of(finding)] = [finding]

    def _of_recalls(self, origin: Origin, said: Sequence[Replaced | Lifted]) -> list[ReliancePart]:
        # a recall may name a thousand leaves that nobody ever logged
        find = self._parts.index.find_leaf
        return [each for each in said if isinstance(each, Lifted) or find(origin, each.replaces) is not None]

    def _note_basis(self, step: _Step, entry: FollowedEntry, header: Header) -> None:
        content, where = header.content, self._place(step, entry)
        if isinstance(content, AccessContent):
            institution, now_ms = self._parts.institutions[where.origin], unix_ms(self._parts.clock)
            use = use_of(content, institution, where, now_ms)
            step.consents += () if use is None else (use,)
            scoped = scoped_use(content, institution, where, person_name(self._parts.seals, header), now_ms)
            step.scoped += () if scoped is None else (scoped,)
        if isinstance(content, ConsentContent):
            person = person_name(self._parts.seals, header)
            document = documented(content, where, person, parse_leaf(entry.leaf).claimed_time_ms)
            step.documents += () if document is None else (document,)
        if isinstance(content, AccessContent | CodeContent) and content.emergency_id is not None:
            emergency, person = EmergencyId(content.emergency_id), person_name(self._parts.seals, header)
            moment_ms = min(content.occurred_at_ms, unix_ms(self._parts.clock))
            step.emergencies.append(EmergencyUse(emergency, content.actor.institution, where, person, moment_ms))

    def _place(self, step: _Step, entry: FollowedEntry) -> EntryPlace:
        origin = entry.place.origin
        if origin not in step.sizes:
            step.sizes[origin] = trusted_size(self._parts.trust, origin)
        return EntryPlace(origin, int(entry.place.index), hash_leaf(entry.leaf), step.sizes[origin])

    def _unreadable(self, step: _Step, entry: FollowedEntry, reason: str) -> None:
        where = self._place(step, entry)
        blamed, subject = (self._parts.institutions[where.origin],), f"{where.origin}#{where.leaf_index}"
        step.found[subject] = [SupervisionFinding(FindingCode.HEADER_UNREADABLE, blamed, subject, (where,), (("reason", reason),))]

    def _read_anchored(self, step: _Step, origin: Origin, run: tuple[int, int], anchored_at_ms: int) -> None:
        institution, (start, end) = self._parts.institutions[origin], run
        for seen_at_ms, entries in self._parts.index.seen_times(origin, LeafIndex(start), LeafIndex(end)):
            step.anchored.append(AnchoredRun(institution, seen_at_ms, anchored_at_ms, entries))

    # Keeping and counting

    def _keep(self, step: _Step) -> None:
        parts = self._parts
        news = encode_batch(step.events, step.anchored) if step.events or step.anchored else None
        sealed = None if news is None else parts.seals.seal(_PURPOSE, news)
        update = FiguresUpdate(step.cursors, step.waiting, step.arrived, sealed)
        if update.is_empty:
            return
        now_ms = unix_ms(parts.clock)

        replaced = {LeafReference(each.place.origin, each.replaces) for each in step.reliance if isinstance(each, Replaced)}

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.keep(transaction, update)
            parts.emergencies.note(transaction, step.emergencies, now_ms + parts.review_ms)
            parts.consents.note(transaction, step.consents, now_ms + CONSENT_LOOK_MS)
            parts.reliance.note(transaction, step.reliance, now_ms)
            parts.orders.note(transaction, step.orders, replaced, now_ms)
            parts.marks.note(transaction, step.claims)
            parts.scopes.note(transaction, step.scoped, step.documents, now_ms, now_ms + DOCUMENT_GRACE_MS)
            if step.found:
                parts.findings.keep(transaction, found_update(now_ms, step.found))

        with self._lock:
            counted = self._ready()
            # until it is known what was kept, nothing is counted: the next question counts all that was
            self._counted = None
            parts.writer.submit(keep).result()
            counted.take([(step.events, step.anchored)])
            self._counted = counted

    def _ready(self) -> _Counted:
        documents = self._parts.documents()
        if self._counted is None or not self._counted.fits(documents):
            counted = _Counted(documents)
            with without_collection():
                counted.take(parse_batch(self._parts.seals.open(_PURPOSE, each)) for each in self._parts.store.batches())
            self._counted = counted
        return self._counted

    def _prepared(self) -> tuple[PinnedReader, OrderReader, MarkRules]:
        documents = self._parts.documents()
        if self._reading is None or self._reading[0] is not documents:
            pinned = PinnedReader(documents, self._parts.older)
            self._reading = documents, pinned, OrderReader(documents), MarkRules(documents)
        return self._reading[1:]
