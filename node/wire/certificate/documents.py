"""Documents of a decision certificate: that the decision pins them, who published them (docs/spec/decision-certificate.md). Pure.

A document that is published stands in somebody's log, and the trust root says who that is: whoever may not publish it makes the
certificate refuted; where the trust root does not say, or the file brings the bytes alone, who made it is not proved. Left
out: that no other document held at that time, which is a function of all public entries (`node.terminology.editions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.certificate_verdict import CertifiedDocument, PublicationStanding
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.recognition import Pin
from node.domain.trust import TrustRoot
from node.errors import (
    CertificateContradictedError,
    DocumentPublisherError,
    HeaderVerificationError,
    MisplacedManifestError,
    PartNotCommittedError,
    PinMismatchError,
)
from node.terminology.bundle import Terminology
from node.terminology.editions import SHARED_KINDS, publication_refusal
from node.terminology.maps import InstitutionMap
from node.wire.catalogue.documents import digest_of, kind_of, load_terminology, parse_document
from node.wire.catalogue.entry import published_document
from node.wire.certificate.file import DecisionCertificate, PinnedDocument, PublishedEntry
from node.wire.leaf import parse_leaf
from node.wire.public_entry import OpenedPublicEntry, open_public_entry, tombstone_target
from node.wire.trusted_head import open_trusted_head, verify_entry

_MAX_AHEAD_MS: Final = 300_000
"""Between the clocks of two members."""


@dataclass(frozen=True, slots=True)
class PinnedDocuments:
    """The documents of a certificate, verified."""

    told: tuple[CertifiedDocument, ...]
    """What is said of each, in the order of the pins."""
    terminology: Terminology
    """What they say."""

    @property
    def has_samples(self) -> bool:
        """Tell whether one of them is marked as sample data."""
        found = self.terminology
        heads = [each.head for each in found.maps.values()]
        heads += (found.catalogue.head, found.regions.head, found.institutions.head, found.prices.head, found.certificates.head)
        return any(head.sample for head in heads)


@dataclass(frozen=True, slots=True)
class _Publication:
    publisher: InstitutionId
    place: tuple[Origin, int]
    claimed_time_ms: int


def verify_documents(
    certificate: DecisionCertificate, pins: Sequence[Pin], checked_at_ms: int, trust_root: TrustRoot
) -> PinnedDocuments:
    """Verify that the documents are those that are pinned, and that those which are published were so by whom they may be.

    Raises:
        WireError: One is unreadable.
        EvidenceRefutedError: An entry does not hold, or publishes none.
        PinMismatchError: One is missing, or pinned by nobody.
        DocumentPublisherError: Somebody published one who may not.
    """
    contents = [_content(certificate, each, trust_root) for each in certificate.documents]
    found: dict[Pin, CertifiedDocument] = {}
    for content, publication in contents:
        document = parse_document(content)
        subject = document.institution if isinstance(document, InstitutionMap) else ""
        pin = Pin(kind_of(document), subject, digest_of(content))
        if pin not in pins:
            raise PinMismatchError(pin.kind, pin.subject, "the decision pins another one, or none")
        found[pin] = CertifiedDocument(
            kind=pin.kind,
            subject=pin.subject,
            digest=pin.digest,
            published=None if publication is None else publication.place,
            publisher=None if publication is None else publication.publisher,
            standing=_standing(pin, publication, checked_at_ms, trust_root),
        )
    for pin in pins:
        if pin not in found:
            raise PinMismatchError(pin.kind, pin.subject, "the document that the decision pins is missing")
    return PinnedDocuments(tuple(found[pin] for pin in pins), load_terminology(content for content, _ in contents))


def deleted_headers(certificate: DecisionCertificate, trust_root: TrustRoot) -> set[LeafReference]:
    """Return the entries whose headers, as their own logs say, were deleted.

    Raises:
        EvidenceRefutedError: A tombstone does not hold.
    """
    deleted = set()
    for entry in certificate.tombstones:
        publication, opened = _open_published(certificate, entry, trust_root)
        target = tombstone_target(opened)
        if target.origin == publication.place[0]:
            deleted.add(target)
    return deleted


def _content(certificate: DecisionCertificate, given: PinnedDocument, trust_root: TrustRoot) -> tuple[bytes, _Publication | None]:
    """Return a document's bytes, and where they are published."""
    if given.published is None:
        return given.content or b"", None
    publication, opened = _open_published(certificate, given.published, trust_root)
    published_document(opened)  # that it is one, and of the kind that its entry names
    return opened.parts[0].content, publication


def _open_published(
    certificate: DecisionCertificate, entry: PublishedEntry, trust_root: TrustRoot
) -> tuple[_Publication, OpenedPublicEntry]:
    head = open_trusted_head(certificate.heads[entry.head], trust_root)
    verify_entry(head, entry.index, entry.leaf, entry.proof)
    origin = head.log.origin
    try:
        opened = open_public_entry(entry.leaf, entry.slot, origin)
    except (HeaderVerificationError, PartNotCommittedError, MisplacedManifestError) as error:
        raise CertificateContradictedError(f"public entry {entry.index} of {origin!r} does not open: {error}") from error
    return _Publication(head.log.institution, (origin, entry.index), parse_leaf(entry.leaf).claimed_time_ms), opened


def _standing(pin: Pin, publication: _Publication | None, checked_at_ms: int, trust_root: TrustRoot) -> PublicationStanding:
    """Return what is known of who published a document.

    Raises:
        DocumentPublisherError: Somebody who may not.
    """
    if publication is None:
        return PublicationStanding.EMBEDDED
    member = trust_root.institutions.get(publication.publisher)
    roles = () if member is None else member.roles
    if pin.kind in SHARED_KINDS and not roles:
        return PublicationStanding.ROLE_UNKNOWN
    if publication_refusal(pin.kind, pin.subject, publication.publisher, roles) is not None:
        raise DocumentPublisherError(pin.kind, pin.subject, publication.publisher, trust_root.serial)
    # a node may have used a file that was published afterwards: pinned by its bytes, and not yet everybody's
    is_later = publication.claimed_time_ms > checked_at_ms + _MAX_AHEAD_MS
    return PublicationStanding.LATER if is_later else PublicationStanding.ENTITLED
