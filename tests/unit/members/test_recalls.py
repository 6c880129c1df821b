"""hospital-a recalls what it made with a lot or a device: published, told, lifted, and not recognised any more by anybody."""

from __future__ import annotations

import pytest

from node.domain.recall import LiftingReason, RecallAnnouncement, RecallListing, RecallReason
from node.domain.recognition import Reason
from node.domain.revision_notice import NoticeChange
from node.errors import RecallConflictError, RevisedResultError, TooManyRecallsError, UnknownRecallError
from node.recognition.decision import Recognise, Reorder
from node.services.recognition.recalls import RecallState
from node.wire.public_entry import open_public_entry
from node.wire.recall_entry import recall_statement
from tests.unit.members.asking import request_for, subject_of, told
from tests.unit.members.certificates import codes, export, verify
from tests.unit.members.neighbourhood import OTHER, away, honest
from tests.unit.members.notices import acknowledge, deliver, received, recognised, reference, sent
from tests.unit.members.orders import check, decide, recognition
from tests.unit.members.patients import Patient
from tests.unit.members.recalls import (
    CHIEF,
    criteria,
    follow,
    lift,
    listed,
    made_with,
    order,
    recall,
    service,
    shown,
)
from tests.unit.services_records.world import CLINIC, HOSPITAL


def test_a_recall_of_a_lot_is_published_and_told_and_nothing_of_it_is_recognised(alone: Patient) -> None:
    faulty, fine = made_with(alone, "AU-5800", "L2231"), made_with(alone, "AU-5800", "L2232")
    alone.retrieve(alone.grant())
    decided = decide(alone, check(alone), Recognise((reference(faulty),)))
    answer = check(alone, encounter="encounter-2")
    announced = recall(alone, lot="L2231")
    assert listed(announced) == [reference(faulty)]
    assert [each.record_id for each in announced.results] == [faulty.record_id]
    follow(alone, announced)
    (line,) = check(alone).outcome.lines
    assert [each.leaf for each in line.offers] == [reference(fine)]
    refused = {item.obstacle.value for each in line.unrecognisable for item in each.items}
    assert refused == {"recalled"}
    deliver(alone)
    (notice,) = received(alone)
    assert (notice.received.change, notice.received.concerned) == (NoticeChange.RECALLED, (reference(faulty),))
    assert notice.received.entry == announced.recall.entry
    assert [each.row.decision_id for each in notice.decisions] == [decided.decision_id]
    with pytest.raises(RevisedResultError):
        decide(alone, answer, Recognise((reference(faulty),)))
    acknowledge(alone, notice)
    deliver(alone)
    (state,) = service(alone).show(HOSPITAL, announced.recall.recall_id).notices
    assert state.acknowledged_at_ms is not None


def test_a_recall_that_is_sent_again_is_one_recall(alone: Patient) -> None:
    made_with(alone, lot="L1")
    first = order(criteria(alone, lot="L1"))
    announced = service(alone).announce(HOSPITAL, first)
    assert service(alone).announce(HOSPITAL, first).recall.entry == announced.recall.entry
    with pytest.raises(RecallConflictError):
        service(alone).announce(HOSPITAL, order(criteria(alone, lot="L2"), first.recall_id))
    with pytest.raises(UnknownRecallError):
        service(alone).show(CLINIC, first.recall_id)
    with pytest.raises(UnknownRecallError):
        service(alone).lift(CLINIC, first.recall_id, LiftingReason.CLEARED, CHIEF)
    assert [each.recall_id for each in service(alone).list(HOSPITAL, 10)] == [first.recall_id]
    assert service(alone).list(CLINIC, 10) == []


def test_no_more_recalls_stand_than_readers_hold_against_results(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.services.recognition.recalls.MAX_STANDING", 1)
    first = recall(alone, lot="L1")
    with pytest.raises(TooManyRecallsError):
        recall(alone, lot="L2")
    lift(alone, first.recall.recall_id)
    assert recall(alone, lot="L2").state is RecallState.DONE


def test_a_lifted_recall_is_told_to_whoever_was_told_and_its_results_count_again(alone: Patient) -> None:
    faulty = made_with(alone, lot="L1")
    recognised(alone)
    announced = recall(alone, lot="L1")
    follow(alone, announced)
    deliver(alone)
    (notice,) = received(alone)
    acknowledge(alone, notice)
    lifted = lift(alone, announced.recall.recall_id)
    assert lifted.lifter == CHIEF
    again = service(alone).lift(HOSPITAL, announced.recall.recall_id, LiftingReason.MISTAKEN, CHIEF)
    assert again.recall.lifting == lifted.recall.lifting
    follow(alone, lifted, recalled=False)
    deliver(alone)
    (second,) = received(alone)
    assert (second.received.change, second.received.lifts) == (NoticeChange.LIFTED, announced.recall.entry)
    assert second.received.concerned == (reference(faulty),)
    assert [each.received.is_lifted for each in received(alone, waiting=False)].count(True) == 1
    answer = check(alone, encounter="encounter-2")
    assert [each.leaf for each in answer.outcome.lines[0].offers] == [reference(faulty)]
    assert decide(alone, answer, Recognise((reference(faulty),))).decision.recognised == (reference(faulty),)
    acknowledge(alone, second)
    deliver(alone)
    (member,) = shown(alone, announced.recall.recall_id).members
    assert (member.member, member.notices, member.delivered, member.acknowledged) == (OTHER, 2, 2, 2)
    made_with(alone, lot="L1")
    alone.neighbours.here.running.loops["recalls"].once()
    assert shown(alone, announced.recall.recall_id).recall.total == 1


def test_a_lifting_leaves_what_another_recall_covers(alone: Patient) -> None:
    faulty = made_with(alone, "AU-5800", "L1")
    recognised(alone)
    first, second = recall(alone, lot="L1"), recall(alone, device="AU-5800")
    deliver(alone)
    follow(alone, second)
    answer = check(alone)
    follow(alone, lift(alone, first.recall.recall_id))
    deliver(alone)
    assert answer.outcome.lines[0].offers == check(alone).outcome.lines[0].offers == ()
    there = alone.neighbours.there
    notices, writer = recognition(there).notices, there.running.sharing.writer
    found = writer.submit(lambda transaction: notices.revised(transaction, OTHER, [reference(faulty)])).result()
    assert found == {reference(faulty)}


def test_the_entries_are_public_and_name_results_and_no_patient(alone: Patient) -> None:
    receipt = made_with(alone, "AU-5800", "L2231")
    announced = recall(alone, item="LAB-K", lot="L2231").recall
    query = "select leaf, header from entries join headers using (origin, leaf_index) where entry_type = 9 order by leaf_index"
    rows = alone.neighbours.here.rows(query)
    said = [recall_statement(open_public_entry(leaf, header, announced.entry.origin)) for leaf, header in rows]
    assert said == [
        RecallAnnouncement(announced.recall_id, announced.criteria, RecallReason.REAGENT),
        RecallListing(announced.recall_id, (reference(receipt).leaf_hash,)),
    ]
    for hidden in (alone.here.value, receipt.record_id, "a-3", "AU-5800"):
        assert all(hidden.encode() not in header for _, header in rows)


def test_who_retrieves_a_recalled_result_gets_it_and_is_told(alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    announced = recall(alone, lot="L1")
    assert announced.notices == ()
    assert told(alone.neighbours, request_for(subject_of(receipt), alone.grant())).status == 200
    (state,) = service(alone).show(HOSPITAL, announced.recall.recall_id).notices
    assert (state.notice.change, state.notice.concerned) == (NoticeChange.RECALLED, (reference(receipt),))


def test_a_member_that_is_away_is_told_of_a_recall_when_it_is_back(alone: Patient) -> None:
    made_with(alone, lot="L1")
    recognised(alone)
    alone.neighbours.network.meddle = away
    announced = recall(alone, lot="L1")
    deliver(alone)
    assert [each.is_delivered for each in sent(alone)] == [False]
    alone.neighbours.network.meddle = honest
    alone.neighbours.clock.advance(hours=2)
    deliver(alone)
    (state,) = service(alone).show(HOSPITAL, announced.recall.recall_id).notices
    assert (state.is_delivered, state.acknowledged_at_ms) == (True, None)


def test_a_certificate_shows_what_is_recalled_as_the_institutions_word(alone: Patient) -> None:
    recalled, fine = reference(made_with(alone, lot="L1")), reference(made_with(alone, lot="L2"))
    follow(alone, recall(alone, lot="L1"))
    answer = check(alone)
    alone.retrieve(alone.grant())
    decided = decide(alone, answer, Recognise((fine,)))
    verdict = verify(alone.neighbours, export(alone.neighbours, decided.decision_id))
    told = {each.reference: [obstacle.value for obstacle in each.obstacles] for each in verdict.results}
    assert told == {fine: [], recalled: ["recalled"]}
    assert "refusals_asserted" in codes(verdict)


def test_ordering_again_what_is_recalled_needs_no_reason(alone: Patient) -> None:
    made_with(alone, lot="L1")
    follow(alone, recall(alone, lot="L1"))
    decided = decide(alone, check(alone), Reorder(None))
    assert decided.decision.reason is not Reason.OTHER
