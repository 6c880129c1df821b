"""What followers hold of an entry, sealed, so that a clinician can find it (FORMATS "Header"): no values of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from node.domain.access import AccessContent, CodeContent, ConsentContent, ConsentId
from node.domain.entry import LeafReference, RecordId, Version
from node.domain.recognition_acts import RecognitionContent
from node.domain.record import Item, Kind, RecordStatus
from node.errors import NotARecordError


class PartSummary(NamedTuple):
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
    """Devices, each on a line of its own; empty where none is told."""
    lot: str = ""
    """Reagent lots, each on a line of its own; empty where none is told."""


@dataclass(frozen=True, slots=True)
class RelocationContent:
    """The header of a relocation (type 10): an entry that is found here now, and where it lies."""

    target: LeafReference
    """The entry that was relocated; this reference appears nowhere public."""
    target_type: int
    """Its entry type."""
    reason: str
    """`new-code`, `merged` or `label`."""
    consent_id: ConsentId | None
    """The consent that names the label: the entry is hidden once it is revoked. None for other reasons."""
    record: HeaderContent
    """What the target's own header says."""


AnyContent = HeaderContent | AccessContent | ConsentContent | CodeContent | RelocationContent | RecognitionContent
"""What a header can hold."""


@dataclass(frozen=True, slots=True)
class Header:
    """An opened header."""

    content: AnyContent
    """What it describes."""
    pseudonym: bytes | None
    """The person's pseudonym for supervision, 32 bytes; None where the code service had given none."""

    @property
    def record(self) -> HeaderContent:
        """Return what it says of a record.

        Raises:
            NotARecordError: It describes an act.
        """
        if not isinstance(self.content, HeaderContent):
            raise NotARecordError
        return self.content
