"""The database files: made by an act of their own, refused when missing or foreign, served by one process."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from node.errors import DirectoryInUseError, KeyFileError, SchemaVersionError, SettingsError
from tests.unit.services_records.world import LOCATOR_SECRETS, World, make_world, report


@pytest.fixture
def stopped(tmp_path: Path) -> World:
    return make_world(tmp_path / "n")


@pytest.mark.parametrize("name", ["records.db", "secrets.db"])
def test_a_lost_database_is_not_made_anew(stopped: World, name: str) -> None:
    (stopped.directory / name).unlink()
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        stopped.start()
    assert not (stopped.directory / name).exists()


@pytest.mark.parametrize("name", ["records.db", "secrets.db"])
def test_another_releases_database_is_refused_by_name(stopped: World, name: str) -> None:
    stopped.rows("UPDATE schema_version SET version = 99", database=name)
    with pytest.raises(SchemaVersionError) as refused:
        stopped.start()
    assert (refused.value.found, Path(refused.value.path).name) == (99, name)


def test_creating_again_changes_nothing(stopped: World) -> None:
    from node.bootstrap.maintenance import init_node  # noqa: PLC0415 - here only

    stopped.start()
    receipt = stopped.receipt(report())
    stopped.wait_logged(receipt)
    stopped.stop()
    keys = {path: path.read_bytes() for path in (stopped.directory / "keys").rglob("*") if path.is_file()}
    init_node(stopped.settings, {**LOCATOR_SECRETS, 1: b"\x09" * 32})
    assert {path: path.read_bytes() for path in (stopped.directory / "keys").rglob("*") if path.is_file()} == keys
    stopped.start()
    assert stopped.receipt(report()).leaf_hash == receipt.leaf_hash
    stopped.stop()


def test_a_second_node_on_a_directory_is_refused_and_the_first_goes_on(stopped: World) -> None:
    stopped.start()
    other = World(stopped.directory, stopped.sections)
    with pytest.raises(DirectoryInUseError):
        other.start()
    assert stopped.receipt(report()).version == 1
    stopped.stop()
    other.start()
    assert other.receipt(report()).version == 1
    other.stop()


def test_keys_are_for_their_owner_only(stopped: World) -> None:
    keys = [path for path in (stopped.directory / "keys").rglob("*") if path.is_file()]
    assert len(keys) > 8
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    keys[0].chmod(0o640)
    node_key = stopped.directory / "keys" / "node.key"
    node_key.chmod(0o644)
    with pytest.raises(KeyFileError, match="accessible to others"):
        stopped.start()


def test_what_could_not_be_opened_lets_go_of_the_directory(stopped: World) -> None:
    node_key = stopped.directory / "keys" / "node.key"
    text = node_key.read_text()
    node_key.write_text("no key\n")
    for _ in range(2):
        with pytest.raises(KeyFileError):
            stopped.start()
    node_key.write_text(text)
    stopped.start()
    stopped.stop()


def test_acknowledged_writes_are_synchronised(stopped: World) -> None:
    stopped.start()
    writer = stopped.running.node.ingest._writer
    with writer._engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    secrets = stopped.running.node.erasure._secrets
    with secrets._engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar_one() == 1
    stopped.stop()
