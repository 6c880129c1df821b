"""The life of a record: told line by line, each proved, with what named it, and nothing of other records or institutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.access import AccessContent
from node.domain.entry import EntryType, LeafReference
from node.domain.header import HeaderContent
from node.domain.receipt import Receipt
from node.domain.verdict import BundleVerdict
from node.services.clients import Scope
from node.wire.evidence.bundle import parse_bundle_file
from node.wire.evidence.bundle_verification import verify_bundle
from node.wire.trust_root import parse_trust_root
from tests.unit.api_routes.client import Api
from tests.unit.evidence_verify.world import NOW
from tests.unit.patient_view.test_views import register
from tests.unit.services_records.world import World, report
from tests.unit.services_supervision.consortium import HOLDER, A, B, eventually, log_act, make_access, make_consortium


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_consortium(tmp_path / "n").start()
    register(made)
    yield made
    made.stop()


def tell(world: World, receipt: Receipt) -> BundleVerdict:
    response = Api(world).get(f"/v1/records/{receipt.record_id}/trail", institution=A)
    assert response.status_code == 200, response.text
    root = parse_trust_root(world.settings.trust_root_file.read_bytes())
    return verify_bundle(parse_bundle_file(response.content), root, now=NOW)


def wait_until_followed(world: World, receipt: Receipt) -> None:
    world.wait_logged(receipt)
    path = f"/v1/records/{receipt.record_id}/trail"
    eventually(lambda: Api(world).get(path, institution=A).status_code, lambda status: status == 200)


def read_by(world: World, receipt: Receipt) -> None:
    """Log that somebody read a record."""
    assert receipt.leaf_hash is not None
    subject = LeafReference(receipt.origin, receipt.leaf_hash)
    log_act(world, A, replace(make_access(HOLDER), subjects=(subject,)))


def test_a_trail_tells_versions_and_who_read_them(world: World) -> None:
    first = world.receipt(report(), A)
    wait_until_followed(world, first)
    world.receipt(report("F-8"), A)
    read_by(world, first)
    log_act(world, A, make_access(HOLDER))
    amended = world.receipt(report(value="b", issued="2026-03-02T08:25:00+08:00"), A)
    assert amended.record_id == first.record_id
    told = eventually(lambda: tell(world, first), lambda verdict: sum(line.header is not None for line in verdict.lines) == 3)
    assert [line.entry_type for line in told.lines] == [EntryType.RECORD, EntryType.ACCESS_RECEIPT, EntryType.AMENDMENT]
    contents = [line.header.content for line in told.lines if line.header is not None]
    assert [type(content) for content in contents] == [HeaderContent, AccessContent, HeaderContent]
    assert [line.evidence is not None for line in told.lines] == [True, False, True]
    assert all(not line.evidence.parts for line in told.lines if line.evidence is not None)


def test_an_erased_record_still_tells_that_it_was_there_and_who_read_it(world: World) -> None:
    receipt = world.receipt(report(), A)
    wait_until_followed(world, receipt)
    read_by(world, receipt)
    assert Api(world).call("DELETE", f"/v1/records/{receipt.record_id}", institution=A).status_code == 200
    told = eventually(lambda: tell(world, receipt), lambda verdict: len(verdict.lines) >= 2)
    assert told.lines[0].header is None
    assert told.lines[0].evidence is None


def test_only_who_may_is_told(world: World) -> None:
    receipt = world.receipt(report(), A)
    wait_until_followed(world, receipt)
    api, path = Api(world), f"/v1/records/{receipt.record_id}/trail"
    assert api.get(path, institution=B).status_code == 404
    assert api.get(path, institution=None).status_code == 401
    assert api.get(path, institution=A, scopes=[Scope.READ_RECORDS]).status_code == 403
    assert api.get("/v1/records/none/trail", institution=A).status_code == 404
