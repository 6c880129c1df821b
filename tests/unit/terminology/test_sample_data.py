"""The documents that come with the node: what they promise, and that the example histories are covered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, IdentityRules
from node.recognition.index import RecognitionIndex
from node.terminology.bundle import Terminology
from node.terminology.catalogue import ItemClass
from node.terminology.consistency import inconsistencies
from node.terminology.maps import ResultIndex, unmapped_codes
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, encode_document, load_terminology, parse_document
from node.wire.fhir.documents import split_document
from node.wire.kinds import load_kinds
from tests.architecture.sources import ROOT

FILES = sorted([*PACKAGED_CATALOGUE.glob("*.json"), *PACKAGED_MAPS.glob("*.json")])


@pytest.fixture(scope="module")
def sample() -> Terminology:
    return load_terminology(path.read_bytes() for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_each_is_marked_as_sample_names_its_sources_and_is_written_as_the_node_writes(path: Path) -> None:
    document = parse_document(path.read_bytes())
    assert document.head.sample
    assert document.head.sources
    assert encode_document(document) == path.read_bytes()


def test_the_catalogue_is_large_enough(sample: Terminology) -> None:
    by_class = [item.item_class for item in sample.catalogue.items]
    assert by_class.count(ItemClass.LAB) >= 80
    assert by_class.count(ItemClass.IMAGING) >= 60
    assert all(item.loinc for item in sample.catalogue.items)
    assert "LOINC is copyright" in (PACKAGED_CATALOGUE / "SOURCE.md").read_text()


def test_they_are_consistent(sample: Terminology) -> None:
    assert inconsistencies(sample) == ()


def test_every_orderable_has_a_price_and_every_map_can_order(sample: Terminology) -> None:
    index = RecognitionIndex(sample)
    for institution, mapping in sample.maps.items():
        ordering = index.ordering(institution)
        tariffs = [ordering.tariff(each, 1_790_000_000_000) for each in mapping.orderables]
        here = ordering.profile.region.startswith("CN-44")
        assert all((tariff.price_fen is not None) is here for tariff in tariffs)


@pytest.mark.parametrize("history", sorted((ROOT / "examples" / "synthea").glob("*.json")), ids=lambda path: path.stem)
def test_laboratory_results_of_the_example_histories_are_all_mapped(sample: Terminology, history: Path) -> None:
    index = ResultIndex(sample.maps[InstitutionId("hospital-a")], sample.catalogue)
    laboratory = {
        coding["code"]
        for entry in json.loads(history.read_bytes())["entry"]
        for coding in entry["resource"].get("code", {}).get("coding", [])
        if any(each["code"] == "laboratory" for cat in entry["resource"].get("category", []) for each in cat.get("coding", []))
        and entry["resource"]["resourceType"] == "Observation"
    }
    document = json.loads(history.read_bytes())
    for entry in document["entry"]:
        if entry["resource"]["resourceType"] == "DiagnosticReport":
            entry["resource"].setdefault("performer", [{"display": "laboratory"}])
    drafts = split_document(
        json.dumps(document).encode(), load_kinds(), DocumentLimits(), IdentityRules(InstitutionId("hospital-a"))
    ).drafts
    seen = [item for draft in drafts for item in draft.items if item.code in laboratory]
    assert unmapped_codes(seen, index) == ()
    rows = [index.find(item) for item in seen]
    units = RecognitionIndex(sample).units
    assert all(row is not None and row.item is not None for row in rows)
    assert all(item.unit in units[row.item] for item, row in zip(seen, rows, strict=True) if row is not None and row.item)
