"""What a document of the catalogue's family may not say: each rule yields the place, as a JSON pointer, and the reason.

Only what one document can be judged by on its own; what two say of each other is `node.terminology.consistency`.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from node.domain.recognition import UNRETRIEVABLE
from node.terminology.bundle import Document
from node.terminology.catalogue import Catalogue, CatalogueItem, DocumentHead, ItemClass
from node.terminology.maps import InstitutionMap
from node.terminology.marks import CertificateList
from node.terminology.prices import Price, PriceList
from node.terminology.regions import InstitutionTable, Region, RegionTable

MAX_WINDOW_DAYS: Final = 3650
MAX_PRICE_FEN: Final = 10_000_000_00
MAX_SERIAL: Final = 999_999_999
"""Leaves room for days written as numbers, such as 20260301."""

_CODE: Final = re.compile(r"[!-~]{1,128}")
_LOINC: Final = re.compile(r"([1-9][0-9]{0,6})-([0-9])")
_DECIMAL: Final = re.compile(r"[1-9][0-9]{0,5}(?:\.[0-9]{1,4})?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong."""

    place: str
    """JSON pointer."""
    reason: str
    """What is wrong there, and what would be right."""


def faults_in(document: Document) -> Iterator[Fault]:
    """Yield what is wrong with a document, in its order."""
    yield from _head(document.head)
    match document:
        case Catalogue():
            yield from _catalogue(document)
        case RegionTable():
            yield from _regions(document)
        case InstitutionTable():
            yield from _institutions(document)
        case PriceList():
            yield from _prices(document)
        case CertificateList():
            yield from _certificates(document)
        case InstitutionMap():
            yield from _map(document)


def _head(head: DocumentHead) -> Iterator[Fault]:
    yield from _codes({"/head/name": head.name})
    if not 1 <= head.serial <= MAX_SERIAL:
        yield Fault("/head/serial", f"versions count from 1, to {MAX_SERIAL} at most")


def _catalogue(document: Catalogue) -> Iterator[Fault]:
    yield from _once("/items", "code", [item.code for item in document.items])
    codes = [(at, code) for at, item in enumerate(document.items) for code in item.loinc]
    seen: set[str] = set()
    for at, code in codes:
        if code in seen:
            yield Fault(f"/items/{at}/loinc", "another item has this LOINC code")
        seen.add(code)
    for at, item in enumerate(document.items):
        yield from _item(f"/items/{at}", item)


def _item(place: str, item: CatalogueItem) -> Iterator[Fault]:
    yield from _codes({f"{place}/code": item.code})
    yield from _named(place, item.zh, item.en)
    if not all(1 <= days <= MAX_WINDOW_DAYS for days in item.windows.values()):
        yield Fault(f"{place}/windows", f"a window has 1 to {MAX_WINDOW_DAYS} days")
    if not all(_is_loinc(code) for code in item.loinc):
        yield Fault(f"{place}/loinc", "not a LOINC code: its check digit is wrong")
    if item.molar_mass and _DECIMAL.fullmatch(item.molar_mass) is None:
        yield Fault(f"{place}/molar_mass", "not a decimal number of g/mol, such as 180.16")
    if item.other_units and not item.unit:
        yield Fault(f"{place}/unit", "other units need the unit that they are compared with")
    needed = item.modality if item.item_class is ItemClass.IMAGING else item.specimen
    if not needed:
        what = "modality" if item.item_class is ItemClass.IMAGING else "specimen"
        yield Fault(f"{place}/{what}", "imaging items have a modality, laboratory items a specimen")
    if item.images_required and item.item_class is not ItemClass.IMAGING:
        yield Fault(f"{place}/images_required", "laboratory items have no images")


def _regions(document: RegionTable) -> Iterator[Fault]:
    if abs(document.utc_offset_minutes) > 14 * 60:
        yield Fault("/utc_offset_minutes", "at most 14 hours")
    yield from _once("/classes", "code", [each.code for each in document.classes])
    for at, each in enumerate(document.classes):
        yield from _codes({f"/classes/{at}/code": each.code})
        yield from _named(f"/classes/{at}", each.zh, each.en)
    yield from _once("/regions", "code", [each.code for each in document.regions])
    for at, region in enumerate(document.regions):
        yield from _region(f"/regions/{at}", region, document)


def _region(place: str, region: Region, document: RegionTable) -> Iterator[Fault]:
    yield from _codes({f"{place}/code": region.code})
    yield from _named(place, region.zh, region.en)
    if not region.label.strip():
        yield Fault(f"{place}/label", "a region has the word that stands before HR in its mark")
    known = document.by_code()
    for name, others in (("within", region.within), ("accepts", region.accepts)):
        if not all(other in known for other in others):
            yield Fault(f"{place}/{name}", "the table has no such region")
    if any(region.code in document.around(outer) for outer in region.within):
        yield Fault(f"{place}/within", "a region cannot lie within itself")
    reasons = region.rules.sub_reasons if region.rules is not None else ()
    yield from _once(f"{place}/rules/sub_reasons", "code", [each.code for each in reasons])
    for at, each in enumerate(reasons):
        yield from _codes({f"{place}/rules/sub_reasons/{at}/code": each.code})
        yield from _named(f"{place}/rules/sub_reasons/{at}", each.zh, each.en)
        if each.code == UNRETRIEVABLE:
            yield Fault(f"{place}/rules/sub_reasons/{at}/code", "this sub-reason is built in")


def _institutions(document: InstitutionTable) -> Iterator[Fault]:
    yield from _once("/institutions", "institution", [each.institution for each in document.institutions])
    for at, each in enumerate(document.institutions):
        place = f"/institutions/{at}"
        yield from _codes({f"{place}/institution": each.institution, f"{place}/region": each.region})
        yield from _codes({f"{place}/institution_class": each.institution_class})
        yield from _named(place, each.zh, each.en)
        yield from _once(f"{place}/campuses", "code", [campus.code for campus in each.campuses])


def _prices(document: PriceList) -> Iterator[Fault]:
    spans: dict[Hashable, list[tuple[date, date, int]]] = {}
    for at, price in enumerate(document.prices):
        place = f"/prices/{at}"
        yield from _codes({f"{place}/charge": price.charge, f"{place}/region": price.region})
        if not 0 <= price.price_fen <= MAX_PRICE_FEN:
            yield Fault(f"{place}/price_fen", f"a price in fen, from 0 to {MAX_PRICE_FEN}")
        first, last = price.valid_from, price.valid_to or date.max
        if last < first:
            yield Fault(f"{place}/valid_to", "before the first day")
        spans.setdefault(_price_key(price), []).append((first, last, at))
    for each in spans.values():
        each.sort()
        for (_, last, _), (first, _, at) in pairwise(each):
            if first <= last:
                yield Fault(f"/prices/{at}/valid_from", "another price of this charge, region and class holds on that day")


def _price_key(price: Price) -> Hashable:
    return (price.charge, price.region, price.institution_class)


def _certificates(document: CertificateList) -> Iterator[Fault]:
    rows = [(each.certificate, each.institution, each.item, each.scope) for each in document.certificates]
    yield from _once("/certificates", "certificate", rows)
    for at, each in enumerate(document.certificates):
        place = f"/certificates/{at}"
        yield from _codes({f"{place}/certificate": each.certificate, f"{place}/institution": each.institution})
        yield from _codes({f"{place}/item": each.item, f"{place}/scope": each.scope})
        if each.valid_to < each.valid_from:
            yield Fault(f"{place}/valid_to", "before the first day")


def _map(document: InstitutionMap) -> Iterator[Fault]:
    yield from _codes({"/institution": document.institution})
    yield from _once("/results", "code", [(row.system, row.code, row.specimen) for row in document.results])
    for at, row in enumerate(document.results):
        yield from _codes({f"/results/{at}/system": row.system, f"/results/{at}/code": row.code})
    yield from _once("/orderables", "code", [each.code for each in document.orderables])
    for at, each in enumerate(document.orderables):
        place = f"/orderables/{at}"
        yield from _codes({f"{place}/code": each.code})
        yield from _named(place, each.zh, each.en)
        if not each.items or len(set(each.items)) != len(each.items):
            yield Fault(f"{place}/items", "at least one item, and none twice")


def _codes(values: Mapping[str, str]) -> Iterator[Fault]:
    for place, value in values.items():
        if _CODE.fullmatch(value) is None:
            yield Fault(place, "a code has 1 to 128 visible ASCII characters and no blank")


def _named(place: str, zh: str, en: str) -> Iterator[Fault]:
    for name, value in (("zh", zh), ("en", en)):
        if not value.strip() or not value.isprintable():
            yield Fault(f"{place}/{name}", "a name for people is missing, or holds what cannot be printed")


def _once(place: str, member: str, keys: Iterable[Hashable]) -> Iterator[Fault]:
    seen = set()
    for at, key in enumerate(keys):
        if key in seen:
            yield Fault(f"{place}/{at}/{member}", "this is there twice")
        seen.add(key)


def _is_loinc(code: str) -> bool:
    """Check a LOINC code's last digit (mod 10, doubling every second digit from the right)."""
    match = _LOINC.fullmatch(code)
    if match is None:
        return False
    total = 0
    for at, digit in enumerate(reversed(match[1])):
        total += sum(divmod(int(digit) * (2 if at % 2 == 0 else 1), 10))
    return (10 - total % 10) % 10 == int(match[2])
