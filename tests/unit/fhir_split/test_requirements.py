from __future__ import annotations

from typing import Any

import pytest

from node.errors import DocumentRefusedError
from tests.unit.fhir_split.documents import Json, bundle, panel, split

PRESCRIPTION: Json = {
    "resourceType": "MedicationRequest",
    "id": "m1",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "amoxicillin"},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-02-03",
    "requester": {"display": "Dr. Li"},
}
REFERRAL: Json = {
    "resourceType": "ServiceRequest",
    "id": "q1",
    "status": "active",
    "intent": "order",
    "code": {"text": "MRI"},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-02-03",
    "requester": {"display": "Dr. Li"},
}
STUDY: Json = {
    "resourceType": "ImagingStudy",
    "id": "i1",
    "status": "available",
    "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX"}],
    "subject": {"reference": "Patient/p1"},
    "started": "2026-02-03T10:00:00Z",
    "interpreter": [{"display": "Dr. Li"}],
}


def refused(document: Json) -> list[str]:
    with pytest.raises(DocumentRefusedError) as caught:
        split(document)
    return [refusal.path for refusal in caught.value.refusals]


@pytest.mark.parametrize("element", ["status", "code", "subject", "effectiveDateTime", "performer"])
def test_a_report_without_one_of_these_is_refused_with_its_path(element: str) -> None:
    resources = panel()
    del resources[0][element]
    path = "code.coding.code" if element == "code" else element
    assert refused(bundle(resources)) == [f"Bundle.entry[0].resource.{path}"]


@pytest.mark.parametrize(
    ("resource", "element", "path"),
    [
        (PRESCRIPTION, "status", "status"),
        (PRESCRIPTION, "medicationCodeableConcept", "medicationCodeableConcept.coding.code"),
        (PRESCRIPTION, "subject", "subject"),
        (PRESCRIPTION, "authoredOn", "authoredOn"),
        (PRESCRIPTION, "requester", "requester"),
        (REFERRAL, "status", "status"),
        (REFERRAL, "code", "code.coding.code"),
        (REFERRAL, "subject", "subject"),
        (REFERRAL, "authoredOn", "authoredOn"),
        (REFERRAL, "requester", "requester"),
        (STUDY, "status", "status"),
        (STUDY, "modality", "procedureCode.coding.code"),
        (STUDY, "subject", "subject"),
        (STUDY, "started", "started"),
        (STUDY, "interpreter", "series.performer.actor"),
    ],
)
def test_the_other_kinds_need_as_much(resource: Json, element: str, path: str) -> None:
    assert len(split(resource).drafts) == 1
    without = {name: value for name, value in resource.items() if name != element}
    assert refused(without) == [f"{resource['resourceType']}.{path}"]


def test_all_that_is_missing_anywhere_is_listed_in_document_order() -> None:
    resources = panel()
    del resources[0]["status"], resources[0]["performer"]
    broken = {name: value for name, value in PRESCRIPTION.items() if name != "authoredOn"}
    assert refused(bundle([*resources, broken])) == [
        "Bundle.entry[0].resource.status",
        "Bundle.entry[0].resource.performer",
        "Bundle.entry[6].resource.authoredOn",
    ]


@pytest.mark.parametrize("status", ["unknown", "finall", "", 3, None, ["final"]])
def test_a_status_that_the_kind_does_not_know_is_refused(status: Any) -> None:  # noqa: ANN401 - any JSON
    resources = panel()
    resources[0]["status"] = status
    assert refused(bundle(resources)) == ["Bundle.entry[0].resource.status"]


@pytest.mark.parametrize("time", ["2026-3-1", "01/03/2026", "2026-03-01T08:30:00", 20260301, {}])
def test_a_time_that_is_none_is_refused_not_replaced_by_another(time: Any) -> None:  # noqa: ANN401 - any JSON
    resources = panel()
    resources[0]["effectiveDateTime"] = time
    resources[0]["effectivePeriod"] = {"start": "2026-03-01"}
    assert refused(bundle(resources)) == ["Bundle.entry[0].resource.effectiveDateTime"]


def test_the_performer_may_be_found_by_way_of_the_encounter() -> None:
    resources = panel()
    del resources[0]["performer"]
    resources[0]["encounter"] = {"reference": "Encounter/e1"}
    encounter = {
        "resourceType": "Encounter",
        "id": "e1",
        "subject": {"reference": "Patient/p1"},
        "serviceProvider": {"display": "Ward 3"},
    }
    (draft,) = split(bundle([*resources, encounter])).drafts
    assert ("encounter", "Encounter") in [(part.role, part.resource_type) for part in draft.parts]
    assert refused(bundle(resources)) == ["Bundle.entry[0].resource.performer"]


def test_the_performer_may_be_that_of_the_results() -> None:
    resources = panel()
    del resources[0]["performer"]
    resources[2]["performer"] = [{"reference": "Practitioner/d1"}]
    (draft,) = split(bundle(resources)).drafts
    assert ("performer", "Practitioner") in [(part.role, part.resource_type) for part in draft.parts]


@pytest.mark.parametrize("performer", [[], [{}], [None], {"extension": [{"url": "u"}]}, "", [{"id": "x"}]])
def test_an_empty_performer_is_none(performer: Any) -> None:  # noqa: ANN401 - any JSON
    resources = panel()
    resources[0]["performer"] = performer
    assert refused(bundle(resources)) == ["Bundle.entry[0].resource.performer"]


def test_of_several_times_the_earliest_counts() -> None:
    resources = panel()
    del resources[0]["effectiveDateTime"]
    resources[1]["effectiveDateTime"] = "2026-02-28T10:00:00Z"
    resources[2]["effectiveDateTime"] = "2026-02-27T10:00:00Z"
    (draft,) = split(bundle(resources)).drafts
    assert draft.performed_at.day == 27


def test_no_message_holds_a_value_of_the_document() -> None:
    resources = panel()
    resources[0] |= {"status": "secret-1", "effectiveDateTime": "secret-2", "performer": []}
    resources[0]["subject"] = {"reference": "Patient/secret-3"}
    with pytest.raises(DocumentRefusedError) as caught:
        split(bundle(resources))
    assert len(caught.value.refusals) == 4
    assert "secret" not in str(caught.value)
