"""What hospital-a amends, what hospital-b relies on, and the messages between them, delivered by the tests."""

from __future__ import annotations

import secrets

from node.domain.access import Actor
from node.domain.entry import InstitutionId, LeafReference
from node.domain.message import MemberMessage, MessageId
from node.domain.receipt import Receipt
from node.domain.recognition_acts import DecisionId
from node.ports.recognition.notices import NoticeFilter, NoticeState
from node.recognition.decision import Recognise
from node.services.recognition.deciding import DecisionAnswer
from node.services.recognition.received_notices import Notice
from node.services.surface.exchange import Exchange
from node.wire.members.decisions import DECISION_KIND, DecisionMessage, encode_decision_message
from node.wire.members.message import encode_message
from tests.unit.members.asking import subject_of
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, acting, deliver_by_hand
from tests.unit.members.orders import check, decide, electrolytes, recognition
from tests.unit.members.patients import Patient
from tests.unit.services_records.world import HOSPITAL, World

NURSE = Actor(OTHER, "03.04", "b-99-on-duty", "", "password", "nurse")


def patient_alone(neighbours: Neighbourhood) -> Patient:
    """Return a patient of new nodes, whose messages the tests deliver."""
    for world in (neighbours.here, neighbours.there):
        deliver_by_hand(world)
    return Patient(neighbours)


def exchange(world: World) -> Exchange:
    found = world.running.node.exchange
    assert found is not None
    return found


def deliver(patient: Patient) -> None:
    for world in (patient.neighbours.here, patient.neighbours.there):
        exchange(world).outbox.deliver()


def file_again(patient: Patient, position: int = 0, **changes: object) -> Receipt:
    """File a newer version of the patient's first report, or of another."""
    number = f"E-{patient.number}-{position}"
    return patient.file_document(electrolytes(patient, identifier=[{"system": "urn:filler", "value": number}], **changes))


def amend(patient: Patient, words: str = "mended") -> Receipt:
    return file_again(patient, status="corrected", conclusion=words)


def reference(receipt: Receipt) -> LeafReference:
    return subject_of(receipt)[0]


def recognised(patient: Patient) -> DecisionAnswer:
    """Let hospital-b retrieve the patient's report and recognise it."""
    answer = check(patient)
    patient.retrieve(patient.grant())
    return decide(patient, answer, Recognise((answer.outcome.lines[0].offers[0].leaf,)))


def sent(patient: Patient, wanted: NoticeFilter | None = None) -> list[NoticeState]:
    return patient.neighbours.here.running.node.custody.notices.page(HOSPITAL, wanted or NoticeFilter(), 100)


def received(patient: Patient, *, waiting: bool = True) -> list[Notice]:
    return recognition(patient.neighbours.there).notices.list(OTHER, 100, waiting=waiting)


def acknowledge(patient: Patient, notice: Notice) -> Notice:
    return recognition(patient.neighbours.there).notices.acknowledge(OTHER, notice.received.notice_id, NURSE)


def take(world: World, kind: str, sender: InstitutionId, recipient: InstitutionId, body: bytes) -> None:
    """Let a node take a message."""
    message = MemberMessage(MessageId(secrets.token_hex(16)), kind, sender, recipient, "x", body, 0)
    exchange(world).inbox.receive(encode_message(message), sender, acting(world))


def tell(patient: Patient, decider: InstitutionId, message: DecisionMessage) -> None:
    take(patient.neighbours.here, DECISION_KIND, decider, HOSPITAL, encode_decision_message(message))


def hear(patient: Patient, decider: InstitutionId, result: LeafReference, outcome: str) -> DecisionId:
    """Let hospital-a hear a decision of another institution."""
    decision_id = DecisionId(secrets.token_hex(16))
    reason = None if outcome == "recognised" else 4
    tell(patient, decider, DecisionMessage(decision_id, outcome, (result,), reason, 0))  # type: ignore[arg-type]
    return decision_id
