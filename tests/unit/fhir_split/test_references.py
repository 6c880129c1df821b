from __future__ import annotations

from typing import Any

import pytest

from node.domain.record import PatientNumber, RecordDraft
from node.errors import DocumentRefusedError
from tests.unit.fhir_split.documents import Json, bundle, panel, split


def entries(*pairs: tuple[str, Json]) -> Json:
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in pairs],
    }


def roles(draft: RecordDraft) -> list[str]:
    return [part.role for part in draft.parts]


def report(result: str, subject: str = "urn:uuid:p") -> Json:
    return panel()[0] | {
        "result": [{"reference": result}],
        "subject": {"reference": subject},
        "performer": [{"display": "Dr"}],
    }


def observation(name: str, subject: str = "urn:uuid:p", **more: Any) -> Json:  # noqa: ANN401 - any JSON
    return {
        "resourceType": "Observation",
        "id": name,
        "code": {"text": "x"},
        "subject": {"reference": subject},
        **more,
    }


PATIENT: Json = {"resourceType": "Patient", "id": "p"}


def test_urn_references_resolve_by_full_url() -> None:
    document = entries(
        ("urn:uuid:r", report("urn:uuid:o")),
        ("urn:uuid:p", PATIENT),
        ("urn:uuid:o", observation("whatever")),
    )
    (draft,) = split(document).drafts
    assert [(part.role, part.full_url) for part in draft.parts] == [
        ("report", "urn:uuid:r"),
        ("patient", "urn:uuid:p"),
        ("observation", "urn:uuid:o"),
    ]


@pytest.mark.parametrize(
    "reference",
    [
        "Observation/o",
        "Observation/o/_history/4",
        "https://a.example/fhir/Observation/o",
        "https://a.example/fhir/Observation/o/_history/2",
    ],
)
def test_relative_and_absolute_references_resolve_on_one_server(reference: str) -> None:
    base = "https://a.example/fhir"
    document = entries(
        (f"{base}/DiagnosticReport/r1", report(reference, "Patient/p")),
        (f"{base}/Patient/p", PATIENT),
        (f"{base}/Observation/o", observation("o", "Patient/p")),
    )
    (draft,) = split(document).drafts
    assert roles(draft) == ["report", "patient", "observation"]
    assert draft.patient_number == PatientNumber("https://a.example/fhir/", "p")


def test_a_relative_reference_does_not_reach_another_server() -> None:
    document = entries(
        ("https://a.example/fhir/DiagnosticReport/r1", report("Observation/o", "Patient/p")),
        ("https://a.example/fhir/Patient/p", PATIENT),
        ("https://b.example/fhir/Observation/o", observation("o", "Patient/p")),
    )
    (draft,) = split(document).drafts
    assert roles(draft) == ["report", "patient"]


def test_type_and_id_that_two_entries_share_resolve_to_neither() -> None:
    document = entries(
        ("urn:uuid:r", report("Observation/o")),
        ("urn:uuid:p", PATIENT),
        ("urn:uuid:o1", observation("o")),
        ("urn:uuid:o2", observation("o")),
    )
    done = split(document)
    assert roles(done.drafts[0]) == ["report", "patient"]
    assert done.ignored == {"Observation": 2}


def test_members_and_origins_of_results_are_followed_round_in_circles() -> None:
    document = entries(
        ("urn:uuid:r", report("urn:uuid:a")),
        ("urn:uuid:p", PATIENT),
        ("urn:uuid:a", observation("a", hasMember=[{"reference": "urn:uuid:b"}])),
        ("urn:uuid:b", observation("b", derivedFrom=[{"reference": "urn:uuid:c"}])),
        ("urn:uuid:c", observation("c", hasMember=[{"reference": "urn:uuid:a"}])),
    )
    (draft,) = split(document).drafts
    assert roles(draft) == ["report", "patient", "observation", "observation", "observation"]


def test_what_is_contained_stays_in_its_container_and_is_followed_from_there() -> None:
    resource = report("#o") | {"contained": [observation("o", "urn:uuid:p", specimen={"reference": "urn:uuid:s"})]}
    document = entries(
        ("urn:uuid:r", resource),
        ("urn:uuid:p", PATIENT),
        ("urn:uuid:s", {"resourceType": "Specimen", "type": {"coding": [{"code": "BLD"}]}}),
    )
    (draft,) = split(document).drafts
    assert roles(draft) == ["report", "patient", "specimen"]


def test_references_that_lead_nowhere_are_kept_as_they_are() -> None:
    resource = report("urn:uuid:gone")
    resource["specimen"] = [{"reference": "#gone"}, {"reference": "https://x.example/Specimen/1"}, {"display": "blood"}]
    (draft,) = split(entries(("urn:uuid:r", resource), ("urn:uuid:p", PATIENT))).drafts
    assert roles(draft) == ["report", "patient"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("urn:uuid:p", "another entry has the same fullUrl"),
        ("https://a.example/fhir/Patient/other", "it names another type or id"),
        ("https://a.example/fhir/Observation/o1", "it names another type or id"),
        ("DiagnosticReport/r1", "not an absolute URI"),
        ("urn:" + "x" * 3000, "longer than"),
        ("urn:a\nb", "characters that no URL has"),
        (7, "not a string"),
    ],
)
def test_a_full_url_that_could_mislead_is_refused(url: Any, reason: str) -> None:  # noqa: ANN401 - any JSON
    document = entries(("urn:uuid:p", PATIENT), (url, report("urn:uuid:o")))
    with pytest.raises(DocumentRefusedError, match=reason) as caught:
        split(document)
    assert [refusal.path for refusal in caught.value.refusals] == ["Bundle.entry[1].fullUrl"]


@pytest.mark.parametrize("kind", ["collection", "document", "transaction", "batch", "message"])
def test_bundles_that_bring_resources_are_taken(kind: str) -> None:
    assert len(split(bundle(panel(), kind)).drafts) == 1


@pytest.mark.parametrize("kind", ["searchset", "history", "transaction-response", "batch-response"])
def test_bundles_that_answer_are_refused_by_name(kind: str) -> None:
    with pytest.raises(DocumentRefusedError, match=kind) as caught:
        split(bundle(panel(), kind))
    assert caught.value.refusals[0].path == "Bundle.type"


@pytest.mark.parametrize("kind", [None, "", "secret", 3, ["collection"]])
def test_bundles_of_no_type_are_refused(kind: Any) -> None:  # noqa: ANN401 - any JSON
    with pytest.raises(DocumentRefusedError) as caught:
        split(bundle(panel()) | {"type": kind})
    assert caught.value.refusals[0].path == "Bundle.type"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        ({}, "Bundle.entry[0].resource"),
        ({"resource": None}, "Bundle.entry[0].resource"),
        ({"resource": []}, "Bundle.entry[0].resource"),
        ({"resource": {"id": "x"}}, "Bundle.entry[0].resource"),
        ({"resource": {"resourceType": "no type"}}, "Bundle.entry[0].resource"),
        ({"resource": {"resourceType": "Patient", "id": "a/b"}}, "Bundle.entry[0].resource"),
        ({"resource": {"resourceType": "Patient", "id": 3}}, "Bundle.entry[0].resource"),
        ({"resource": {"resourceType": "Bundle", "type": "collection"}}, "Bundle.entry[0].resource"),
        ({"request": {"method": "DELETE", "url": "Patient/1"}}, "Bundle.entry[0].request.method"),
        ({"request": 3, "resource": PATIENT}, "Bundle.entry[0].request.method"),
        ({"request": {}, "resource": PATIENT}, "Bundle.entry[0].request.method"),
    ],
)
def test_entries_that_bring_no_resource_are_refused(entry: Json, path: str) -> None:
    with pytest.raises(DocumentRefusedError) as caught:
        split({"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert [refusal.path for refusal in caught.value.refusals] == [path]


@pytest.mark.parametrize("entry", [None, {}, [1], "x", 0])
def test_a_list_of_entries_that_is_none_is_refused(entry: Any) -> None:  # noqa: ANN401 - any JSON
    with pytest.raises(DocumentRefusedError) as caught:
        split({"resourceType": "Bundle", "type": "batch", "entry": entry})
    assert caught.value.refusals[0].path == "Bundle.entry"


def test_a_bundle_may_be_empty() -> None:
    assert split({"resourceType": "Bundle", "type": "batch"}).drafts == ()


@pytest.mark.parametrize("document", [b"[]", b"3", b'"x"', b"null", b"{}", b'{"resourceType":7}'])
def test_what_is_no_resource_is_refused(document: bytes) -> None:
    with pytest.raises(DocumentRefusedError) as caught:
        split(document)
    assert caught.value.refusals[0].path == "resourceType"


def test_a_lone_hash_means_the_container() -> None:
    resource = report("#o") | {"contained": [observation("o", hasMember=[{"reference": "#"}])]}
    (draft,) = split(entries(("urn:uuid:r", resource), ("urn:uuid:p", PATIENT))).drafts
    assert roles(draft) == ["report", "patient"]
