from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from node.domain.record import Item, Kind, PatientNumber
from node.errors import DocumentRefusedError
from tests.unit.fhir_split.documents import PATIENT, REPORT, RULES, bundle, panel, split


def test_a_report_takes_what_it_refers_to_in_the_roles_of_its_kind() -> None:
    (draft,) = split(bundle(panel())).drafts
    assert [(part.role, part.resource_type) for part in draft.parts] == [
        ("report", "DiagnosticReport"),
        ("patient", "Patient"),
        ("observation", "Observation"),
        ("observation", "Observation"),
        ("performer", "Practitioner"),
        ("specimen", "Specimen"),
    ]
    assert draft.patient_part == 2
    assert draft.path == "Bundle.entry[0].resource"


def test_identity_status_and_times_are_read() -> None:
    (draft,) = split(bundle(panel())).drafts
    identity = draft.identity
    assert (identity.kind, identity.resource_type, identity.system, identity.value) == (
        "exam-result",
        "DiagnosticReport",
        "",
        "r1",
    )
    assert draft.status == "final"
    assert not draft.withdraws
    assert draft.performed_at == datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    assert draft.issued_at == datetime(2026, 3, 1, 1, 0, 0, 250_000, tzinfo=UTC)


def test_items_name_codes_specimens_and_units() -> None:
    (draft,) = split(bundle(panel())).drafts
    loinc = "http://loinc.org"
    assert draft.items == (
        Item(loinc, "24326-1", "", ""),
        Item(loinc, "2951-2", "119297000", "mmol/L"),
        Item(loinc, "2823-3", "", "mmol/L"),
    )


def test_items_of_components_carry_their_own_units() -> None:
    resources = panel()
    resources[1]["component"] = [
        {"code": {"coding": [{"system": "s", "code": "c"}]}, "valueQuantity": {"code": "mm[Hg]"}},
    ]
    (draft,) = split(bundle(resources)).drafts
    assert Item("s", "c", "119297000", "mm[Hg]") in draft.items


def test_a_configured_business_identifier_comes_before_the_resource_id() -> None:
    rules = replace(RULES, business_systems=("urn:accession", "urn:filler"))
    (draft,) = split(bundle(panel()), rules=rules).drafts
    assert (draft.identity.system, draft.identity.value) == ("urn:filler", "F-7")


def test_an_identifier_out_of_use_does_not_count() -> None:
    resources = panel()
    resources[0]["identifier"] = [
        {"system": "urn:filler", "value": "F-1", "use": "old"},
        {"system": "urn:filler", "value": "F-2"},
    ]
    rules = replace(RULES, business_systems=("urn:filler",))
    (draft,) = split(bundle(resources), rules=rules).drafts
    assert draft.identity.value == "F-2"


def test_a_report_without_any_identity_is_refused() -> None:
    resources = panel()
    del resources[0]["id"]
    with pytest.raises(DocumentRefusedError) as caught:
        split(bundle(resources))
    assert [refusal.path for refusal in caught.value.refusals] == ["Bundle.entry[0].resource.id"]


def test_an_explicit_version_counts_only_where_configured() -> None:
    resources = panel()
    resources[0]["meta"] = {"versionId": "3"}
    assert split(bundle(resources)).drafts[0].explicit_version is None
    versioned = replace(RULES, versioned_kinds=frozenset({Kind("exam-result")}))
    assert split(bundle(resources), rules=versioned).drafts[0].explicit_version == 3
    assert split(bundle(panel()), rules=versioned).drafts[0].explicit_version is None


@pytest.mark.parametrize("version", ["0", "v3", "-1", "1.0", "٣", str(2**31)])
def test_an_explicit_version_that_is_no_number_is_refused(version: str) -> None:
    resources = panel()
    resources[0]["meta"] = {"versionId": version}
    versioned = replace(RULES, versioned_kinds=frozenset({Kind("exam-result")}))
    with pytest.raises(DocumentRefusedError) as caught:
        split(bundle(resources), rules=versioned)
    assert [refusal.path for refusal in caught.value.refusals] == ["Bundle.entry[0].resource.meta.versionId"]


@pytest.mark.parametrize(
    ("status", "withdraws"),
    [
        ("registered", False),
        ("partial", False),
        ("preliminary", False),
        ("amended", False),
        ("corrected", False),
        ("appended", False),
        ("cancelled", True),
        ("entered-in-error", True),
    ],
)
def test_statuses_are_kept_and_classified(status: str, withdraws: bool) -> None:  # noqa: FBT001 - a table
    resources = panel()
    resources[0]["status"] = status
    (draft,) = split(bundle(resources)).drafts
    assert (draft.status, draft.withdraws) == (status, withdraws)


def test_a_study_is_its_accession_number_or_its_uid() -> None:
    resources = panel()
    resources[0]["identifier"].append({"type": {"coding": [{"code": "ACSN"}]}, "value": "A-9"})
    assert split(bundle(resources)).drafts[0].study == "A-9"
    assert split(bundle(panel())).drafts[0].study == ""


def test_each_report_and_order_of_a_history_is_a_record() -> None:
    resources = panel()
    order = {
        "resourceType": "ServiceRequest",
        "id": "q1",
        "status": "revoked",
        "code": {"text": "MRI"},
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026",
        "requester": {"display": "Dr. Li"},
    }
    second = json.loads(json.dumps(REPORT)) | {"id": "r2", "result": []}
    claim = {"resourceType": "Claim", "id": "c1"}
    done = split(bundle([*resources, order, second, claim, claim | {"id": "c2"}], "transaction"))
    assert [(draft.identity.kind, draft.identity.value, draft.withdraws) for draft in done.drafts] == [
        ("exam-result", "r1", False),
        ("referral", "q1", True),
        ("exam-result", "r2", False),
    ]
    assert done.ignored == {"Claim": 2}


def test_a_single_resource_is_its_own_part() -> None:
    data = b"""
 {"resourceType":"DiagnosticReport","id":"x","status":"final","code":{"text":"CT"},
  "subject":{"reference":"Patient/9"},"effectiveDateTime":"2026-01","performer":[{"display":"Dr"}]}
"""
    (draft,) = split(data).drafts
    (part,) = draft.parts
    assert part.content == data.strip()
    assert part.full_url == ""
    assert draft.path == "DiagnosticReport"
    assert draft.patient_part is None
    assert draft.patient_number == PatientNumber("", "9")


def test_a_document_of_other_resources_has_no_record() -> None:
    done = split(PATIENT)
    assert done.drafts == ()
    assert done.ignored == {"Patient": 1}


@pytest.mark.parametrize("odd", [[], {}, [["ACSN"]], None, 7])
def test_odd_shapes_where_a_study_is_looked_for_are_passed_over(odd: object) -> None:
    resources = panel()
    resources[0]["identifier"] += [{"system": odd, "value": "x"}, {"type": {"coding": [{"code": odd}]}, "value": "x"}, odd]
    resources[0]["identifier"].append({"system": "urn:dicom:uid", "value": odd})
    assert split(bundle(resources)).drafts[0].study == ""
