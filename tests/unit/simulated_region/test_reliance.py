from __future__ import annotations

from collections.abc import Sequence

from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.happenings import Change, ListWorked, OrderingVisit, RecallMade, Status, VersionMade
from devnet.simulation.reliance import FoundReliance, RelianceOracle, reading_times
from devnet.simulation.replaced import Replacements
from devnet.simulation.rules import DAY_MS
from tests.unit.simulated_region.world import A, B, moment, recall, recognise, result, revised, visit, worked, year

LOT = "LOT-1"
MADE = result(0, A, -8, lot=LOT)
USED = visit(1, B, 0, MADE, decision=recognise(MADE, at=B))
WITHDRAWN = revised(MADE, 2, 8, Status.WITHDRAWN)
OPEN = FoundReliance(frozenset({"O1"}), frozenset())
SETTLED = FoundReliance(frozenset(), frozenset({"O1"}))
NOTHING = FoundReliance(frozenset(), frozenset())
GRACE_DAYS = 10


def found(
    *revisions: VersionMade,
    recalls: Sequence[RecallMade] = (),
    lists_worked: Sequence[ListWorked] = (),
    used: OrderingVisit = USED,
    read_on: Sequence[int] = (14, 28, 42, 90),
) -> FoundReliance:
    happened = year([used], [MADE], revisions, recalls, lists_worked)
    read = [moment(day) for day in read_on]
    return RelianceOracle(happened, aftermath_of(happened), read, GRACE_DAYS * DAY_MS).found()


def test_a_recognition_of_what_was_withdrawn_is_found_when_the_grace_time_is_over() -> None:
    assert found(WITHDRAWN) == OPEN
    assert found(WITHDRAWN, read_on=(14, 23)) == NOTHING
    assert found(WITHDRAWN, read_on=(14, 24)) == OPEN
    assert found() == NOTHING


def test_a_correction_is_no_withdrawal_but_its_withdrawal_is() -> None:
    corrected = revised(MADE, 2, 8)
    assert found(corrected) == NOTHING
    assert found(corrected, revised(MADE, 3, 15, Status.WITHDRAWN)) == OPEN


def test_what_was_taken_back_before_supervision_found_it_is_no_finding_and_later_it_settles() -> None:
    assert found(WITHDRAWN, lists_worked=[worked(B, 15, Change.WITHDRAWN)]) == NOTHING
    assert found(WITHDRAWN, lists_worked=[worked(B, 29, Change.WITHDRAWN)]) == SETTLED
    reconsidered = visit(1, B, 0, MADE, decision=recognise(MADE, at=B), taken_back=True)
    assert found(WITHDRAWN, used=reconsidered) == NOTHING


def test_own_results_are_not_found() -> None:
    assert found(WITHDRAWN, used=visit(1, A, 0, MADE, decision=recognise(MADE, at=A))) == NOTHING


def test_a_recall_counts_while_it_stands_and_settles_when_it_is_lifted() -> None:
    assert found(recalls=[recall(0, A, 8, lot=LOT)]) == OPEN
    assert found(recalls=[recall(0, A, 8, lot="LOT-2")]) == NOTHING
    assert found(recalls=[recall(0, A, 8, lot=LOT, lifted=22)]) == NOTHING
    assert found(recalls=[recall(0, A, 8, lot=LOT, lifted=36)]) == SETTLED


def test_what_was_recognised_while_a_recall_stood_counts_though_it_was_lifted() -> None:
    announced = recall(0, A, -0.5, lot=LOT, lifted=36)
    late = visit(1, B, 0.01, MADE, decision=recognise(MADE, at=B))
    assert found(recalls=[announced], used=late) == OPEN
    just_before = recall(0, A, 0.011, lot=LOT, lifted=36)
    assert found(recalls=[just_before], used=late) == SETTLED


def test_a_recall_lists_what_was_filed_before_it_and_what_is_filed_while_it_stands() -> None:
    announced = recall(0, A, 8, lot=LOT, lifted=29)
    before, meanwhile, after = (revised(MADE, version, day, lot=LOT) for version, day in ((2, 7.5), (3, 15), (4, 30)))
    happened = year([USED], [MADE], [before, meanwhile, after], [announced])
    replacements = Replacements(happened)
    listed = {version.version: at_ms for version, at_ms, _ in replacements.listed(announced)}
    assert listed == {1: announced.at_ms, 2: announced.at_ms, 3: meanwhile.at_ms}
    names = [each.name for each in (MADE.first, before, meanwhile, after)]
    first = replacements.first_replaced()
    assert [first.get(each) for each in names] == [before.at_ms, announced.at_ms, meanwhile.at_ms, None]


def test_supervision_reads_every_few_periods_and_at_the_end() -> None:
    times = reading_times(year([]), 4, [moment(200)])
    assert times[:2] == [moment(-70), moment(-42)]
    assert times[-2:] == [moment(98), moment(200)]
