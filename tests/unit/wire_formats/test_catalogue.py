from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from node.domain.recognition import UNRETRIEVABLE, ClassCode, Reason, RegionCode
from node.errors import MalformedCatalogueError, UnknownFormatError
from node.terminology.bundle import Document
from node.terminology.regions import RegionRules, SubReason
from node.wire.catalogue.documents import FORMATS, digest_of, encode_document, kind_of, load_terminology, parse_document
from tests.unit.terminology import world

DOCUMENTS: dict[str, Document] = {
    "catalogue": world.CATALOGUE,
    "regions": world.REGIONS,
    "institutions": world.INSTITUTIONS,
    "prices": world.PRICES,
    "certificates": world.CERTIFICATES,
    "institution-map": world.MAPS[world.A],
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_documents_come_back_as_they_were(kind: str) -> None:
    data = encode_document(DOCUMENTS[kind])
    assert parse_document(data) == DOCUMENTS[kind]
    assert encode_document(parse_document(data)) == data
    assert kind_of(parse_document(data)) == kind
    assert data.count(b"\n") > 5  # a line for each row


def test_every_kind_is_tested() -> None:
    assert set(DOCUMENTS) == set(FORMATS)


def test_the_digest_is_that_of_the_bytes() -> None:
    data = encode_document(world.CATALOGUE)
    assert digest_of(data).hex() != digest_of(data + b"\n").hex()


Change = Callable[[dict[str, Any]], object]


def changed(kind: str, change: Change) -> bytes:
    members = json.loads(encode_document(DOCUMENTS[kind]))
    change(members)
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    ("kind", "place", "change"),
    [
        ("catalogue", "/items/0/colour", lambda m: m["items"][0].update(colour="red")),
        ("catalogue", "/head/note", lambda m: m["head"].update(note="x")),
        ("catalogue", "/items/0/windows", lambda m: m["items"][0].update(windows={"CN": "30"})),
        ("catalogue", "/items/0", lambda m: m["items"][0].pop("code")),
        ("catalogue", "/items/0/item_class", lambda m: m["items"][0].update(item_class="surgery")),
        ("catalogue", "/items/0/loinc", lambda m: m["items"][0].update(loinc=["1742-7"])),
        ("catalogue", "/items/0/loinc", lambda m: m["items"][0].update(loinc=["ALT"])),
        ("catalogue", "/items/1/loinc", lambda m: m["items"][1].update(loinc=["1742-6"])),
        ("catalogue", "/items/1/code", lambda m: m["items"][1].update(code="ALT")),
        ("catalogue", "/items/0/code", lambda m: m["items"][0].update(code="A LT")),
        ("catalogue", "/items/0/zh", lambda m: m["items"][0].update(zh=" ")),
        ("catalogue", "/items/0/windows", lambda m: m["items"][0].update(windows={"CN": 0})),
        ("catalogue", "/items/0/molar_mass", lambda m: m["items"][0].update(molar_mass="1e3")),
        ("catalogue", "/items/4/unit", lambda m: m["items"][4].update(other_units=["mg/L"])),
        ("catalogue", "/items/0/specimen", lambda m: m["items"][0].pop("specimen")),
        ("catalogue", "/items/4/modality", lambda m: m["items"][4].pop("modality")),
        ("catalogue", "/items/0/images_required", lambda m: m["items"][0].update(images_required=True)),
        ("catalogue", "/items/0/en", lambda m: m["items"][0].update(en="=1+1")),
        ("catalogue", "/items/0/unit", lambda m: m["items"][0].update(unit="@SUM(A1)")),
        ("catalogue", "/head/sources/0", lambda m: m["head"].update(sources=["a\nb"])),
        ("catalogue", "/head/serial", lambda m: m["head"].update(serial=0)),
        ("catalogue", "/head/issued", lambda m: m["head"].update(issued="soon")),
        ("regions", "/utc_offset_minutes", lambda m: m.update(utc_offset_minutes=900)),
        ("regions", "/regions/2/within", lambda m: m["regions"][2].update(within=["XX"])),
        ("regions", "/regions/0/within", lambda m: m["regions"][0].update(within=["CN-4401"])),
        ("regions", "/regions/3/accepts", lambda m: m["regions"][3].update(accepts=["XX"])),
        ("regions", "/regions/1/label", lambda m: m["regions"][1].update(label=" ")),
        ("regions", "/regions/1/code", lambda m: m["regions"][1].update(code="CN")),
        ("regions", "/classes/1/code", lambda m: m["classes"][1].update(code="3A")),
        ("institutions", "/institutions/1/institution", lambda m: m["institutions"][1].update(institution="hospital-a")),
        ("prices", "/prices/0/price_fen", lambda m: m["prices"][0].update(price_fen=-1)),
        ("prices", "/prices/0/price_fen", lambda m: m["prices"][0].update(price_fen=12.5)),
        ("prices", "/prices/4/valid_to", lambda m: m["prices"][4].update(valid_to="2025-01-01")),
        ("prices", "/prices/5/valid_from", lambda m: m["prices"][5].update(valid_from="2026-06-30")),
        ("certificates", "/certificates/0/valid_to", lambda m: m["certificates"][0].update(valid_to="2026-06-30")),
        ("certificates", "/certificates/1/certificate", lambda m: m["certificates"].insert(1, m["certificates"][0])),
        ("institution-map", "/orderables/0/items", lambda m: m["orderables"][0].update(items=[])),
        ("institution-map", "/orderables/0/items", lambda m: m["orderables"][0].update(items=["ALT", "ALT"])),
        ("institution-map", "/orderables/1/code", lambda m: m["orderables"][1].update(code="LIVER")),
        ("institution-map", "/results/1/code", lambda m: m["results"].append(m["results"][0])),
        ("institution-map", "/institution", lambda m: m.update(institution="")),
    ],
)
def test_what_is_malformed_is_named_by_its_place(kind: str, place: str, change: Change) -> None:
    with pytest.raises(MalformedCatalogueError) as refused:
        parse_document(changed(kind, change))
    assert (refused.value.document, refused.value.place) == (kind, place)


def test_the_built_in_sub_reason_is_not_redefined() -> None:
    rules = RegionRules(sub_reasons=(SubReason(UNRETRIEVABLE, Reason.OTHER, "无法调阅", "not retrievable"),))
    with pytest.raises(MalformedCatalogueError):
        encode_document(world.regions_with(RegionCode("CN"), rules=rules))


def test_prices_of_other_classes_and_regions_may_overlap() -> None:
    first = world.PRICES.prices[0]
    others = (first, replace(first, region=world.CITY), replace(first, institution_class=ClassCode("2")))
    assert parse_document(encode_document(replace(world.PRICES, prices=others))) == replace(world.PRICES, prices=others)
    with pytest.raises(MalformedCatalogueError):
        encode_document(replace(world.PRICES, prices=(first, replace(first, valid_from=date(2026, 2, 1)))))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"nonsense", MalformedCatalogueError),
        (b"[]", MalformedCatalogueError),
        (b'{"format":"concord/catalogue","format":"concord/prices","version":1}', MalformedCatalogueError),
        (b'{"format":"trust-root","version":1}', MalformedCatalogueError),
        (b'{"version":1}', MalformedCatalogueError),
        (b'{"format":"concord/menu","version":1}', UnknownFormatError),
        (b'{"format":"concord/catalogue","version":2}', UnknownFormatError),
        (b'{"format":"concord/catalogue","version":true}', UnknownFormatError),
        (b'{"format":"concord/catalogue"}', UnknownFormatError),
        (b'{"format":"concord/catalogue","version":1}', MalformedCatalogueError),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_document(data)


def test_a_set_of_documents_is_complete_and_has_each_once() -> None:
    files = [encode_document(each) for each in DOCUMENTS.values()]
    documents = load_terminology(files)
    assert documents.maps.keys() == {world.A}
    assert {pin.digest for pin in documents.pins} == {digest_of(each) for each in files}
    for wrong in (files[1:], [*files, files[0]], [*files, files[-1]]):
        with pytest.raises(MalformedCatalogueError):
            load_terminology(wrong)
