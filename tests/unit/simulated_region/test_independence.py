"""What the model's truth shares with the code that it judges: words and documents, and no rule."""

from __future__ import annotations

import ast
import json
from datetime import date
from pathlib import Path

import pytest

import devnet.simulation
from devnet.simulation.region import draw_region
from node.wire.catalogue.documents import PACKAGED_CATALOGUE
from tests.unit.simulated_region.world import CONFIG, REGION

HERE = Path(devnet.simulation.__file__).parent
WORDS = {
    "InstitutionId",
    "ClassCode",
    "ItemCode",
    "OrderableCode",
    "RegionCode",
    "Reason",
    "ReasonCode",
    "Dimension",
    "Figures",
}
"""Names of things, and the rows in which figures are compared."""


@pytest.mark.parametrize(
    "name",
    [
        "happenings",
        "standing",
        "telling",
        "aftermath",
        "reliance",
        "replaced",
        "silences",
        "oracle",
        "rules",
        "revising",
        "model",
        "config",
    ],
)
def test_the_truth_takes_words_from_the_node_and_nothing_else(name: str) -> None:
    tree = ast.parse((HERE / f"{name}.py").read_text())
    whole = [alias.name for each in ast.walk(tree) if isinstance(each, ast.Import) for alias in each.names]
    assert not [each for each in whole if each.startswith("node")]
    taken = {
        alias.name
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("node")
        for alias in each.names
    }
    assert taken <= WORDS


def test_documents_say_what_their_files_say() -> None:
    catalogue, regions, prices = (
        json.loads((PACKAGED_CATALOGUE / f"{each}.json").read_bytes()) for each in ("catalogue", "regions", "prices")
    )
    documents = REGION.documents
    assert {each["code"]: each["windows"] for each in catalogue["items"]} == {
        each.code: dict(each.windows) for each in documents.catalogue.items
    }
    assert {each["code"]: each.get("within", []) for each in regions["regions"]} == {
        each.code: list(each.within) for each in documents.regions.regions
    }
    assert documents.regions.utc_offset_minutes == regions["utc_offset_minutes"]
    before = date(CONFIG.year, *CONFIG.changes.prices_from)
    assert {
        (each["charge"], each["region"], each.get("institution_class", "")): each["price_fen"] for each in prices["prices"]
    } == {
        (each.charge, each.region, each.institution_class): each.price_fen
        for each in documents.prices.prices
        if each.valid_from < before
    }


def test_the_same_seed_gives_the_same_documents() -> None:
    assert draw_region(CONFIG, 1) == REGION
    assert draw_region(CONFIG, 2).documents.certificates != REGION.documents.certificates
