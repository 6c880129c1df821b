"""Every reason why a result is not recognised, told over the API in Chinese and English (docs/spec/catalogue.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.domain.entry import Origin
from node.domain.recognition import Obstacle
from node.ports.clock import unix_ms
from node.ports.logs.trust import FrozenLog
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS
from tests.unit.api_routes.client import Api
from tests.unit.fhir_split.documents import PATIENT, Json, bundle
from tests.unit.members.conftest import QUIET
from tests.unit.members.neighbourhood import Neighbourhood, make_neighbourhood
from tests.unit.members.patients import Patient
from tests.unit.members.test_recognition_api import check
from tests.unit.services_records.world import HOSPITAL

KNOWN, WITHOUT_MARK, OTHER_CITY, OTHER_METHOD = ("2823-3", "L-K"), ("2951-2", "L-NA"), ("1742-6", "L-ALT"), ("3016-3", "L-TSH")
"""LOINC code and orderable: as the sample documents have them, and as `documents` bends them."""


def documents(folder: Path) -> Path:
    """Write the sample documents, but hospital-a has no mark for sodium, another city's for ALT, and a TSH of its own method."""
    folder.mkdir()
    for file in (*PACKAGED_CATALOGUE.glob("*.json"), *PACKAGED_MAPS.glob("*.json")):
        data = json.loads(file.read_bytes())
        if file.name == "certificates.json":
            mine = [each for each in data["certificates"] if each["institution"] == HOSPITAL]
            for each in mine:
                if each["item"] == "LAB-NA" or (each["item"] == "LAB-ALT" and each["scope"] == "CN"):
                    data["certificates"].remove(each)
                elif each["item"] == "LAB-ALT":
                    each["scope"] = "CN-4403"
        if file.name == "hospital-a.json":
            for row in data["results"]:
                row["method"] = "another-1" if row["item"] == "LAB-TSH" else row.get("method", "")
                if not row["method"]:
                    del row["method"]
        (folder / file.name).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def bent_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbourhood]:
    made = make_neighbourhood(tmp_path_factory.mktemp("bent"), QUIET)
    documents(made.there.directory / "documents")
    settings = made.there.directory / "concord.toml"
    before = settings.read_text(encoding="utf-8")
    after = before.replace('[recognition]\n# directory = ""', '[recognition]\ndirectory = "documents"')
    assert after != before
    settings.write_text(after, encoding="utf-8")
    made.start()
    yield made
    made.stop()


def lab(patient: Patient, loinc: str = KNOWN[0], unit: str = "mmol/L", **changes: object) -> Json:
    """Return a report of one value of the patient."""
    report: Json = {
        "resourceType": "DiagnosticReport",
        "id": "r1",
        "identifier": [{"system": "urn:filler", "value": f"R-{patient.number}"}],
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "24326-1"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-01T08:30:00+08:00",
        "performer": [{"display": "Laboratory"}],
        "result": [{"reference": "Observation/o1"}],
        **changes,
    }
    value: Json = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": {"reference": "Patient/p1"},
        "valueQuantity": {"value": 4.2, "code": unit},
    }
    return bundle([report, value, {**PATIENT, "identifier": [{"system": "urn:mrn", "value": patient.here.value}]}])


def image(patient: Patient) -> Json:
    """Return a report of a chest radiograph, without the images."""
    document = lab(patient, code={"coding": [{"system": "http://loinc.org", "code": "36643-5"}]}, result=[])
    document["entry"] = [each for each in document["entry"] if each["resource"]["resourceType"] != "Observation"]
    return document


def revised(patient: Patient, status: str) -> list[Json]:
    return [lab(patient), lab(patient, status=status, conclusion="mended")]


CASES: list[tuple[Obstacle, str, Callable[[Patient], list[Json]], str, str]] = [
    (
        Obstacle.OUT_OF_WINDOW,
        KNOWN[1],
        lambda it: [lab(it, effectiveDateTime="2026-01-05T08:30:00+08:00")],
        "超出互认时限",
        "window",
    ),
    (Obstacle.NO_MARK, WITHOUT_MARK[1], lambda it: [lab(it, WITHOUT_MARK[0])], "无互认标识", "no mark"),
    (
        Obstacle.MARK_OUT_OF_SCOPE,
        OTHER_CITY[1],
        lambda it: [lab(it, OTHER_CITY[0], "U/L")],
        "在本地区无效",
        "not valid in this region",
    ),
    (Obstacle.PRELIMINARY, KNOWN[1], lambda it: [lab(it, status="preliminary")], "尚非最终", "not final"),
    (Obstacle.SUPERSEDED, KNOWN[1], lambda it: revised(it, "corrected"), "已被新版本取代", "replaced by a newer version"),
    (Obstacle.WITHDRAWN, KNOWN[1], lambda it: revised(it, "entered-in-error"), "已撤回", "taken back"),
    (Obstacle.NO_IMAGES, "I-DR-CHEST", lambda it: [image(it)], "无影像", "no images"),
    (Obstacle.UNMAPPED, KNOWN[1], lambda it: [lab(it, "99999-9")], "未建立对照", "code"),
    (Obstacle.UNIT, KNOWN[1], lambda it: [lab(it, unit="[ft_i]")], "单位不可比", "unit not comparable"),
    (Obstacle.METHOD, OTHER_METHOD[1], lambda it: [lab(it, OTHER_METHOD[0], "m[IU]/L")], "方法不可比", "method not comparable"),
]


def told(api: Api, patient: Patient, orderable: str) -> tuple[set[str], Json]:
    """Return the reasons that a check tells, and the whole answer."""
    answer = check(api, patient, lines=[{"order_id": "o-1", "orderable": orderable}])
    (line,) = answer["lines"]
    found = {item["obstacle"] for result in line["unrecognisable"] for item in result["items"]}
    return found | ({Obstacle.UNMAPPED.value} if answer["unmapped"] else set()), answer


@pytest.mark.parametrize(("obstacle", "orderable", "make", "zh", "en"), CASES, ids=[case[0].value for case in CASES])
def test_a_reason_is_told_in_both_languages(
    bent_town: Neighbourhood, obstacle: Obstacle, orderable: str, make: Callable[[Patient], list[Json]], zh: str, en: str
) -> None:
    patient = Patient(bent_town)
    for document in make(patient):
        patient.file_document(document)
    reasons, answer = told(Api(bent_town.there), patient, orderable)
    assert reasons == {obstacle.value}
    assert zh in "".join(answer["warning"]["zh"])
    assert en in "".join(answer["warning"]["en"])
    assert "第一人民医院" in "".join(answer["warning"]["zh"])
    assert answer["break_glass"] == "POST /v1/emergencies"
    offers = answer["lines"][0]["offers"]
    if obstacle is Obstacle.SUPERSEDED:
        # the newest stands beside what it replaced
        (replaced,) = answer["lines"][0]["unrecognisable"]
        assert [offer["leaf_hash"] == replaced["leaf_hash"] for offer in offers] == [False]
    else:
        assert offers == []


def test_of_many_versions_the_newest_and_the_last_that_was_replaced_are_told(bent_town: Neighbourhood) -> None:
    patient = Patient(bent_town)
    for at in range(4):
        patient.file_document(lab(patient, status="corrected" if at else "final", conclusion=f"mended {at}"))
    reasons, answer = told(Api(bent_town.there), patient, KNOWN[1])
    assert reasons == {"superseded"}
    (line,) = answer["lines"]
    leaves = [None if each.leaf_hash is None else each.leaf_hash.hex() for each in patient.receipts]
    assert [each["leaf_hash"] for each in line["offers"]] == leaves[3:]
    assert [each["leaf_hash"] for each in line["unrecognisable"]] == leaves[2:3]


def test_a_frozen_log_is_told_in_both_languages(neighbours: Neighbourhood) -> None:
    patient = Patient(neighbours)
    patient.file_document(lab(patient))
    origin = Origin(f"{HOSPITAL}.example/log")
    neighbours.there.running.node.following._trust.freeze(FrozenLog(origin, "fork", b"{}", unix_ms(neighbours.clock)))
    neighbours.there.restart()
    neighbours.refresh()
    reasons, answer = told(Api(neighbours.there), patient, KNOWN[1])
    assert reasons == {Obstacle.LOG_FROZEN.value}
    assert "已冻结" in "".join(answer["warning"]["zh"])
    assert "frozen" in "".join(answer["warning"]["en"])


def test_the_table_has_every_reason_that_the_sample_regions_know() -> None:
    """A lower class counts in upward-only regions alone (`tests/unit/recognition`); recalls have tests of their own."""
    apart = {Obstacle.LOG_FROZEN, Obstacle.LOWER_CLASS, Obstacle.RECALLED}
    assert {case[0] for case in CASES} | apart == set(Obstacle)


def test_the_department_is_taken_as_it_comes(bent_town: Neighbourhood) -> None:
    patient = Patient(bent_town)
    for department in ("", "03.04", "呼吸内科"):
        actor = {"department": department, "staff_number": "b-17", "authentication": "password"}
        assert check(Api(bent_town.there), patient, actor=actor)["break_glass"] == "POST /v1/emergencies"
