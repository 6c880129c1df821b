"""Publish a document of the catalogue's family in the institution's own log, as a public entry of type 8.

The same bytes again are the same publication. Refused are documents that another institution has to publish, and versions
that are not above what is published already: everyone else would pass over them. What a document contradicts is told and
stops nothing, as several documents change together and are published one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ledger.hashing import LeafIndex
from node.domain.entry import EntryType, InstitutionId, Level, Origin
from node.domain.recognition import Pin
from node.errors import NotPublisherError, SerialTakenError
from node.ports.catalogue.publication import Gathered, KnownDocument, PublicationStore, PublishedDocument
from node.ports.clock import Clock, unix_ms
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.services.catalogue.adoption import MAX_TOLD, DocumentAdoption
from node.services.catalogue.publishers import Publishers
from node.services.catalogue.rulebook import Rulebook
from node.services.logs.progress import Progress
from node.services.records.public_entries import stage_public
from node.terminology.bundle import Document, Terminology
from node.terminology.consistency import inconsistencies
from node.terminology.maps import InstitutionMap
from node.wire.catalogue.documents import parse_document, pin_of
from node.wire.catalogue.entry import document_entry


@dataclass(frozen=True, slots=True)
class Publication:
    """A document that was published."""

    pin: Pin
    """Kind, subject and digest."""
    serial: int
    """Its version."""
    origin: Origin
    """The log."""
    leaf_index: int
    """Its place there."""
    level: Level
    """How far the entry got."""
    is_new: bool
    """Whether it was not published before."""
    contradictions: tuple[str, ...]
    """What it contradicts in the documents that hold here now, in words, the first ones."""


@dataclass(frozen=True, slots=True)
class PublishingParts:
    """What the service is made of."""

    publishers: Publishers
    """Say who may publish what."""
    adoption: DocumentAdoption
    """Knows what is published already."""
    rules: Rulebook
    """What holds now."""
    store: PublicationStore
    """Notes what was staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    progress: Progress
    """How far entries got."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""


class DocumentPublishing:
    """Publishes documents; any thread."""

    def __init__(self, parts: PublishingParts) -> None:
        self._parts = parts

    def publish(self, institution: InstitutionId, data: bytes) -> Publication:
        """Publish a document; it is staged when this returns.

        Args:
            institution: In whose log.
            data: The document's exact bytes, `MAX_DOCUMENT_BYTES` (`node.wire.catalogue.entry`) at most.

        Raises:
            MalformedCatalogueError: It is none, or contradicts itself.
            UnknownFormatError: A kind or version that this release does not know.
            NotPublisherError: It is another institution's to publish.
            SerialTakenError: What is published already is not below it.
        """
        parts = self._parts
        document = parse_document(data)
        pin, serial = pin_of(document, data), document.head.serial
        refusal = parts.publishers.refusal(pin.kind, pin.subject, institution)
        if refusal is not None:
            raise NotPublisherError(pin.kind, refusal)
        newest = parts.adoption.newest(pin.kind, pin.subject)
        published = PublishedDocument(KnownDocument(pin.digest, pin.kind, pin.subject, serial, None), data)
        origin, now_ms = parts.origins[institution], unix_ms(parts.clock)

        def work(transaction: RecordsTransaction) -> tuple[int, bool]:
            known = parts.store.staged(transaction, origin, pin.digest)
            if known is not None:
                return known, False
            taken = parts.store.staged_serial(transaction, origin, pin.kind, pin.subject)
            if newest is not None and newest.digest != pin.digest:
                taken = max(taken, newest.serial)
            if serial <= taken:
                raise SerialTakenError(pin.kind, serial, taken)
            entry = document_entry(origin, data, now_ms)
            index = stage_public(transaction, institution, origin, EntryType.CATALOGUE, [entry], now_ms)
            parts.store.keep(transaction, Gathered({}, {}, (), [published]))
            parts.store.stage(transaction, origin, index, pin.digest)
            return index, True

        index, is_new = parts.writer.submit(work).result()
        if is_new:
            parts.staged(origin)
        level = parts.progress.level(origin, LeafIndex(index))
        told = _contradictions(parts.rules.documents, document, pin)
        return Publication(pin, serial, origin, index, level, is_new, told)


def _contradictions(documents: Terminology, document: Document, pin: Pin) -> tuple[str, ...]:
    """Return what a document would contradict if it took over alone."""
    # maps are their institutions' own business
    maps = {document.institution: document} if isinstance(document, InstitutionMap) else {}
    changed = {} if maps else {pin.kind: document}
    found = inconsistencies(replace(documents, maps=maps, **changed))  # type: ignore[arg-type]  # by kind
    return tuple(f"{each.document}, {each.row}: {each.what}" for each in found[:MAX_TOLD])
