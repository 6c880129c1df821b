from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from node.terminology.bundle import Document
from node.terminology.catalogue import Catalogue
from node.wire.catalogue.cells import write_workbook
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, digest_of, encode_document, parse_document
from node.wire.catalogue.sheets import export_sheets
from tests.unit.cli_commands.conftest import Concord
from tests.unit.terminology import world

MAP = PACKAGED_MAPS / "hospital-b.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small region as files."""
    documents = tmp_path / "documents"
    documents.mkdir()
    singles = (world.CATALOGUE, world.REGIONS, world.INSTITUTIONS, world.PRICES, world.CERTIFICATES)
    everything: list[Document] = [*singles, *world.MAPS.values()]
    for number, document in enumerate(everything):
        (documents / f"{number}.json").write_bytes(encode_document(document))
    return documents


@pytest.mark.parametrize("name", ["map.xlsx", "map"])
def test_a_document_goes_out_as_sheets_and_comes_back(concord: Concord, tmp_path: Path, name: str) -> None:
    exported = json.loads(concord("catalogue", "export", MAP, "-o", tmp_path / name, "--json").stdout)
    back = tmp_path / "back.json"
    result = concord("catalogue", "import", *exported["written"], "-o", back, "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert (document["verdict"], document["document"]) == ("imported", "institution-map")
    assert back.read_bytes() == MAP.read_bytes()
    assert document["digest"] == digest_of(MAP.read_bytes()).hex()


def test_an_import_that_is_wrong_lists_every_cell_and_writes_nothing(concord: Concord, tmp_path: Path) -> None:
    sheets = export_sheets(world.PRICES)
    prices = tmp_path / "prices.csv"
    prices.write_text("charge,region,price_fen,valid_from\nX,CN,ten,2026-01-01\nY,CN,10,\n")
    head = tmp_path / "document.csv"
    head.write_text("key,value\nformat,prices\nname,test\nserial,1\nissued,2026-01-01\n")
    result = concord("catalogue", "import", head, prices, "-o", tmp_path / "out.json", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["written"], (tmp_path / "out.json").exists()) == (1, None, False)
    assert [(each["row"], each["column"]) for each in found["faults"]] == [(2, "price_fen"), (3, "valid_from")]
    assert all(each["what"] and each["remedy"] for each in found["faults"])
    text = concord("catalogue", "import", head, prices, "-o", tmp_path / "out.json").stdout
    assert "write digits only" in text
    (tmp_path / "book.xlsx").write_bytes(write_workbook(sheets))
    mixed = concord("catalogue", "import", head, tmp_path / "book.xlsx", "-o", tmp_path / "out.json")
    assert mixed.exit_code == 2


def test_show_names_the_digest_and_the_rows(concord: Concord) -> None:
    shown = json.loads(concord("catalogue", "show", PACKAGED_CATALOGUE / "catalogue.json", "--json").stdout)
    assert shown["digest"] == digest_of((PACKAGED_CATALOGUE / "catalogue.json").read_bytes()).hex()
    assert (shown["document"], shown["sample"], shown["count"]["items"]) == ("catalogue", True, len(shown["items"]))
    assert {"code": "LAB-ALT", "zh": "丙氨酸氨基转移酶", "windows": "CN=15"}.items() <= shown["items"][0].items()


def test_what_is_no_document_is_unreadable(concord: Concord, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert concord("catalogue", "show", tmp_path / "x.json").exit_code == 2
    assert concord("catalogue", "check", tmp_path / "x.json").exit_code == 2


def test_check_finds_the_sample_documents_consistent(concord: Concord) -> None:
    result = concord("catalogue", "check", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["verdict"], document["contradictions"]) == (0, "consistent", [])
    assert len(document["documents"]) == 9


def test_check_names_what_contradicts_another_document(concord: Concord, folder: Path) -> None:
    assert concord("catalogue", "check", folder).exit_code == 0
    catalogue = parse_document((folder / "0.json").read_bytes())
    assert isinstance(catalogue, Catalogue)
    (folder / "0.json").write_bytes(encode_document(replace(catalogue, items=catalogue.items[1:])))
    result = concord("catalogue", "check", folder, "--json")
    rows = {each["row"] for each in json.loads(result.stdout)["contradictions"]}
    assert (result.exit_code, "LIVER" in rows) == (1, True)


def test_unmapped_codes_are_listed_for_the_operator(concord: Concord, folder: Path, tmp_path: Path) -> None:
    codes = ["1742-6", "9999-9", "9999-9"]
    observations = [
        {
            "fullUrl": f"urn:uuid:00000000-0000-0000-0000-00000000000{number}",
            "resource": {
                "resourceType": "Observation",
                "id": f"o{number}",
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
                "subject": {"reference": "Patient/p"},
                "effectiveDateTime": "2026-11-01T00:00:00Z",
            },
        }
        for number, code in enumerate(codes)
    ]
    report = {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "24325-3"}]},
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-11-01T00:00:00Z",
        "performer": [{"display": "laboratory"}],
        "result": [{"reference": each["fullUrl"]} for each in observations],
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": report}, *observations]}
    document = tmp_path / "results.json"
    document.write_text(json.dumps(bundle))
    result = concord("catalogue", "unmapped", document, "--institution", "hospital-a", "--documents", folder, "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [(each["code"], each["times"]) for each in found["unmapped"]] == [("9999-9", 1)]  # in one record
    stranger = concord("catalogue", "unmapped", document, "--institution", "hospital-x", "--documents", folder)
    assert stranger.exit_code == 1
    assert "publish both" in stranger.stderr
