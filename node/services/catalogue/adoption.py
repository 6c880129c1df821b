"""Let published documents take over: which hold, from where, and what stands against the newest (docs/spec/catalogue.md).

Files of `recognition.directory` hold before everything; else what is published, once a set is complete; else the sample
documents that come with the node. What held last is kept: a start goes on with it before anything is judged anew, and so does
a node whose regulator's documents no longer count. Left out: gathering (`gathering`), preparing (`rulebook`).
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from node.domain.entry import InstitutionId
from node.domain.recognition import DocumentDigest, Pin
from node.errors import MalformedCatalogueError, WireError
from node.ports.catalogue.publication import Gathered, KnownDocument, PublicationStore, PublishedDocument, PublishedDocuments
from node.ports.records.transaction import RecordsWriter
from node.services.catalogue.gathering import DocumentGathering
from node.services.catalogue.publishers import Publishers
from node.services.catalogue.rulebook import Rulebook
from node.terminology.bundle import Document, Terminology
from node.terminology.editions import Edition, Holding, hold
from node.wire.catalogue.documents import load_terminology, parse_document, pin_of

MAX_TOLD: Final = 20
"""Contradictions that a status spells out."""

log = structlog.get_logger(__name__)


class DocumentSource(StrEnum):
    """Where the documents that hold are from."""

    FOLDER = "folder"
    """Files of the operator's, of `recognition.directory`."""
    PUBLISHED = "published"
    """Logs."""
    SAMPLE = "sample"
    """The sample documents that come with the node: not for patients."""


@dataclass(frozen=True, slots=True)
class AdoptionStatus:
    """What holds, and what stands against the newest that is published."""

    source: DocumentSource
    """Where it is from."""
    pins: tuple[Pin, ...]
    """The documents that hold."""
    missing: tuple[str, ...]
    """Shared kinds of which nothing that counts is published."""
    held_back: tuple[Pin, ...]
    """Newest published documents that do not hold, since they contradict the others."""
    contradictions: tuple[str, ...]
    """What they contradict, in words, the first ones."""
    is_stale: bool
    """Whether what holds was published and no longer counts, and nothing is there in its place."""


@dataclass(frozen=True, slots=True)
class AdoptionParts:
    """What the service is made of."""

    gathering: DocumentGathering
    """Gathers what is published."""
    publishers: Publishers
    """Say who may publish what."""
    store: PublicationStore
    """Keeps documents."""
    rules: Rulebook
    """Lets them take over."""
    hosted: Collection[InstitutionId]
    """Institutions of this node: for them documents are prepared before they take over."""
    writer: RecordsWriter
    """The one writer."""


class DocumentAdoption:
    """Adopts documents; `step` is the loop's, and safe for threads like everything else."""

    def __init__(self, parts: AdoptionParts, source: DocumentSource, files: Collection[bytes]) -> None:
        """Go on with what holds.

        Args:
            parts: What the service is made of.
            source: Where what holds at the start is from.
            files: The documents of folder or package, which are kept like those that are published.
        """
        self._parts = parts
        self._lock = threading.Lock()
        self._files = tuple(files)
        self._judged: object = None
        self._is_due = True
        self._read: dict[DocumentDigest, Document] = {}
        self._status = AdoptionStatus(source, parts.rules.documents.pins, (), (), (), is_stale=False)

    def keep_files(self) -> None:
        """Keep the documents of folder or package; before a check is answered by them, whose decision pins them for ever."""
        if not self._files:
            return
        gathered = Gathered({}, {}, (), [_from_file(data) for data in self._files])
        self._parts.writer.submit(lambda transaction: self._parts.store.keep(transaction, gathered)).result()
        self._files = ()

    def status(self) -> AdoptionStatus:
        """Return what holds, as of the last step."""
        return self._status

    def newest(self, kind: str, subject: str) -> KnownDocument | None:
        """Return the newest document of a kind and subject that was published and counts."""
        found = [each for each in self._counting() if (each.kind, each.subject) == (kind, subject)]
        return max(found, key=lambda each: each.serial, default=None)

    def step(self) -> bool:
        """Gather what is new, judge what is published, let it take over.

        Returns:
            Whether there is more to gather.
        """
        with self._lock:
            added, more = self._parts.gathering.step()
            standing = self._parts.publishers.standing()
            self._is_due = self._is_due or added or standing != self._judged
            # not in the midst of a history: versions that were replaced long ago would take over for a moment
            if self._is_due and not more:
                # before it is done: what cannot be judged is not judged again before something changes
                self._judged, self._is_due = standing, False
                self._judge()
            return more

    def _counting(self) -> list[KnownDocument]:
        """Return the publications that count as the registry stands."""
        refusal_of = self._parts.publishers.refusal_of
        return [
            each
            for each in self._parts.store.places()
            if each.place is not None
            and refusal_of(each.kind, each.subject, each.place.institution, (each.place.origin, each.place.leaf_index)) is None
        ]

    def _judge(self) -> None:
        parts, before = self._parts, self._status
        holding = hold(_editions(self._counting()), self._document)
        documents, source, stale = holding.documents, before.source, False
        if source is DocumentSource.FOLDER:
            documents = None
        elif documents is not None:
            source = DocumentSource.PUBLISHED
        else:
            stale = source is DocumentSource.PUBLISHED
        if documents is not None and (documents.pins != parts.rules.documents.pins or before.source is not source):
            self._take_over(documents)
        self._tell(before, _status(source, parts.rules.documents, holding, is_stale=stale))
        # what holds is in memory anyway: the next version of a map does not have all others parsed again
        held = {pin.digest for pin in parts.rules.documents.pins}
        self._read = {digest: document for digest, document in self._read.items() if digest in held}

    def _take_over(self, documents: Terminology) -> None:
        parts = self._parts
        parts.rules.adopt(documents, parts.hosted)
        digests = [pin.digest for pin in documents.pins]
        parts.writer.submit(lambda transaction: parts.store.hold(transaction, digests)).result()
        log.info("documents_adopted", documents={_name(pin): pin.digest.hex() for pin in documents.pins})

    def _tell(self, before: AdoptionStatus, now: AdoptionStatus) -> None:
        self._status = now
        if now.held_back and now.held_back != before.held_back:
            held_back = [_name(pin) for pin in now.held_back]
            log.warning("documents_held_back", documents=held_back, contradictions=list(now.contradictions))
        if now.is_stale and not before.is_stale:
            log.warning("documents_no_longer_published", missing=list(now.missing))

    def _document(self, pin: Pin) -> Document:
        found = self._read.get(pin.digest)
        if found is None:
            found = self._read[pin.digest] = _read(self._parts.store, pin.digest)
        return found


def _read(store: PublicationStore, digest: DocumentDigest) -> Document:
    kept = store.by_digest(digest)
    if kept is None:
        raise MalformedCatalogueError("document", "/", f"{digest.hex()} is not kept here")
    return parse_document(kept.data)


def pinned_documents(store: PublishedDocuments, pins: Iterable[Pin]) -> Terminology | None:
    """Return the documents that pins name; None where they are no whole set, or one of them is not kept here."""
    kept = [store.by_digest(pin.digest) for pin in pins]
    documents = [each.data for each in kept if each is not None]
    try:
        return load_terminology(documents) if len(documents) == len(kept) else None
    except WireError:
        return None


def last_held(store: PublicationStore) -> Terminology | None:
    """Return the published documents that held here last; None where none did, or this release does not read them."""
    kept = [store.by_digest(digest) for digest in sorted(store.in_force())]
    try:
        return load_terminology(each.data for each in kept if each is not None) if kept else None
    except WireError as error:
        log.warning("last_documents_unreadable", error=type(error).__name__, reason=str(error))
        return None


def _editions(known: Iterable[KnownDocument]) -> list[Edition]:
    return [
        Edition(each.pin, each.serial, (each.place.claimed_at_ms, each.place.origin, each.place.leaf_index))
        for each in known
        if each.place is not None
    ]


def _from_file(data: bytes) -> PublishedDocument:
    document = parse_document(data)
    pin = pin_of(document, data)
    return PublishedDocument(KnownDocument(pin.digest, pin.kind, pin.subject, document.head.serial, None), data)


def _status(source: DocumentSource, documents: Terminology, holding: Holding, *, is_stale: bool) -> AdoptionStatus:
    told = [f"{each.document}, {each.row}: {each.what}" for each in holding.contradictions[:MAX_TOLD]]
    return AdoptionStatus(source, documents.pins, holding.missing, holding.held_back, tuple(told), is_stale=is_stale)


def _name(pin: Pin) -> str:
    return f"{pin.kind} {pin.subject}".rstrip()
