"""Orders at hospital-b for a patient of whom hospital-a has filed electrolytes."""

from __future__ import annotations

from node.domain.entry import EntryType, Origin
from node.domain.header import AnyContent
from node.domain.receipt import Receipt
from node.domain.recognition import OrderableCode, OrderLine
from node.identity.codes import exchange_private_key
from node.recognition.decision import Recognise, Reorder
from node.services.recognition.checking import CheckAnswer, CheckOrder
from node.services.recognition.deciding import DecisionAnswer, DecisionOrder
from node.services.surface.recognition import Recognition
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import locator_tag, pairwise_key
from tests.unit.fhir_split.documents import Json, bundle, panel
from tests.unit.members.neighbourhood import OTHER
from tests.unit.members.patients import ACTOR, Patient
from tests.unit.services_records.world import World

ELECTROLYTES = OrderableCode("ELECTRO")
LIVER = OrderableCode("LIVER")


def recognition(world: World) -> Recognition:
    found = world.running.node.recognition
    assert found is not None
    return found


def electrolytes(patient: Patient, **changes: object) -> Json:
    """Return a report of sodium and potassium of the patient."""
    resources = panel()
    report, potassium, person = resources[0], resources[2], resources[-1]
    number = f"E-{patient.number}-{len(patient.receipts)}"
    report.update({"identifier": [{"system": "urn:filler", "value": number}], **changes})
    potassium["valueQuantity"] = {"value": 4.2, "code": "mmol/L"}
    person["identifier"] = [{"system": "urn:mrn", "value": patient.here.value}]
    return bundle(resources)


def file_electrolytes(patient: Patient, **changes: object) -> Receipt:
    """Let hospital-a file them, and hospital-b follow."""
    return patient.file_document(electrolytes(patient, **changes))


def check(patient: Patient, *orderables: OrderableCode, encounter: str = "encounter-1") -> CheckAnswer:
    """Check an order of hospital-b; its lines are o-1, o-2 and so on."""
    lines = tuple(OrderLine(f"o-{at}", orderable) for at, orderable in enumerate(orderables or (ELECTROLYTES,), start=1))
    order = CheckOrder(patient.there, ACTOR, encounter, lines)
    return recognition(patient.neighbours.there).checking.check(OTHER, order)


def decide(patient: Patient, answer: CheckAnswer, wish: Recognise | Reorder, order_id: str = "o-1") -> DecisionAnswer:
    order = DecisionOrder(answer.check_id, order_id, ACTOR, wish)
    return recognition(patient.neighbours.there).deciding.decide(OTHER, order)


def own_log(patient: Patient) -> list[AnyContent]:
    """Return what the patient finds in hospital-b's log of class 1, in order."""
    world = patient.neighbours.there
    private = exchange_private_key(patient.seed)
    key = pairwise_key(private, world.running.sharing.identities[OTHER].exchange_public_key)
    origin = Origin(f"{OTHER}.example/log")
    query = "select entries.leaf, header from entries join headers using (origin, leaf_index) where origin = ?"
    rows = {parse_leaf(leaf).tag: (leaf, header) for leaf, header in world.rows(query, origin)}
    found: list[AnyContent] = []
    while (tag := locator_tag(key, origin, 1, len(found))) in rows:
        leaf, header = rows[tag]
        place = HeaderPlace(origin, EntryType(parse_leaf(leaf).entry_type), tag)
        found.append(open_header_reader(header, place, key).content)
    return found
