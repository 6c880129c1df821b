"""The trees that are drawn where errors are defined are those of the classes."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest

import ledger.errors
import node.errors

DRAWN = re.compile(r"[A-Z]\w+Error\b")


@pytest.mark.parametrize("module", [node.errors, ledger.errors], ids=lambda module: module.__name__)
def test_drawn_as_defined(module: ModuleType) -> None:
    classes = [each for each in vars(module).values() if inspect.isclass(each) and each.__module__ == module.__name__]
    defined = {each.__name__: str(each.__base__.__name__) for each in classes if issubclass(each, Exception) and each.__base__}
    drawn = parents(inspect.getdoc(module) or "")
    assert [name for name, _ in drawn] == list(dict.fromkeys(name for name, _ in drawn))
    assert {name: parent for name, parent in drawn if parent} == {
        name: parent for name, parent in defined.items() if parent in defined
    }
    assert {name for name, _ in drawn} == set(defined)


def parents(text: str) -> list[tuple[str, str | None]]:
    """Return the names of a tree between its fences, each with the one that it hangs on."""
    found: list[tuple[str, str | None]] = []
    above: list[tuple[int, str]] = []
    for line in text.split("```")[1].splitlines():
        depth = len(line) - len(line.lstrip("│├└─ "))
        # a name, or several, and then what it is
        names = DRAWN.findall(re.split(r" {2,}|(?<=Error) (?=[a-z])", line[depth:])[0])
        above = [(at, name) for at, name in above if at < depth]
        found += [(name, above[-1][1] if above else None) for name in names]
        if len(names) == 1:
            above.append((depth, names[0]))
    return found
