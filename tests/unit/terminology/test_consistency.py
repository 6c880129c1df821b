from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from node.domain.entry import InstitutionId
from node.domain.recognition import ClassCode, ItemCode, OrderableCode, RegionCode
from node.terminology.bundle import Terminology
from node.terminology.consistency import inconsistencies
from node.terminology.maps import LOINC, Orderable, ResultMapping
from node.terminology.marks import CertificateList
from node.terminology.prices import Price, PriceList
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, CITY, GLU, A, B, certificate

NOWHERE, NOTHING = RegionCode("XX"), ItemCode("NOTHING")
GLUCOSE_ITEM = next(item for item in world.CATALOGUE.items if item.code == GLU)


def catalogue(**changed: object) -> Terminology:
    item = replace(GLUCOSE_ITEM, **changed)  # type: ignore[arg-type]  # fields of an item
    return world.terminology(
        catalogue=replace(world.CATALOGUE, items=(item, *world.CATALOGUE.items[:2], *world.CATALOGUE.items[3:]))
    )


def institutions(**changed: object) -> Terminology:
    first, *rest = world.INSTITUTIONS.institutions
    table = replace(world.INSTITUTIONS, institutions=(replace(first, **changed), *rest))  # type: ignore[arg-type]  # of a profile
    return world.terminology(institutions=table)


def mapped(**more: Any) -> Terminology:  # noqa: ANN401 - fields of a map
    return world.terminology(maps=world.MAPS | {A: world.mapping(A, **more)})


def prices(price: Price) -> Terminology:
    return world.terminology(prices=PriceList(world.head(), (price,)))


def certificates(**more: object) -> Terminology:
    fields = {"institution": A, "item": ALT, "scope": CITY} | more
    return world.terminology(certificates=CertificateList(world.head(), (certificate(**fields),)))  # type: ignore[arg-type]  # above


def test_the_small_region_is_consistent() -> None:
    assert inconsistencies(world.terminology()) == ()


@pytest.mark.parametrize(
    ("documents", "row", "word"),
    [
        (catalogue(windows={NOWHERE: 3}), "GLU", "XX"),
        (catalogue(windows={}), "GLU", "window"),
        (catalogue(molar_mass=""), "GLU", "mg/dL"),
        (catalogue(other_units=("mEq/L",)), "GLU", "mEq/L"),
        (institutions(region=NOWHERE), "hospital-a", "XX"),
        (institutions(institution_class=ClassCode("9")), "hospital-a", "9"),
        (world.terminology(institutions=replace(world.INSTITUTIONS, institutions=())), "hospital-a", "profile"),
        (prices(Price("X", NOWHERE, 1, date(2026, 1, 1))), "X", "XX"),
        (prices(Price("X", CITY, 1, date(2026, 1, 1), None, ClassCode("9"))), "X", "9"),
        (certificates(institution=InstitutionId("hospital-x")), "CN-4401-hospital-x-ALT", "hospital-x"),
        (certificates(item=NOTHING), "CN-4401-hospital-a-NOTHING", "NOTHING"),
        (certificates(scope=NOWHERE), "XX-hospital-a-ALT", "XX"),
        (mapped(results=(ResultMapping(LOINC, "1-8", NOTHING),)), "1-8", "NOTHING"),
        (mapped(results=(ResultMapping(LOINC, "1-8", GLU, unit="U/L"),)), "1-8", "U/L"),
        (mapped(orderables=(Orderable(OrderableCode("O"), "名", "name", (ALT, NOTHING)),)), "O", "NOTHING"),
    ],
)
def test_what_contradicts_another_document_is_named(documents: Terminology, row: str, word: str) -> None:
    found = [each for each in inconsistencies(documents) if each.row == row]
    assert found
    assert any(word in each.what for each in found)


def test_a_row_that_means_no_item_contradicts_nothing() -> None:
    assert inconsistencies(world.terminology(maps={B: world.mapping(B, results=(ResultMapping(LOINC, "1-8"),))})) == ()
