"""Sensitive records: found by their writer and the patient alone, and like any other to everybody else."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.entry import EntryType
from node.domain.patient import PatientKeys
from node.errors import HeaderWrapError
from node.identity.codes import draw_seed, exchange_private_key, keys_of_seed
from node.services.patients.index import Registration
from node.services.records.ingest import Submission
from node.wire.header.seal import HeaderPlace, open_header_reader, parse_header
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, PRIVATE, locator_tag, pairwise_key
from tests.unit.fhir_split.documents import Json
from tests.unit.services_entries.test_acts import ENTRY, stage
from tests.unit.services_records.test_recovery import keep, recover, restore
from tests.unit.services_records.test_tags import NUMBER
from tests.unit.services_records.world import HOSPITAL, LOCATOR_SECRETS, World, report

pytestmark = pytest.mark.slow

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SEED = draw_seed()
KEYS = keys_of_seed(SEED, LOCATOR_SECRETS, provisional=False)


def meta(code: str = "HIV", system: str = ACT_CODE) -> Json:
    return {"security": [{"system": system, "code": code}]}


def labelled(number: str, code: str = "HIV", system: str = ACT_CODE) -> Json:
    return report(number, meta=meta(code, system))


@pytest.fixture
def known(world: World) -> World:
    """A node where the patient is registered."""
    world.running.node.patients.register(HOSPITAL, Registration(NUMBER, KEYS))
    return world


def pairwise(world: World) -> bytes:
    return pairwise_key(exchange_private_key(SEED), world.running.sharing.identities[HOSPITAL].exchange_public_key)


def found(world: World, tag_class: int, keys: PatientKeys = KEYS) -> list[int]:
    """Find a patient's entries by key alone, up to the first miss."""
    world.wait_logged(world.receipt(report("a probe", patient="99999", value="")))
    key = pairwise(world) if tag_class else keys.epoch_keys[1]
    tags = {parse_leaf(leaf).tag: index for index, leaf in enumerate(world.leaves())}
    places: list[int] = []
    while (tag := locator_tag(key, world.origin(), tag_class, len(places))) in tags:
        places.append(tags[tag])
    return places


def test_a_sensitive_record_is_found_by_writer_and_patient_alone(known: World) -> None:
    known.receipt(report("1"))
    known.receipt(labelled("2"))
    known.receipt(labelled("3", "N", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"))
    known.receipt(labelled("4", "R", "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"))
    assert (found(known, ORDINARY), found(known, PRIVATE)) == ([0, 2], [1, 3])
    assert known.rows("SELECT leaf_index, label FROM entry_labels ORDER BY leaf_index") == [(1, "HIV"), (3, "R")]
    leaf = parse_leaf(known.leaves()[1])
    header = dict(known.running.node.reader.headers(known.origin(), 0, 10))[1] or b""
    place = HeaderPlace(known.origin(), EntryType.RECORD, leaf.tag)
    assert open_header_reader(header, place, pairwise(known)).record.status == "final"
    with pytest.raises(HeaderWrapError):
        open_header_reader(header, place, KEYS.epoch_keys[1])


def test_an_amendment_has_the_class_of_its_subject(known: World) -> None:
    known.receipt(labelled("1"))
    known.receipt(report("1", value="amended"))
    known.receipt(report("1", value="amended", status="entered-in-error"))
    assert found(known, PRIVATE) == [0, 1, 2]
    assert known.rows("SELECT count(*) FROM entry_labels WHERE label = 'HIV'") == [(3,)]


def test_versions_in_one_group_inherit_labels_too(known: World) -> None:
    versions = [report("1", value=str(n), meta=meta("HIV" if n == 0 else "N")) for n in range(4)]
    # together: what is sent by several calls may overtake
    answers = known.running.node.ingest.submit_many(HOSPITAL, [json.dumps(each).encode() for each in versions]).result(30)
    assert all(isinstance(answer, Submission) for answer in answers)
    assert found(known, ORDINARY) + found(known, PRIVATE) == [0, 1, 2, 3]


def test_one_sensitive_part_makes_the_record_sensitive(known: World) -> None:
    document = report("1")
    document["entry"][1]["resource"]["meta"] = meta("PSY")
    known.receipt(document)
    known.receipt({**report("2"), "meta": meta("ETH")})
    assert (found(known, ORDINARY), found(known, PRIVATE)) == ([], [0, 1])


def test_records_and_receipts_share_their_counter(known: World) -> None:
    receipt = replace(ENTRY, patient=KEYS)
    known.receipt(labelled("1"))
    stage(known, receipt, receipt)
    futures = [known.send(labelled(str(n))) for n in range(2, 8)]
    stage(known, receipt)
    for future in futures:
        future.result(30)
    known.restart()
    stage(known, receipt)
    assert len(found(known, PRIVATE)) == 11


def test_without_keys_it_looks_like_any_other(known: World) -> None:
    known.receipt(report("1"))
    known.receipt(labelled("2"))
    known.receipt(labelled("3", "N"))
    ordinary, sensitive, marked = (header or b"" for _, header in known.running.node.reader.headers(known.origin(), 0, 3))
    assert len(ordinary) == len(sensitive) == len(marked)
    shapes = [
        [(wrap.kind, wrap.key_id, len(wrap.content)) for wrap in parse_header(header).wraps] for header in (ordinary, sensitive)
    ]
    assert shapes[0] == shapes[1]


def test_recovery_brings_private_tags_back_and_gives_none_twice(known: World, tmp_path: Path) -> None:
    known.receipt(labelled("1"))
    known.wait_logged(known.receipt(report("x", patient="1")))
    known.stop()
    backup = keep(known, tmp_path / "backup")
    known.start()
    stage(known, replace(ENTRY, patient=KEYS))
    known.receipt(labelled("2"))
    known.wait_logged(known.receipt(report("y", patient="1")))
    known.stop()
    newer = keep(known, tmp_path / "newer")
    restore(known, backup)
    assert recover(known, newer).records == 2
    known.start()
    known.receipt(labelled("3"))
    assert found(known, PRIVATE) == [0, 2, 3, 5]
    assert known.rows("SELECT leaf_index, label FROM entry_labels ORDER BY leaf_index") == [(0, "HIV"), (3, "R"), (5, "HIV")]


def test_a_patient_registered_after_recovery_goes_on_where_the_log_stands(world: World, tmp_path: Path) -> None:
    world.wait_logged(world.receipt(report("x", patient="1")))
    world.stop()
    backup = keep(world, tmp_path / "backup")
    world.start()
    world.running.node.patients.register(HOSPITAL, Registration(NUMBER, KEYS))
    world.receipt(report("1"))
    world.receipt(labelled("2"))
    world.wait_logged(world.receipt(report("3")))
    world.stop()
    newer = keep(world, tmp_path / "newer")
    restore(world, backup)
    recover(world, newer)
    shutil.rmtree(backup)
    world.start()
    world.running.node.patients.register(HOSPITAL, Registration(NUMBER, KEYS))
    world.receipt(report("4"))
    world.receipt(labelled("5"))
    assert (found(world, ORDINARY), found(world, PRIVATE)) == ([1, 3, 4], [2, 5])
    tags = [parse_leaf(leaf).tag for leaf in world.leaves()]
    assert len(set(tags)) == len(tags)
