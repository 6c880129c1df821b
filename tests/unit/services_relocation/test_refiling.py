"""A record under the wrong patient: withdrawn there, filed anew, and whoever read it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from node.domain.access import AccessOutcome
from node.domain.entry import EntryType, LeafReference
from node.domain.receipt import Outcome, Receipt
from node.errors import RefilingRefusedError, UnknownRecordError
from node.identity.codes import draw_seed, keys_of_seed
from node.services.custody.refiling import Refiled
from node.services.patients.index import Registration
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, locator_tag
from tests.unit.api_routes.client import Api
from tests.unit.fhir_split.documents import Json
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, make_neighbourhood
from tests.unit.services_entries.test_acts import CONTENT, ENTRY, stage
from tests.unit.services_records.test_tags import NUMBER, OTHER_NUMBER
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS, World, report

pytestmark = pytest.mark.slow

WRONG = keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False)
RIGHT = keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False)


@pytest.fixture
def neighbours(tmp_path: Path) -> Iterator[Neighbourhood]:
    made = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}).start()
    for number, keys in ((NUMBER, WRONG), (OTHER_NUMBER, RIGHT)):
        made.here.running.node.patients.register(HOSPITAL, Registration(number, keys))
    yield made
    made.stop()


def corrected(number: str = "1", patient: str = OTHER_NUMBER.value) -> Json:
    return report(number, patient=patient)


def refile(world: World, receipt: Receipt, document: Json) -> Refiled:
    service = world.running.node.refiling
    assert service is not None
    return service.refile(HOSPITAL, receipt.record_id, json.dumps(document).encode())


def disclosed(world: World, receipt: Receipt, outcome: AccessOutcome = AccessOutcome.DISCLOSED) -> None:
    """Log a receipt: hospital-b read the record, or was denied."""
    assert receipt.leaf_hash is not None
    content = replace(CONTENT, outcome=outcome, subjects=(LeafReference(receipt.origin, receipt.leaf_hash),))
    stage(world, replace(ENTRY, content=content, patient=WRONG))


def test_it_is_withdrawn_there_and_found_here(neighbours: Neighbourhood) -> None:
    world = neighbours.here
    wrong = world.receipt(report("1"))
    done = refile(world, wrong, corrected())
    assert (done.receipt.outcome, done.told) == (Outcome.NEW, ())
    assert done.receipt.record_id != wrong.record_id
    leaves = [parse_leaf(leaf) for (leaf,) in world.rows("SELECT leaf FROM entries ORDER BY leaf_index")]
    assert [leaf.entry_type for leaf in leaves] == [EntryType.RECORD, EntryType.WITHDRAWAL, EntryType.RECORD]
    assert leaves[1].tag == locator_tag(WRONG.epoch_keys[1], wrong.origin, ORDINARY, 1)
    assert leaves[2].tag == locator_tag(RIGHT.epoch_keys[1], wrong.origin, ORDINARY, 0)
    header = dict(world.running.node.reader.headers(wrong.origin, 0, 3))[1] or b""
    content = open_header_reader(header, HeaderPlace(wrong.origin, EntryType.WITHDRAWAL, leaves[1].tag), WRONG.epoch_keys[1]).record
    assert (content.record_id, content.version, content.status) == (wrong.record_id, 2, "entered-in-error")
    assert content.supersedes is not None
    assert content.supersedes.leaf_hash == wrong.leaf_hash


def test_whoever_read_it_is_told_and_nobody_else(neighbours: Neighbourhood) -> None:
    world = neighbours.here
    wrong, other = world.receipt(report("1")), world.receipt(report("2"))
    disclosed(world, other)
    disclosed(world, wrong, AccessOutcome.DENIED)
    assert refile(world, other, corrected("2")).told == (OTHER,)
    assert refile(world, wrong, corrected()).told == ()
    exchange = world.running.node.exchange
    assert exchange is not None
    exchange.outbox.deliver()
    listed = Api(neighbours.there).call("GET", "/v1/notices", institution=OTHER).json()["notices"]
    assert other.leaf_hash is not None
    assert [(one["sender"], one["leaf_hash"]) for one in listed] == [(HOSPITAL, other.leaf_hash.hex())]


def test_a_document_that_is_not_the_record_of_another_patient_changes_nothing(neighbours: Neighbourhood) -> None:
    world = neighbours.here
    wrong = world.receipt(report("1"))
    two = corrected()
    second = json.loads(json.dumps(two["entry"][0]))
    second["resource"]["identifier"][0]["value"] = "9"
    second["fullUrl"] = "urn:uuid:9"
    two["entry"].append(second)
    for document in (corrected(patient=NUMBER.value), two):
        with pytest.raises(RefilingRefusedError):
            refile(world, wrong, document)
    service = world.running.node.refiling
    assert service is not None
    with pytest.raises(UnknownRecordError):
        service.refile(CLINIC, wrong.record_id, json.dumps(corrected()).encode())
    assert world.rows("SELECT count(*) FROM entries") == [(1,)]


def test_it_goes_over_the_api(neighbours: Neighbourhood) -> None:
    world = neighbours.here
    wrong = world.receipt(report("1"))
    answer = Api(world).call("POST", f"/v1/records/{wrong.record_id}/refile", content=json.dumps(corrected()))
    assert answer.status_code == httpx.codes.CREATED
    assert answer.json()["receipt"]["outcome"] == "new"
    shown = Api(world).get(f"/v1/records/{wrong.record_id}").json()
    assert [(version["version"], version["entry_type"]) for version in shown["versions"]] == [(2, "withdrawal"), (1, "record")]
