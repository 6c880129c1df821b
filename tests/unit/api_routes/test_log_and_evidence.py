"""/log, /v1/headers, evidence, verification, status, metrics and the OpenAPI document."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import pytest

from ledger.checkpoints import parse_checkpoint
from ledger.hashing import hash_leaf
from ledger.notes import parse_note
from ledger.tiles import BundleAddress, parse_bundle
from node.api.app import create_app
from node.wire.evidence.file import parse_evidence
from node.wire.header.seal import header_digest
from node.wire.leaf import parse_leaf
from tests.unit.api_routes.client import Api, problem
from tests.unit.api_routes.conftest import MakeApi
from tests.unit.fhir_split.documents import bundle, panel
from tests.unit.services_records.world import CLINIC, HOSPITAL, report

IMMUTABLE = "public, max-age=31536000, immutable"


def grow(api: Api, count: int) -> None:
    results = api.batch([report(str(n)) for n in range(count)], wait="logged")
    assert all("receipts" in one for one in results)


def test_a_checkpoint_is_never_to_be_kept_and_tiles_for_ever(api: Api) -> None:
    absent = api.get("/log/hospital-a/checkpoint")
    assert (absent.status_code, absent.headers["cache-control"]) == (404, "no-store")
    grow(api, 300)
    checkpoint = api.get("/log/hospital-a/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "no-store"
    assert parse_checkpoint(parse_note(checkpoint.content).text).size == 300
    for path, length in (("tile/0/000", 256 * 32), ("tile/0/001.p/44", 44 * 32), ("tile/1/000.p/1", 32)):
        tile = api.get(f"/log/hospital-a/{path}")
        assert (tile.status_code, len(tile.content)) == (200, length)
        assert tile.headers["content-type"] == "application/octet-stream"
        assert tile.headers["cache-control"] == IMMUTABLE
    entries = parse_bundle(api.get("/log/hospital-a/tile/entries/001.p/44").content, BundleAddress(1, 44))
    assert b"".join(map(hash_leaf, entries)) == api.get("/log/hospital-a/tile/0/001.p/44").content


ABSENT = ["tile/0/001", "tile/0/000.p/9", "tile/7/x001/000", "tile/0/1", "tile/0/000.p/0", "tile/../x", "tile/"]


@pytest.mark.parametrize("path", ABSENT)
def test_what_the_log_does_not_hold_is_absent_and_not_cached(api: Api, path: str) -> None:
    grow(api, 3)
    absent = api.get(f"/log/hospital-a/{path}")
    assert absent.status_code == 404
    assert absent.headers.get("cache-control") != IMMUTABLE
    assert api.get("/log/nobody/checkpoint").status_code == 404


def test_headers_come_in_binary_pages_with_deleted_ones_empty(api: Api) -> None:
    receipts = [api.logged(report(str(n))) for n in range(3)]
    api.call("DELETE", f"/v1/records/{receipts[1]['record_id']}")
    api.logged(report("last"))
    page = api.get("/v1/headers/hospital-a.example/log?from=1&count=3")
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["cache-control"] == "no-store"
    frames, at = [], 0
    while at < len(page.content):
        index, length = struct.unpack_from(">QI", page.content, at)
        frames.append((index, page.content[at + 12 : at + 12 + length]))
        at += 12 + length
    assert [index for index, _ in frames] == [1, 2, 3]
    assert frames[0][1] == b""
    leaves = api.world.leaves()
    for index, header in frames[1:]:
        assert header_digest(header) == parse_leaf(leaves[index]).header_digest
    assert api.get("/v1/headers/hospital-a.example/log?from=99").content == b""
    problem(api.get("/v1/headers/nobody.example/log"), 404, "unknown-origin")
    problem(api.get("/v1/headers/hospital-a.example/log?count=1001"), 422, "invalid-parameter")
    assert api.get("/v1/headers/hospital-a.example/log", institution=CLINIC).status_code == 200, "members read each other's"


def test_evidence_discloses_what_was_asked_for(api: Api) -> None:
    receipt = api.logged(bundle(panel()))
    path = f"/v1/records/{receipt['record_id']}/evidence"
    whole = api.get(path)
    assert whole.headers["content-type"] == "application/vnd.concord.evidence+json"
    assert whole.headers["cache-control"] == "no-store"
    assert [part.number for part in parse_evidence(whole.content).parts] == [1, 2, 3, 4, 5, 6]
    some = parse_evidence(api.get(f"{path}?parts=2,5,2").content)
    assert [part.number for part in some.parts] == [2, 5]
    assert b"Potassium" not in b"".join(part.content for part in some.parts)
    assert parse_evidence(api.get(f"{path}?parts=").content).parts == ()
    problem(api.get(f"{path}?parts=7"), 404, "unknown-part")
    for wrong in ("1,,2", "-1", "x", "1.5", "٣"):
        problem(api.get(f"{path}?parts={wrong}"), 422, "refused")
    problem(api.get(f"{path}?version=2"), 404, "unknown-record")
    problem(api.get(f"{path}?version=0"), 422, "invalid-parameter")


def test_evidence_of_a_version_is_of_that_version(api: Api) -> None:
    first, second = api.logged(report(value="a")), api.logged(report(value="b"))
    path = f"/v1/records/{first['record_id']}/evidence"
    for receipt, suffix in ((first, "?version=1"), (second, "?version=2"), (second, "")):
        evidence = parse_evidence(api.get(path + suffix).content)
        assert hash_leaf(evidence.leaf).hex() == receipt["leaf_hash"]


def test_what_is_not_logged_cannot_be_proved_yet(make_api: MakeApi) -> None:
    api = make_api(log={"checkpoint_interval_ms": 3_600_000})
    (receipt,) = api.submit().json()["receipts"]
    assert receipt["level"] == "stored"
    problem(api.get(f"/v1/records/{receipt['record_id']}/evidence"), 409, "not-yet-logged")


def test_an_altered_body_is_not_given_out(api: Api) -> None:
    receipt = api.logged()
    # another last byte, whatever it was
    api.world.rows(
        "UPDATE bodies SET body = CAST("
        "substr(body, 1, length(body) - 1) || CASE substr(body, -1) WHEN x'00' THEN x'01' ELSE x'00' END AS BLOB)"
    )
    refused = api.get(f"/v1/records/{receipt['record_id']}/evidence")
    problem(refused, 500, "body-altered")
    assert b"FHIR" not in refused.content


def test_verification_of_what_is_no_evidence(api: Api) -> None:
    for body in (b"", b"{}", b"[]", b'{"a":1,"a":2}', b"\x00" * 100):
        answer = api.call("POST", "/v1/verify", institution=None, content=body)
        assert (answer.status_code, answer.json()["verdict"]) == (200, "unreadable")


def test_a_node_without_a_trust_root_cannot_verify_and_says_so(api: Api) -> None:
    receipt = api.logged()
    evidence = api.get(f"/v1/records/{receipt['record_id']}/evidence").content
    problem(api.call("POST", "/v1/verify", institution=None, content=evidence), 503, "not-set-up")


def test_status_tells_the_sizes_and_that_there_is_no_chain(api: Api) -> None:
    api.logged()
    status = api.get("/v1/status").json()
    log = next(one for one in status["logs"] if one["institution"] == HOSPITAL)
    assert (log["staged"], log["logged"], log["anchored"], log["state"], log["anchor"]) == (1, 1, 0, "signing", None)
    assert (status["ready"], status["chain"]["state"], status["trust_root_serial"]) == (True, "none", None)
    assert api.get("/readyz").json() == {"status": "ready"}
    assert api.get("/healthz").json() == {"status": "ok"}


def test_metrics_count_what_happened(api: Api) -> None:
    def sample(name: str) -> float:
        lines = api.get("/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    new = 'concord_records_total{institution="hospital-a",outcome="new"}'
    refused = 'concord_refusals_total{error="MalformedJsonError",institution="hospital-a"}'
    before = sample(new), sample(refused)
    api.logged()
    api.submit(b"{")
    assert (sample(new), sample(refused)) == (before[0] + 1, before[1] + 1)
    assert sample('concord_log_size{origin="hospital-a.example/log"}') == 1
    assert sample("concord_writer_queue") >= 0


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for element in value:
            yield from references(element)


def test_the_openapi_document_is_valid_and_has_an_example_for_every_json_answer() -> None:
    document = create_app(None).openapi()
    assert document["openapi"].startswith("3.1")
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["operationId"]
            assert operation["summary"] or operation["description"], (method, path)
            success = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert success
    problems = {
        status
        for item in document["paths"].values()
        for operation in item.values()
        for status, answer in operation["responses"].items()
        if "application/problem+json" in answer.get("content", {})
    }
    assert problems >= {"400", "401", "403", "404", "409", "410", "413", "422", "503"}


def test_patients_are_registered_and_replaced(api: Api) -> None:
    body = {
        "patient_number": "00042",
        "patient_system": "urn:mrn",
        "epoch_keys": {"1": "11" * 32},
        "exchange_public_key": "22" * 32,
        "signing_public_key": "33" * 32,
    }

    def register(**changes: object) -> tuple[int, object]:
        answer = api.call("POST", "/v1/patients", content=json.dumps({**body, **changes}))
        return answer.status_code, answer.json().get("replaced")

    assert register() == (201, False)
    assert register(epoch_keys={"1": "44" * 32}) == (200, True)
    assert register(patient_number="00043") == (201, False)
    for epoch_keys in ({}, {"1": "11"}, {"-1": "11" * 32}, {"x": "11" * 32}):
        assert register(epoch_keys=epoch_keys)[0] == 422
    assert register(seed="00" * 32)[0] == 422
    problem(api.call("POST", "/v1/patients", content=b"{"), 400, "malformed")
    problem(api.call("POST", "/v1/patients", content=b" " * 70_000), 413, "too-large")
