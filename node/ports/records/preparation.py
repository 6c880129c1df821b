"""Preparation, as ingest sees it: documents in, records ready to be staged out, somewhere off the event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from node.domain.entry import InstitutionId, RecordId, Version
from node.domain.labels import SensitivityLabel
from node.domain.record import Item, PatientNumber
from node.errors import ConcordError
from node.ports.records.secrets import RecordSecret, SecretId
from node.wire.prepare import Assignment, PreparedRecord


class DraftedRecord(NamedTuple):
    """A prepared record and what staging needs beside it."""

    prepared: PreparedRecord
    """Made without knowledge of the database."""
    record_id: RecordId
    """The id that its header names."""
    secret_id: SecretId
    """Names its secret."""
    secret: RecordSecret
    """32 random bytes."""
    patient_number: PatientNumber
    """The hospital's number for the patient."""
    withdraws: bool
    """Whether its status takes the record back."""
    explicit_version: Version | None
    """The version that the document states."""
    issued_at_ms: int | None
    """When the document says that it was issued, unix ms."""
    path: str
    """FHIR path of its focal resource, for messages."""
    labels: tuple[SensitivityLabel, ...] = ()
    """What makes it sensitive."""
    results: tuple[Item, ...] = ()
    """Codes of its results, for whoever looks what has no row in a map; none of what is no result."""


@dataclass(frozen=True, slots=True)
class PreparedAs:
    """The id and assignment under which a record has to be prepared."""

    record_id: RecordId
    """The known record's id."""
    assignment: Assignment
    """Version, type and what it supersedes."""


@dataclass(frozen=True, slots=True)
class PreparationRequest:
    """A document to prepare."""

    institution: InstitutionId
    """Whose."""
    document: bytes
    """FHIR JSON."""
    assignments: Mapping[int, PreparedAs] = field(default_factory=dict)
    """By position in the document; a record that is not named is taken for a new one."""


class PreparedDocument(NamedTuple):
    """A document's records."""

    records: tuple[DraftedRecord, ...]
    """In document order."""
    ignored: Mapping[str, int]
    """Resources that belong to no record, by type."""


class Preparation(Protocol):
    """Prepares documents, in worker processes where the settings say so."""

    def submit(self, requests: Sequence[PreparationRequest]) -> Future[list[PreparedDocument | ConcordError]]:
        """Prepare documents; a refused one gives its error in its place."""
