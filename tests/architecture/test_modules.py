"""Modules and functions stay small enough to be read in one sitting, and say what they are."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.sources import ROOT, Module, body_lines, functions, modules

MODULE_LINES = 400
FUNCTION_LINES = 50

LONGER_MODULES: dict[str, str] = {
    "contracts/errors.py": "as node/errors.py: one tree of named reverts, drawn at its top",
    "node/errors.py": "one tree of errors in one file, drawn at its top: its order is read as a whole",
}
"""Module -> why it is one piece."""

LONGER_FUNCTIONS: dict[str, str] = {}
"""module:function -> why it is one piece."""

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def lengths() -> dict[str, int]:
    return {f"{module.name}:{name}": body_lines(node) for module in modules() for name, node in functions(module)}


def test_there_is_something_to_judge() -> None:
    assert {module.name.split("/")[0] for module in modules()} >= {"ledger", "contracts", "node", "devnet"}


def test_modules_are_short_or_have_a_reason() -> None:
    long = {module.name: module.lines for module in modules() if module.lines > MODULE_LINES}
    assert {name: lines for name, lines in long.items() if name not in LONGER_MODULES} == {}
    assert set(LONGER_MODULES) <= set(long), "these are short by now: take them off the list"


def test_functions_are_short_or_have_a_reason() -> None:
    long = {name: lines for name, lines in lengths().items() if lines > FUNCTION_LINES}
    assert {name: lines for name, lines in long.items() if name not in LONGER_FUNCTIONS} == {}
    assert set(LONGER_FUNCTIONS) <= set(long), "these are short by now: take them off the list"


def is_worthy(module: Module) -> bool:
    """Tell whether a module's docstring is a sentence, not a label."""
    text = ast.get_docstring(module.tree) or ""
    return len(text.split()) > 2 and text.split("\n\n")[0].rstrip().endswith((".", ":"))


def test_every_module_says_what_it_is() -> None:
    assert [module.name for module in modules() if not is_worthy(module)] == []


def test_no_module_is_a_drawer() -> None:
    assert [module.name for module in modules() if module.path.stem.lstrip("_") in FORBIDDEN_NAMES] == []


@pytest.mark.parametrize("folder", ["node", "ledger", "contracts", "devnet"])
def test_no_test_folder_shadows_a_package(folder: str) -> None:
    shadows = [path for path in (ROOT / "tests").rglob(folder) if path.is_dir() and any(path.glob("*.py"))]
    assert shadows == []
