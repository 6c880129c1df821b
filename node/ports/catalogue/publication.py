"""Documents of the catalogue's family that this node knows, by their digests: what was published in logs, and what it used.

Nothing is forgotten: decisions cite old versions for as long as anyone may dispute them. What was published can be gathered
again from the logs; one loop gathers, reads come from any thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, Origin
from node.domain.recognition import DocumentDigest, Pin
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """The entry of type 8 that publishes a document; proven to be in its log."""

    origin: Origin
    """The log."""
    leaf_index: int
    """Its place there."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes."""
    institution: InstitutionId
    """Whose log it is."""
    claimed_at_ms: int
    """When it was published, as the leaf claims, unix ms."""
    seen_at_ms: int
    """When this node saw it first, unix ms."""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """What is known of a document, its bytes apart."""

    digest: DocumentDigest
    """SHA-256 of its exact bytes: what decisions pin."""
    kind: str
    """Such as `catalogue`."""
    subject: str
    """Whose it is: an institution for maps, else empty."""
    serial: int
    """Its version, as it says itself."""
    place: DocumentPlace | None
    """Where it was published first; None for one that this node has from a file."""

    @property
    def pin(self) -> Pin:
        """Return what pins it."""
        return Pin(self.kind, self.subject, self.digest)


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """A document with its exact bytes."""

    known: KnownDocument
    """Kind, version, digest and place."""
    data: bytes
    """Its exact bytes, whose SHA-256 is the digest."""


class PublishedDocuments(Protocol):
    """Gives out documents, old versions too; any thread."""

    def by_digest(self, digest: DocumentDigest) -> PublishedDocument | None:
        """Return the document that a pin names; None where this node never had it."""

    def known(self) -> Sequence[KnownDocument]:
        """Return all documents, by kind, subject and serial, without their bytes."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one step gathered; kept whole or not at all."""

    cursors: Mapping[Origin, int]
    """The first entry of each log that was not looked at."""
    waiting: Mapping[tuple[Origin, int], bool]
    """Entries that are looked at again, and whether they were refused: else their bytes have not come."""
    arrived: Collection[tuple[Origin, int]]
    """Entries that were waiting and wait no longer."""
    documents: Sequence[PublishedDocument]
    """What was published."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to keep."""
        return not (self.cursors or self.waiting or self.arrived or self.documents)


class PublicationStore(PublishedDocuments, Protocol):
    """Keeps documents; writes join the caller's transaction."""

    def cursors(self) -> Mapping[Origin, int]:
        """Return how far each log was looked at."""

    def waiting(self, *, refused: bool, limit: int) -> Sequence[tuple[Origin, int]]:
        """Return entries that are looked at again, lowest first: those that were refused, or whose bytes have not come."""

    def places(self) -> Sequence[KnownDocument]:
        """Return every publication, a document that was published twice twice; in no order."""

    def keep(self, transaction: RecordsTransaction, gathered: Gathered) -> None:
        """Keep what a step gathered; what is kept already is passed over."""

    def in_force(self) -> frozenset[DocumentDigest]:
        """Return the published documents that held here last; none where files hold, or nothing was published."""

    def hold(self, transaction: RecordsTransaction, digests: Collection[DocumentDigest]) -> None:
        """Note which published documents hold from now on."""

    def staged(self, transaction: RecordsTransaction, origin: Origin, digest: DocumentDigest) -> int | None:
        """Return the entry of an own log in which a document was published, or is about to be."""

    def staged_serial(self, transaction: RecordsTransaction, origin: Origin, kind: str, subject: str) -> int:
        """Return the greatest serial of a kind and subject that was published in an own log, or is about to be; 0 for none."""

    def stage(self, transaction: RecordsTransaction, origin: Origin, leaf_index: int, digest: DocumentDigest) -> None:
        """Note that an entry that is staged in this transaction publishes a document."""
