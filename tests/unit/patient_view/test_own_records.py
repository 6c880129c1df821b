"""A patient reads their own record in full, by their key alone; whoever else asks learns nothing; it is logged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from node.domain.access import AccessContent, AccessOutcome, RequestId
from node.domain.patient import LocatorTag, PatientSeed
from node.services.patient_view.gathering import signed_request
from node.wire.evidence.file import parse_evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.leaf import parse_leaf
from node.wire.patient.entries import OwnRecordRequest
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.patient_view.test_views import LOG, register, wait_for_lines
from tests.unit.services_records.world import World, report
from tests.unit.services_supervision.consortium import SEED, A, eventually, make_consortium

pytestmark = pytest.mark.slow

ENDPOINT = f"http://{A}.example"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_consortium(tmp_path / "n").start()
    register(made)
    made.wait_logged(made.receipt(report(), A))
    yield made
    made.stop()


def tag_of_the_record(world: World) -> LocatorTag:
    return parse_leaf(wait_for_lines(world, 1).lines[0].proof.leaf).tag


def ask(
    world: World, tag: LocatorTag, *, seed: PatientSeed = SEED, endpoint: str = ENDPOINT, request_id: str = "0" * 32
) -> httpx.Response:
    asked = OwnRecordRequest(LOG, tag, RequestId(request_id))
    body, headers = signed_request(seed, endpoint, asked, world.clock.now())
    return Api(world).call("POST", "/v1/patient/records", institution=None, content=body, headers=headers)


def receipts(world: World) -> list[AccessContent]:
    contents = [each.line.header.content for each in wait_for_lines(world, 2).lines if each.line.header is not None]
    return [content for content in contents if isinstance(content, AccessContent)]


def test_the_patient_reads_all_of_it_with_its_proof_and_it_is_logged(world: World) -> None:
    response = ask(world, tag_of_the_record(world))
    assert response.status_code == 200, response.text
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    verdict = verify_evidence(parse_evidence(response.content), root, now=NOW)
    assert len(verdict.parts) == verdict.part_count - 1
    (receipt,) = receipts(world)
    assert (receipt.outcome, receipt.actor.role, receipt.counterpart) == (AccessOutcome.DISCLOSED, "patient", A)


def test_whoever_else_asks_is_answered_as_if_nothing_were_there(world: World) -> None:
    tag = tag_of_the_record(world)
    others = [
        ask(world, tag, seed=PatientSeed(bytes(32))),
        ask(world, LocatorTag(bytes(32))),
        ask(world, tag, endpoint="http://hospital-b.example"),
    ]
    assert {response.status_code for response in others} == {404}
    assert len({response.content for response in others}) == 1
    assert len(wait_for_lines(world, 1).lines) == 1


def test_a_request_counts_once_and_not_for_ever(world: World) -> None:
    tag = tag_of_the_record(world)
    body, headers = signed_request(SEED, ENDPOINT, OwnRecordRequest(LOG, tag, RequestId("1" * 32)), world.clock.now())

    def send() -> int:
        return Api(world).call("POST", "/v1/patient/records", institution=None, content=body, headers=headers).status_code

    assert [send(), send()] == [200, 401]
    late_body, late_headers = signed_request(SEED, ENDPOINT, OwnRecordRequest(LOG, tag, RequestId("2" * 32)), world.clock.now())
    world.clock.advance(seconds=600)
    late = Api(world).call("POST", "/v1/patient/records", institution=None, content=late_body, headers=late_headers)
    assert late.status_code == 401
    unsigned = Api(world).call("POST", "/v1/patient/records", institution=None, content=late_body)
    assert unsigned.status_code == 401


def test_what_was_erased_is_answered_as_if_nothing_were_there_and_its_denial_is_logged(world: World) -> None:
    tag = tag_of_the_record(world)
    record_id = world.rows("SELECT record_id FROM records")[0][0]
    assert Api(world).call("DELETE", f"/v1/records/{record_id}", institution=A).status_code == 200
    response = eventually(lambda: ask(world, tag), lambda answer: answer.status_code == 404)
    assert response.json()["type"] == "urn:concord:problem:unknown-patient-entry"
