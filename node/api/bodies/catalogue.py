"""What the API answers about the catalogue's documents and what maps lack, as msgspec structs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from node.api.bodies.records import show_time
from node.domain.recognition import Pin
from node.ports.catalogue.publication import KnownDocument
from node.ports.catalogue.unmapped import CountedCode
from node.services.catalogue.adoption import AdoptionStatus
from node.services.catalogue.publishing import Publication


class PublicationBody(msgspec.Struct):
    """A document that was published."""

    kind: str
    subject: str
    serial: int
    digest: str
    origin: str
    leaf_index: int
    level: str
    new: bool
    contradictions: list[str]
    """What it contradicts in the documents that hold here now."""


class PlaceBody(msgspec.Struct):
    """The entry that published a document first."""

    origin: str
    leaf_index: int
    leaf_hash: str
    institution: str
    published_at: str
    first_seen_at: str


class KnownDocumentBody(msgspec.Struct):
    """A document that this node knows."""

    kind: str
    subject: str
    serial: int
    digest: str
    in_force: bool
    published: PlaceBody | None
    """None for one that came from a file, or is not logged yet."""


class PinBody(msgspec.Struct):
    """Names a document."""

    kind: str
    subject: str
    digest: str


class DocumentListBody(msgspec.Struct):
    """What this node knows, and what holds."""

    source: str
    """`folder`, `published` or `sample`: where what holds is from."""
    stale: bool
    """Whether what holds was published and no longer counts, and nothing is there in its place."""
    missing: list[str]
    """Shared kinds of which nothing that counts is published."""
    held_back: list[PinBody]
    """Newest published documents that do not hold, since they contradict the others."""
    contradictions: list[str]
    """What they contradict, the first ones."""
    documents: list[KnownDocumentBody]


class UnmappedBody(msgspec.Struct):
    """A code that leads nowhere."""

    occurrence: str
    """`filed`, `found` or `ordered`."""
    mapped_by: str
    """Whose map lacks it."""
    system: str
    code: str
    specimen: str
    times: int
    first_seen_at: str
    last_seen_at: str


class WorklistBody(msgspec.Struct):
    """What maps lack, the newest first."""

    total: int
    codes: list[UnmappedBody]


def publication_body(published: Publication) -> PublicationBody:
    """Show a publication."""
    pin = published.pin
    return PublicationBody(
        kind=pin.kind,
        subject=pin.subject,
        serial=published.serial,
        digest=pin.digest.hex(),
        origin=published.origin,
        leaf_index=published.leaf_index,
        level=published.level.value,
        new=published.is_new,
        contradictions=list(published.contradictions),
    )


def list_body(status: AdoptionStatus, known: Sequence[KnownDocument], kind: str | None, *, in_force_only: bool) -> DocumentListBody:
    """Show documents, of one kind or all, those in force or all."""
    holds = {pin.digest for pin in status.pins}
    chosen = [each for each in known if kind in (None, each.kind) and (each.digest in holds or not in_force_only)]
    return DocumentListBody(
        source=status.source.value,
        stale=status.is_stale,
        missing=list(status.missing),
        held_back=[_pin(pin) for pin in status.held_back],
        contradictions=list(status.contradictions),
        documents=[_known(each, in_force=each.digest in holds) for each in chosen],
    )


def worklist_body(codes: Sequence[CountedCode], limit: int) -> WorklistBody:
    """Show what maps lack."""
    shown = [
        UnmappedBody(
            occurrence=each.occurred.occurrence.value,
            mapped_by=each.occurred.mapped_by,
            system=each.occurred.system,
            code=each.occurred.code,
            specimen=each.occurred.specimen,
            times=each.times,
            first_seen_at=show_time(each.first_seen_ms),
            last_seen_at=show_time(each.last_seen_ms),
        )
        for each in codes[:limit]
    ]
    return WorklistBody(len(codes), shown)


def _known(document: KnownDocument, *, in_force: bool) -> KnownDocumentBody:
    place = document.place
    published = None
    if place is not None:
        times = show_time(place.claimed_at_ms), show_time(place.seen_at_ms)
        published = PlaceBody(place.origin, place.leaf_index, place.leaf_hash.hex(), place.institution, *times)
    return KnownDocumentBody(document.kind, document.subject, document.serial, document.digest.hex(), in_force, published)


def _pin(pin: Pin) -> PinBody:
    return PinBody(pin.kind, pin.subject, pin.digest.hex())
