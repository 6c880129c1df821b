"""Codes that occurred and have no row in a map: counted without a patient, gone once their row is published."""

from __future__ import annotations

from dataclasses import replace

from node.domain.entry import InstitutionId
from node.domain.recognition import OrderableCode
from node.terminology.maps import InstitutionMap, Orderable, ResultMapping
from tests.unit.fhir_split.documents import Json
from tests.unit.members.neighbourhood import OTHER, Neighbourhood
from tests.unit.members.orders import ELECTROLYTES, check, electrolytes
from tests.unit.members.patients import Patient
from tests.unit.members.publications import catalogue, make_regulator, publish, publish_all, sample, settle, version
from tests.unit.services_records.world import HOSPITAL

UNHEARD = OrderableCode("NEVER-HEARD-OF")
LOCAL = ("urn:lis", "4711")


def strange(patient: Patient) -> Json:
    """Return a report whose sodium has a code of the laboratory's own."""
    document = electrolytes(patient)
    sodium = document["entry"][1]["resource"]
    sodium["code"] = {"coding": [{"system": LOCAL[0], "code": LOCAL[1]}]}
    return document


def worklist(neighbours: Neighbourhood, institution: InstitutionId) -> list[tuple[str, str, str, int]]:
    world = neighbours.there if institution == OTHER else neighbours.here
    found = catalogue(world).unmapped.worklist(institution)
    return [(each.occurred.occurrence.value, each.occurred.mapped_by, each.occurred.code, each.times) for each in found]


def test_what_is_filed_found_and_ordered_is_counted(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    document = strange(patient)
    patient.file_document(document)
    neighbours.here.submit(document)
    assert worklist(neighbours, HOSPITAL) == [("filed", HOSPITAL, "4711", 1)]
    check(patient, ELECTROLYTES, UNHEARD)
    assert worklist(neighbours, OTHER) == [("ordered", OTHER, UNHEARD, 1), ("found", HOSPITAL, "4711", 1)]
    neighbours.clock.advance(minutes=1)
    check(patient, ELECTROLYTES)
    assert worklist(neighbours, OTHER) == [("found", HOSPITAL, "4711", 2), ("ordered", OTHER, UNHEARD, 1)]
    columns = neighbours.there.rows("select * from unmapped_codes")
    for secret in (patient.here.value, patient.there.value, "encounter-1", "o-1"):
        assert secret not in repr(columns)


def test_a_code_leaves_the_list_when_its_row_is_published(neighbours: Neighbourhood) -> None:
    make_regulator(neighbours)
    publish_all(neighbours)
    patient = Patient(neighbours)
    patient.file_document(strange(patient))
    check(patient, ELECTROLYTES, UNHEARD)
    mine, theirs = sample(OTHER), sample(HOSPITAL)
    assert isinstance(mine, InstitutionMap)
    assert isinstance(theirs, InstitutionMap)
    ordered = Orderable(UNHEARD, "新项目", "New", (mine.orderables[0].items[0],))
    publish(neighbours, version(replace(mine, orderables=(*mine.orderables, ordered)), 3), OTHER)
    publish(neighbours, version(replace(theirs, results=(*theirs.results, ResultMapping(*LOCAL))), 3), HOSPITAL)
    settle(neighbours, neighbours.here, lambda _: worklist(neighbours, HOSPITAL) == [])
    settle(neighbours, neighbours.there, lambda _: worklist(neighbours, OTHER) == [])


def test_what_nobody_met_for_a_year_is_forgotten(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    check(patient, UNHEARD)
    assert worklist(neighbours, OTHER) == [("ordered", OTHER, UNHEARD, 1)]
    neighbours.clock.advance(days=366)
    check(patient, OrderableCode("ANOTHER"))
    assert worklist(neighbours, OTHER) == [("ordered", OTHER, "ANOTHER", 1)]


def test_what_is_too_long_for_a_code_is_not_kept(neighbours: Neighbourhood) -> None:
    check(Patient(neighbours), OrderableCode("x" * 65))
    assert worklist(neighbours, OTHER) == []
