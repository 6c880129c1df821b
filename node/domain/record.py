"""Records as they come in: identity, status, parts (FORMATS "Record, manifest, parts, commitment")."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, NewType

from node.domain.entry import InstitutionId, Version
from node.domain.labels import SensitivityLabel

Kind = NewType("Kind", str)
"""The name of a kind, such as `exam-result`; kinds are data in `node/data/kinds`."""

RecordStatus = NewType("RecordStatus", str)
"""The document's own status, verbatim, such as `final`."""

FHIR_JSON = "application/fhir+json"
"""The media type of a part that is one FHIR R4 resource."""


class RecordIdentity(NamedTuple):
    """What makes two documents versions of one record."""

    institution: InstitutionId
    """Whose record it is."""
    kind: Kind
    """Its kind."""
    resource_type: str
    """FHIR resource type of its focal resource."""
    system: str
    """Identifier system; empty where the resource id stands in for a business identifier."""
    value: str
    """Identifier value: accession or filler number, or the resource id. Sensitive: never logged, never in an error."""


class PatientNumber(NamedTuple):
    """A hospital's own number for a patient. Sensitive."""

    system: str
    """Identifier system; empty for a resource id."""
    value: str
    """The number."""


class Part(NamedTuple):
    """The exact bytes of one piece of a record; never re-serialised."""

    media_type: str
    """Such as `application/fhir+json`; at most 65,535 bytes of UTF-8."""
    role: str
    """What it is in the record: `report`, `observation`, `patient`, `performer`, `specimen`, …"""
    full_url: str
    """The Bundle entry's fullUrl, or empty: outside the resource's own bytes, therefore bound by the commitment."""
    content: bytes
    """A slice of the input."""
    resource_type: str
    """FHIR resource type; tells what sameness ignores (Patient, Practitioner, Organization)."""


class Item(NamedTuple):
    """What was examined, requested or prescribed: goes into the sealed header so that a clinician can find it."""

    system: str
    """Code system URI."""
    code: str
    """Code."""
    specimen: str
    """Specimen code, or empty."""
    unit: str
    """UCUM unit, or empty."""


class RecordDraft(NamedTuple):
    """One record of a document, before it has secret, version and commitment."""

    identity: RecordIdentity
    """What makes it the same record when it comes again."""
    status: RecordStatus
    """Verbatim."""
    withdraws: bool
    """Whether the status takes the record back (cancelled, entered-in-error)."""
    explicit_version: Version | None
    """From `meta.versionId`, where configured."""
    performed_at: datetime
    """When the examination, request or prescription took place; aware, UTC."""
    issued_at: datetime | None
    """When this version was issued; aware, UTC; None where the document does not say."""
    parts: tuple[Part, ...]
    """Parts 1…n-1; the manifest becomes part 0."""
    patient_part: int | None
    """Number (from 1) of the part that identifies the patient; None where the document holds no Patient resource."""
    patient_number: PatientNumber
    """The hospital's number for the patient."""
    items: tuple[Item, ...]
    """What it is about."""
    study: str
    """Accession number or StudyInstanceUID, or empty."""
    path: str
    """FHIR path of its focal resource in the document, for messages."""
    labels: tuple[SensitivityLabel, ...] = ()
    """What makes it sensitive, sorted; none for most records."""
    devices: tuple[str, ...] = ()
    """What it was made with, each once."""
    lots: tuple[str, ...] = ()
    """Reagent lots, each once."""
    mark: str = ""
    """The mark of mutual recognition that it claims, or empty."""
    certificate: str = ""
    """The certificate that it names for that, or empty."""
