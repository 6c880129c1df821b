"""The map of the code names what is there: every seam in docs/architecture.md exists in the module that it is given for."""

from __future__ import annotations

import importlib
import re
import tomllib

import pytest

from tests.architecture.sources import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text()
ROW = re.compile(r"^\| `(?P<module>(?:ledger|contracts|node|devnet)\.[\w.]+)` \| (?P<names>[^|]+) \|", re.MULTILINE)
SEAMS = {row["module"]: re.findall(r"`(\w+)`", row["names"]) for row in ROW.finditer(PAGE)}


def test_every_package_has_seams() -> None:
    assert {module.split(".")[0] for module in SEAMS} == {"ledger", "contracts", "node", "devnet"}
    assert len(SEAMS) > 40


@pytest.mark.parametrize("module", SEAMS)
def test_the_module_has_the_names(module: str) -> None:
    assert SEAMS[module]
    found = importlib.import_module(module)
    assert [name for name in SEAMS[module] if not hasattr(found, name)] == []


def test_every_service_and_port_is_on_the_map() -> None:
    files = [path for package in ("services", "ports") for path in (ROOT / "node" / package).rglob("[!_]*.py")]
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    inner = {"node.ports.clock"}
    # pieces of one service, or one function
    inner |= {f"node.services.records.{name}" for name in ("assignment", "lanes", "staging_receipts", "recovery_burials")}
    # several services together, for the API
    inner |= {f"node.services.surface.{name}" for name in ("custody", "code_exchange")}
    assert modules - inner - set(SEAMS) == set()


def test_nothing_is_on_the_map_twice() -> None:
    listed = [row["module"] for row in ROW.finditer(PAGE)]
    assert [module for module in SEAMS if listed.count(module) > 1] == []


def test_the_layers_shown_are_the_layers_checked() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract["id"] in {"ledger-layers", "node-layers", "service-layers"}:
            shown = set(re.findall(r"[a-z_]+", shown_layers(contract["containers"][0])))
            checked = {name for layer in contract["layers"] for name in re.findall(r"[a-z_]+", layer)} - {"__main__"}
            assert checked <= shown


def shown_layers(package: str) -> str:
    """Return what the page draws of a package's layers."""
    start = PAGE.index(f"\n{package}:") + 1
    ends = (PAGE.find(end, start) for end in ("\nnode:", "\nnode.services:", "\n```"))
    return PAGE[start : min(end for end in ends if end > 0)]
