"""What is durable when: before a request goes out, before a byte of a record is opened, before something is shown; or nothing."""

from __future__ import annotations

import threading
from dataclasses import replace

import httpx
import pytest

from node.domain.access import AccessOutcome
from node.domain.entry import Origin
from node.domain.retrieval import RequestState, RetrievalRequest
from node.errors import UnknownRetrievalError
from node.ports.records.transaction import RecordsTransaction
from node.services.patients.index import Registration
from node.services.reading.retrieval import RetrievalOrder
from node.services.records.entries import EntryComposer, StagedAct
from node.services.records.evidence import EvidenceService
from tests.unit.members.asking import post, request_for, subject_of
from tests.unit.members.neighbourhood import OTHER, Answer
from tests.unit.members.patients import WAIT_S, Patient, eventually, reading, states
from tests.unit.services_records.world import CLINIC, World, report


class PowerCutError(Exception):
    """The machine stops."""


def nonces(world: World) -> int:
    ((count,),) = world.rows("select count(*) from request_nonces")
    return int(count)


def staged_entries(world: World) -> int:
    """Count the entries that are durable, whether a checkpoint covers them yet or not."""
    ((count,),) = world.rows("select count(*) from entries")
    return int(count)


def test_nonce_and_receipt_are_durable_before_a_body_is_opened(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.file()
    consent, seen = patient.grant(), []
    here, opening = patient.neighbours.here, EvidenceService.disclose
    before = nonces(here)

    def disclose(*arguments: object) -> object:
        # through a connection of its own: what is seen is committed
        seen.append((nonces(here) - before, [entry.outcome for entry in patient.holder_log]))
        return opening(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(EvidenceService, "disclose", disclose)
    assert states(patient.retrieve(consent)) == [("verified", "")]
    assert seen == [(1, [AccessOutcome.DISCLOSED])]


def test_a_replay_is_refused_before_anything_is_looked_at_and_logged_nowhere(patient: Patient) -> None:
    patient.file()
    patient.retrieve(patient.grant())
    kept = patient.disclosure_requests[-1]
    before = staged_entries(patient.neighbours.here)
    replayed = httpx.Client(transport=patient.neighbours.network).send(kept)
    assert replayed.json()["type"] == "urn:concord:problem:replayed"
    assert "signature" not in replayed.headers
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]
    assert staged_entries(patient.neighbours.here) == before


def test_what_is_refused_without_a_receipt_uses_its_nonce_up_all_the_same(patient: Patient) -> None:
    """Another request under an id that was answered: the transaction is undone, and the nonce must not come back with it."""
    receipt, consent = patient.file(), patient.grant()
    first = request_for(subject_of(receipt), consent)
    assert post(patient.neighbours, first).status_code == 200
    conflict = post(patient.neighbours, replace(first, encounter="another"))
    assert conflict.json()["type"] == "urn:concord:problem:request-conflict"
    assert "signature" in conflict.headers
    again = httpx.Client(transport=patient.neighbours.network).send(patient.disclosure_requests[-1])
    assert again.json()["type"] == "urn:concord:problem:replayed"


def test_a_holder_that_stops_while_it_logs_has_neither_used_a_nonce_nor_answered(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient.file()
    consent, here = patient.grant(), patient.neighbours.here
    before, staged, composer = nonces(here), EntryComposer.stage, here.running.sharing.composer

    def stage(self: EntryComposer, *arguments: object) -> list[StagedAct]:
        found = staged(self, *arguments)  # type: ignore[arg-type]
        if self is composer:
            raise PowerCutError
        return found

    with monkeypatch.context() as patch:
        patch.setattr(EntryComposer, "stage", stage)
        (request,) = patient.retrieve(consent)
    assert states([request]) == [("holder-away", "MemberAnswerError")]
    assert (nonces(here), patient.holder_log) == (before, [])
    patient.neighbours.clock.advance(seconds=2)
    settled(patient, request)
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]
    assert [entry.outcome for entry in patient.requester_log] == [AccessOutcome.UNANSWERED, AccessOutcome.DISCLOSED]


def settled(patient: Patient, request: RetrievalRequest) -> None:
    service = reading(patient.neighbours.there).retrieval
    eventually(lambda: service.show(OTHER, request.retrieval_id)[0].state is RequestState.VERIFIED, "it is not asked again")


def test_an_order_is_durable_before_its_request_goes_out(patient: Patient) -> None:
    patient.file()
    found: list[object] = []

    def meddle(request: httpx.Request, answer: Answer) -> httpx.Response:
        found.extend(patient.neighbours.there.rows("select state from retrieval_requests where institution = ?", OTHER))
        return answer(request)

    patient.neighbours.network.meddle = meddle
    assert states(patient.retrieve(patient.grant())) == [("verified", "")]
    assert ("requested",) in found


def test_what_came_is_kept_with_its_receipt_or_not_at_all(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.file()
    there, staged = patient.neighbours.there, EntryComposer.stage
    composer, cut = there.running.sharing.composer, threading.Event()

    def stage(self: EntryComposer, transaction: RecordsTransaction, *others: object) -> list[StagedAct]:
        found = staged(self, transaction, *others)  # type: ignore[arg-type]
        if self is composer and not cut.is_set():
            cut.set()
            raise PowerCutError
        return found

    consent = patient.grant()
    monkeypatch.setattr(EntryComposer, "stage", stage)
    (ordered,) = reading(there).retrieval.order(OTHER, patient.order(consent))
    assert cut.wait(WAIT_S)
    # the loop looks again, sends the same request, and both sides log once
    settled(patient, ordered)
    assert [entry.outcome for entry in patient.requester_log] == [AccessOutcome.DISCLOSED]
    assert [entry.outcome for entry in patient.holder_log] == [AccessOutcome.DISCLOSED]


def test_a_secret_is_durable_before_the_entry_that_needs_it(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient.file()
    there, make = patient.neighbours.there, EntryComposer._make
    missing: list[bytes] = []

    def made(self: EntryComposer, *arguments: object) -> object:
        named: tuple[bytes, bytes] = arguments[-1]  # type: ignore[assignment]
        worlds = (there, patient.neighbours.here)
        query = "select secret_id from record_secrets where secret_id = ?"
        if not any(world.rows(query, named[0], database="secrets.db") for world in worlds):
            missing.append(named[0])
        return make(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(EntryComposer, "_make", made)
    for _ in range(3):
        patient.find()
    assert states(patient.retrieve(patient.grant())) == [("verified", "")]
    assert missing == []


# A holder that hangs


def also_at_the_clinic(patient: Patient) -> tuple[Origin, int]:
    """Let the clinic beside hospital-a file a report of the patient; return its place."""
    here = patient.neighbours.here
    here.running.node.patients.register(CLINIC, Registration(patient.here, patient.keys))
    receipt = here.receipt(report(f"C-{patient.number}", patient=patient.here.value), CLINIC)
    here.wait_logged(receipt)
    place = Origin(receipt.origin), int(receipt.leaf_index or 0)
    patient.neighbours.there.follow(place[0])
    eventually(lambda: place in places(patient), "hospital-b does not follow")
    return place


def places(patient: Patient) -> list[tuple[Origin, int]]:
    return [(each.entry.place.origin, int(each.entry.place.index)) for each in patient.records()]


def test_a_holder_that_hangs_holds_up_no_other_and_is_waited_for_in_no_thread(patient: Patient) -> None:
    patient.file()
    clinic = also_at_the_clinic(patient)
    (hospital,) = (place for place in places(patient) if place != clinic)
    consent, service = patient.grant(), reading(patient.neighbours.there).retrieval
    hangs, ends = threading.Event(), threading.Event()

    def meddle(request: httpx.Request, answer: Answer) -> httpx.Response:
        if b'"hospital-a"' in request.content:
            hangs.set()
            assert ends.wait(WAIT_S)
        return answer(request)

    def order(target: tuple[Origin, int]) -> RetrievalOrder:
        return patient.order(consent, targets=(target,))

    patient.neighbours.network.meddle = meddle
    try:
        (hanging,) = service.order(OTHER, order(hospital))
        assert hangs.wait(WAIT_S)
        waiting = [service.settled(OTHER, hanging.retrieval_id) for _ in range(100)]
        (second,) = service.order(OTHER, order(hospital))
        (other,) = service.order(OTHER, order(clinic))
        assert states(service.wait(OTHER, other.retrieval_id, WAIT_S)) == [("verified", "")]
        assert states(service.wait(OTHER, hanging.retrieval_id, 0.0)) == [("requested", "")]
        assert not any(each.done() for each in waiting)
        assert waiting[0].cancel()
    finally:
        ends.set()
    assert [states(each.result(WAIT_S)) for each in waiting[1:]] == [[("verified", "")]] * 99
    assert states(service.wait(OTHER, second.retrieval_id, WAIT_S)) == [("verified", "")]


def test_nobody_waits_for_what_was_never_ordered(patient: Patient) -> None:
    service = reading(patient.neighbours.there).retrieval
    patient.file()
    (ordered,) = patient.retrieve(patient.grant())
    with pytest.raises(UnknownRetrievalError):
        service.settled(CLINIC, ordered.retrieval_id)
    assert service.settled(OTHER, ordered.retrieval_id).done()
