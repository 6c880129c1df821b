from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.kind import IdentityRules
from node.domain.record import PatientNumber
from node.errors import DocumentRefusedError
from tests.unit.fhir_split.documents import RULES, Json, bundle, panel, split

WITH_MRN = replace(RULES, patient_systems=("urn:other", "urn:mrn"))


def number(subject: Json, rules: IdentityRules = RULES) -> PatientNumber:
    return split(panel()[0] | {"subject": subject}, rules=rules).drafts[0].patient_number


def test_the_patients_id_is_the_number_where_no_system_is_configured() -> None:
    assert split(bundle(panel())).drafts[0].patient_number == PatientNumber("", "p1")


def test_the_identifier_of_a_configured_system_is_preferred() -> None:
    assert split(bundle(panel()), rules=WITH_MRN).drafts[0].patient_number == PatientNumber("urn:mrn", "00042")


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"reference": "Patient/9"}, PatientNumber("", "9")),
        ({"reference": "Patient/9/_history/2"}, PatientNumber("", "9")),
        ({"reference": "https://h.example/fhir/Patient/9"}, PatientNumber("https://h.example/fhir/", "9")),
        ({"identifier": {"system": "urn:x", "value": "8"}}, PatientNumber("urn:x", "8")),
        ({"reference": "Patient?identifier=urn:x|8"}, PatientNumber("urn:x", "8")),
        ({"reference": "Patient?identifier=urn%3Ax%7C8"}, PatientNumber("urn:x", "8")),
    ],
)
def test_without_a_patient_resource_the_reference_says_who(subject: Json, expected: PatientNumber) -> None:
    assert number(subject) == expected


def test_a_configured_identifier_in_the_reference_is_preferred() -> None:
    subject = {"reference": "Patient/9", "identifier": {"system": "urn:mrn", "value": "00042"}}
    assert number(subject, WITH_MRN) == PatientNumber("urn:mrn", "00042")


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "urn:uuid:5f0e"},
        {"reference": "Group/9"},
        {"reference": "#p"},
        {"reference": ""},
        {"reference": 9},
        {"display": "Li Lei"},
        {"identifier": {"value": "8"}},
        {"identifier": {"system": "urn:x", "value": ""}},
        {},
        "Patient/9",
    ],
)
def test_a_subject_that_says_not_who_is_refused(subject: Json) -> None:
    with pytest.raises(DocumentRefusedError) as caught:
        number(subject)
    assert [refusal.path for refusal in caught.value.refusals] == ["DiagnosticReport.subject"]


def test_an_identifier_of_another_system_than_configured_is_not_taken_for_the_number() -> None:
    with pytest.raises(DocumentRefusedError):
        number({"identifier": {"system": "urn:x", "value": "8"}}, WITH_MRN)


def test_a_subject_must_be_among_the_patients_of_the_document() -> None:
    resources = panel()
    resources[0]["subject"] = {"reference": "Patient/9"}
    with pytest.raises(DocumentRefusedError, match="none of the Patients") as caught:
        split(bundle(resources))
    assert caught.value.refusals[0].path == "Bundle.entry[0].resource.subject"


def test_a_subject_that_is_not_a_patient_is_refused() -> None:
    resources = panel()
    resources[0]["subject"] = {"reference": "Practitioner/d1"}
    with pytest.raises(DocumentRefusedError, match="not a Patient"):
        split(bundle(resources))


def test_a_contained_patient_counts_only_by_a_configured_identifier() -> None:
    contained = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "urn:mrn", "value": "00042"}],
    }
    report = panel()[0] | {"contained": [contained], "subject": {"reference": "#p"}}
    (draft,) = split(report, rules=WITH_MRN).drafts
    assert (draft.patient_number, draft.patient_part) == (PatientNumber("urn:mrn", "00042"), None)
    with pytest.raises(DocumentRefusedError):
        split(report)


@pytest.mark.parametrize("reference", ["Patient/p2", "Patient/elsewhere", "#p", "urn:uuid:gone"])
def test_a_result_of_another_patient_refuses_the_report(reference: str) -> None:
    resources = panel()
    resources[2]["subject"] = {"reference": reference}
    resources[2]["contained"] = [{"resourceType": "Patient", "id": "p"}]
    with pytest.raises(DocumentRefusedError) as caught:
        split(bundle([*resources, {"resourceType": "Patient", "id": "p2"}]))
    assert [refusal.path for refusal in caught.value.refusals] == ["Bundle.entry[2].resource.subject"]


def test_the_same_local_words_in_two_resources_mean_two_patients() -> None:
    contained = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:mrn", "value": "1"}]}
    resources = panel()[:2]
    for resource in resources:
        resource |= {"contained": [contained], "subject": {"reference": "#p"}}
    with pytest.raises(DocumentRefusedError) as caught:
        split(bundle(resources), rules=WITH_MRN)
    assert [refusal.path for refusal in caught.value.refusals] == ["Bundle.entry[1].resource.subject"]


@pytest.mark.parametrize("subject", [{"reference": "Device/7"}, {"reference": "Location/1"}, {"display": "room"}, None])
def test_a_result_about_something_else_than_a_patient_is_taken(subject: Json | None) -> None:
    resources = panel()
    resources[2]["subject"] = subject
    assert len(split(bundle(resources)).drafts[0].parts) == 6


def test_results_of_one_unresolved_patient_are_of_one_patient() -> None:
    resources = panel()[:3]
    resources[1]["subject"] = {"reference": "Patient/p1/_history/1"}
    assert len(split(bundle(resources)).drafts[0].parts) == 3
    resources[1]["subject"] = {"reference": "Patient/p2"}
    with pytest.raises(DocumentRefusedError):
        split(bundle(resources))


def test_two_servers_may_use_one_id() -> None:
    first = number({"reference": "https://a.example/fhir/Patient/1"})
    second = number({"reference": "https://b.example/fhir/Patient/1"})
    assert first != second


@pytest.mark.parametrize("system", [["urn:x"], {}, 7])
def test_a_system_that_is_no_text_names_nobody(system: object) -> None:
    with pytest.raises(DocumentRefusedError):
        number({"identifier": {"system": system, "value": "8"}})


def test_a_result_that_names_the_patient_in_other_words_is_of_that_patient() -> None:
    resources = panel()
    resources[1]["subject"] = {"reference": "Patient/p1/_history/3"}
    resources[2]["subject"] = {"reference": "Practitioner/d1"}
    assert len(split(bundle(resources)).drafts[0].parts) == 6
