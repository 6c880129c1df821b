"""What followers hold of an entry, sealed, so that a clinician can find it (FORMATS "Header"): no values of results."""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.entry import LeafReference, RecordId, Version
from node.domain.record import Item, Kind, RecordStatus


@dataclass(frozen=True, slots=True)
class PartSummary:
    """One part of the record, without its content."""

    media_type: str
    """Media type of its bytes."""
    role: str
    """What it is in the record."""
    length_bytes: int
    """Number of its bytes."""


@dataclass(frozen=True, slots=True)
class HeaderContent:
    """The fields of a record's header (entry types 1 to 3), the pseudonym apart."""

    kind: Kind
    """Kind of the record."""
    record_id: RecordId
    """The id in the issuer's API."""
    version: Version
    """The record's version."""
    status: RecordStatus
    """The document's status, verbatim."""
    performed_at_ms: int
    """When it took place, unix ms."""
    items: tuple[Item, ...]
    """What was examined, requested or prescribed."""
    study: str
    """Accession number or StudyInstanceUID, or empty."""
    parts: tuple[PartSummary, ...]
    """Parts 1…n-1."""
    supersedes: LeafReference | None
    """The entry that this one amends or withdraws."""
    mark: str = ""
    """HR mark with its region, or empty."""
    certificate: str = ""
    """The certificate that the mark rests on, or empty."""
    device: str = ""
    """Device, or empty."""
    lot: str = ""
    """Reagent lot, or empty."""


@dataclass(frozen=True, slots=True)
class Header:
    """An opened header."""

    content: HeaderContent
    """What it describes."""
    pseudonym: bytes | None
    """The person's pseudonym for supervision, 32 bytes; None where the code service had given none."""
