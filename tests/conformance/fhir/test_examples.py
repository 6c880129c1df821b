"""Real documents: the specification's own examples, Synthea's histories, lines of a bulk export."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from node.domain.record import PatientNumber
from node.errors import DocumentRefusedError
from tests.unit.fhir_split.documents import split

VECTORS = Path(__file__).parents[1] / "vectors"
R4 = VECTORS / "fhir-r4-examples"
SYNTHEA = Path(__file__).parents[3] / "examples" / "synthea"


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("DiagnosticReport-pap", "exam-result", "final"),
        ("DiagnosticReport-ultrasound", "exam-result", "final"),
        ("DiagnosticReport-example-pgx", "exam-result", "final"),
        ("ImagingStudy-example-xr", "exam-result", "available"),
        ("ServiceRequest-colon-biopsy", "referral", "completed"),
        ("ServiceRequest-colonoscopy", "referral", "completed"),
        ("ServiceRequest-example-implant", "referral", "completed"),
        ("ServiceRequest-myringotomy", "referral", "active"),
        ("ServiceRequest-physical-therapy", "referral", "completed"),
        ("ServiceRequest-physiotherapy", "referral", "completed"),
        ("MedicationRequest-medrx0301", "prescription", "completed"),
        ("MedicationRequest-medrx0304", "prescription", "completed"),
        ("MedicationRequest-medrx0308", "prescription", "completed"),
        ("MedicationRequest-medrx0311", "prescription", "active"),
        ("MedicationRequest-medrx0320", "prescription", "completed"),
        ("MedicationRequest-medrx0321", "prescription", "active"),
    ],
)
def test_examples_of_the_specification_are_records(name: str, kind: str, status: str) -> None:
    document = (R4 / f"{name}.json").read_bytes()
    (draft,) = split(document).drafts
    (part,) = draft.parts
    assert (draft.identity.kind, draft.status) == (kind, status)
    assert part.content == document.strip()
    assert draft.items


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("ServiceRequest-example", ["ServiceRequest.requester", "ServiceRequest.authoredOn"]),
        (
            "ServiceRequest-appendectomy-narrative",
            ["ServiceRequest.subject", "ServiceRequest.requester", "ServiceRequest.authoredOn"],
        ),
        ("ServiceRequest-education", ["ServiceRequest.subject"]),
        ("ServiceRequest-ob", ["ServiceRequest.subject"]),
        ("Bundle-bundle-example", ["Bundle.type"]),
        ("Bundle-bundle-response-medsallergies", ["Bundle.type"]),
    ],
)
def test_examples_that_lack_what_a_record_needs_are_refused_with_the_paths(name: str, paths: list[str]) -> None:
    with pytest.raises(DocumentRefusedError) as caught:
        split((R4 / f"{name}.json").read_bytes())
    assert [refusal.path for refusal in caught.value.refusals] == paths


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("Bundle-xds", {"Practitioner": 2, "DocumentReference": 1, "Patient": 1, "Binary": 1}),
        ("Observation-decimal", {"Observation": 1}),
        ("Patient-pat1", {"Patient": 1}),
    ],
)
def test_examples_without_a_record_are_counted(name: str, types: dict[str, int]) -> None:
    done = split((R4 / f"{name}.json").read_bytes())
    assert done.drafts == ()
    assert done.ignored == types


def test_the_studys_uid_is_read_without_its_prefix() -> None:
    (draft,) = split((R4 / "ImagingStudy-example-xr.json").read_bytes()).drafts
    assert draft.study == "2.16.124.113543.6003.1154777499.30246.19789.3503430046"
    (draft,) = (d for d in split((SYNTHEA / "Stewart672_Rau926.json").read_bytes()).drafts if d.study)
    assert draft.study == "1.2.840.99999999.44867842.1691603045559"


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("Stewart672_Rau926", {"DiagnosticReport": 1, "ImagingStudy": 1, "MedicationRequest": 8}),
        ("Tony_Beer", {"DiagnosticReport": 6, "MedicationRequest": 2}),
        ("Brendon_Rath", {"DiagnosticReport": 2, "ImagingStudy": 1, "MedicationRequest": 6}),
    ],
)
def test_a_history_is_split_into_its_records(name: str, records: dict[str, int]) -> None:
    done = split((SYNTHEA / f"{name}.json").read_bytes())
    assert Counter(draft.identity.resource_type for draft in done.drafts) == records
    assert len({draft.identity for draft in done.drafts}) == len(done.drafts)
    assert len({draft.patient_number for draft in done.drafts}) == 1
    assert all(draft.parts[(draft.patient_part or 0) - 1].resource_type == "Patient" for draft in done.drafts)
    assert done.ignored["Claim"] > 0


def test_a_synthea_panel_has_its_results_and_by_way_of_the_encounter_its_performer() -> None:
    done = split((SYNTHEA / "Tony_Beer.json").read_bytes())
    panels = [draft for draft in done.drafts if len(draft.parts) > 12]
    assert panels
    for draft in panels:
        roles = Counter(part.role for part in draft.parts)
        assert roles["report"] == roles["patient"] == roles["encounter"] == roles["organization"] == 1
        assert roles["observation"] >= 8
        assert len(draft.items) == 1 + roles["observation"]


def test_lines_of_a_bulk_export_are_documents() -> None:
    lines = (VECTORS / "fhir-bulk-ndjson" / "MedicationRequest.ndjson").read_bytes().splitlines(keepends=True)
    drafts = [draft for line in lines for draft in split(line).drafts]
    assert len(drafts) == len(lines) == 5
    assert [draft.parts[0].content for draft in drafts] == [line.strip() for line in lines]
    assert drafts[0].patient_number == PatientNumber("", "79a66c97-6131-3213-f3c9-4606946ab056")
