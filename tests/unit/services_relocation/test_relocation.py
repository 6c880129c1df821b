"""Relocations: another code finds the same records, nothing public joins old and new, and no crash repeats or loses one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from node.domain.access import ConsentId, Purpose
from node.domain.consent import CarePeriod, ConsentSalt, ConsentTerms, Grantee, PresentedConsent
from node.domain.entry import EntryType, InstitutionId
from node.domain.header import HeaderContent, RelocationContent
from node.domain.labels import SensitivityLabel
from node.domain.patient import PatientKeys, PatientSeed
from node.domain.receipt import Outcome
from node.identity.codes import draw_seed, exchange_private_key, keys_of_seed
from node.ports.consents.store import ConsentRole, KeptConsent
from node.ports.records.transaction import PatientId
from node.services.patients.index import Registration
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, PRIVATE, locator_tag, pairwise_key
from tests.unit.services_records.test_labels import labelled
from tests.unit.services_records.test_recovery import keep, recover, restore
from tests.unit.services_records.test_tags import NUMBER, OTHER_NUMBER
from tests.unit.services_records.world import HOSPITAL, LOCATOR_SECRETS, World, make_world, report

pytestmark = pytest.mark.slow

OLD_SEED, NEW_SEED = draw_seed(), draw_seed()
DAY_S = 86_400
PROBES = count()
CONSENT = ConsentId(b"\x07" * 32)


def keys_of(seed: PatientSeed) -> PatientKeys:
    return keys_of_seed(seed, LOCATOR_SECRETS, provisional=False)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A node whose relocations are spread over a day, with two dummies each; its patient has the old code."""
    made = make_world(tmp_path / "n", relocation={"dummies": 2}).start()
    register(made, OLD_SEED)
    yield made
    made.stop()


def register(world: World, seed: PatientSeed) -> None:
    world.running.node.patients.register(HOSPITAL, Registration(NUMBER, keys_of(seed)))


def finish(world: World) -> None:
    """Let the day pass."""
    world.clock.advance(seconds=DAY_S)
    # tombstones are scheduled by their relocations
    world.running.node.custody.relocations.step()
    world.running.node.custody.relocations.step()


def found(world: World, seed: PatientSeed, tag_class: int = ORDINARY) -> list[HeaderContent | RelocationContent | None]:
    """Return what a reader with a code finds in the log, None for a deleted header; the first miss ends it."""
    # staged after everything that was: logged, it has everything logged
    world.wait_logged(world.receipt(report(f"probe {next(PROBES)}", patient="99999")))
    identity = world.running.sharing.identities[HOSPITAL]
    key = keys_of(seed).epoch_keys[1]
    if tag_class == PRIVATE:
        key = pairwise_key(exchange_private_key(seed), identity.exchange_public_key)
    leaves = [parse_leaf(leaf) for leaf in world.leaves()]
    headers = dict(world.running.node.reader.headers(world.origin(), 0, 10_000))
    places = {leaf.tag: index for index, leaf in enumerate(leaves)}
    contents: list[HeaderContent | RelocationContent | None] = []
    while (tag := locator_tag(key, world.origin(), tag_class, len(contents))) in places:
        header = headers[places[tag]]
        place = HeaderPlace(world.origin(), leaves[places[tag]].entry_type, tag)
        content = None if header is None else open_header_reader(header, place, key).content
        assert content is None or isinstance(content, HeaderContent | RelocationContent)
        contents.append(content)
    return contents


def reasons(world: World, seed: PatientSeed, tag_class: int = ORDINARY) -> list[str]:
    """Return why each relocation was made, `record` for entries that are none, `deleted` for deleted headers."""
    return [
        "deleted" if one is None else one.reason if isinstance(one, RelocationContent) else "record"
        for one in found(world, seed, tag_class)
    ]


def patient_id(world: World) -> PatientId:
    ((value,),) = world.rows("SELECT patient_id FROM patients WHERE provisional = 0")
    return PatientId(value)


def test_a_new_code_finds_what_the_old_one_found(world: World) -> None:
    one, two = world.receipt(report("1")), world.receipt(report("2"))
    world.receipt(labelled("3"))
    register(world, NEW_SEED)
    assert reasons(world, OLD_SEED) == ["record", "record"]
    finish(world)
    assert reasons(world, OLD_SEED) == ["deleted", "deleted"]
    assert reasons(world, OLD_SEED, PRIVATE) == ["deleted"]
    contents = found(world, NEW_SEED)
    targets = {content.target.leaf_hash for content in contents if isinstance(content, RelocationContent)}
    assert targets == {one.leaf_hash, two.leaf_hash}
    assert reasons(world, NEW_SEED, PRIVATE) == ["new-code"]
    assert world.running.node.custody.relocations.waiting(HOSPITAL) == 0
    world.receipt(report("4"))
    assert reasons(world, NEW_SEED) == ["new-code", "new-code", "record"]


def test_the_bodies_of_relocated_records_are_still_there(world: World) -> None:
    receipt = world.receipt(report("1"))
    register(world, NEW_SEED)
    finish(world)
    assert world.rows("SELECT count(*) FROM bodies WHERE leaf_index = ?", receipt.leaf_index) == [(1,)]
    assert world.running.node.evidence.export(HOSPITAL, receipt.record_id, version=None, parts=None)


def test_another_number_with_the_same_keys_keeps_its_records(world: World) -> None:
    world.running.node.patients.register(HOSPITAL, Registration(OTHER_NUMBER, keys_of(OLD_SEED)))
    world.receipt(report("1"))
    world.receipt(report("2", patient=OTHER_NUMBER.value))
    register(world, NEW_SEED)
    finish(world)
    assert reasons(world, OLD_SEED) == ["deleted", "record"]
    assert reasons(world, NEW_SEED) == ["new-code"]


def test_a_provisional_code_is_merged(tmp_path: Path) -> None:
    world = make_world(tmp_path / "m").start()
    world.receipt(report("1"))
    register(world, NEW_SEED)
    finish(world)
    assert reasons(world, NEW_SEED) == ["merged"]
    world.stop()


def test_a_second_change_of_code_relocates_once_more(world: World) -> None:
    receipt = world.receipt(report("1"))
    register(world, NEW_SEED)
    finish(world)
    third = draw_seed()
    register(world, third)
    finish(world)
    assert (reasons(world, OLD_SEED), reasons(world, NEW_SEED), reasons(world, third)) == (["deleted"], ["deleted"], ["new-code"])
    (content,) = found(world, third)
    assert isinstance(content, RelocationContent)
    assert content.target.leaf_hash == receipt.leaf_hash


def test_a_code_that_changes_while_relocations_wait_is_the_one_that_counts(world: World) -> None:
    world.receipt(report("1"))
    register(world, NEW_SEED)
    third = draw_seed()
    register(world, third)
    finish(world)
    assert (reasons(world, NEW_SEED), reasons(world, third)) == ([], ["new-code"])


def test_relocations_are_spread_and_hide_among_dummies(world: World) -> None:
    for number in range(12):
        world.receipt(report(str(number)))
    register(world, NEW_SEED)
    due = sorted(at for (at,) in world.rows("SELECT due_at_ms FROM relocation_jobs"))
    now_ms = int(world.clock.now().timestamp() * 1000)
    assert len(due) == 36
    assert now_ms <= due[0] < due[-1] <= now_ms + DAY_S * 1000
    assert due[-1] - due[0] > DAY_S * 1000 / 2
    finish(world)
    rows = world.rows(
        "SELECT leaf, header FROM entries LEFT JOIN headers USING (origin, leaf_index) WHERE entry_type = ?", EntryType.RELOCATION
    )
    assert len(rows) == 36
    assert len({len(header) for _, header in rows}) == 1
    assert len({len(leaf) for leaf, _ in rows}) == 1


def test_nothing_public_names_the_old_entry(world: World) -> None:
    receipt = world.receipt(report("1"))
    register(world, NEW_SEED)
    world.clock.advance(seconds=DAY_S / 2)
    world.running.node.custody.relocations.step()
    rows = world.rows("SELECT leaf, header FROM entries JOIN headers USING (origin, leaf_index) WHERE entry_type = 10")
    assert receipt.leaf_hash is not None
    for needle in (receipt.leaf_hash, receipt.leaf_hash.hex().encode()):
        assert all(needle not in leaf + header for leaf, header in rows)


def test_a_restart_repeats_nothing_and_forgets_nothing(world: World) -> None:
    for number in range(5):
        world.receipt(report(str(number)))
    register(world, NEW_SEED)
    for _ in range(6):
        world.clock.advance(seconds=DAY_S / 6)
        world.running.node.custody.relocations.step()
        world.restart()
    finish(world)
    assert reasons(world, NEW_SEED) == ["new-code"] * 5
    assert reasons(world, OLD_SEED) == ["deleted"] * 5
    assert world.rows("SELECT count(*) FROM entries WHERE entry_type = 10") == [(15,)]


def test_what_is_erased_while_it_waits_is_not_relocated(world: World) -> None:
    receipt = world.receipt(report("1"))
    register(world, NEW_SEED)
    world.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    finish(world)
    assert reasons(world, NEW_SEED) == []


def test_erasing_a_relocated_record_erases_what_stands_for_it(world: World) -> None:
    receipt = world.receipt(report("1"))
    register(world, NEW_SEED)
    finish(world)
    erasure = world.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    assert len(erasure.tombstones) == 2
    assert reasons(world, NEW_SEED) == ["deleted"]
    rows = "SELECT count(*) FROM bodies JOIN relocations USING (origin, leaf_index)"
    assert world.rows(rows) == [(0,)]


def consent(world: World, *labels: str) -> tuple[KeptConsent, ConsentTerms]:
    """Return a consent that names labels, as it is kept."""
    kept = KeptConsent(
        institution=HOSPITAL,
        presented=PresentedConsent(CONSENT, ConsentSalt(bytes(32)), b"{}"),
        role=ConsentRole.ASSERTED,
        patient=patient_id(world),
        document=None,
        kept_at_ms=0,
        revoked_at_ms=None,
    )
    terms = ConsentTerms(
        grantee=Grantee(InstitutionId("hospital-b"), None, None),
        kinds=None,
        items=None,
        labels=tuple(SensitivityLabel(label) for label in labels),
        period=CarePeriod(None, None),
        purposes=(Purpose.TREATMENT,),
        expires_at_s=2_000_000_000,
        max_uses=None,
    )
    return kept, terms


def open_consent(world: World, *labels: str) -> KeptConsent:
    kept, terms = consent(world, *labels)
    relocations = world.running.node.custody.relocations
    world.running.sharing.writer.submit(lambda tx: relocations.open_consent(tx, kept, terms)).result(30)
    return kept


def close_consent(world: World, kept: KeptConsent) -> None:
    relocations = world.running.node.custody.relocations
    world.running.sharing.writer.submit(lambda tx: relocations.close_consents(tx, [kept])).result(30)


def test_a_consent_opens_its_label_until_it_is_revoked(world: World) -> None:
    world.receipt(labelled("1"))
    world.receipt(labelled("2", "PSY"))
    kept = open_consent(world, "HIV")
    finish(world)
    (content,) = found(world, OLD_SEED)
    assert isinstance(content, RelocationContent)
    assert (content.reason, content.consent_id) == ("label", CONSENT)
    assert reasons(world, OLD_SEED, PRIVATE) == ["record", "record"]
    close_consent(world, kept)
    finish(world)
    assert reasons(world, OLD_SEED) == ["deleted"]
    assert reasons(world, OLD_SEED, PRIVATE) == ["record", "record"]


def test_what_a_consent_opened_moves_with_the_code(world: World) -> None:
    world.receipt(labelled("1"))
    open_consent(world, "HIV")
    finish(world)
    register(world, NEW_SEED)
    finish(world)
    assert reasons(world, OLD_SEED) == ["deleted"]
    assert (reasons(world, NEW_SEED), reasons(world, NEW_SEED, PRIVATE)) == (["label"], ["new-code"])


def test_a_consent_that_is_revoked_before_its_time_opens_nothing(world: World) -> None:
    world.receipt(labelled("1"))
    close_consent(world, open_consent(world, "HIV"))
    finish(world)
    assert reasons(world, OLD_SEED) == []


def test_a_record_that_becomes_sensitive_is_hidden_from_treating_hospitals(world: World) -> None:
    world.receipt(report("1"))
    world.receipt(labelled("1"))
    assert reasons(world, OLD_SEED) == ["deleted"]
    assert reasons(world, OLD_SEED, PRIVATE) == ["record"]


def test_recovery_takes_a_relocation_for_what_it_is_and_an_erasure_too(world: World, tmp_path: Path) -> None:
    register(world, NEW_SEED)
    kept, erased = world.receipt(report("1")), world.receipt(report("2"))
    becomes_sensitive = world.receipt(report("3"))
    world.receipt(report("x", patient="1"))
    world.wait_logged(world.receipt(report("y", patient="1")))
    third = draw_seed()
    register(world, third)
    world.stop()
    backup = keep(world, tmp_path / "backup")
    world.start()
    finish(world)
    world.receipt(labelled("3"))
    world.running.node.erasure.erase(HOSPITAL, erased.record_id)
    world.wait_logged(world.receipt(report("z", patient="1")))
    world.stop()
    newer = keep(world, tmp_path / "newer")
    restore(world, backup)
    recover(world, newer)
    world.start()
    assert world.receipt(report("2")).outcome is Outcome.ERASED
    assert world.receipt(report("1")).outcome is Outcome.SAME
    assert world.receipt(report("3")).record_id == becomes_sensitive.record_id
    assert world.rows("SELECT count(*) FROM headers WHERE leaf_index = ?", kept.leaf_index) == [(0,)]
    assert world.rows("SELECT count(*) FROM bodies WHERE leaf_index = ?", kept.leaf_index) == [(1,)]
    finish(world)
    standing = [reason for reason in reasons(world, third) if reason != "deleted"]
    assert standing == ["new-code"]
