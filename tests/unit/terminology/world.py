"""A small region: three cities, four hospitals, a handful of items, and results to be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from node.domain.entry import EntryType, InstitutionId, LeafReference, Level, Origin, RecordId, Version
from node.domain.found_result import FoundResult
from node.domain.header import HeaderContent, PartSummary
from node.domain.recognition import (
    CertificateId,
    ClassCode,
    ItemCode,
    MethodGroup,
    OrderableCode,
    OrderLine,
    Reachability,
    Reason,
    ReasonCode,
    RegionCode,
)
from node.domain.record import Item, Kind, RecordStatus
from node.recognition.index import OrderingIndex, RecognitionIndex
from node.terminology.bundle import Document, Terminology
from node.terminology.catalogue import Catalogue, CatalogueItem, DocumentHead, ItemClass, Quality
from node.terminology.maps import LOINC, InstitutionMap, Orderable, ResultMapping
from node.terminology.marks import Certificate, CertificateList
from node.terminology.prices import Price, PriceList
from node.terminology.regions import (
    Campus,
    InstitutionClass,
    InstitutionProfile,
    InstitutionTable,
    Region,
    RegionLevel,
    RegionRules,
    RegionTable,
    SubReason,
    WithoutReason,
)
from node.wire.catalogue.documents import encode_document, load_terminology

DAY_MS = 86_400_000
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)

A, B, C, D = (InstitutionId(f"hospital-{each}") for each in "abcd")
COUNTRY, PROVINCE, CITY, OTHER_CITY = (RegionCode(code) for code in ("CN", "CN-44", "CN-4401", "CN-4403"))
ALT, AST, GLU, TSH, CT = (ItemCode(code) for code in ("ALT", "AST", "GLU", "TSH", "CT-CHEST"))
CODES = {ALT: "1742-6", AST: "1920-8", GLU: "2345-7", TSH: "3016-3", CT: "24627-2"}
UNITS = {ALT: "U/L", AST: "U/L", GLU: "mmol/L", TSH: "m[IU]/L", CT: ""}
LIVER, GLUCOSE, THYROID, CHEST = (OrderableCode(code) for code in ("LIVER", "GLUCOSE", "THYROID", "CHEST"))


def head(name: str = "test") -> DocumentHead:
    return DocumentHead(name, 1, date(2026, 1, 1), sample=True, sources=("made up",))


def lab(code: ItemCode, days: int = 30, **more: Any) -> CatalogueItem:  # noqa: ANN401 - fields of an item
    fields = {"loinc": (CODES[code],), "specimen": "SER", "unit": UNITS[code]} | more
    return CatalogueItem(code, f"{code} 项目", f"{code} item", ItemClass.LAB, Quality.EQA, {COUNTRY: days}, **fields)


CATALOGUE = Catalogue(
    head("catalogue"),
    (
        lab(ALT),
        lab(AST),
        replace(lab(GLU, other_units=("mg/dL",), molar_mass="180.16"), windows={COUNTRY: 30, OTHER_CITY: 7}),
        lab(TSH, method_bound=True),
        CatalogueItem(
            CT, "胸部CT", "CT chest", ItemClass.IMAGING, Quality.IMAGING_QC, {COUNTRY: 30}, (CODES[CT],), "CT",
            images_required=True,
        ),
    ),
)  # fmt: skip

RULES = RegionRules(
    sub_reasons=(SubReason(ReasonCode("before-surgery"), Reason.HIGHLY_SIGNIFICANT, "手术前", "Before surgery"),),
)
REGIONS = RegionTable(
    head("regions"),
    480,
    (
        InstitutionClass(ClassCode("3A"), "三甲", "Tertiary A", 3),
        InstitutionClass(ClassCode("2"), "二级", "Secondary", 2),
    ),
    (
        Region(COUNTRY, "全国", "全国", "China", RegionLevel.NATIONAL, rules=RULES),
        Region(PROVINCE, "粤", "广东", "Guangdong", RegionLevel.PROVINCE, (COUNTRY,)),
        Region(CITY, "穗", "广州", "Guangzhou", RegionLevel.CITY, (PROVINCE,)),
        Region(OTHER_CITY, "深", "深圳", "Shenzhen", RegionLevel.CITY, (PROVINCE,)),
    ),
)
INSTITUTIONS = InstitutionTable(
    head("institutions"),
    (
        InstitutionProfile(A, "甲医院", "Hospital A", CITY, ClassCode("3A"), campuses=(Campus("east", "东院", "East"),)),
        InstitutionProfile(B, "乙医院", "Hospital B", CITY, ClassCode("2")),
        InstitutionProfile(C, "丙医院", "Hospital C", OTHER_CITY, ClassCode("2")),
        InstitutionProfile(D, "丁医院", "Hospital D", CITY, ClassCode("3A"), recognition_required=False),
    ),
)
ORDERABLES = (
    Orderable(LIVER, "肝功能", "Liver panel", (ALT, AST)),
    Orderable(OrderableCode("L-ALT"), "丙氨酸氨基转移酶", "ALT", (ALT,)),
    Orderable(OrderableCode("L-AST"), "天门冬氨酸氨基转移酶", "AST", (AST,), charge="250305007"),
    Orderable(GLUCOSE, "葡萄糖", "Glucose", (GLU,)),
    Orderable(THYROID, "促甲状腺激素", "TSH", (TSH,)),
    Orderable(CHEST, "胸部CT", "CT chest", (CT,)),
)
PRICES = PriceList(
    head("prices"),
    (
        Price("LIVER", PROVINCE, 5000, date(2026, 1, 1)),
        Price("LIVER", CITY, 6000, date(2026, 1, 1), None, ClassCode("3A")),
        Price("L-ALT", PROVINCE, 2000, date(2026, 1, 1)),
        Price("250305007", PROVINCE, 2500, date(2026, 1, 1)),
        Price("GLUCOSE", PROVINCE, 600, date(2026, 1, 1), date(2026, 6, 30)),
        Price("GLUCOSE", PROVINCE, 700, date(2026, 7, 1)),
        Price("CHEST", PROVINCE, 20000, date(2026, 1, 1)),
    ),
)


def certificate(institution: InstitutionId, item: ItemCode, scope: RegionCode, **more: Any) -> Certificate:  # noqa: ANN401 - fields
    fields = {"valid_from": date(2026, 7, 1), "valid_to": date(2026, 12, 31)} | more
    return Certificate(CertificateId(f"{scope}-{institution}-{item}"), institution, item, scope, **fields)


CERTIFICATES = CertificateList(
    head("certificates"),
    (
        *(certificate(A, item, PROVINCE) for item in (ALT, AST, GLU, TSH, CT)),
        *(certificate(D, item, CITY) for item in (ALT, GLU)),
        *(certificate(C, item, OTHER_CITY) for item in (ALT, AST, GLU)),
    ),
)


def mapping(institution: InstitutionId, method: str = "ecl", **more: Any) -> InstitutionMap:  # noqa: ANN401 - fields of a map
    rows = (ResultMapping(LOINC, CODES[TSH], TSH, unit="m[IU]/L", method=MethodGroup(method)),)
    fields: dict[str, Any] = {"results": rows, "orderables": ORDERABLES, "direct": True, "ignored_codes": ("24325-3",)} | more
    return InstitutionMap(head(f"map-{institution}"), institution, **fields)


MAPS = {A: mapping(A), B: mapping(B), C: mapping(C, "clia"), D: mapping(D, "clia")}


def terminology(**changed: Document | Mapping[InstitutionId, InstitutionMap]) -> Terminology:
    """The small region, with some of its documents replaced."""
    maps = changed.pop("maps", MAPS)
    assert isinstance(maps, Mapping)
    singles = {
        "catalogue": CATALOGUE,
        "regions": REGIONS,
        "institutions": INSTITUTIONS,
        "prices": PRICES,
        "certificates": CERTIFICATES,
    }
    documents = [*(singles | changed).values(), *maps.values()]
    return load_terminology(encode_document(each) for each in documents)  # type: ignore[arg-type]  # mappings were popped


def ordering(institution: InstitutionId = B, **changed: Document | Mapping[InstitutionId, InstitutionMap]) -> OrderingIndex:
    return RecognitionIndex(terminology(**changed)).ordering(institution)


def result(
    name: str,
    *items: ItemCode | Item,
    of: InstitutionId = A,
    days_ago: float = 1,
    status: str = "final",
    parts: Sequence[str] = ("report",),
    **more: Any,  # noqa: ANN401 - fields of a header's content
) -> FoundResult:
    """A record that is found: of a hospital, some days old, with these items; `name` is its record id."""
    coded = tuple(each if isinstance(each, Item) else Item(LOINC, CODES[each], "", UNITS[each]) for each in items)
    content = HeaderContent(
        kind=Kind("exam-result"),
        record_id=RecordId(name),
        version=Version(1),
        status=RecordStatus(status),
        performed_at_ms=NOW_MS - int(days_ago * DAY_MS),
        items=coded,
        study="",
        parts=tuple(PartSummary("application/fhir+json", role, 100) for role in parts),
        supersedes=None,
    )
    content = replace(content, **more)
    leaf = LeafReference(Origin(f"{of}.example/log"), sha256(f"{of} {name} {content.version}".encode()).digest())
    entry_type = EntryType.RECORD if content.version == 1 else EntryType.AMENDMENT
    return FoundResult(content, entry_type, of, leaf, Level.ANCHORED, Reachability.REACHABLE, frozen=False)


def line(orderable: OrderableCode, order_id: str = "1") -> OrderLine:
    return OrderLine(order_id, orderable)


WARN_RULES = replace(RULES, without_reason=WithoutReason.WARN)


def regions_with(code: RegionCode, **changed: Any) -> RegionTable:  # noqa: ANN401 - fields of a region
    """The regions, one of them changed."""
    return replace(REGIONS, regions=tuple(replace(each, **changed) if each.code == code else each for each in REGIONS.regions))
