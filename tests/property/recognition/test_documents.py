"""Documents and sheets come back as they were; checks do not depend on the order in which results are found."""

from __future__ import annotations

from datetime import date
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from node.domain.entry import Version
from node.domain.found_result import FoundResult
from node.domain.recognition import (
    CertificateId,
    ClassCode,
    Coverage,
    ItemCode,
    MethodGroup,
    OrderableCode,
    RegionCode,
)
from node.errors import MalformedCatalogueError, UnknownFormatError
from node.recognition.check import check_order
from node.recognition.index import OrderingIndex
from node.terminology.catalogue import DocumentHead
from node.terminology.maps import InstitutionMap, Orderable, ResultMapping
from node.terminology.marks import Certificate, CertificateList
from node.terminology.prices import Price, PriceList
from node.wire.catalogue.cells import read_csv, read_workbook, write_csv, write_workbook
from node.wire.catalogue.documents import encode_document, parse_document
from node.wire.catalogue.sheets import export_sheets, import_sheets
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, AST, GLU, LIVER, A, B, C, D

pytestmark = pytest.mark.slow

CODES = st.text(st.characters(codec="ascii", min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12).filter(
    lambda code: not code.startswith(("=", "+", "-", "@"))
)
NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
DAYS = st.dates(date(2000, 1, 1), date(2050, 1, 1))
HEADS = st.builds(DocumentHead, CODES, st.integers(1, 10**6), DAYS, st.booleans(), st.lists(NAMES, max_size=3).map(tuple))
PRICES = st.builds(
    PriceList,
    HEADS,
    st.lists(
        st.builds(Price, CODES, CODES.map(RegionCode), st.integers(0, 10**9), DAYS, st.none(), st.just(ClassCode("")) | CODES),
        unique_by=lambda price: (price.charge, price.region, price.institution_class),
        max_size=5,
    ).map(tuple),
)


def certificate(name: str, one: date, two: date) -> Certificate:
    return Certificate(CertificateId(name), A, ItemCode(name), RegionCode("CN"), min(one, two), max(one, two))


CERTIFICATES = st.builds(
    CertificateList,
    HEADS,
    st.lists(st.builds(certificate, CODES, DAYS, DAYS), unique_by=lambda each: each.certificate, max_size=5).map(tuple),
)
OPTIONAL = st.just("") | CODES
ROWS = st.builds(ResultMapping, CODES, CODES, st.none() | CODES.map(ItemCode), OPTIONAL, OPTIONAL, OPTIONAL.map(MethodGroup))
ITEMS = st.lists(CODES.map(ItemCode), min_size=1, max_size=3, unique=True).map(tuple)
MAPS = st.builds(
    InstitutionMap,
    HEADS,
    st.just(A),
    st.lists(ROWS, unique_by=lambda row: (row.system, row.code, row.specimen), max_size=5).map(tuple),
    st.lists(st.builds(Orderable, CODES.map(OrderableCode), NAMES, NAMES, ITEMS), unique_by=lambda each: each.code, max_size=3).map(
        tuple
    ),
    st.booleans(),
    st.lists(NAMES, max_size=2).map(tuple),
)


@settings(max_examples=60)
@given(st.one_of(PRICES, CERTIFICATES, MAPS))
def test_documents_and_sheets_come_back(document: Any) -> None:  # noqa: ANN401 - any of three
    assert parse_document(encode_document(document)) == document
    sheets = export_sheets(document)
    assert import_sheets(sheets) == document
    assert import_sheets([read_csv(sheet.name, write_csv(sheet)) for sheet in sheets]) == document
    assert import_sheets(read_workbook(write_workbook(sheets))) == document


@settings(max_examples=200)
@given(st.binary(max_size=200) | st.integers(0, 5000).map(lambda cut: encode_document(world.CATALOGUE)[:cut]))
def test_whatever_is_read_is_a_document_or_refused_by_name(data: bytes) -> None:
    try:
        parse_document(data)
    except (MalformedCatalogueError, UnknownFormatError):
        return
    assert data.startswith(b"{")


RESULTS = st.lists(
    st.builds(
        lambda name, items, of, days, version, status: world.result(
            name, *items, of=of, days_ago=days, version=Version(version), status=status
        ),
        st.sampled_from("abcd"),
        st.lists(st.sampled_from([ALT, AST, GLU]), unique=True, max_size=3),
        st.sampled_from([A, B, C, D]),
        st.integers(0, 40),
        st.integers(1, 3),
        st.sampled_from(["final", "preliminary", "corrected"]),
    ),
    unique_by=lambda found: found.leaf,
    max_size=12,
)
INDEX: OrderingIndex = world.ordering()


@given(RESULTS, st.randoms(use_true_random=False))
def test_a_check_does_not_depend_on_the_order_of_finding(found: list[FoundResult], random: Any) -> None:  # noqa: ANN401 - Hypothesis
    shuffled = list(found)
    random.shuffle(shuffled)
    lines = [world.line(LIVER)]
    assert check_order(INDEX, "e", lines, shuffled, world.NOW_MS) == check_order(INDEX, "e", lines, found, world.NOW_MS)


@given(RESULTS)
def test_an_answer_is_consistent_with_itself(found: list[FoundResult]) -> None:
    (answer,) = check_order(INDEX, "e", [world.line(LIVER)], found, world.NOW_MS).lines
    answered = {each.item for offer in answer.offers for each in offer.items}
    assert set(answer.missing) == set(answer.items) - answered
    assert answer.coverage is (Coverage.NOT if not answered else Coverage.COVERED if not answer.missing else Coverage.PARTLY)
    assert 0 <= answer.saving_fen <= (answer.price_fen or 0)
    assert (answer.saving_fen == answer.price_fen) is (answer.coverage is Coverage.COVERED)
    ages = [offer.age_ms for offer in answer.offers]
    assert ages == sorted(ages)
    told = {(each.leaf, one.item) for each in answer.unrecognisable for one in each.items}
    assert told.isdisjoint({(offer.leaf, one.item) for offer in answer.offers for one in offer.items})
