"""What hospital A's laboratory reports: FHIR bundles with its own codes and LOINC's, units of UCUM, and times before now.

LOINC codes, names and units of an item are those of the catalogue. One report is not final, one has a unit that is none of
a concentration: as laboratories' systems send them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from devnet.demo.documents import ITEM_PREFIX, LIS
from node.wire.catalogue.documents import PACKAGED_CATALOGUE

_LOINC: Final = "http://loinc.org"
_UCUM: Final = "http://unitsofmeasure.org"
_MARK: Final = "urn:concord:hr-mark"
_PERFORMER: Final = "urn:uuid:6f1d3f0e-6a0b-4d4e-9a53-0d6c0d3b7f10"
_NAMESPACE: Final = uuid.UUID("7a0c1c55-6f0c-4f0e-8f5e-3d1f6d2b9a11")


@dataclass(frozen=True, slots=True)
class LabReport:
    """A report of the laboratory."""

    number: str
    """The laboratory's own, by which a correction is known as one."""
    loinc: str
    """What the panel is called."""
    title: str
    """The same for people."""
    values: Mapping[str, float]
    """What was measured, by item of the catalogue."""
    age: timedelta
    """How long ago it was performed."""
    status: str = "final"
    """FHIR's word for it."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units that differ from the catalogue's."""
    mark: str = ""
    """The mark of mutual recognition that it claims, or empty."""


LIVER: Final = LabReport(
    "liver-1",
    "24325-3",
    "Hepatic function panel",
    {
        "LAB-ALT": 32.0,
        "LAB-AST": 28.0,
        "LAB-ALP": 76.0,
        "LAB-GGT": 24.0,
        "LAB-TBIL": 12.4,
        "LAB-DBIL": 3.1,
        "LAB-TP": 72.0,
        "LAB-ALB": 45.0,
        "LAB-GLO": 27.0,
        "LAB-AGR": 1.7,
    },
    timedelta(days=2),
)
RENAL: Final = LabReport(
    "renal-1", "24362-6", "Renal function panel", {"LAB-UREA": 5.1, "LAB-CREA": 71.0, "LAB-UA": 318.0}, timedelta(days=3)
)
"""Without cystatin C: it answers a renal panel in part."""
LIPIDS: Final = LabReport(
    "lipids-1",
    "57698-3",
    "Lipid panel",
    {"LAB-TC": 4.6, "LAB-TG": 1.2, "LAB-HDLC": 1.3, "LAB-LDLC": 2.7},
    timedelta(days=3),
)
ELECTROLYTES: Final = LabReport(
    "electrolytes-1",
    "24326-1",
    "Electrolytes",
    {"LAB-K": 4.1, "LAB-NA": 140.0, "LAB-CL": 103.0, "LAB-CA": 2.35},
    timedelta(hours=6),
    status="preliminary",
)
GLUCOSE: Final = LabReport("glucose-1", "2345-7", "Glucose", {"LAB-GLU": 5.2}, timedelta(days=4), units={"LAB-GLU": "mmol"})
"""An amount where a concentration is due."""
GLYCATED: Final = LabReport("hba1c-1", "4548-4", "Hemoglobin A1c", {"LAB-HBA1C": 5.6}, timedelta(days=5), mark="全国HR")
"""Performed after hospital A's certificate for it had ended, and claims the mark all the same."""
ALL: Final = (LIVER, RENAL, LIPIDS, ELECTROLYTES, GLUCOSE, GLYCATED)


def fhir_bundle(reports: Sequence[LabReport], patient: str, now: datetime) -> bytes:
    """Write reports about a patient as one FHIR document.

    Args:
        reports: What was measured.
        patient: Hospital A's number of the patient.
        now: When it is sent.
    """
    catalogue = {each["code"]: each for each in json.loads((PACKAGED_CATALOGUE / "catalogue.json").read_bytes())["items"]}
    person = {"resourceType": "Patient", "id": patient}
    laboratory = {"resourceType": "Organization", "id": "lab", "name": "检验科 Laboratory"}
    entries = [_entry(_url("patient", patient), person), _entry(_PERFORMER, laboratory)]
    for report in reports:
        performed = now - report.age
        observations = [_observation(report, item, patient, performed, catalogue[item]) for item in report.values]
        entries += [_entry(_url(report.number, each["id"]), each) for each in observations]
        results = [{"reference": _url(report.number, each["id"])} for each in observations]
        entries.append(_entry(_url("report", report.number), _report(report, results, patient, performed)))
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, ensure_ascii=False).encode()


def _report(report: LabReport, results: list[dict[str, str]], patient: str, performed: datetime) -> dict[str, Any]:
    claimed = {"meta": {"tag": [{"system": _MARK, "code": report.mark}]}} if report.mark else {}
    return {
        "resourceType": "DiagnosticReport",
        "id": report.number,
        **claimed,
        "status": report.status,
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "LAB"}]}],
        "code": {"coding": [{"system": _LOINC, "code": report.loinc}], "text": report.title},
        **_circumstances(patient, performed),
        "issued": (performed + timedelta(hours=1)).isoformat(),
        "result": results,
    }


def _observation(report: LabReport, item: str, patient: str, performed: datetime, known: Mapping[str, Any]) -> dict[str, Any]:
    unit = report.units.get(item, known["unit"])
    local = item.removeprefix(ITEM_PREFIX)
    return {
        "resourceType": "Observation",
        "id": f"{report.number}-{local.lower()}",
        "status": report.status,
        "code": {
            "coding": [{"system": LIS, "code": local, "display": known["zh"]}, {"system": _LOINC, "code": known["loinc"][0]}],
            "text": known["en"],
        },
        **_circumstances(patient, performed),
        "valueQuantity": {"value": report.values[item], "unit": unit, "system": _UCUM, "code": unit},
    }


def _circumstances(patient: str, performed: datetime) -> dict[str, Any]:
    return {
        "subject": {"reference": _url("patient", patient)},
        "effectiveDateTime": performed.isoformat(),
        "performer": [{"reference": _PERFORMER}],
    }


def _entry(full_url: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {"fullUrl": full_url, "resource": resource}


def _url(*names: str) -> str:
    return uuid.uuid5(_NAMESPACE, "/".join(names)).urn
