"""FHIR documents for tests: a panel of one patient, whole, to be bent."""

from __future__ import annotations

import copy
import json
from typing import Any

from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, IdentityRules
from node.wire.fhir.documents import SplitDocument, split_document
from node.wire.kinds import load_kinds

KINDS = load_kinds()
LIMITS = DocumentLimits()
RULES = IdentityRules(InstitutionId("hospital-a.example"))

Json = dict[str, Any]

PATIENT: Json = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": "urn:mrn", "value": "00042"}]}
PRACTITIONER: Json = {"resourceType": "Practitioner", "id": "d1"}
SPECIMEN: Json = {
    "resourceType": "Specimen",
    "id": "s1",
    "type": {"coding": [{"system": "http://snomed.info/sct", "code": "119297000"}]},
    "subject": {"reference": "Patient/p1"},
}
SODIUM: Json = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2951-2"}]},
    "subject": {"reference": "Patient/p1"},
    "specimen": {"reference": "Specimen/s1"},
    "valueQuantity": {"value": 140.10, "code": "mmol/L"},
}
POTASSIUM: Json = {
    "resourceType": "Observation",
    "id": "o2",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
    "subject": {"reference": "Patient/p1"},
    "valueQuantity": {"value": 4.2, "unit": "mmol/L"},
}
REPORT: Json = {
    "resourceType": "DiagnosticReport",
    "id": "r1",
    "identifier": [{"system": "urn:filler", "value": "F-7"}],
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "24326-1"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2026-03-01T08:30:00+08:00",
    "issued": "2026-03-01T09:00:00.250+08:00",
    "performer": [{"reference": "Practitioner/d1"}],
    "result": [{"reference": "Observation/o1"}, {"reference": "Observation/o2"}],
}


def panel() -> list[Json]:
    """Return report, results, specimen, practitioner and patient."""
    return copy.deepcopy([REPORT, SODIUM, POTASSIUM, SPECIMEN, PRACTITIONER, PATIENT])


def bundle(resources: list[Json], kind: str = "collection") -> Json:
    """Return a Bundle without fullUrls."""
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": each} for each in resources]}


def split(document: Json | bytes, *, rules: IdentityRules = RULES, limits: DocumentLimits = LIMITS) -> SplitDocument:
    """Split a document given as JSON or as bytes."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return split_document(data, KINDS, limits, rules)
