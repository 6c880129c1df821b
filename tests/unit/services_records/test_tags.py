"""Locator tags: contiguous from 0 under every epoch key, never given twice (FORMATS "Patient code and locator")."""

from __future__ import annotations

import pytest

from node.domain.patient import PatientKeys
from node.domain.record import PatientNumber
from node.identity.codes import draw_seed, keys_of_seed
from node.services.patients.index import Registration
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, locator_tag
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS, World, report

pytestmark = pytest.mark.slow

NUMBER = PatientNumber("urn:mrn", "00042")
OTHER_NUMBER = PatientNumber("urn:mrn", "00043")


def keys_of_patient() -> PatientKeys:
    return keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False)


def register(world: World, keys: PatientKeys, number: PatientNumber = NUMBER) -> bool:
    return world.running.node.patients.register(HOSPITAL, Registration(number, keys))


def probe(world: World, keys: PatientKeys, epoch: int = 1) -> list[int]:
    """Find a patient's entries as a reader does: by its key alone, up to the first miss."""
    world.wait_logged(world.receipt(report("a probe", patient="99999", value="")))
    tags = {parse_leaf(leaf).tag: index for index, leaf in enumerate(world.leaves())}
    found: list[int] = []
    while (tag := locator_tag(keys.epoch_keys[epoch], world.origin(), ORDINARY, len(found))) in tags:
        found.append(tags[tag])
    return found


def submit(world: World, *numbers: str, patient: str = "00042") -> list[int]:
    return [world.receipt(report(number, patient=patient)).leaf_index or 0 for number in numbers]


def test_a_reader_finds_all_entries_of_a_patient_and_opens_their_headers(world: World) -> None:
    keys = keys_of_patient()
    assert register(world, keys) is False
    places = submit(world, "1", "2", "3")
    world.receipt(report("1", value="amended"))
    places.append(3)
    submit(world, "4", patient="00043")
    assert probe(world, keys) == places
    headers = dict(world.running.node.reader.headers(world.origin(), 0, 10))
    leaf = parse_leaf(world.leaves()[places[1]])
    place = HeaderPlace(world.origin(), leaf.entry_type, leaf.tag)
    opened = open_header_reader(headers[places[1]] or b"", place, keys.epoch_keys[1])
    assert opened.record.status == "final"


def test_an_unregistered_patient_gets_a_provisional_code_of_its_own(world: World) -> None:
    submit(world, "1", "2")
    submit(world, "3", patient="00043")
    submit(world, "1")
    assert world.rows("SELECT count(*), sum(provisional) FROM patients") == [(2, 2)]
    assert sorted(world.rows("SELECT next_counter FROM locator_counters")) == [(1,), (2,)]
    assert len({parse_leaf(leaf).tag for leaf in world.leaves()}) == len(world.leaves())


def test_a_replaced_key_begins_at_zero_and_the_former_goes_on_where_it_was(world: World) -> None:
    first, second = keys_of_patient(), keys_of_patient()
    register(world, first)
    under_first = submit(world, "1", "2")
    assert register(world, second) is True
    under_second = submit(world, "3")
    assert register(world, first) is True
    under_first += submit(world, "4")
    assert probe(world, first) == under_first
    assert probe(world, second) == under_second


def test_a_registration_takes_over_from_a_provisional_code(world: World) -> None:
    submit(world, "1")
    keys = keys_of_patient()
    assert register(world, keys) is True
    places = submit(world, "2", "3")
    assert probe(world, keys) == places
    assert world.rows("SELECT count(*), sum(provisional) FROM patients WHERE provisional = 0") == [(1, 0)]


def test_two_numbers_of_one_patient_share_its_tags(world: World) -> None:
    keys = keys_of_patient()
    register(world, keys)
    register(world, keys, OTHER_NUMBER)
    places = [world.receipt(report(str(n), patient=NUMBER.value if n % 2 else OTHER_NUMBER.value)).leaf_index for n in range(4)]
    assert probe(world, keys) == places


def test_the_newest_epoch_is_written_and_older_entries_stay_findable(world: World) -> None:
    seed = draw_seed()
    register(world, keys_of_seed(seed, LOCATOR_SECRETS, provisional=False))
    old = submit(world, "1", "2")
    both = keys_of_seed(seed, {**LOCATOR_SECRETS, 2: b"\x02" * 32}, provisional=False)
    register(world, both)
    new = submit(world, "3")
    assert (probe(world, both, 1), probe(world, both, 2)) == (old, new)


def test_two_hosted_institutions_count_apart(world: World) -> None:
    keys = keys_of_patient()
    register(world, keys)
    world.running.node.patients.register(CLINIC, Registration(NUMBER, keys))
    places = submit(world, "1", "2")
    world.receipt(report("1"), CLINIC)
    assert probe(world, keys) == places
    assert min(world.rows("SELECT origin, next_counter FROM locator_counters")) == ("clinic-a.example/log", 1)


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("at", ["insert_entries", "insert_bodies", "set_counters"])
def test_a_roll_back_gives_tags_and_indices_back(world: World, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    keys = keys_of_patient()
    register(world, keys)
    places = submit(world, "1")

    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(f"node.adapters.database.records.transaction.SqlRecordsTransaction.{at}", cut)
        with pytest.raises(PowerCutError):
            world.receipt(report("2"))
    world.restart()
    places += submit(world, "3", "2")
    assert places == [0, 1, 2]
    assert probe(world, keys) == places


def test_no_database_column_holds_what_names_a_patient(world: World) -> None:
    world.receipt(report("ACC-770011", value="欧阳震华", patient="440100199001011234"))
    for database in ("records.db", "secrets.db"):
        for (table,) in world.rows("SELECT name FROM sqlite_master WHERE type = 'table'", database=database):
            shown = repr(world.rows(f"SELECT * FROM {table}", database=database))  # noqa: S608 - our own tables
            assert "440100199001011234" not in shown
            assert "ACC-770011" not in shown
