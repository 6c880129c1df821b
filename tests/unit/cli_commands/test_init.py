from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ledger.notes import parse_verifier_key
from tests.unit.cli_commands.conftest import Concord

pytestmark = pytest.mark.slow

INSTITUTIONS = ("--institution", "hospital-a=第一人民医院", "--institution", "clinic-a=东城社区=clinic-a.example/log/2")


@pytest.fixture
def made(concord: Concord, tmp_path: Path) -> tuple[Path, dict[str, list[dict[str, str]]]]:
    directory = tmp_path / "node"
    result = concord("init", "--dir", directory, *INSTITUTIONS, "--json")
    assert result.exit_code == 0, result.output
    return directory, json.loads(result.stdout)


def test_init_makes_keys_that_only_their_owner_reads(made: tuple[Path, dict[str, list[dict[str, str]]]]) -> None:
    directory, document = made
    keys = [path for path in (directory / "keys").rglob("*") if path.is_file()]
    assert len(keys) >= 12
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    names = [parse_verifier_key(each["log_vkey"]).name for each in document["institutions"]]
    assert names == ["hospital-a.example/log", "clinic-a.example/log/2"]
    assert len({each["chain_account"] for each in document["institutions"]}) == 2


def test_init_never_overwrites(concord: Concord, made: tuple[Path, dict[str, list[dict[str, str]]]]) -> None:
    directory, _ = made
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    result = concord("init", "--dir", directory, *INSTITUTIONS)
    assert (result.exit_code, "made before" in result.stderr) == (2, True)
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_what_failed_can_be_done_again(concord: Concord, tmp_path: Path) -> None:
    directory = tmp_path / "node"
    directory.mkdir()
    (directory / "records.db").mkdir()
    failed = concord("init", "--dir", directory, *INSTITUTIONS)
    assert (failed.exit_code != 0, (directory / "concord.toml").exists()) == (True, False)
    keys = {path: path.read_bytes() for path in (directory / "keys").rglob("*") if path.is_file()}
    (directory / "records.db").rmdir()
    assert concord("init", "--dir", directory, *INSTITUTIONS).exit_code == 0
    assert keys == {path: path.read_bytes() for path in (directory / "keys").rglob("*") if path.is_file()}


def test_the_settings_file_names_every_setting(made: tuple[Path, dict[str, list[dict[str, str]]]]) -> None:
    text = (made[0] / "concord.toml").read_text(encoding="utf-8")
    for name in ("public_log", "max_document_bytes", "checkpoint_interval_ms", "rpc_url", "prepare_processes"):
        assert f"# {name} = " in text


@pytest.mark.parametrize(
    "institutions",
    [("hospital-a",), ("=x",), ("a=",), ("UPPER=x",), ("a b=x",), ("a=x", "a=y"), ("a=x=o", "b=y=o"), (f"a={'x' * 200}",)],
)
def test_wrong_institutions_make_no_node(concord: Concord, tmp_path: Path, institutions: tuple[str, ...]) -> None:
    words = [word for each in institutions for word in ("--institution", each)]
    result = concord("init", "--dir", tmp_path / "node", *words)
    assert (result.exit_code, "--institution" in result.stderr) == (2, True)
    assert not (tmp_path / "node").exists()


def test_clients_are_issued_listed_and_revoked(concord: Concord, made: tuple[Path, dict[str, list[dict[str, str]]]]) -> None:
    directory, _ = made
    words = ("--dir", directory, "--json")
    issued = json.loads(
        concord("clients", "issue", *words, "--institution", "hospital-a", "--name", "lis", "--scope", "records:write").stdout
    )
    assert issued["api_key"].startswith("concord_")
    listed = concord("clients", "list", *words).stdout
    assert issued["api_key"] not in listed
    rows = {row["client_id"]: row for row in json.loads(listed)["clients"]}
    assert (len(rows), rows[issued["client_id"]]["scopes"]) == (3, ["records:write"])
    assert concord("clients", "revoke", issued["client_id"], *words).exit_code == 0
    again = concord("clients", "revoke", issued["client_id"], *words)
    assert (again.exit_code, "no client" in again.stderr) == (1, True)


def test_wrong_clients_are_refused(concord: Concord, made: tuple[Path, dict[str, list[dict[str, str]]]], tmp_path: Path) -> None:
    words = ("--dir", made[0], "--name", "lis")
    assert concord("clients", "issue", *words, "--institution", "other").exit_code == 1
    scope = concord("clients", "issue", *words, "--institution", "hospital-a", "--scope", "all")
    assert (scope.exit_code, "records:write" in scope.stderr) == (2, True)
    nowhere = concord("clients", "list", "--dir", tmp_path)
    assert (nowhere.exit_code, "concord init" in nowhere.stderr) == (2, True)
