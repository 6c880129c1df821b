"""Small records to test with."""

from __future__ import annotations

from datetime import UTC, datetime

from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.record import (
    FHIR_JSON,
    Item,
    Kind,
    Part,
    PatientNumber,
    RecordDraft,
    RecordIdentity,
    RecordStatus,
)
from node.wire.prepare import Assignment, PreparedRecord, RecordContext, prepare_record

ORIGIN = Origin("hospital-a.example/log")
OTHER_ORIGIN = Origin("hospital-b.example/log")
SECRET = bytes(range(32))
NOW_MS = 1_760_000_012_345
FIRST = Assignment(Version(1), EntryType.RECORD, None)
AMENDMENT = Assignment(Version(2), EntryType.AMENDMENT, LeafReference(ORIGIN, bytes(32)))

PATIENT = Part(FHIR_JSON, "patient", "urn:uuid:p", b'{"resourceType":"Patient","id":"p"}', "Patient")
REPORT = Part(FHIR_JSON, "report", "urn:uuid:r", b'{"resourceType":"DiagnosticReport","id":"r"}', "DiagnosticReport")
OBSERVATION = Part(FHIR_JSON, "observation", "urn:uuid:o", b'{"resourceType":"Observation","v":13.50}', "Observation")
PERFORMER = Part(FHIR_JSON, "performer", "urn:uuid:g", b'{"resourceType":"Organization","id":"g"}', "Organization")
PARTS = (PATIENT, REPORT, OBSERVATION, PERFORMER)


def draft(parts: tuple[Part, ...] = PARTS, items: int = 1) -> RecordDraft:
    institution, kind = InstitutionId("hospital-a.example"), Kind("exam-result")
    return RecordDraft(
        identity=RecordIdentity(institution, kind, "DiagnosticReport", "urn:oid:1.2", "ACC-1"),
        status=RecordStatus("final"),
        withdraws=False,
        explicit_version=None,
        performed_at=datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
        issued_at=None,
        parts=parts,
        patient_part=1,
        patient_number=PatientNumber("urn:oid:1.3", "MRN-77"),
        items=tuple(Item("http://loinc.org", f"718-{at}", "", "g/dL") for at in range(items)),
        study="ACC-1",
        path="Bundle.entry[1]",
    )


def prepared(one: RecordDraft | None = None, assignment: Assignment = FIRST, audit_keys: tuple[bytes, ...] = ()) -> PreparedRecord:
    return prepare_record(
        one or draft(),
        context=RecordContext(ORIGIN, audit_keys),
        record_id=RecordId("mzxw6ytboi"),
        secret=SECRET,
        claimed_time_ms=NOW_MS,
        assignment=assignment,
    )
