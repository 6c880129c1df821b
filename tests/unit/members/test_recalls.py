"""hospital-a recalls what it made with a lot or a device: listed, published, told, and not recognised any more by anybody."""

from __future__ import annotations

import secrets

import pytest

from node.domain.access import Actor
from node.domain.entry import LeafReference
from node.domain.recall import LiftingReason, RecallAnnouncement, RecallCriteria, RecallId, RecallListing, RecallReason
from node.domain.receipt import Receipt
from node.domain.recognition import Coverage, Reason
from node.domain.revision_notice import NoticeChange
from node.errors import RecallConflictError, RevisedResultError, TooManyRecallsError, UnknownRecallError
from node.identity.codes import draw_seed, keys_of_seed
from node.ports.clock import unix_ms
from node.recognition.decision import Recognise, Reorder
from node.services.patients.index import Registration
from node.services.recognition.recall_work import RecallWork
from node.services.recognition.recalls import RecallOrder, RecallPreview, RecallReport, Recalls, RecallState
from node.wire.public_entry import open_public_entry
from node.wire.recall_entry import recall_statement
from tests.unit.fhir_split.documents import Json
from tests.unit.members.asking import request_for, subject_of, told
from tests.unit.members.certificates import codes, export, verify
from tests.unit.members.neighbourhood import OTHER, away, honest
from tests.unit.members.notices import acknowledge, deliver, received, recognised, reference, sent
from tests.unit.members.orders import check, decide, electrolytes, recognition
from tests.unit.members.patients import Patient, eventually
from tests.unit.services_records.test_labels import meta
from tests.unit.services_records.world import CLINIC, HOSPITAL, LOCATOR_SECRETS

CHIEF = Actor(HOSPITAL, "06.01", "a-3", "", "password", "chief")
DAY_MS = 86_400_000


def made_with(patient: Patient, device: str = "", lot: str = "", **changes: object) -> Receipt:
    """File electrolytes that name the analyser, as the parent of a kit with a lot."""
    document = electrolytes(patient, **changes)
    kit: Json = {"resourceType": "Device", "id": "kit", "parent": {"reference": "Device/analyser"}}
    analyser: Json = {"resourceType": "Device", "id": "analyser"}
    if lot:
        kit["lotNumber"] = lot
    if device:
        analyser["identifier"] = [{"system": "urn:inventory", "value": device}]
    for entry in document["entry"]:
        if entry["resource"]["resourceType"] == "Observation":
            entry["resource"]["device"] = {"reference": "Device/kit"}
    document["entry"] += [{"resource": kit}, {"resource": analyser}]
    return patient.file_document(document)


def service(patient: Patient) -> Recalls:
    return recognition(patient.neighbours.here).recalls


def criteria(patient: Patient, item: str = "", device: str = "", lot: str = "", days: int = 30) -> RecallCriteria:
    now_ms = unix_ms(patient.neighbours.clock)
    return RecallCriteria(item, device, lot, now_ms - days * DAY_MS, now_ms + DAY_MS)


def preview(patient: Patient, wanted: RecallCriteria) -> RecallPreview:
    return service(patient).preview(HOSPITAL, wanted, 0)


def order(wanted: RecallCriteria, recall_id: str = "") -> RecallOrder:
    return RecallOrder(RecallId(recall_id or secrets.token_hex(16)), wanted, RecallReason.REAGENT, CHIEF)


def recall(patient: Patient, item: str = "", device: str = "", lot: str = "") -> RecallReport:
    """Announce a recall, and let it be searched."""
    announced = service(patient).announce(HOSPITAL, order(criteria(patient, item, device, lot)))
    return searched(patient, announced.recall.recall_id)


def searched(patient: Patient, recall_id: RecallId) -> RecallReport:
    """Wait until all that is filed by now was held against a recall."""
    ((size,),) = patient.neighbours.here.rows("select count(*) from entries where origin = ?", f"{HOSPITAL}.example/log")
    patient.neighbours.here.running.loops["recalls"].wake()
    eventually(lambda: shown(patient, recall_id).recall.next_index >= size, "the recall is not searched")
    return shown(patient, recall_id)


def shown(patient: Patient, recall_id: RecallId) -> RecallReport:
    return service(patient).show(HOSPITAL, recall_id, limit=1_000)


def lift(patient: Patient, recall_id: RecallId) -> RecallReport:
    """Lift a recall, and let everybody be told who was told of it."""
    service(patient).lift(HOSPITAL, recall_id, LiftingReason.CLEARED, CHIEF)
    eventually(lambda: shown(patient, recall_id).state is RecallState.LIFTED, "the lifting is not told")
    return shown(patient, recall_id)


def listed(report: RecallReport) -> list[LeafReference]:
    return [each.entry for each in report.results]


def follow(patient: Patient, report: RecallReport, *, recalled: bool = True) -> None:
    """Let hospital-b follow a recall, or its lifting."""
    there = patient.neighbours.there

    def is_followed() -> bool:
        # again and again: what was staged is logged a little later
        there.follow(report.recall.entry.origin)
        following = there.running.node.following
        return {following.is_recalled(each) for each in listed(report)} <= {recalled}

    eventually(is_followed, "hospital-b does not follow the recall")


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


def test_a_lot_without_a_device_a_device_without_a_lot_and_neither(alone: Patient) -> None:
    both = reference(made_with(alone, "AU-5800", "L2231"))
    lot = reference(made_with(alone, lot="L2231"))
    device = reference(made_with(alone, "AU-5800"))
    made_with(alone)
    for wanted, expected in (
        (criteria(alone, lot="L2231"), [both, lot]),
        (criteria(alone, device="AU-5800"), [both, device]),
        (criteria(alone, device="AU-5800", lot="L2231"), [both]),
        (criteria(alone, item="LAB-K", lot="L2231"), [both, lot]),
        (criteria(alone, item="LAB-ALT", lot="L2231"), []),
        (criteria(alone, lot="L223"), []),
    ):
        found = preview(alone, wanted)
        assert ([each.entry for each in found.results], found.unreadable) == (expected, 0), wanted


def test_an_item_is_named_as_the_catalogue_or_as_the_institution_does(alone: Patient) -> None:
    receipt = reference(made_with(alone))
    for item, expected in (("LAB-K", [receipt]), ("2823-3", [receipt]), ("LAB-NA", [receipt]), ("LAB-ALT", [])):
        found = preview(alone, criteria(alone, item=item))
        assert [each.entry for each in found.results] == expected, item
    assert service(alone).preview(CLINIC, criteria(alone, item="LAB-K"), 0).results == ()


def test_the_period_counts_when_it_was_performed(alone: Patient) -> None:
    made_with(alone, lot="L1", effectiveDateTime="2026-02-20T08:00:00+08:00")
    at_ms = 1_771_545_600_000
    for from_ms, to_ms, count in ((at_ms, at_ms + 1, 1), (at_ms + 1, at_ms + 2, 0), (at_ms - 1, at_ms, 0)):
        assert len(preview(alone, RecallCriteria("", "", "L1", from_ms, to_ms)).results) == count


def test_each_version_is_looked_at_by_itself_and_what_was_withdrawn_is_told_too(alone: Patient) -> None:
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-0"}]
    first = made_with(alone, lot="L1")
    second = made_with(alone, lot="L2", identifier=number, status="corrected")
    assert listed(recall(alone, lot="L1")) == [reference(first)]
    assert listed(recall(alone, lot="L2")) == [reference(second)]


def test_what_was_erased_is_not_found(alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    alone.neighbours.here.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    assert recall(alone, lot="L1").results == ()


def test_a_sensitive_record_and_one_of_a_patient_with_a_new_code_are_found(alone: Patient) -> None:
    world = alone.neighbours.here
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-hidden"}]
    hidden = world.receipt(electrolytes(alone, meta=meta("HIV"), identifier=number))
    plain = made_with(alone)
    keys = keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False)
    world.running.node.patients.register(HOSPITAL, Registration(alone.here, keys))
    wanted = criteria(alone, item="LAB-K")
    for days in range(3):
        found = preview(alone, wanted)
        assert {each.entry for each in found.results} == {reference(hidden), reference(plain)}, days
        assert found.unreadable == 0
        alone.neighbours.clock.advance(hours=13)
        world.running.node.custody.relocations.step()


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
