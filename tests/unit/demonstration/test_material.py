"""What the demonstration feeds to its nodes: documents that hold on any day, and reports that they answer orders with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from devnet.demo.documents import EXPIRED_ITEM, demo_documents
from devnet.demo.laboratory import ALL, GLYCATED, fhir_bundle
from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, IdentityRules
from node.domain.recognition import ItemCode
from node.terminology.bundle import Terminology
from node.terminology.consistency import inconsistencies
from node.terminology.maps import ResultIndex
from node.terminology.marks import MarkIndex
from node.wire.catalogue.documents import load_terminology
from node.wire.fhir.documents import split_document
from node.wire.kinds import load_kinds

HOLDER = InstitutionId("hospital-a")
DAYS = [date(2026, 11, 26), date(2028, 2, 29), date(2035, 12, 31)]


def documents(day: date) -> Terminology:
    return load_terminology(each.content for each in demo_documents(day))


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_documents_fit_each_other_on_any_day(day: date) -> None:
    assert list(inconsistencies(documents(day))) == []


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_one_certificate_has_ended_and_the_others_hold(day: date) -> None:
    marks = MarkIndex(documents(day).certificates, documents(day).regions)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)

    def is_marked(item: str, age: timedelta) -> bool:
        return bool(list(marks.marks(HOLDER, ItemCode(item), int((noon - age).timestamp() * 1000))))

    marked = {item: is_marked(item, report.age) for report in ALL for item in report.values}
    assert {item for item, it_is in marked.items() if not it_is} == {EXPIRED_ITEM}
    assert is_marked(EXPIRED_ITEM, timedelta(days=30))
    assert EXPIRED_ITEM in GLYCATED.values


def test_every_code_of_the_reports_has_a_place_in_hospital_a_s_map() -> None:
    day = DAYS[0]
    terminology = documents(day)
    index = ResultIndex(terminology.maps[HOLDER], terminology.catalogue)
    document = fhir_bundle(ALL, "patient-1", datetime(day.year, day.month, day.day, tzinfo=UTC))
    split = split_document(document, load_kinds(), DocumentLimits(), IdentityRules(HOLDER))
    assert [len(draft.parts) for draft in split.drafts] == [len(report.values) + 3 for report in ALL]
    placed = [{row.item for row in map(index.find, draft.items) if row is not None} - {None} for draft in split.drafts]
    assert placed == [set(report.values) for report in ALL]
    assert all(index.find(item) is not None for draft in split.drafts for item in draft.items)
