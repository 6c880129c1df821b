"""What a process imports. import-linter reads import statements; these tests see what running code really loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

HEAVY = (
    "web3",
    "eth_account",
    "fastapi",
    "starlette",
    "uvicorn",
    "httpx",
    "sqlalchemy",
    "prometheus_client",
    "pydantic_settings",
)
"""What costs seconds and megabytes, and what an offline verifier has no use for."""

PROBE = """
import json, sys
sys.argv = ["concord", *json.loads(sys.argv[1])]
from node.cli.main import app
code = 0
try:
    app()
except SystemExit as stop:
    code = stop.code
json.dump({"code": code, "modules": sorted(sys.modules)}, sys.stderr)
"""

VERIFIER_MAY_IMPORT = ("ledger", "node.wire", "node.identity", "node.domain", "node.errors", "node.cli", "contracts.errors")
"""First-party packages of `concord verify`; `node.cli` holds its own command module and the dispatcher.

`node.identity` is pure and below `node.wire`: salts are one block of its HKDF.
"""


def modules_after(*arguments: str) -> tuple[int, set[str]]:
    """Run `concord` in a process of its own; its exit code, and the modules that it had loaded at the end."""
    command = [sys.executable, "-c", PROBE, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603 - this interpreter
    report = json.loads(done.stderr.splitlines()[-1])
    return report["code"], set(report["modules"])


def heavy_among(modules: set[str]) -> set[str]:
    return {name for name in HEAVY if name in modules}


@pytest.fixture
def unreadable(tmp_path: Path) -> list[str]:
    """Arguments of a verification that gets as far as parsing: real evidence is verified by the end-to-end tests."""
    (tmp_path / "evidence.json").write_text("{}")
    (tmp_path / "trust-root").write_text("{}")
    return ["verify", str(tmp_path / "evidence.json"), "--trust-root", str(tmp_path / "trust-root")]


def test_offline_verify_loads_nothing_heavy(unreadable: list[str]) -> None:
    code, modules = modules_after(*unreadable)
    assert code == 2
    assert heavy_among(modules) == set()


def test_offline_verify_loads_only_what_verifies(unreadable: list[str]) -> None:
    _, modules = modules_after(*unreadable)
    first_party = {name for name in modules if name.split(".")[0] in {"ledger", "contracts", "node", "devnet"}}
    allowed = tuple(f"{name}." for name in VERIFIER_MAY_IMPORT)
    beyond = {name for name in first_party if "." in name and not f"{name}.".startswith(allowed)}
    assert {name for name in first_party if name.startswith("ledger.")}, "the probe saw no verification at all"
    assert beyond - {"contracts"} == set()


def test_a_decision_certificate_is_verified_by_formats_and_rules_alone() -> None:
    vectors = ROOT / "tests/conformance/vectors/decision-certificate"
    file, root = vectors / "published-and-read.certificate.json", vectors / "published-and-read.trust-root.note"
    code, modules = modules_after("verify", str(file), "--trust-root", str(root))
    assert code == 0
    assert heavy_among(modules) == set()
    first_party = {name for name in modules if name.split(".")[0] in {"ledger", "contracts", "node", "devnet"}}
    allowed = tuple(f"{name}." for name in (*VERIFIER_MAY_IMPORT, "node.recognition", "node.terminology"))
    assert {name for name in first_party if "." in name and not f"{name}.".startswith(allowed)} - {"contracts"} == set()


def test_help_loads_nothing_heavy() -> None:
    code, modules = modules_after("--help")
    assert code == 0
    assert heavy_among(modules) == set()


@pytest.mark.parametrize("package", ["ledger.proofs", "node.wire.leaf", "contracts.events", "node.domain.record"])
def test_pure_modules_load_nothing_heavy(package: str) -> None:
    command = [sys.executable, "-c", f"import json, sys, {package}; print(json.dumps(sorted(sys.modules)))"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)  # noqa: S603 - this interpreter
    assert heavy_among(set(json.loads(done.stdout))) == set()
