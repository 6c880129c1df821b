"""Results that name a device and a lot, and recalls of them."""

from __future__ import annotations

import secrets

from node.domain.access import Actor
from node.domain.entry import LeafReference
from node.domain.recall import LiftingReason, RecallCriteria, RecallId, RecallReason
from node.domain.receipt import Receipt
from node.ports.clock import unix_ms
from node.services.recognition.recalls import RecallOrder, RecallPreview, RecallReport, Recalls, RecallState
from tests.unit.fhir_split.documents import Json
from tests.unit.members.orders import electrolytes, recognition
from tests.unit.members.patients import Patient, eventually
from tests.unit.services_records.world import HOSPITAL

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
