"""/v1/records: every outcome of submitting, following, listing and erasing."""

from __future__ import annotations

import json

import pytest

from tests.unit.api_routes.client import Api, problem
from tests.unit.api_routes.conftest import MakeApi
from tests.unit.fhir_split.documents import PATIENT, PRACTITIONER, REPORT, SODIUM, Json, bundle, panel
from tests.unit.services_records.world import CLINIC, HOSPITAL, report

IMAGING: Json = {
    "resourceType": "ImagingStudy",
    "id": "i1",
    "status": "available",
    "subject": {"reference": "Patient/p1"},
    "started": "2026-03-01T08:30:00+08:00",
    "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "CT"}],
    "procedureCode": [{"coding": [{"system": "http://loinc.org", "code": "24627-2"}]}],
    "interpreter": [{"reference": "Practitioner/d1"}],
}
REFERRAL: Json = {
    "resourceType": "ServiceRequest",
    "id": "q1",
    "status": "active",
    "intent": "order",
    "code": {"coding": [{"system": "http://loinc.org", "code": "24627-2"}]},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-03-01T08:30:00+08:00",
    "requester": {"reference": "Practitioner/d1"},
}
PRESCRIPTION: Json = {
    "resourceType": "MedicationRequest",
    "id": "m1",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"coding": [{"system": "http://www.whocc.no/atc", "code": "C09AA02"}]},
    "subject": {"reference": "Patient/p1"},
    "authoredOn": "2026-03-01T08:30:00+08:00",
    "requester": {"reference": "Practitioner/d1"},
}


@pytest.mark.parametrize(
    ("focal", "kind"),
    [(REPORT, "exam-result"), (IMAGING, "exam-result"), (REFERRAL, "referral"), (PRESCRIPTION, "prescription")],
    ids=["report", "imaging", "referral", "prescription"],
)
def test_every_kind_becomes_a_record(api: Api, focal: Json, kind: str) -> None:
    response = api.submit(bundle([focal, *panel()[1:]]))
    assert response.status_code == 201, response.text
    (receipt,) = response.json()["receipts"]
    assert (receipt["kind"], receipt["outcome"], receipt["version"], receipt["witnessed"]) == (kind, "new", 1, False)
    assert receipt["origin"] == "hospital-a.example/log"
    assert len(receipt["leaf_hash"]) == len(receipt["commitment"]) == 64


@pytest.mark.parametrize("kind", ["collection", "document", "transaction", "batch", "message"])
def test_every_bundle_type_that_brings_resources_is_taken(api: Api, kind: str) -> None:
    document = bundle([*panel(), REFERRAL, PRESCRIPTION, {"resourceType": "Claim", "id": "c"}], kind)
    if kind in {"transaction", "batch"}:
        for entry in document["entry"]:
            entry["request"] = {"method": "POST", "url": entry["resource"]["resourceType"]}
    response = api.submit(document)
    assert response.status_code == 201, response.text
    assert [one["kind"] for one in response.json()["receipts"]] == ["exam-result", "referral", "prescription"]
    assert response.json()["ignored"] == {"Claim": 1}


@pytest.mark.parametrize("kind", ["searchset", "history", "transaction-response", "batch-response"])
def test_bundles_that_answer_are_refused(api: Api, kind: str) -> None:
    refused = problem(api.submit(bundle(panel(), kind)), 422, "document-refused")
    assert [one["path"] for one in refused["refusals"]] == ["Bundle.type"]


def test_a_single_resource_is_a_document(api: Api) -> None:
    alone = {**REPORT, "performer": [{"display": "Laboratory"}], "result": []}
    assert api.submit(alone).status_code == 201


def test_the_status_code_tells_what_happened(api: Api) -> None:
    assert api.submit(report()).status_code == 201
    assert api.submit(report()).status_code == 200
    assert api.submit(report(value="b")).status_code == 201


@pytest.mark.parametrize(
    ("body", "slug"),
    [(b"", "malformed"), (b"{", "malformed"), (b"\xff\xfe", "malformed"), (b'{"a":1,"a":2}', "malformed"), (b"1e999", "malformed")],
)
def test_what_is_no_json_is_malformed(api: Api, body: bytes, slug: str) -> None:
    problem(api.submit(body), 400, slug)


def test_a_document_that_lacks_something_is_told_every_place(api: Api) -> None:
    lacking = {name: value for name, value in REPORT.items() if name not in {"status", "code", "effectiveDateTime"}}
    refused = problem(api.submit(bundle([lacking, SODIUM, PATIENT, PRACTITIONER])), 422, "document-refused")
    paths = {one["path"].removeprefix("Bundle.entry[0].resource.").split(".")[0] for one in refused["refusals"]}
    assert paths == {"status", "code", "effectiveDateTime"}
    assert api.get("/v1/records").json()["records"] == []


LIMITS = [
    ({"max_document_bytes": 3000}, report(value="x" * 3000), 413, "too-large", "limits.max_document_bytes", 3000),
    ({"max_nesting": 8}, report(extension=[{"a": {"b": {"c": {"d": {"e": 1}}}}}]), 422, "limit-exceeded", "limits.max_nesting", 8),
    ({"max_parts": 3}, bundle(panel()), 422, "limit-exceeded", "limits.max_parts", 3),
    ({"max_records": 1}, bundle([*panel(), REFERRAL]), 422, "limit-exceeded", "limits.max_records", 1),
]


@pytest.mark.parametrize(("limits", "document", "status", "slug", "name", "allowed"), LIMITS, ids=[one[4] for one in LIMITS])
def test_over_a_limit_names_the_setting(
    make_api: MakeApi, limits: dict[str, int], document: Json, status: int, slug: str, name: str, allowed: int
) -> None:
    api = make_api(limits=limits)
    over = problem(api.submit(document), status, slug)
    assert (over["limit"], over["allowed"]) == (name, allowed)
    assert name in over["detail"]
    (line,) = api.batch([document])
    assert (line["problem"]["status"], line["problem"]["limit"]) == (status, name)
    assert api.get("/v1/records").json()["records"] == []


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_too(make_api: MakeApi) -> None:
    api = make_api(limits={"max_document_bytes": 1000})
    problem(api.submit(b" " * 1001, headers={"Content-Length": "5", "Transfer-Encoding": "chunked"}), 413, "too-large")


def test_a_batch_answers_every_line_and_keeps_the_good_ones(make_api: MakeApi) -> None:
    api = make_api(limits={"max_document_bytes": 4000})
    lines: list[bytes | Json] = [report("1"), b"{", b"", report("2"), b"x" * 4001, report("1"), bundle([], "history"), report("3")]
    results = api.batch(lines)
    assert [one["line"] for one in results] == [1, 2, 4, 5, 6, 7, 8]
    outcomes = [one["receipts"][0]["outcome"] if "receipts" in one else one["problem"]["status"] for one in results]
    assert outcomes == ["new", 400, "new", 413, "same", 422, "new"]
    assert len(api.get("/v1/records").json()["records"]) == 3


def test_a_batch_of_many_lines_keeps_their_order(api: Api) -> None:
    results = api.batch([report(str(n)) for n in range(700)], wait="logged")
    assert [one["line"] for one in results] == list(range(1, 701))
    assert {one["receipts"][0]["level"] for one in results} == {"logged"}
    assert sorted(one["receipts"][0]["leaf_index"] for one in results) == list(range(700))


def test_versions_in_a_batch_keep_its_order(api: Api) -> None:
    lines: list[bytes | Json] = [report(str(n % 5), value=f"{n:03d}") for n in range(200)]
    for number, result in enumerate(api.batch(lines)):
        (receipt,) = result["receipts"]
        assert receipt["version"] == number // 5 + 1


def test_a_batch_has_a_limit_of_lines(make_api: MakeApi) -> None:
    api = make_api(limits={"max_batch_lines": 3})
    results = api.batch([report(str(n)) for n in range(5)])
    assert [one["line"] for one in results] == [1, 2, 3, 4]
    assert results[-1]["problem"]["limit"] == "limits.max_batch_lines"
    assert len(api.get("/v1/records").json()["records"]) == 3


@pytest.mark.parametrize("body", [b"", b"\n", b"\n\n\r\n"])
def test_an_empty_batch_has_no_results(api: Api, body: bytes) -> None:
    assert api.batch([body]) == []


def test_waiting_says_honestly_how_far_it_got(make_api: MakeApi) -> None:
    api = make_api(server={"wait_timeout_s": 0.05})
    assert api.logged()["level"] == "logged"
    response = api.submit(report("F-8"), wait="anchored")
    assert response.status_code == 202
    assert response.json()["receipts"][0]["level"] in {"stored", "logged"}
    (line,) = api.batch([report("F-9")], wait="anchored")
    assert line["receipts"][0]["level"] in {"stored", "logged"}
    problem(api.submit(report("F-10"), wait="soon"), 422, "invalid-parameter")


def test_a_record_is_shown_with_its_versions(api: Api) -> None:
    first = api.logged(report(value="a"))
    second = api.logged(report(value="b", issued="2026-01-01T00:00:00Z"))
    shown = api.get(f"/v1/records/{first['record_id']}").json()
    assert (shown["kind"], shown["level"], shown["witnessed"], shown["erased_at"]) == ("exam-result", "logged", False, None)
    assert [one["version"] for one in shown["versions"]] == [2, 1]
    assert [one["leaf_hash"] for one in shown["versions"]] == [second["leaf_hash"], first["leaf_hash"]]
    assert [one["out_of_order"] for one in shown["versions"]] == [True, False]
    assert shown["versions"][0]["stored_at"].endswith("Z")


def test_pages_of_records_follow_each_other(api: Api) -> None:
    api.batch([report(str(n)) for n in range(7)])
    pages, before = [], None
    while True:
        page = api.get("/v1/records?limit=3" + ("" if before is None else f"&before={before}")).json()
        pages.append([one["leaf_index"] for one in page["records"]])
        before = page["next_before"]
        if before is None:
            break
    assert pages == [[6, 5, 4], [3, 2, 1], [0]]
    problem(api.get("/v1/records?limit=0"), 422, "invalid-parameter")
    problem(api.get("/v1/records?before=x"), 422, "invalid-parameter")


def test_erasing_is_final(api: Api) -> None:
    receipt = api.logged()
    path = f"/v1/records/{receipt['record_id']}"
    erased = api.call("DELETE", path)
    assert (erased.status_code, erased.json()["versions"]) == (200, 1)
    assert erased.json()["tombstones"] == [1]
    gone = problem(api.get(f"{path}/evidence"), 410, "record-erased")
    assert gone["record_id"] == receipt["record_id"]
    problem(api.call("DELETE", path), 410, "record-erased")
    assert api.get(path).json()["erased_at"] == erased.json()["erased_at"]
    (again,) = api.submit().json()["receipts"]
    assert (again["outcome"], again["leaf_index"], again["level"]) == ("erased", None, None)


def test_a_version_that_other_content_holds_is_a_conflict(make_api: MakeApi) -> None:
    api = make_api(versioned_kinds=("exam-result",))
    first = api.logged(report(meta={"versionId": "1"}))
    conflict = problem(api.submit(report(value="b", meta={"versionId": "1"})), 409, "version-conflict")
    assert conflict["record_id"] == first["record_id"]
    (line,) = api.batch([report(value="b", meta={"versionId": "1"})])
    assert line["problem"]["status"] == 409


def test_one_institution_never_sees_another_ones_record(api: Api) -> None:
    own = api.logged()
    path = f"/v1/records/{own['record_id']}"
    for method, suffix in (("GET", ""), ("GET", "/evidence"), ("DELETE", "")):
        foreign = problem(api.call(method, path + suffix, institution=CLINIC), 404, "unknown-record")
        unknown = problem(api.call(method, "/v1/records/none" + suffix, institution=CLINIC), 404, "unknown-record")
        assert foreign["detail"].replace(own["record_id"], "") == unknown["detail"].replace("none", "")
    assert api.get("/v1/records", institution=CLINIC).json()["records"] == []
    assert len(api.get("/v1/records", institution=HOSPITAL).json()["records"]) == 1
    assert api.submit(institution=CLINIC).json()["receipts"][0]["outcome"] == "new"
    assert api.submit(institution=CLINIC).json()["receipts"][0]["institution"] == CLINIC


def test_answers_are_json_even_of_lines(api: Api) -> None:
    (line,) = api.batch([json.dumps(report()).encode() + b"\r"])
    assert line["receipts"][0]["outcome"] == "new"
