from __future__ import annotations

from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.happenings import Cause, Change, RecallName, RecallNumber, Status
from devnet.simulation.telling import NoticeName
from node.domain.entry import InstitutionId
from tests.unit.simulated_region.world import (
    A,
    B,
    C,
    again,
    looking,
    offer,
    recall,
    recognise,
    result,
    revised,
    using_version,
    visit,
    worked,
    year,
)

LOT = "LOT-1"
MADE = result(0, A, -8, lot=LOT)
USED = visit(1, B, 0, MADE, decision=recognise(MADE, at=B))
OF_RECALL, OF_LIFTING = (RecallName(RecallNumber(0), is_lifting=each) for each in (False, True))


def notice(change: Change, cause: Cause, recipient: InstitutionId = B, version: int = 1) -> NoticeName:
    return NoticeName(A, recipient, change, cause, offer(MADE, version).name)


def test_who_recognised_or_only_looked_is_told_of_a_correction_and_nobody_else() -> None:
    looked = looking(visit(2, C, 1, MADE, decision=again()), MADE)
    corrected = revised(MADE, 2, 8)
    told = aftermath_of(year([USED, looked], [MADE], [corrected])).notices
    assert told == {notice(Change.AMENDED, corrected.name, each): False for each in (B, C)}
    assert not aftermath_of(year([visit(1, B, 0, MADE)], [MADE], [corrected])).notices


def test_the_institution_itself_is_not_told() -> None:
    own = visit(1, A, 0, MADE, decision=recognise(MADE, at=A))
    assert not aftermath_of(year([own], [MADE], [revised(MADE, 2, 8)])).notices


def test_each_later_version_is_told_of_for_each_version_that_was_read() -> None:
    first, second = revised(MADE, 2, 8), revised(MADE, 3, 22, Status.WITHDRAWN)
    newer = using_version(visit(2, B, 15, MADE, decision=recognise(MADE, at=B)), 2)
    told = aftermath_of(year([USED, newer], [MADE], [first, second])).notices
    assert set(told) == {
        notice(Change.AMENDED, first.name),
        notice(Change.WITHDRAWN, second.name),
        notice(Change.WITHDRAWN, second.name, version=2),
    }


def test_who_reads_a_version_that_was_replaced_meanwhile_is_told_of_the_latest() -> None:
    corrected = revised(MADE, 2, -1)
    assert set(aftermath_of(year([USED], [MADE], [corrected])).notices) == {notice(Change.AMENDED, corrected.name)}


def test_a_recall_and_its_lifting_are_told_to_whoever_read_what_it_is_about() -> None:
    announced = recall(0, A, 8, lot=LOT, lifted=29)
    told = aftermath_of(year([USED], [MADE], recalls=[announced])).notices
    assert set(told) == {notice(Change.RECALLED, OF_RECALL), notice(Change.LIFTED, OF_LIFTING)}
    assert not aftermath_of(year([USED], [MADE], recalls=[recall(0, A, 8, lot="LOT-2")])).notices


def test_who_reads_what_is_recalled_is_told_unless_the_recall_was_lifted() -> None:
    assert set(aftermath_of(year([USED], [MADE], recalls=[recall(0, A, -1, lot=LOT)])).notices) == {
        notice(Change.RECALLED, OF_RECALL)
    }
    assert not aftermath_of(year([USED], [MADE], recalls=[recall(0, A, -6, lot=LOT, lifted=-1)])).notices


def test_a_list_has_what_came_in_the_periods_before() -> None:
    happened = [USED], [MADE], [revised(MADE, 2, 8, Status.WITHDRAWN)]
    too_early = aftermath_of(year(*happened, lists_worked=[worked(B, 12, Change.WITHDRAWN)]))
    assert not any(too_early.notices.values())
    assert not too_early.taken_back
    in_time = aftermath_of(year(*happened, lists_worked=[worked(B, 15, Change.WITHDRAWN), worked(B, 16)]))
    assert all(in_time.notices.values())
    assert {order: each.at_ms for order, each in in_time.taken_back.items()} == {"O1": worked(B, 15).at_ms}
    assert not any(aftermath_of(year(*happened, lists_worked=[worked(C, 15, Change.WITHDRAWN)])).notices.values())


def test_only_what_rests_on_it_and_stands_is_taken_back() -> None:
    withdrawn, heeded = revised(MADE, 2, 8, Status.WITHDRAWN), worked(B, 15, Change.WITHDRAWN)
    reconsidered = visit(1, B, 0, MADE, decision=recognise(MADE, at=B), taken_back=True)
    elsewhere = visit(2, C, 0, MADE, decision=recognise(MADE, at=C))
    assert not aftermath_of(year([reconsidered, elsewhere], [MADE], [withdrawn], lists_worked=[heeded])).taken_back
    assert not aftermath_of(year([USED], [MADE], [revised(MADE, 2, 8)], lists_worked=[heeded])).taken_back


def test_nothing_is_taken_back_for_a_recall_of_whose_lifting_notice_came_too() -> None:
    lifted = recall(0, A, 8, lot=LOT, lifted=29)
    before, after = worked(B, 29.5, Change.RECALLED), worked(B, 36, Change.RECALLED)
    assert aftermath_of(year([USED], [MADE], recalls=[lifted], lists_worked=[before])).taken_back
    assert not aftermath_of(year([USED], [MADE], recalls=[lifted], lists_worked=[after])).taken_back
