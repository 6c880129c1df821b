"""Documents that cannot be read stop the start; an institution without a map can check nothing, and everything else works."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from node.errors import NoProfileError, SettingsError
from node.services.recognition.checking import CheckOrder
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS
from tests.unit.members.neighbourhood import Neighbourhood, make_neighbourhood
from tests.unit.members.orders import recognition
from tests.unit.members.patients import ACTOR, Patient
from tests.unit.services_records.world import CLINIC, World


def copy_documents(world: World) -> Path:
    """Give a node a folder of documents of its own."""
    folder = world.directory / "documents"
    folder.mkdir()
    for source in (*PACKAGED_CATALOGUE.glob("*.json"), *PACKAGED_MAPS.glob("*.json")):
        shutil.copy(source, folder)
    settings = world.directory / "concord.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('# directory = ""', 'directory = "documents"', 1), encoding="utf-8")
    return folder


def test_documents_of_a_folder_are_used_and_broken_ones_stop_the_start(tmp_path: Path) -> None:
    neighbours = make_neighbourhood(tmp_path, {})
    folder = copy_documents(neighbours.there)
    neighbours.there.start()
    neighbours.there.stop()
    prices = folder / "prices.json"
    kept = prices.read_bytes()
    prices.write_bytes(kept[:-3])
    with pytest.raises(SettingsError, match=r"recognition\.directory: prices"):
        neighbours.there.start()
    prices.unlink()
    with pytest.raises(SettingsError, match="there is none"):
        neighbours.there.start()
    shutil.rmtree(folder)
    with pytest.raises(SettingsError, match="is no folder"):
        neighbours.there.start()


def test_an_institution_without_a_map_checks_nothing(town: Neighbourhood) -> None:
    patient = Patient(town)
    with pytest.raises(NoProfileError):
        recognition(town.here).checking.check(CLINIC, CheckOrder(patient.here, ACTOR, "", ()))
