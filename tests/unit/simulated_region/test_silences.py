from __future__ import annotations

from collections.abc import Sequence

from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.happenings import Change, ListWorked, OrderingVisit, RecallMade, Status, VersionMade
from devnet.simulation.silences import Silences
from tests.unit.simulated_region.world import (
    ITEMS,
    RULES,
    A,
    B,
    again,
    recall,
    recognise,
    result,
    revised,
    visit,
    worked,
    year,
)

LOT = "LOT-1"
OFFERED = result(0, A, -8, ITEMS[:1], lot=LOT)
EXAMINED = result(1, B, 4, ITEMS[:1])
UNDECIDED = visit(1, B, 0, OFFERED)


def silent(
    at: OrderingVisit = UNDECIDED,
    *revisions: VersionMade,
    recalls: Sequence[RecallMade] = (),
    lists_worked: Sequence[ListWorked] = (),
) -> bool:
    happened = year([at], [OFFERED, EXAMINED], revisions, recalls, lists_worked)
    return [each.number for each in Silences(RULES, happened, aftermath_of(happened)).found()] == [EXAMINED.number]


def test_what_nobody_decided_on_and_was_examined_is_silent() -> None:
    assert silent()
    assert not silent(visit(1, B, 0, OFFERED, decision=again()))
    assert not silent(visit(1, B, 0, OFFERED, decision=recognise(OFFERED, at=B)))
    assert silent(visit(1, B, 0, OFFERED, decision=again(), taken_back=True))


def test_what_was_replaced_or_recalled_before_the_examination_did_not_count() -> None:
    assert not silent(UNDECIDED, revised(OFFERED, 2, 3))
    assert not silent(UNDECIDED, revised(OFFERED, 2, 3, Status.WITHDRAWN))
    assert silent(UNDECIDED, revised(OFFERED, 2, 5))
    assert not silent(recalls=[recall(0, A, 3, lot=LOT)])
    assert silent(recalls=[recall(0, A, 5, lot=LOT)])


def test_a_decision_that_a_list_takes_back_is_none() -> None:
    decided = visit(1, B, 0, OFFERED, decision=recognise(OFFERED, at=B))
    withdrawn = revised(OFFERED, 2, 8, Status.WITHDRAWN)
    assert silent(decided, withdrawn, lists_worked=[worked(B, 15, Change.WITHDRAWN)])
    assert not silent(decided, withdrawn, lists_worked=[worked(B, 15)])
