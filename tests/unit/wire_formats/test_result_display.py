"""Results as people are shown them: FHIR's many forms of a value, with their digits; what cannot be read is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.domain.verdict import ProvedPart
from node.wire.recognition.result_display import display_record

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
EXAMPLES = Path(__file__).parents[2] / "conformance" / "vectors" / "fhir-r4-examples"


def part(role: str, content: object) -> ProvedPart:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return ProvedPart(1, role, "application/fhir+json", "", data)


@pytest.mark.parametrize(
    ("measured", "value", "unit"),
    [
        (b'{"valueQuantity":{"value":140.10,"unit":"mmol/L"}}', "140.10", "mmol/L"),
        (b'{"valueQuantity":{"value":1e-3,"comparator":"<","code":"mg/L"}}', "<1e-3", "mg/L"),
        (b'{"valueString":"<b>positive</b>"}', "<b>positive</b>", ""),
        (b'{"valueCodeableConcept":{"coding":[{"code":"POS","display":"Positive"}]}}', "Positive", ""),
        (b'{"valueInteger":3}', "3", ""),
        (b'{"valueBoolean":false}', "false", ""),
        (b'{"valueRange":{"low":{"value":1},"high":{"value":2.0}}}', "1 - 2.0", ""),
        (b'{"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}}', "1 : 128", ""),
        (b'{"valueDateTime":"2026-03-01"}', "2026-03-01", ""),
        (b'{"dataAbsentReason":{"text":"haemolysed"}}', "— (haemolysed)", ""),
        (b"{}", "", ""),
    ],
    ids=["quantity", "below", "text", "coded", "integer", "boolean", "range", "ratio", "time", "absent", "nothing"],
)
def test_a_value_is_shown_as_it_was_written(measured: bytes, value: str, unit: str) -> None:
    (shown,) = display_record([part("observation", measured)]).values
    assert (shown.value, shown.unit) == (value, unit)


def test_an_observation_is_shown_with_its_range_flag_and_time() -> None:
    observation = {
        "code": {"text": "Potassium", "coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "effectiveDateTime": "2026-03-01T08:30:00+08:00",
        "valueQuantity": {"value": 4.2, "unit": "mmol/L"},
        "interpretation": [{"coding": [{"system": INTERPRETATION, "code": "H", "display": "High"}, {"code": "HH"}]}],
        "referenceRange": [
            {"low": {"value": 3.5}, "high": {"value": 5.1}},
            {"low": {"value": 1}},
            {"high": {"value": 2}},
            {"text": "adults"},
        ],
    }
    (shown,) = display_record([part("observation", observation)]).values
    assert (shown.name, shown.flag, shown.measured_at) == ("Potassium", "High", "2026-03-01T08:30:00+08:00")
    assert shown.reference == "3.5 - 5.1; ≥ 1; ≤ 2; adults"
    assert shown.code == ("http://loinc.org", "2823-3")
    assert shown.flag_codes == ("H",)


def test_components_are_lines_of_their_own() -> None:
    pressure = {
        "code": {"text": "Blood pressure"},
        "component": [
            {"code": {"text": name}, "valueQuantity": {"value": value}} for name, value in (("Systolic", 120), ("Diastolic", 80))
        ],
    }
    shown = display_record([part("observation", pressure)]).values
    assert [(each.name, each.value) for each in shown] == [
        ("Blood pressure · Systolic", "120"),
        ("Blood pressure · Diastolic", "80"),
    ]


def test_a_study_is_shown_with_its_facts() -> None:
    study = (EXAMPLES / "ImagingStudy-example-xr.json").read_bytes()
    report = (EXAMPLES / "DiagnosticReport-ultrasound.json").read_bytes()
    shown = display_record([part("report", report), part("imaging-study", study), part("patient", b"not looked at")])
    (facts,) = shown.studies
    assert "DX" in facts.modality
    assert (facts.series, facts.instances) == ("1", "2")
    assert facts.started
    assert facts.identifiers
    assert (shown.title, shown.status) == ("Abdominal Ultrasound", "final")
    assert shown.conclusion
    assert shown.unread == 0


def test_what_cannot_be_read_is_counted() -> None:
    odd = [b"{", b'{"valueQuantity":"four"}', b"[]", b'{"code":{"coding":"none"}}', b"\xff\xfe", b'{"component":[1]}']
    shown = display_record([part("observation", each) for each in odd])
    assert (shown.values, shown.unread) == ((), len(odd))
