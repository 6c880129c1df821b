"""A scan of a whole log finds whatever is missing under a patient's keys, and nothing else."""

from __future__ import annotations

import pytest

from ledger.errors import LedgerError
from ledger.ports import LogReader
from ledger.tiles import BundleAddress
from node.services.patient_view.completeness import LogScan, prove_completeness, scan_log
from tests.unit.completeness_proof.patient_logs import PRIVATE, RECORDS, GrownLog, foreign_tag, grow, leaf, mixed, tag


def scan(log: GrownLog, window: int = 16) -> LogScan:
    return scan_log(log.store, log.checkpoint, [RECORDS, PRIVATE], window=window)


def test_what_is_all_there_is_complete() -> None:
    tags = [tag(RECORDS, 0), tag(PRIVATE, 0), tag(RECORDS, 1), tag(RECORDS, 2), tag(PRIVATE, 1)]
    log = grow(mixed(tags))
    found = scan(log)
    assert found.is_complete
    assert (found.size, found.unknown_leaves) == (log.checkpoint.size, 0)
    assert [list(each.places) for each in found.series] == [[0, 1, 2], [0, 1]]
    assert list(found.series[0].places.values()) == sorted(found.series[0].places.values())


def test_a_log_that_holds_nothing_of_the_patient_is_complete() -> None:
    assert scan(grow(mixed([]))).is_complete


@pytest.mark.parametrize("jump", [1, 15, 16], ids=["next", "inside", "end of the window"])
def test_a_number_that_was_left_out_is_found_as_far_as_the_window_reaches(jump: int) -> None:
    found = scan(grow(mixed([tag(RECORDS, 0), tag(RECORDS, jump)])))
    assert found.series[0].missing == tuple(range(1, jump))
    assert found.is_complete == (jump == 1)


def test_beyond_the_window_nothing_is_looked_for() -> None:
    assert scan(grow(mixed([tag(RECORDS, 0), tag(RECORDS, 99)]))).is_complete


def test_a_first_entry_that_was_left_out_is_found() -> None:
    assert scan(grow(mixed([tag(RECORDS, 1)]))).series[0].missing == (0,)


def test_a_later_number_is_found_wherever_it_stands() -> None:
    found = scan(grow(mixed([tag(RECORDS, 4), tag(RECORDS, 0), tag(RECORDS, 1)])))
    assert (found.series[0].missing, found.series[0].disordered) == ((2, 3), (4,))


def test_a_number_that_stands_twice_is_found() -> None:
    found = scan(grow(mixed([tag(RECORDS, 0), tag(RECORDS, 0)])))
    assert len(found.series[0].repeated) == 1
    assert not found.is_complete


def test_more_entries_than_the_window_are_followed_to_their_end() -> None:
    log = grow(mixed([tag(RECORDS, counter) for counter in range(200)], others=500))
    found = scan(log, window=8)
    assert found.is_complete
    assert len(found.series[0].places) == 200


def test_a_leaf_that_nobody_can_read_is_told() -> None:
    log = grow([leaf(tag(RECORDS, 0)), b"\x02" + leaf(tag(RECORDS, 1))[1:], leaf(foreign_tag(1))])
    found = scan(log)
    assert (found.unknown_leaves, found.is_complete) == (1, False)
    with pytest.raises(ValueError, match="missing"):
        prove_completeness(log.store, log.checkpoint, log.note, found)


def test_the_classes_are_numbered_apart() -> None:
    assert not scan(grow(mixed([tag(RECORDS, 0), tag(PRIVATE, 1)]))).is_complete


def test_leaves_that_the_head_does_not_prove_are_refused() -> None:
    log = grow(mixed([tag(RECORDS, 0)]))

    class Lying:
        """Serves somebody else's leaf in place of the patient's."""

        def __getattr__(self, name: str) -> object:
            return getattr(log.store, name)

        def bundle(self, address: BundleAddress) -> bytes:
            return log.store.bundle(address).replace(tag(RECORDS, 0), foreign_tag(0))

    reader: LogReader = Lying()  # type: ignore[assignment]  # the rest is the store's
    with pytest.raises(LedgerError):
        scan_log(reader, log.checkpoint, [RECORDS])
