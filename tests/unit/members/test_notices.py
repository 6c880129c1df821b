"""hospital-a amends or withdraws what hospital-b retrieved or recognised: told, listed, acknowledged, counted."""

from __future__ import annotations

import json

import pytest

from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.message import MessageId
from node.domain.recognition import Reason
from node.domain.revision_notice import NoticeChange, NoticeId
from node.errors import MalformedParameterError, RevisedResultError, UnknownNoticeError
from node.ports.recognition.notices import NoticeFilter
from node.recognition.decision import Recognise, Reorder
from node.services.records.sent_notices import NoticeAlarm
from node.wire.members.decisions import DecisionMessage
from node.wire.members.revisions import (
    ACKNOWLEDGEMENT_KIND,
    REVISION_KIND,
    AcknowledgementMessage,
    RevisionMessage,
    encode_acknowledgement_message,
    encode_revision_message,
)
from tests.unit.api_routes.client import Api
from tests.unit.members.asking import never_was, request_for, subject_of, told
from tests.unit.members.neighbourhood import OTHER, answer_lost, away, deliver_by_hand, honest
from tests.unit.members.notices import (
    NURSE,
    acknowledge,
    amend,
    deliver,
    exchange,
    file_again,
    hear,
    received,
    recognised,
    reference,
    sent,
    take,
    tell,
)
from tests.unit.members.orders import check, decide, electrolytes, file_electrolytes, recognition
from tests.unit.members.patients import ACTOR, Patient
from tests.unit.services_records.world import CLINIC, HOSPITAL


def test_an_amendment_is_told_to_who_recognised_and_acknowledged_by_a_person_there(alone: Patient) -> None:
    first = file_electrolytes(alone)
    decided = recognised(alone)
    deliver(alone)
    second = amend(alone)
    (queued,) = sent(alone)
    assert (queued.is_delivered, queued.notice.recipient, queued.notice.entry) == (False, OTHER, reference(second))
    deliver(alone)
    (notice,) = received(alone)
    assert (notice.received.issuer, notice.received.change) == (HOSPITAL, NoticeChange.AMENDED)
    assert (notice.received.entry, notice.received.concerned) == (reference(second), (reference(first),))
    (decision,) = notice.decisions
    assert (decision.row.decision_id, decision.text.actor, decision.row.reversed_at_ms) == (decided.decision_id, ACTOR, None)
    assert [(each.row.state.value, each.actor) for each in notice.retrievals] == [("verified", ACTOR)]
    (delivered,) = sent(alone, NoticeFilter(unacknowledged=True))
    assert (delivered.is_delivered, delivered.acknowledged_at_ms) == (True, None)
    acknowledged = acknowledge(alone, notice)
    assert acknowledged.acknowledger == NURSE
    assert received(alone) == []
    deliver(alone)
    assert sent(alone, NoticeFilter(unacknowledged=True)) == []
    (state,) = sent(alone, NoticeFilter(record_id=first.record_id))
    assert state.acknowledged_at_ms == acknowledged.received.acknowledged_at_ms


def test_acknowledging_twice_tells_once_and_names_the_first(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    deliver(alone)
    (notice,) = received(alone)
    first = acknowledge(alone, notice)
    alone.neighbours.clock.advance(hours=1)
    other = Actor(OTHER, "01", "b-1", "", "password")
    again = recognition(alone.neighbours.there).notices.acknowledge(OTHER, notice.received.notice_id, other)
    assert (again.acknowledger, again.received) == (NURSE, first.received)
    waiting = exchange(alone.neighbours.there).outbox.unacknowledged(OTHER, 100)
    assert [row.message.kind for row in waiting].count(ACKNOWLEDGEMENT_KIND) == 1


def test_acknowledging_leaves_the_decision_and_reversing_it_stays_in_the_list(alone: Patient) -> None:
    file_electrolytes(alone)
    decided = recognised(alone)
    amend(alone)
    deliver(alone)
    (notice,) = received(alone)
    assert acknowledge(alone, notice).decisions[0].row.reversed_at_ms is None
    recognition(alone.neighbours.there).deciding.reverse(OTHER, decided.decision_id, ACTOR)
    (shown,) = received(alone, waiting=False)
    assert shown.decisions[0].row.reversed_at_ms is not None


def test_a_withdrawal_is_told_as_such(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    file_again(alone, status="entered-in-error")
    deliver(alone)
    assert [each.received.change for each in received(alone)] == [NoticeChange.WITHDRAWN]


def test_who_only_retrieved_and_who_only_told_of_a_decision_are_told_and_nobody_else(alone: Patient) -> None:
    first = file_electrolytes(alone)
    amended = reference(first)
    hear(alone, CLINIC, amended, "recognised")
    assert told(alone.neighbours, request_for(subject_of(first), alone.grant())).status == 200
    amend(alone)
    assert sorted(each.notice.recipient for each in sent(alone)) == [CLINIC, OTHER]
    deliver(alone)
    at_clinic = recognition(alone.neighbours.here).notices.list(CLINIC, 100, waiting=True)
    assert [(each.received.issuer, each.received.concerned) for each in at_clinic] == [(HOSPITAL, (amended,))]
    assert [each.decisions for each in received(alone)] == [()]


def test_who_was_denied_reordered_or_took_it_back_is_not_told(alone: Patient) -> None:
    first = file_electrolytes(alone)
    hear(alone, CLINIC, reference(first), "reordered")
    taken_back = hear(alone, InstitutionId("clinic-c"), reference(first), "recognised")
    tell(alone, InstitutionId("clinic-c"), DecisionMessage(taken_back, "reversed", (), None, 1))
    assert told(alone.neighbours, request_for(subject_of(first))).status == 403
    assert told(alone.neighbours, request_for(never_was())).status == 403
    amend(alone)
    assert sent(alone) == []


def test_a_new_record_and_an_amendment_that_nobody_relies_on_tell_nobody(alone: Patient) -> None:
    file_electrolytes(alone)
    amend(alone)
    assert sent(alone) == []
    assert exchange(alone.neighbours.here).outbox.unacknowledged(HOSPITAL, 100) == []


def test_every_later_version_is_told_once(alone: Patient) -> None:
    first = file_electrolytes(alone)
    recognised(alone)
    second, third = amend(alone), amend(alone, "mended again")
    amend(alone, "mended again")
    entries = [(each.notice.entry, each.notice.concerned) for each in sent(alone)]
    assert sorted(entries, key=str) == sorted([(reference(each), (reference(first),)) for each in (second, third)], key=str)


def test_a_member_that_is_away_is_told_when_it_is_back(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    alone.neighbours.network.meddle = away
    amend(alone)
    deliver(alone)
    (state,) = sent(alone)
    assert (state.is_delivered, state.attempts) == (False, 1)
    alone.neighbours.here.restart()
    deliver_by_hand(alone.neighbours.here)
    alone.neighbours.refresh()
    alone.neighbours.network.meddle = honest
    alone.neighbours.clock.advance(hours=2)
    deliver(alone)
    assert len(received(alone)) == 1
    assert sent(alone)[0].is_delivered


def test_lost_answers_let_nothing_be_done_twice(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    alone.neighbours.network.meddle = answer_lost
    deliver(alone)
    alone.neighbours.network.meddle = honest
    alone.neighbours.clock.advance(hours=2)
    deliver(alone)
    (notice,) = received(alone)
    acknowledge(alone, notice)
    alone.neighbours.network.meddle = answer_lost
    deliver(alone)
    alone.neighbours.network.meddle = honest
    alone.neighbours.clock.advance(hours=2)
    deliver(alone)
    (state,) = sent(alone)
    assert state.acknowledged_at_ms is not None
    assert exchange(alone.neighbours.there).outbox.unacknowledged(OTHER, 100) == []


def test_what_is_rolled_back_is_told_to_nobody(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    file_electrolytes(alone)
    recognised(alone)
    before = alone.neighbours.here.rows("select count(*) from entries")
    notices = alone.neighbours.here.running.node.custody.notices
    store = notices._store

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(store, "keep", fail)
    with pytest.raises(OSError, match="disk is full"):
        amend(alone)
    assert alone.neighbours.here.rows("select count(*) from entries") == before
    assert alone.neighbours.here.rows("select count(*) from outbox where kind = ?", REVISION_KIND) == [(0,)]
    monkeypatch.undo()
    amend(alone)
    assert len(sent(alone)) == 1


def test_who_retrieves_what_was_amended_before_is_told_with_the_answer(alone: Patient) -> None:
    first = file_electrolytes(alone)
    second = amend(alone)
    request = request_for(subject_of(first), alone.grant())
    assert told(alone.neighbours, request).status == 200
    (state,) = sent(alone)
    assert (state.notice.entry, state.notice.concerned) == (reference(second), (reference(first),))
    assert told(alone.neighbours, request).status == 200
    assert told(alone.neighbours, request_for(subject_of(second), alone.grant())).status == 200
    assert len(sent(alone)) == 1


def test_a_result_of_which_a_notice_came_is_not_recognised_any_more(alone: Patient) -> None:
    file_electrolytes(alone)
    answer = check(alone)
    leaf = answer.outcome.lines[0].offers[0].leaf
    alone.retrieve(alone.grant())
    amend(alone)
    deliver(alone)
    with pytest.raises(RevisedResultError):
        decide(alone, answer, Recognise((leaf,)))
    assert received(alone)[0].decisions == ()
    decide(alone, answer, Reorder(Reason.EMERGENCY))


def test_a_record_that_is_filed_under_the_right_patient_is_told_as_withdrawn(alone: Patient) -> None:
    first = file_electrolytes(alone)
    recognised(alone)
    right = Patient(alone.neighbours)
    document = electrolytes(right, identifier=[{"system": "urn:filler", "value": f"E-{alone.number}-0"}])
    refiling = alone.neighbours.here.running.node.refiling
    assert refiling is not None
    refiling.refile(HOSPITAL, first.record_id, json.dumps(document).encode())
    (state,) = sent(alone)
    assert (state.notice.change, state.notice.recipient) == (NoticeChange.WITHDRAWN, OTHER)


def test_no_notice_names_a_patient_an_order_or_who_acknowledged(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    deliver(alone)
    acknowledge(alone, received(alone)[0])
    bodies = [row[0] for row in alone.neighbours.here.rows("select body from outbox where kind = ?", REVISION_KIND)]
    bodies += [row[0] for row in alone.neighbours.there.rows("select body from outbox where kind = ?", ACKNOWLEDGEMENT_KIND)]
    assert len(bodies) == 2
    for body in bodies:
        assert alone.here.value.encode() not in body
        assert b"o-1" not in body
        assert NURSE.staff_number.encode() not in body
    assert NURSE.staff_number.encode() not in alone.neighbours.there.file_bytes()


def test_overdue_notices_are_counted_and_raise_an_alarm_once(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    deliver(alone)
    notices = alone.neighbours.here.running.node.custody.notices
    alarm = NoticeAlarm(notices, [HOSPITAL])
    alarm.step()
    metrics = Api(alone.neighbours.here).get("/metrics").text
    assert 'concord_notices_unacknowledged{institution="hospital-a"} 1.0' in metrics
    assert 'concord_notices_overdue{institution="hospital-a"} 0.0' in metrics
    alone.neighbours.clock.advance(days=4)
    alarm.step()
    metrics = Api(alone.neighbours.here).get("/metrics").text
    assert 'concord_notices_overdue{institution="hospital-a"} 1.0' in metrics
    acknowledge(alone, received(alone)[0])
    deliver(alone)
    alarm.step()
    assert (notices.waiting(HOSPITAL).count, notices.waiting(HOSPITAL).overdue) == (0, 0)


@pytest.mark.parametrize("field", ["entry", "concerned"])
def test_a_sender_speaks_for_its_own_logs_only(alone: Patient, field: str) -> None:
    own, foreign = (LeafReference(Origin(f"{each}.example/log"), b"\x01" * 32) for each in (CLINIC, HOSPITAL))
    unknown = LeafReference(Origin("nobody.example/log"), b"\x01" * 32)
    for other in (foreign, unknown):
        entry, concerned = (other, own) if field == "entry" else (own, other)
        body = encode_revision_message(RevisionMessage(NoticeChange.AMENDED, entry, (concerned,), 0))
        with pytest.raises(MalformedParameterError):
            take(alone.neighbours.there, REVISION_KIND, CLINIC, OTHER, body)
    assert received(alone) == []


def test_an_acknowledgement_of_what_was_never_sent_is_refused(alone: Patient) -> None:
    file_electrolytes(alone)
    recognised(alone)
    amend(alone)
    (state,) = sent(alone)
    unknown = encode_acknowledgement_message(AcknowledgementMessage(MessageId("00" * 16), 1))
    real = encode_acknowledgement_message(AcknowledgementMessage(state.notice.message_id, 1))
    for sender, recipient, body in ((OTHER, HOSPITAL, unknown), (CLINIC, HOSPITAL, real), (OTHER, CLINIC, real)):
        with pytest.raises(UnknownNoticeError):
            take(alone.neighbours.here, ACKNOWLEDGEMENT_KIND, sender, recipient, body)
    assert sent(alone)[0].acknowledged_at_ms is None
    with pytest.raises(UnknownNoticeError):
        recognition(alone.neighbours.there).notices.acknowledge(OTHER, NoticeId("00" * 16), NURSE)
