"""Who may do what: keys, scopes, institutions; and that no answer and no log line repeats what a patient's document says."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from node.api.app import create_app
from node.domain.entry import InstitutionId
from node.services.clients import Scope
from tests.unit.api_routes.client import Api, problem
from tests.unit.api_routes.conftest import MakeApi
from tests.unit.fhir_split.documents import bundle, panel
from tests.unit.services_records.world import CLINIC, HOSPITAL, make_world, report

ROUTES = [
    ("POST", "/v1/records", Scope.WRITE_RECORDS),
    ("POST", "/v1/records:batch", Scope.WRITE_RECORDS),
    ("GET", "/v1/records", Scope.READ_RECORDS),
    ("GET", "/v1/records/x", Scope.READ_RECORDS),
    ("DELETE", "/v1/records/x", Scope.ERASE_RECORDS),
    ("GET", "/v1/records/x/evidence", Scope.DISCLOSE),
    ("POST", "/v1/records/x/refile", Scope.WRITE_RECORDS),
    ("GET", "/v1/notices", Scope.READ_RECORDS),
    ("GET", "/v1/tombstones", Scope.READ_STATUS),
    ("POST", "/v1/patients/code", Scope.WRITE_PATIENTS),
    ("POST", "/v1/codes/reissue", Scope.WRITE_PATIENTS),
    ("GET", "/v1/codes/openings", Scope.READ_STATUS),
    ("POST", "/v1/patients", Scope.WRITE_PATIENTS),
    ("POST", "/v1/patients:withdraw", Scope.WITHDRAW),
    ("POST", "/v1/consents", Scope.WRITE_CONSENTS),
    ("POST", "/v1/consents:assert", Scope.WRITE_CONSENTS),
    ("POST", "/v1/consents:from-fhir", Scope.WRITE_CONSENTS),
    ("POST", "/v1/consents:list", Scope.READ_CONSENTS),
    ("GET", "/v1/consents/x", Scope.READ_CONSENTS),
    ("GET", "/v1/consents/x/fhir", Scope.READ_CONSENTS),
    ("POST", "/v1/consents/x:revoke", Scope.WRITE_CONSENTS),
    ("POST", "/v1/emergencies", Scope.OPEN_EMERGENCIES),
    ("GET", "/v1/emergencies", Scope.REVIEW_EMERGENCIES),
    ("POST", "/v1/emergencies/x:review", Scope.REVIEW_EMERGENCIES),
    ("GET", "/v1/headers/hospital-a.example/log", Scope.READ_LOG),
    ("POST", "/v1/recognition/check", Scope.CHECK_ORDERS),
    ("POST", "/v1/recognition/unchecked", Scope.CHECK_ORDERS),
    ("POST", "/v1/recognition/decisions", Scope.DECIDE),
    ("GET", "/v1/recognition/decisions:heard", Scope.DECIDE),
    ("GET", "/v1/recognition/reasons", Scope.DECIDE),
    ("POST", "/v1/recognition/decisions/x:reverse", Scope.DECIDE),
    ("GET", "/v1/recognition/unmapped", Scope.READ_STATUS),
    ("POST", "/v1/catalogue/documents", Scope.PUBLISH),
    ("GET", "/v1/catalogue/documents", Scope.READ_STATUS),
    ("GET", "/v1/catalogue/documents/x", Scope.READ_STATUS),
    ("GET", "/v1/recognition/decisions/x/certificate", Scope.DISCLOSE),
    ("GET", "/v1/recognition/notices", Scope.DECIDE),
    ("GET", "/v1/recognition/notices:sent", Scope.DECIDE),
    ("POST", "/v1/recognition/notices/x:acknowledge", Scope.DECIDE),
    ("POST", "/v1/recognition/notices:acknowledge", Scope.DECIDE),
    ("POST", "/v1/recalls", Scope.RECALL),
    ("GET", "/v1/recalls", Scope.RECALL),
    ("GET", "/v1/recalls/x", Scope.RECALL),
    ("POST", "/v1/recalls/x:lift", Scope.RECALL),
    ("GET", "/v1/recognition/decisions/x/slip", Scope.DECIDE),
    ("POST", "/cds-services/concord-recognition", Scope.CHECK_ORDERS),
    ("POST", "/cds-services/concord-recognition/feedback", Scope.DECIDE),
    ("GET", "/v1/records/x/trail", Scope.DISCLOSE),
    ("POST", "/v1/find", Scope.FIND),
    ("POST", "/v1/retrievals", Scope.RETRIEVE),
    ("GET", "/v1/retrievals/x", Scope.RETRIEVE),
    ("DELETE", "/v1/retrievals/x", Scope.RETRIEVE),
    ("GET", "/v1/retrievals/x/y", Scope.RETRIEVE),
    ("GET", "/v1/retrievals/x/y/evidence", Scope.RETRIEVE),
    ("GET", "/v1/supervision/entries?origin=a.example/log", Scope.READ_FINDINGS),
    ("GET", "/v1/supervision/figures", Scope.READ_FINDINGS),
    ("GET", "/v1/supervision/findings", Scope.READ_FINDINGS),
    ("GET", "/v1/supervision/findings/x/evidence", Scope.READ_FINDINGS),
    ("GET", "/v1/supervision/institutions", Scope.READ_FINDINGS),
    ("GET", "/v1/supervision/liaoning", Scope.READ_FINDINGS),
    ("GET", "/v1/outbox", Scope.READ_STATUS),
    ("GET", "/v1/status", Scope.READ_STATUS),
    ("GET", "/metrics", Scope.READ_STATUS),
]
LOG_ROUTES = [("GET", f"/log/hospital-a/{path}", Scope.READ_LOG) for path in ("checkpoint", "tile/0/000", "tile/entries/000")]
SIGNED = [("POST", "/v1/codes"), ("POST", "/v1/codes/layers"), ("POST", "/v1/disclosures"), ("POST", "/v1/inbox")]
"""Members sign these; without a registry nobody is a member."""
PATIENTS = [("POST", "/v1/patient/records")]
"""The patient signs these, with the key that the holder has."""
PARAMETERS = {
    "/v1/catalogue/documents/": "digest",
    "/v1/consents/": "consent_id",
    "/v1/emergencies/": "emergency_id",
    "/v1/recognition/decisions/": "decision_id",
    "/v1/recalls/": "recall_id",
    "/v1/recognition/notices/": "notice_id",
    "/v1/retrievals/": "retrieval_id",
    "/v1/supervision/findings/": "finding_id",
}
"""What the x of the table stands for, by the start of the path; elsewhere a record's id."""
OPEN = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/cds-services"),
    ("GET", "/view/{token}"),
    ("POST", "/view/{token}"),
    ("POST", "/v1/verify"),
    ("POST", "/witness/hospital-a/add-checkpoint"),
    ("GET", "/v1/patient/keys"),
    ("POST", "/v1/patient/entries"),
    ("POST", "/v1/patient/revocations"),
]
ids = [f"{method} {path}" for method, path, _ in [*ROUTES, *LOG_ROUTES]]


def template(path: str) -> str:
    """Put the names of a path's parameters where the table has x and y."""
    path = path.partition("?")[0]
    name = next((name for start, name in PARAMETERS.items() if path.startswith(start)), "record_id")
    return path.replace("/x", f"/{{{name}}}").replace("/y", "/{request_id}")


def test_the_table_names_every_route(api: Api) -> None:
    document = api.world.app.openapi()
    named = {(method, template(path).replace("hospital-a.example/log", "{origin}")) for method, path, _ in ROUTES}
    named |= {("GET", "/log/{institution}/checkpoint"), ("GET", "/log/{institution}/tile/{path}")}
    named |= {(method, path.replace("hospital-a", "{institution}")) for method, path in OPEN}
    named |= {*SIGNED, *PATIENTS}
    served = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert served == named


def test_the_openapi_document_needs_any_key(api: Api) -> None:
    problem(api.call("GET", "/openapi.json", institution=None), 401, "unauthenticated")
    assert api.call("GET", "/openapi.json").json() == create_app(None).openapi()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One node for all routes, whose log is not public."""
    world = make_world(tmp_path_factory.mktemp("closed") / "n").start()
    yield Api(world)
    world.stop()


@pytest.mark.parametrize(("method", "path", "scope"), [*ROUTES, *LOG_ROUTES], ids=ids)
def test_a_route_needs_a_key_with_its_scope(closed: Api, method: str, path: str, scope: Scope) -> None:
    api = closed
    for headers in (
        {},
        {"Authorization": "Bearer concord_" + "0" * 64},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer"},
    ):
        refused = api.call(method, path, institution=None, headers=headers, content=b"")
        problem(refused, 401, "unauthenticated")
        assert refused.headers["www-authenticate"] == "Bearer"
    others = [one for one in Scope if one is not scope]
    lacking = problem(api.call(method, path, scopes=others, content=b""), 403, "forbidden")
    assert scope in lacking["detail"]
    assert api.call(method, path, scopes=[scope], content=b"").status_code not in {401, 403}


@pytest.mark.parametrize(("method", "path"), OPEN, ids=[path for _, path in OPEN])
def test_some_routes_answer_anyone(api: Api, method: str, path: str) -> None:
    assert api.call(method, path, institution=None, content=b"").status_code not in {401, 403}


@pytest.mark.parametrize(("method", "path"), [one[:2] for one in LOG_ROUTES])
def test_the_log_is_public_where_the_setting_says_so(api: Api, method: str, path: str) -> None:
    assert api.call(method, path, institution=None).status_code == 404
    api.logged()
    assert api.call(method, path + (".p/1" if "tile" in path else ""), institution=None).status_code == 200


def test_a_revoked_key_is_none_from_that_moment_on(api: Api) -> None:
    clients = api.world.running.node.clients
    assert api.get("/v1/status").status_code == 200
    for row in clients.list():
        assert clients.revoke(row.client_id)
        assert not clients.revoke(row.client_id)
    problem(api.get("/v1/status"), 401, "unauthenticated")
    api.world.restart()
    problem(api.get("/v1/status"), 401, "unauthenticated")


def test_keys_are_stored_as_hashes(api: Api) -> None:
    key = api.world.api_key()
    assert key.encode() not in api.world.file_bytes()
    assert key.removeprefix("concord_").encode() not in api.world.file_bytes()


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("PUT", "/v1/records", 405, "method-not-allowed"),
        ("GET", "/v1/verify", 405, "method-not-allowed"),
    ],
)
def test_what_no_route_answers_is_a_problem_too(api: Api, method: str, path: str, status: int, slug: str) -> None:
    problem(api.call(method, path), status, slug)


def test_a_fault_of_ours_tells_nothing_and_is_logged_by_its_place(
    api: Api, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"at {NAME}")

    monkeypatch.setattr(api.world.running.node.reader, "page", fail)
    problem(api.get("/v1/records"), 500, "internal")
    (line,) = [json.loads(one) for one in logged.getvalue().splitlines() if "request_failed" in one]
    assert (line["error"], line["at"].split(" ")[0]) == ("RuntimeError", "fail")
    assert NAME not in logged.getvalue()


NAME, NUMBER, PHONE, ACCESSION = "欧阳震华", "440100199001011234", "13800138000", "ACC-770011"
SECRETS = (NAME, NUMBER, PHONE, ACCESSION, "Ouyang", "liver metastasis")


def sensitive(**changes: Any) -> bytes:  # noqa: ANN401 - as `report`
    document = report(ACCESSION, value="liver metastasis", patient=NUMBER, **changes)
    document["entry"][1]["resource"] |= {
        "name": [{"text": NAME, "family": "Ouyang"}],
        "telecom": [{"system": "phone", "value": PHONE}],
    }
    return json.dumps(document, ensure_ascii=False).encode()


def bad_documents() -> list[bytes]:
    good = sensitive()
    broken = [good[:-cut] for cut in (1, 40, 300)]
    swapped = [
        good.replace(b'"final"', json.dumps(NAME).encode()),
        good.replace(b"2026-03-01T08:30:00+08:00", NUMBER.encode()),
        good.replace(b'"Patient/p1"', json.dumps(f"Patient/{NAME}").encode()),
        good.replace(b'"r1"', json.dumps(NAME).encode()),
        good.replace(b'"collection"', json.dumps(NAME).encode()),
        good.replace(b'"DiagnosticReport"', json.dumps(NAME).encode()),
        good.replace(b'"identifier"', b'"identifier": [], "identifier"'),
        good.replace(b'"Patient"', b'"Patient", "resourceType": "Patient"'),
        good + good,
        NAME.encode("gb18030") + good,
        json.dumps(bundle([*panel(), {"resourceType": "Patient", "id": NAME}])).encode(),
    ]
    return [*broken, *swapped]


def test_no_answer_and_no_log_line_holds_patient_data(make_api: MakeApi, logged: io.StringIO) -> None:
    api = make_api(versioned_kinds=("exam-result",), limits={"max_document_bytes": 20_000})
    receipt = api.logged(json.loads(sensitive(meta={"versionId": "1"})))
    statuses = {api.submit(sensitive(meta={"versionId": "1"}, conclusion="other")).status_code}
    for document in bad_documents():
        statuses.add(api.submit(document).status_code)
    api.batch([sensitive(), *bad_documents(), sensitive() * 20])
    api.submit(sensitive() * 20)
    api.submit(sensitive(), institution=CLINIC)
    for path in ("", f"/{receipt['record_id']}"):
        api.get(f"/v1/records{path}")
    api.call("POST", "/v1/patients", content=json.dumps({"patient_number": NUMBER, "epoch_keys": {NAME: PHONE}}))
    api.call("POST", "/v1/verify", content=sensitive())
    api.get("/v1/status")
    api.get("/metrics")
    api.get(f"/v1/headers/{receipt['origin']}")
    api.call("DELETE", f"/v1/records/{receipt['record_id']}")
    assert statuses == {400, 409, 422}
    assert len(api.responses) > 25
    for response in api.responses:
        shown = response.content + repr(response.headers).encode()
        assert [secret for secret in SECRETS if secret.encode() in shown] == [], response.request.url
        assert [secret for secret in SECRETS if json.dumps(secret)[1:-1].encode() in shown] == []
    assert [secret for secret in SECRETS if secret in logged.getvalue() or json.dumps(secret)[1:-1] in logged.getvalue()] == []


def test_an_unknown_scope_cannot_be_issued(api: Api) -> None:
    from node.errors import SettingsError  # noqa: PLC0415 - used here only

    with pytest.raises(SettingsError, match="records:paint"):
        api.world.running.node.clients.issue(InstitutionId(HOSPITAL), "test", ["records:paint"])
