"""hospital-a recalls what it made with a lot or a device: listed, published, told, and not recognised any more by anybody."""

from __future__ import annotations

import secrets

import pytest

from node.domain.access import Actor
from node.domain.entry import LeafReference, Origin
from node.domain.recall import RecallCriteria, RecallId, RecallReason
from node.domain.receipt import Receipt
from node.domain.recognition import Coverage, Reason
from node.domain.revision_notice import NoticeChange
from node.errors import NothingToRecallError, RecallConflictError, RevisedResultError, UnknownRecallError
from node.identity.codes import draw_seed, keys_of_seed
from node.ports.clock import unix_ms
from node.recognition.decision import Recognise, Reorder
from node.services.patients.index import Registration
from node.services.recognition.recalls import Announced, RecallOrder, Recalls
from node.wire.public_entry import open_public_entry
from node.wire.recall_entry import MAX_RESULTS, recalled_by
from tests.unit.fhir_split.documents import Json
from tests.unit.members.asking import request_for, subject_of, told
from tests.unit.members.certificates import codes, export, verify
from tests.unit.members.neighbourhood import away, honest
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


def order(wanted: RecallCriteria, recall_id: str = "") -> RecallOrder:
    return RecallOrder(RecallId(recall_id or secrets.token_hex(16)), wanted, RecallReason.REAGENT, CHIEF)


def recall(patient: Patient, item: str = "", device: str = "", lot: str = "") -> Announced:
    return service(patient).announce(HOSPITAL, order(criteria(patient, item, device, lot)))


def listed(announced: Announced) -> list[LeafReference]:
    return [each.entry for each in announced.report.results]


def follow(patient: Patient, announced: Announced) -> None:
    """Let hospital-b follow a recall."""
    following = patient.neighbours.there.running.node.following
    following.told([announced.report.recall.entry.origin])
    eventually(lambda: all(following.is_recalled(each) for each in listed(announced)), "hospital-b does not follow the recall")


def test_a_recall_of_a_lot_is_published_and_told_and_nothing_of_it_is_recognised(alone: Patient) -> None:
    faulty, fine = made_with(alone, "AU-5800", "L2231"), made_with(alone, "AU-5800", "L2232")
    alone.retrieve(alone.grant())
    decided = decide(alone, check(alone), Recognise((reference(faulty),)))
    answer = check(alone, encounter="encounter-2")
    announced = recall(alone, lot="L2231")
    assert listed(announced) == [reference(faulty)]
    assert [each.record_id for each in announced.report.results] == [faulty.record_id]
    follow(alone, announced)
    (line,) = check(alone).outcome.lines
    assert [each.leaf for each in line.offers] == [reference(fine)]
    refused = {item.obstacle.value for each in line.unrecognisable for item in each.items}
    assert refused == {"recalled"}
    deliver(alone)
    (notice,) = received(alone)
    assert (notice.received.change, notice.received.concerned) == (NoticeChange.RECALLED, (reference(faulty),))
    assert notice.received.entry == announced.report.recall.entry
    assert [each.row.decision_id for each in notice.decisions] == [decided.decision_id]
    with pytest.raises(RevisedResultError):
        decide(alone, answer, Recognise((reference(faulty),)))
    acknowledge(alone, notice)
    deliver(alone)
    (state,) = service(alone).show(HOSPITAL, announced.report.recall.recall_id).notices
    assert state.acknowledged_at_ms is not None


def test_a_lot_without_a_device_a_device_without_a_lot_and_neither(alone: Patient) -> None:
    both = reference(made_with(alone, "AU-5800", "L2231"))
    lot = reference(made_with(alone, lot="L2231"))
    device = reference(made_with(alone, "AU-5800"))
    made_with(alone)
    preview = service(alone).preview
    for wanted, expected in (
        (criteria(alone, lot="L2231"), [both, lot]),
        (criteria(alone, device="AU-5800"), [both, device]),
        (criteria(alone, device="AU-5800", lot="L2231"), [both]),
        (criteria(alone, item="LAB-K", lot="L2231"), [both, lot]),
        (criteria(alone, item="LAB-ALT", lot="L2231"), []),
        (criteria(alone, lot="L223"), []),
    ):
        found = preview(HOSPITAL, wanted)
        assert ([each.entry for each in found.results], found.unreadable) == (expected, 0), wanted


def test_an_item_is_named_as_the_catalogue_or_as_the_institution_does(alone: Patient) -> None:
    receipt = reference(made_with(alone))
    for item, expected in (("LAB-K", [receipt]), ("2823-3", [receipt]), ("LAB-NA", [receipt]), ("LAB-ALT", [])):
        found = service(alone).preview(HOSPITAL, criteria(alone, item=item))
        assert [each.entry for each in found.results] == expected, item
    assert service(alone).preview(CLINIC, criteria(alone, item="LAB-K")).results == ()


def test_the_period_counts_when_it_was_performed(alone: Patient) -> None:
    made_with(alone, lot="L1", effectiveDateTime="2026-02-20T08:00:00+08:00")
    at_ms = 1_771_545_600_000
    for from_ms, to_ms, count in ((at_ms, at_ms + 1, 1), (at_ms + 1, at_ms + 2, 0), (at_ms - 1, at_ms, 0)):
        assert len(service(alone).preview(HOSPITAL, RecallCriteria("", "", "L1", from_ms, to_ms)).results) == count


def test_each_version_is_looked_at_by_itself_and_what_was_withdrawn_is_told_too(alone: Patient) -> None:
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-0"}]
    first = made_with(alone, lot="L1")
    second = made_with(alone, lot="L2", identifier=number, status="corrected")
    assert listed(recall(alone, lot="L1")) == [reference(first)]
    assert listed(recall(alone, lot="L2")) == [reference(second)]


def test_what_was_erased_is_not_found(alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    alone.neighbours.here.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    with pytest.raises(NothingToRecallError):
        recall(alone, lot="L1")


def test_a_sensitive_record_and_one_of_a_patient_with_a_new_code_are_found(alone: Patient) -> None:
    world = alone.neighbours.here
    number = [{"system": "urn:filler", "value": f"E-{alone.number}-hidden"}]
    hidden = world.receipt(electrolytes(alone, meta=meta("HIV"), identifier=number))
    plain = made_with(alone)
    keys = keys_of_seed(draw_seed(), LOCATOR_SECRETS, provisional=False)
    world.running.node.patients.register(HOSPITAL, Registration(alone.here, keys))
    wanted = criteria(alone, item="LAB-K")
    for days in range(3):
        found = service(alone).preview(HOSPITAL, wanted)
        assert {each.entry for each in found.results} == {reference(hidden), reference(plain)}, days
        assert found.unreadable == 0
        alone.neighbours.clock.advance(hours=13)
        world.running.node.custody.relocations.step()


def test_a_recall_that_is_sent_again_is_one_recall(alone: Patient) -> None:
    made_with(alone, lot="L1")
    first = order(criteria(alone, lot="L1"))
    announced = service(alone).announce(HOSPITAL, first)
    made_with(alone, lot="L1")
    assert service(alone).announce(HOSPITAL, first).report.recall == announced.report.recall
    with pytest.raises(RecallConflictError):
        service(alone).announce(HOSPITAL, order(criteria(alone, lot="L2"), first.recall_id))
    with pytest.raises(UnknownRecallError):
        service(alone).show(CLINIC, first.recall_id)
    assert [each.recall_id for each in service(alone).list(HOSPITAL, 10)] == [first.recall_id]
    assert service(alone).list(CLINIC, 10) == []


def test_nothing_is_logged_where_nothing_fits(alone: Patient) -> None:
    made_with(alone, lot="L1")
    before = alone.neighbours.here.rows("select count(*) from entries")
    with pytest.raises(NothingToRecallError):
        recall(alone, lot="L9")
    assert alone.neighbours.here.rows("select count(*) from entries") == before


def test_the_entry_is_public_and_names_results_and_no_patient(alone: Patient) -> None:
    receipt = made_with(alone, "AU-5800", "L2231")
    announced = recall(alone, item="LAB-K", lot="L2231").report.recall
    query = "select leaf, header from entries join headers using (origin, leaf_index) where origin = ? and leaf_index = ?"
    ((leaf, header),) = alone.neighbours.here.rows(query, announced.entry.origin, announced.leaf_index)
    page = recalled_by(open_public_entry(leaf, header, Origin(announced.entry.origin)))
    assert (page.recall_id, page.criteria, page.reason) == (announced.recall_id, announced.criteria, RecallReason.REAGENT)
    assert (page.total, page.page, page.pages, page.leaf_hashes) == (1, 1, 1, (receipt.leaf_hash,))
    for hidden in (alone.here.value, receipt.record_id, "a-3", "AU-5800"):
        assert hidden.encode() not in header


def test_many_results_take_several_entries(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.services.recognition.recalls.MAX_RESULTS", 2)
    assert MAX_RESULTS == 1_000
    expected = [reference(made_with(alone, lot="L1")) for _ in range(3)]
    monkeypatch.setattr("node.wire.recall_entry.MAX_RESULTS", 2)
    announced = recall(alone, lot="L1")
    assert (listed(announced), announced.report.recall.pages) == (expected, 2)
    follow(alone, announced)
    assert check(alone).outcome.lines[0].coverage is Coverage.NOT


def test_who_retrieves_a_recalled_result_gets_it_and_is_told(alone: Patient) -> None:
    receipt = made_with(alone, lot="L1")
    announced = recall(alone, lot="L1")
    assert announced.report.notices == ()
    assert told(alone.neighbours, request_for(subject_of(receipt), alone.grant())).status == 200
    (state,) = service(alone).show(HOSPITAL, announced.report.recall.recall_id).notices
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
    (state,) = service(alone).show(HOSPITAL, announced.report.recall.recall_id).notices
    assert (state.is_delivered, state.acknowledged_at_ms) == (True, None)


def test_what_fails_publishes_nothing_and_tells_nobody(alone: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    made_with(alone, lot="L1")
    recognised(alone)
    before = alone.neighbours.here.rows("select count(*) from entries")

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    notices = alone.neighbours.here.running.node.custody.notices
    monkeypatch.setattr(notices._store, "keep", fail)
    with pytest.raises(OSError, match="disk is full"):
        recall(alone, lot="L1")
    assert alone.neighbours.here.rows("select count(*) from entries") == before
    assert alone.neighbours.here.rows("select count(*) from recalls") == [(0,)]
    monkeypatch.undo()
    assert len(recall(alone, lot="L1").report.notices) == 1


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
