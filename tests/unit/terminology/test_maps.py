from __future__ import annotations

from node.domain.recognition import ItemCode
from node.domain.record import Item
from node.terminology.maps import LOINC, InstitutionMap, ResultIndex, ResultMapping, SeenCode, unmapped_codes
from tests.unit.terminology import world
from tests.unit.terminology.world import ALT, GLU, A

LIS = "urn:lis"


def index(**more: object) -> ResultIndex:
    return ResultIndex(InstitutionMap(world.head(), A, **more), world.CATALOGUE)  # type: ignore[arg-type]  # fields of a map


def test_loinc_counts_without_a_row_only_where_the_map_says_so() -> None:
    alt = Item(LOINC, "1742-6", "", "U/L")
    row = index(direct=True).find(alt)
    assert row is not None
    assert row.item == ALT
    assert index().find(alt) is None
    assert index(direct=True).find(Item(LIS, "1742-6", "", "U/L")) is None


def test_a_row_for_the_specimen_comes_before_one_for_all() -> None:
    rows = (
        ResultMapping(LIS, "G", GLU, unit="mmol/L"),
        ResultMapping(LIS, "G", None, specimen="UR"),
        ResultMapping("urn:other", "G", ALT),
    )
    found = {specimen: index(results=rows).find(Item(LIS, "G", specimen, "")) for specimen in ("", "SER", "UR")}
    assert [row.item if row else "" for row in found.values()] == [GLU, GLU, None]


def test_rows_of_items_that_nobody_knows_count_as_unmapped() -> None:
    assert index(results=(ResultMapping(LIS, "X", ItemCode("NEVER")),)).find(Item(LIS, "X", "", "")) is None


def test_ignored_systems_and_codes_are_known_and_mean_no_item() -> None:
    prepared = index(direct=True, ignored_systems=("urn:dcm",), ignored_codes=("24325-3",))
    for each in (Item("urn:dcm", "CT", "", ""), Item(LOINC, "24325-3", "", "")):
        row = prepared.find(each)
        assert row is not None
        assert row.item is None
    assert index(ignored_codes=("24325-3",)).find(Item(LOINC, "24325-3", "", "")) is None


def test_the_worklist_lists_what_is_unmapped_the_most_frequent_first() -> None:
    seen = [Item(LIS, "B", "", "g/L"), Item(LOINC, "1742-6", "", "U/L"), *[Item(LIS, "A", "", "")] * 3, Item(LIS, "B", "", "mg/L")]
    assert unmapped_codes(seen, index(direct=True)) == (
        SeenCode(LIS, "A", "", "", 3),
        SeenCode(LIS, "B", "", "g/L", 1),
        SeenCode(LIS, "B", "", "mg/L", 1),
    )
