from __future__ import annotations

import pytest

from devnet.simulation.happenings import RecallMade, Status, VersionMade
from devnet.simulation.standing import Standing
from node.domain.entry import InstitutionId
from tests.unit.simulated_region.world import ITEMS, A, B, C, moment, period_of, recall, result, revised

LOT = "LOT-1"
MADE = result(0, A, -20, device="analyser", lot=LOT)
HOSTS = {A: 0, B: 0, C: 1}


def found(day: float, *taken: VersionMade | RecallMade, viewer: InstitutionId = B) -> list[tuple[int, str]]:
    """Return the versions of `MADE` that a check on a day finds, and what stands against each."""
    standing = Standing(HOSTS)
    standing.file(MADE.first)
    for each in taken:
        if isinstance(each, VersionMade):
            standing.file(each)
        else:
            standing.announce(each)
    known = standing.found([MADE], viewer, period_of(day), moment(day))
    return [(each.version.version, "" if each.against is None else each.against.value) for each in known]


def test_the_newest_version_counts_from_the_next_period_on() -> None:
    corrected = revised(MADE, 2, 1, lot=LOT)
    assert found(6, corrected) == [(1, "")]
    assert found(7, corrected) == [(2, ""), (1, "superseded")]


def test_what_was_withdrawn_is_told_of_once() -> None:
    assert found(8, revised(MADE, 2, 1, Status.WITHDRAWN)) == [(2, "withdrawn")]


@pytest.mark.parametrize(
    ("about", "covered"),
    [
        ({"lot": LOT}, True),
        ({"lot": "LOT-2"}, False),
        ({"device": "analyser"}, True),
        ({"device": "analyser", "lot": "LOT-2"}, False),
        ({"item": ITEMS[1]}, True),
        ({"item": "LAB-NONE"}, False),
    ],
)
def test_recalls_are_about_what_fits_all_that_is_given(about: dict[str, str], *, covered: bool) -> None:
    assert found(8, recall(0, A, 1, **about)) == [(1, "recalled" if covered else "")]  # type: ignore[arg-type]


def test_recalls_are_about_their_own_institution_and_period_alone() -> None:
    assert found(8, recall(0, B, 1, lot=LOT)) == [(1, "")]
    assert found(30, recall(0, A, 20, lot=LOT)) == [(1, "")]


def test_a_recall_counts_at_once_at_the_node_that_hosts_its_institution() -> None:
    announced = recall(0, A, 1, lot=LOT)
    assert found(0.5, announced) == [(1, "")]
    assert found(2, announced) == [(1, "recalled")]
    assert found(2, announced, viewer=C) == [(1, "")]
    assert found(7, announced, viewer=C) == [(1, "recalled")]


def test_a_lifting_counts_from_the_next_period_on() -> None:
    lifted = recall(0, A, 1, lot=LOT, lifted=15)
    assert found(16, lifted) == [(1, "recalled")]
    assert found(21, lifted) == [(1, "")]


def test_a_report_from_another_lot_counts_while_the_recall_stands() -> None:
    announced = recall(0, A, 1, lot=LOT)
    assert found(15, announced, revised(MADE, 2, 8, lot="LOT-2")) == [(2, ""), (1, "superseded")]
    assert found(15, announced, revised(MADE, 2, 8, lot=LOT)) == [(2, "recalled"), (1, "superseded")]
