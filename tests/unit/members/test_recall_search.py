"""The search behind a recall: in steps, after failures and restarts, and for what is filed later."""

from __future__ import annotations

import pytest

from node.domain.recognition import Coverage
from node.domain.revision_notice import NoticeChange
from node.errors import RevisedResultError
from node.recognition.decision import Recognise
from node.services.recognition.recall_work import RecallWork
from node.services.recognition.recalls import RecallState
from tests.unit.members.asking import request_for, subject_of, told
from tests.unit.members.notices import recognised, reference
from tests.unit.members.orders import check, decide, recognition
from tests.unit.members.patients import Patient, eventually
from tests.unit.members.recalls import (
    criteria,
    follow,
    listed,
    made_with,
    order,
    recall,
    searched,
    service,
    shown,
)
from tests.unit.services_records.world import HOSPITAL


def test_a_recall_stands_before_anything_was_searched(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = made_with(alone, lot="L1")
    alone.retrieve(alone.grant())
    answer = check(alone)
    monkeypatch.setattr(RecallWork, "step", lambda _: False)
    announced = service(alone).announce(HOSPITAL, order(criteria(alone, lot="L1")))
    assert (announced.state, announced.recall.total, announced.recall.next_index) == (RecallState.RUNNING, 0, 0)
    standing = recognition(alone.neighbours.here).standing.against()
    found = recognition(alone.neighbours.there).deciding._parts.results.again(alone.keys)
    (content,) = [each.content for each in found if each.leaf == reference(faulty)]
    assert standing.covers(reference(faulty), HOSPITAL, content)
    there, origin = alone.neighbours.there, announced.recall.entry.origin

    def is_followed() -> bool:
        there.follow(origin)
        return bool(there.running.node.following.standing_recalls(origin))

    eventually(is_followed, "hospital-b does not follow the recall")
    (line,) = check(alone).outcome.lines
    assert (line.offers, {item.obstacle.value for each in line.unrecognisable for item in each.items}) == ((), {"recalled"})
    with pytest.raises(RevisedResultError):
        decide(alone, answer, Recognise((reference(faulty),)))


def test_what_is_filed_later_is_recalled_listed_and_told(alone: Patient) -> None:
    first = made_with(alone, lot="L1")
    announced = recall(alone, lot="L1")
    assert listed(announced) == [reference(first)]
    late = made_with(alone, lot="L1")
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-0"}]
    mended = made_with(alone, lot="L1", identifier=number, status="corrected", conclusion="another word")
    made_with(alone, lot="L2")
    assert told(alone.neighbours, request_for(subject_of(late), alone.grant())).status == 200
    report = searched(alone, announced.recall.recall_id)
    assert set(listed(report)) == {reference(each) for each in (first, late, mended)}
    assert report.recall.total == 3
    (state,) = report.notices
    assert (state.notice.change, state.notice.concerned) == (NoticeChange.RECALLED, (reference(late),))
    assert told(alone.neighbours, request_for(subject_of(mended), alone.grant())).status == 200
    told_of = {each for state in shown(alone, announced.recall.recall_id).notices for each in state.notice.concerned}
    assert told_of == {reference(late), reference(mended)}
    follow(alone, report)
    (line,) = check(alone).outcome.lines
    assert reference(late) not in {each.leaf for each in line.offers}


def test_many_results_take_several_lists_and_many_entries_several_steps(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.services.recognition.recall_work.MAX_RESULTS", 2)
    monkeypatch.setattr("node.services.recognition.recall_work.RUN_ENTRIES", 3)
    expected = [reference(made_with(alone, lot="L1")) for _ in range(5)]
    announced = recall(alone, lot="L1")
    assert listed(announced) == expected
    # the log grows by the first lists: the last one is staged when its end is reached
    follow(alone, announced)
    lists = alone.neighbours.here.rows("select count(*) from recalled_entries group by list_index order by list_index")
    assert [count for (count,) in lists] == [2, 2, 1]
    assert check(alone).outcome.lines[0].coverage is Coverage.NOT


def test_a_preview_goes_on_where_it_ended(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [reference(made_with(alone, lot="L1")) for _ in range(3)]
    monkeypatch.setattr("node.services.recognition.recalls.PREVIEW_ENTRIES", 2)
    found, start = [], 0
    while True:
        page = service(alone).preview(HOSPITAL, criteria(alone, lot="L1"), start)
        found += [each.entry for each in page.results]
        if page.searched == page.size:
            break
        start = page.searched
    assert (found, service(alone).preview(HOSPITAL, criteria(alone, lot="L1"), 99).results) == (expected, ())
    assert alone.neighbours.here.rows("select count(*) from recalls") == [(0,)]


def test_a_step_that_fails_keeps_nothing_and_is_done_again(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    made_with(alone, lot="L1")
    recognised(alone)
    failed: list[int] = []

    def fail(*_: object) -> None:
        failed.append(1)
        raise OSError("the disk is full")

    notices = alone.neighbours.here.running.node.custody.notices
    monkeypatch.setattr(notices._store, "keep", fail)
    announced = service(alone).announce(HOSPITAL, order(criteria(alone, lot="L1")))
    eventually(lambda: failed, "the search does not begin")
    report = shown(alone, announced.recall.recall_id)
    assert (report.state, report.recall.total, report.notices) == (RecallState.RUNNING, 0, ())
    assert alone.neighbours.here.rows("select count(*) from recalled_entries") == [(0,)]
    monkeypatch.undo()
    assert len(searched(alone, announced.recall.recall_id).notices) == 1


def test_a_search_goes_on_after_a_restart_where_it_was(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [reference(made_with(alone, lot="L1")) for _ in range(3)]
    recognised(alone)
    monkeypatch.setattr("node.services.recognition.recall_work.RUN_ENTRIES", 1)
    step = RecallWork.step

    def as_far_as_the_third(work: RecallWork) -> bool:
        begun = work._parts.store.to_search(HOSPITAL)
        return not any(each.next_index == 2 for each in begun) and step(work)

    monkeypatch.setattr(RecallWork, "step", as_far_as_the_third)
    announced = service(alone).announce(HOSPITAL, order(criteria(alone, lot="L1")))
    eventually(lambda: shown(alone, announced.recall.recall_id).recall.next_index == 2, "the search does not begin")
    alone.neighbours.here.restart()
    alone.neighbours.refresh()
    report = shown(alone, announced.recall.recall_id)
    assert (report.state, report.recall.next_index) == (RecallState.RUNNING, 2)
    monkeypatch.setattr(RecallWork, "step", step)
    report = searched(alone, announced.recall.recall_id)
    assert (report.state, listed(report)) == (RecallState.DONE, expected)
    told_of = [each for state in report.notices for each in state.notice.concerned]
    assert len(told_of) == len(set(told_of)) > 0


def test_a_restart_remembers_what_is_recalled(alone: Patient) -> None:
    made_with(alone, lot="L1")
    follow(alone, announced := recall(alone, lot="L1"))
    alone.neighbours.there.restart()
    alone.neighbours.refresh()
    assert all(alone.neighbours.there.running.node.following.is_recalled(each) for each in listed(announced))
    assert check(alone).outcome.lines[0].offers == ()
