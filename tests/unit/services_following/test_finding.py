"""Finding a patient's entries by counters: in all logs at once, past tombstones, the latest versions last."""

from __future__ import annotations

from node.domain.entry import EntryType
from node.services.reading.finding import Finder, PatientProbe
from tests.unit.services_following.world import Follower, content

EPOCH_1, EPOCH_2, PAIR, STRANGER = (bytes([number]) * 32 for number in range(1, 5))


def test_all_entries_under_all_epochs_are_found_and_no_strangers(follower: Follower) -> None:
    first, second, third = follower.hospitals
    first.fill(20)
    places = [first.add(EPOCH_1, number, content(number)) for number in range(4)]
    first.fill(300)
    places += [second.add(EPOCH_2, 0, content(9)), first.add(EPOCH_2, 0, content(10))]
    third.add(STRANGER, 0, content(11))
    follower.poll()
    found = Finder(follower.index).find(PatientProbe({1: EPOCH_1, 2: EPOCH_2}))
    assert {entry.reference for entry in found.entries} == set(places)
    assert {(entry.epoch, entry.counter) for entry in found.entries} == {(1, 0), (1, 1), (1, 2), (1, 3), (2, 0)}
    assert all(entry.header is not None for entry in found.entries)
    assert Finder(follower.index).find(PatientProbe({1: EPOCH_1})).entries == found.entries[:4]


def test_a_tombstone_is_a_hit_and_ends_no_probe(follower: Follower) -> None:
    first = follower.hospitals[0]
    references = [first.add(EPOCH_1, number, content(number)) for number in range(3)]
    first.bury(references[1])
    follower.poll()
    found = Finder(follower.index).find(PatientProbe({1: EPOCH_1}))
    assert [(entry.counter, entry.deleted, entry.header is None) for entry in found.entries] == [
        (0, False, False),
        (1, True, True),
        (2, False, False),
    ]
    assert [entry.reference for entry in found.current()] == [references[0], references[2]]


def test_the_latest_version_counts_whatever_was_deleted_in_between(follower: Follower) -> None:
    first = follower.hospitals[0]
    one = first.add(EPOCH_1, 0, content(1))
    two = first.add(EPOCH_1, 1, content(1, version=2, supersedes=one), entry_type=EntryType.AMENDMENT)
    three = first.add(EPOCH_1, 2, content(1, version=3, supersedes=two), entry_type=EntryType.AMENDMENT)
    first.bury(two)
    follower.poll()
    found = Finder(follower.index).find(PatientProbe({1: EPOCH_1}))
    assert len(found.entries) == 3
    assert [entry.reference for entry in found.current()] == [three]


def test_class_one_is_found_with_the_pairwise_key_of_that_log_only(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    first.add(PAIR, 0, content(1), tag_class=1)
    second.add(PAIR, 0, content(2), tag_class=1)
    follower.poll()
    finder = Finder(follower.index)
    assert finder.find(PatientProbe({1: PAIR})).entries == ()
    found = finder.find(PatientProbe({}, {first.origin: [STRANGER, PAIR]}))
    assert [(entry.place.origin, entry.tag_class) for entry in found.entries] == [(first.origin, 1)]


def test_a_tag_that_another_log_copied_hides_nothing(follower: Follower) -> None:
    first, second, _ = follower.hospitals
    reference = second.add(EPOCH_1, 0, content(1))
    first.log.grow(second.log.entries)
    first.sealed += second.sealed
    follower.poll()
    found = Finder(follower.index).find(PatientProbe({1: EPOCH_1}))
    assert [entry.reference for entry in found.entries] == [reference]


def test_a_restart_finds_the_same(follower: Follower) -> None:
    first = follower.hospitals[0]
    for number in range(3):
        first.add(EPOCH_1, number, content(number))
    follower.poll()
    before = Finder(follower.index).find(PatientProbe({1: EPOCH_1}))
    follower.restart()
    assert Finder(follower.index).find(PatientProbe({1: EPOCH_1})) == before
    assert len(before.entries) == 3
