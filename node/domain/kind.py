"""Kinds of records as data: what a FHIR document must hold to be one, which references are followed, in which roles.

Kinds are read from `node/data/kinds` by `node.wire.kinds`. Paths are a small language of their own: names joined by
dots, arrays entered element by element, `->` followed through a reference, as in `encounter->serviceProvider`.
Left out: FHIRPath.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from node.domain.entry import InstitutionId
from node.domain.labels import NO_LABELS, LabelTable
from node.domain.record import Kind


@dataclass(frozen=True, slots=True)
class FhirPath:
    """Where a value is found, from a resource on."""

    text: str
    """As written in the kind's file."""
    hops: tuple[tuple[str, ...], ...]
    """Names from a resource to a value; between two hops a reference is followed."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that a record cannot do without."""

    name: str
    """What it is: `code`, `performer`, …"""
    paths: tuple[FhirPath, ...]
    """Where it may be found; the first that has a value counts."""


@dataclass(frozen=True, slots=True)
class FollowRule:
    """A reference that makes the resource it points to a part of the record."""

    resource_type: str
    """The resource that holds the reference."""
    path: FhirPath
    """Where the reference is; one hop."""
    role: str
    """The role of the part that it adds."""


@dataclass(frozen=True, slots=True)
class ItemRule:
    """Where a resource says what was examined, requested or prescribed."""

    resource_type: str
    """The resource, in the record, that says it."""
    base: FhirPath
    """What is repeated, such as `component`; no names at all for the resource itself."""
    coding: FhirPath
    """From there to the codings."""
    specimen: tuple[FhirPath, ...]
    """From the resource to specimen codes; the first that has a value counts."""
    unit: tuple[FhirPath, ...]
    """From the base to the UCUM unit; the first that has a value counts."""


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """How a resource names a device, and the lot that was used."""

    device: tuple[FhirPath, ...]
    """From the resource to names of the device; the first that has a value counts."""
    lot: tuple[FhirPath, ...]
    """From the resource to the lot; the first that has a value counts."""


@dataclass(frozen=True, slots=True)
class MarkRule:
    """How a focal resource claims a mark of mutual recognition."""

    tags: FhirPath
    """From the resource to FHIR Codings."""
    mark_system: str
    """System of the Coding whose code is the mark, such as `全国HR`."""
    certificate_system: str
    """System of the Coding whose code is the certificate's number."""


@dataclass(frozen=True, slots=True)
class StudyRule:
    """Which identifiers name an imaging study or an accession; the first that matches counts."""

    paths: tuple[FhirPath, ...]
    """Where FHIR Identifiers are found."""
    type_codes: frozenset[str]
    """Codes of `Identifier.type` that count, such as `ACSN`."""
    systems: frozenset[str]
    """Identifier systems that count, such as `urn:dicom:uid`."""


@dataclass(frozen=True, slots=True)
class FocalType:
    """A resource type that starts a record of a kind."""

    kind: Kind
    """The kind."""
    resource_type: str
    """The FHIR resource type."""
    role: str
    """Role of the focal part."""
    logged: frozenset[str]
    """Statuses under which it is logged."""
    withdraws: frozenset[str]
    """Statuses that take the record back."""
    required: tuple[Requirement, ...]
    """What must be there besides status, subject and time."""
    performed: tuple[FhirPath, ...]
    """Where the time is found; the earliest value of the first path that has one counts."""
    issued: tuple[FhirPath, ...]
    """Where the time of issue is found; optional."""
    study: StudyRule
    """Where accession number or StudyInstanceUID is found; optional."""
    follow: Mapping[str, tuple[FollowRule, ...]]
    """References that are followed, by the type of the resource that holds them."""
    items: Mapping[str, tuple[ItemRule, ...]]
    """Where items are found, by the type of the resource that holds them."""
    same_subject: frozenset[str]
    """Types of parts whose subject must be the record's patient."""
    devices: Mapping[str, DeviceRule] = field(default_factory=dict)
    """How parts name devices and lots, by their type."""
    marks: MarkRule | None = None
    """How a mark is claimed; None where records of the kind bear none."""


@dataclass(frozen=True, slots=True)
class KindTable:
    """All kinds that a node accepts."""

    focal_types: Mapping[str, FocalType]
    """By FHIR resource type."""
    labels: LabelTable = NO_LABELS
    """What makes a record sensitive."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The names of the kinds."""
        return frozenset(focal.kind for focal in self.focal_types.values())


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """How one institution's documents name records and patients: its configuration."""

    institution: InstitutionId
    """Whose documents."""
    business_systems: tuple[str, ...] = ()
    """Identifier systems of accession and filler numbers, the preferred first; else the resource id counts."""
    patient_systems: tuple[str, ...] = ()
    """Identifier systems of the hospital's patient numbers, the preferred first; else the Patient's id counts."""
    versioned_kinds: frozenset[Kind] = field(default_factory=frozenset)
    """Kinds whose `meta.versionId` is an explicit version."""


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What a document may ask of a node."""

    max_document_bytes: int = 32 * 1024 * 1024
    """Length of the document."""
    max_depth: int = 64
    """Nesting of arrays and objects; the setting `max_nesting`."""
    max_parts: int = 1000
    """Parts of one record."""
    max_records: int = 5000
    """Records in one document."""
    max_record_bytes: int = 32 * 1024 * 1024
    """Sum of the parts of one record."""
    max_expanded_bytes: int = 256 * 1024 * 1024
    """Sum of the parts of all records: resources that many records share count once for each."""
