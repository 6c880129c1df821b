from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli_commands.conftest import Concord


def test_rotating_leaves_one_key_and_every_secret(concord: Concord, tmp_path: Path) -> None:
    directory = tmp_path / "node"
    assert concord("init", "--dir", directory, "--institution", "hospital-a=A").exit_code == 0
    first = (directory / "keys" / "kek" / "1.key").read_bytes()
    result = concord("keys", "rotate", "--dir", directory, "--json")
    assert json.loads(result.stdout) == {"kek": "2", "secrets_rewrapped": 0, "keys_destroyed": 1}
    (kept,) = (directory / "keys" / "kek").iterdir()
    assert (kept.name, kept.read_bytes() != first) == ("2.key", True)


def test_rotating_nothing_is_an_error_with_a_remedy(concord: Concord, tmp_path: Path) -> None:
    result = concord("keys", "rotate", "--dir", tmp_path)
    assert (result.exit_code, "concord init" in result.stderr) == (2, True)


def test_rotating_an_exchange_key_keeps_the_former_one(concord: Concord, tmp_path: Path) -> None:
    directory = tmp_path / "node"
    assert concord("init", "--dir", directory, "--institution", "hospital-a=A").exit_code == 0
    keys = directory / "keys" / "hospital-a"
    first = (keys / "exchange.key").read_bytes()
    result = concord("keys", "rotate-exchange", "--dir", directory, "--institution", "hospital-a", "--json")
    assert len(bytes.fromhex(json.loads(result.stdout)["exchange_public_key"])) == 32
    assert (keys / "former-exchange" / "1.key").read_bytes() == first
    assert concord("keys", "rotate-exchange", "--dir", directory, "--institution", "hospital-z").exit_code == 1
