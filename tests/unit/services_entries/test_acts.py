"""Acts in the log: found by who may find them, opened by who may read them, with counters that never restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, BlockStamp, ConsentId, Purpose, RequestId
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.patient import PatientSeed
from node.domain.record import Kind, Part
from node.errors import HeaderWrapError
from node.identity.codes import exchange_private_key, keys_of_seed
from node.services.records.entries import ActEntry, StagedAct
from node.wire.commitment import open_body
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import locator_tag, pairwise_key
from node.wire.manifest import parse_manifest
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS, World, make_world

SEED = PatientSeed(bytes(range(32)))
KEYS = keys_of_seed(SEED, LOCATOR_SECRETS, provisional=False, regulator_id="regulator")
CONTENT = AccessContent(
    request_id=RequestId("0123456789abcdef" * 2),
    side=AccessSide.HOLDER,
    counterpart=InstitutionId("hospital-b"),
    actor=Actor(InstitutionId("hospital-b"), "03.04", "b-17", "110", "password+token"),
    purpose=Purpose.TREATMENT,
    outcome=AccessOutcome.DISCLOSED,
    reason="",
    consent_id=ConsentId(b"\x05" * 32),
    consent_block=BlockStamp(17, b"\x06" * 32),
    emergency_id=None,
    subjects=(LeafReference(Origin("hospital-a.example/log"), b"\x07" * 32),),
    occurred_at_ms=1_772_366_400_000,
)
ENTRY = ActEntry(
    entry_type=EntryType.ACCESS_RECEIPT,
    kind=Kind("access-receipt"),
    content=CONTENT,
    parts=(Part("application/json", "receipt", "", b'{"request": "as it came"}', ""),),
    performed_at_ms=1_772_366_400_000,
    patient=KEYS,
    tag_class=1,
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path / "n").start()
    yield made
    made.stop()


def stage(world: World, *entries: ActEntry, institution: InstitutionId = HOSPITAL) -> list[StagedAct]:
    composer = world.running.sharing.composer
    return world.running.sharing.writer.submit(lambda tx: composer.stage(tx, institution, entries)).result(30)


def pairwise(world: World, institution: InstitutionId = HOSPITAL) -> bytes:
    """Return K_r as the patient computes it."""
    return pairwise_key(exchange_private_key(SEED), world.running.sharing.identities[institution].exchange_public_key)


def test_the_patient_finds_and_reads_a_receipt_and_nobody_else_does(world: World) -> None:
    (staged,) = stage(world, ENTRY)
    key = pairwise(world)
    place = HeaderPlace(staged.origin, EntryType.ACCESS_RECEIPT, locator_tag(key, staged.origin, 1, 0))
    header = open_header_reader(staged.header, place, key)
    assert header.content == CONTENT
    assert header.pseudonym == KEYS.pseudonym
    (leaf,) = (parse_leaf(leaf) for (leaf,) in world.rows("select leaf from entries"))
    assert leaf.tag == place.tag
    with pytest.raises(HeaderWrapError):
        open_header_reader(staged.header, place, KEYS.epoch_keys[1])


def test_its_body_opens_the_commitment_under_a_manifest_for_this_log(world: World) -> None:
    (staged,) = stage(world, ENTRY)
    ((body, secret_id, leaf),) = world.rows(
        "select body, secret_id, leaf from entries join bodies using (origin, leaf_index) where leaf_index = ?", staged.leaf_index
    )
    secret = world.running.sharing.secrets.get(secret_id)
    assert secret is not None
    parts = open_body(secret, body, parse_leaf(leaf).commitment).parts
    manifest = parse_manifest(parts[0].content)
    assert (manifest.origin, manifest.entry_type, manifest.identity) == (staged.origin, EntryType.ACCESS_RECEIPT, None)
    assert parts[1].content == ENTRY.parts[0].content


def test_counters_go_on_over_calls_restarts_and_classes(world: World) -> None:
    first = stage(world, ENTRY, ENTRY)
    world.restart()
    second = stage(world, ENTRY, replace(ENTRY, tag_class=0))
    key, origin = pairwise(world), first[0].origin
    tags = [parse_leaf(leaf).tag for (leaf,) in world.rows("select leaf from entries order by leaf_index")]
    assert tags[:3] == [locator_tag(key, origin, 1, counter) for counter in range(3)]
    assert tags[3] == locator_tag(KEYS.epoch_keys[1], origin, 0, 0)
    assert [one.leaf_index for one in (*first, *second)] == [0, 1, 2, 3]


def test_institutions_of_one_node_share_nothing(world: World) -> None:
    (ours,) = stage(world, ENTRY)
    (theirs,) = stage(world, ENTRY, institution=CLINIC)
    assert ours.origin != theirs.origin
    assert pairwise(world) != pairwise(world, CLINIC)
    place = HeaderPlace(theirs.origin, EntryType.ACCESS_RECEIPT, locator_tag(pairwise(world, CLINIC), theirs.origin, 1, 0))
    assert open_header_reader(theirs.header, place, pairwise(world, CLINIC)).content == CONTENT


def test_an_act_without_a_patient_has_a_random_tag(world: World) -> None:
    stage(world, replace(ENTRY, patient=None), replace(ENTRY, patient=None))
    tags = {parse_leaf(leaf).tag for (leaf,) in world.rows("select leaf from entries")}
    assert len(tags) == 2
    assert world.rows("select * from locator_counters") == []


def test_what_fails_stages_nothing(world: World) -> None:
    broken = replace(ENTRY, patient=replace(KEYS, exchange_public_key=bytes(32)))
    with pytest.raises(ValueError, match="small order"):
        stage(world, ENTRY, broken)
    assert world.rows("select * from entries") == []
    (staged,) = stage(world, ENTRY)
    assert staged.leaf_index == 0
