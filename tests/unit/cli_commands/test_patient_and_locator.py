"""`concord patient` and `concord locator`: seeds, cards and secrets of new epochs."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.adapters.database.members.membership import SqlRegistryStore
from node.adapters.keys.files import read_locator_secrets
from node.bootstrap.stores import exclusive_stores
from node.cli.main import app
from node.identity.code_text import parse_card
from node.identity.codes import patient_code
from tests.unit.members.neighbourhood import OTHER, Neighbourhood, make_neighbourhood
from tests.unit.services_records.world import HOSPITAL, World

pytestmark = pytest.mark.slow

RUN = CliRunner()


def test_a_seed_stays_in_its_file_and_the_card_derives_from_it(tmp_path: Path) -> None:
    seed_file, svg, png = tmp_path / "seed", tmp_path / "card.svg", tmp_path / "card.png"
    made = RUN.invoke(app, ["patient", "new", str(seed_file), "--qr", str(svg), "--json"])
    assert made.exit_code == 0
    seed = bytes.fromhex(seed_file.read_text())
    assert stat.S_IMODE(seed_file.stat().st_mode) == 0o600
    card = json.loads(made.stdout)["card"]
    assert parse_card(card).code == patient_code(seed)  # type: ignore[arg-type]  # read from the file
    assert seed.hex() not in made.output
    again = RUN.invoke(app, ["patient", "card", str(seed_file), "--qr", str(png), "--json"])
    assert json.loads(again.stdout)["card"] == card
    assert (svg.read_bytes()[:5], png.read_bytes()[:4]) == (b"<?xml", b"\x89PNG")
    assert "█" in RUN.invoke(app, ["patient", "card", str(seed_file), "--terminal"]).output


def test_a_seed_is_never_overwritten_nor_read_by_others(tmp_path: Path) -> None:
    seed_file = tmp_path / "seed"
    assert RUN.invoke(app, ["patient", "new", str(seed_file)]).exit_code == 0
    kept = seed_file.read_text()
    assert RUN.invoke(app, ["patient", "new", str(seed_file)]).exit_code != 0
    assert seed_file.read_text() == kept
    seed_file.chmod(0o644)
    assert RUN.invoke(app, ["patient", "card", str(seed_file)]).exit_code != 0
    other = tmp_path / "other"
    assert RUN.invoke(app, ["patient", "new", str(other), "--qr", str(tmp_path / "card.gif")]).exit_code != 0
    assert not other.exists()


@pytest.fixture
def stopped(tmp_path: Path) -> Neighbourhood:
    """Two nodes that know each other, stopped."""
    made = make_neighbourhood(tmp_path, {"outbox_interval_s": 3600.0}).start()
    made.stop()
    return made


def secrets_of(world: World) -> dict[int, bytes]:
    return dict(read_locator_secrets(world.settings.keys))


def locator(world: World, *arguments: str) -> int:
    return RUN.invoke(app, ["locator", *arguments, "--dir", str(world.directory)]).exit_code


def test_a_new_epoch_reaches_the_members(stopped: Neighbourhood, tmp_path: Path) -> None:
    file = tmp_path / "epoch-2.json"
    assert locator(stopped.here, "rotate", "--institution", HOSPITAL, "-o", str(file)) == 0
    assert locator(stopped.there, "import", str(file), "--institution", OTHER) == 0
    assert locator(stopped.there, "import", str(file), "--institution", OTHER) == 0
    drawn = secrets_of(stopped.here)
    assert sorted(drawn) == [1, 2]
    assert secrets_of(stopped.there)[2] == drawn[2]
    assert drawn[2].hex() not in file.read_text()


def test_a_secret_that_nobody_signed_or_that_contradicts_is_refused(stopped: Neighbourhood, tmp_path: Path) -> None:
    file, other = tmp_path / "epoch-2.json", tmp_path / "other.json"
    assert locator(stopped.here, "rotate", "--institution", HOSPITAL, "-o", str(file)) == 0
    said = json.loads(file.read_text())
    other.write_text(json.dumps({**said, "epoch": 3}))
    assert locator(stopped.there, "import", str(other), "--institution", OTHER) != 0
    assert locator(stopped.there, "rotate", "--institution", OTHER, "-o", str(other)) == 0
    assert locator(stopped.here, "import", str(other), "--institution", HOSPITAL) != 0
    assert len(secrets_of(stopped.here)) == 2


def test_without_members_no_epoch_begins(tmp_path: Path, stopped: Neighbourhood) -> None:
    with exclusive_stores(stopped.here.settings, stopped.clock) as stores:
        registry = SqlRegistryStore(stores.readers, stores.writer).load()
    assert registry is not None
    stopped.here.rows("DELETE FROM registry_snapshot")
    assert locator(stopped.here, "rotate", "--institution", HOSPITAL, "-o", str(tmp_path / "x.json")) != 0
    assert sorted(secrets_of(stopped.here)) == [1]
