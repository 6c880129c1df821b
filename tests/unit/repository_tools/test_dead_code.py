"""The dead-code check sees what nobody calls, and its exceptions do not outlive their reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.dead_code import faults

USED = '"""A module."""\n\n\ndef called():\n    return 1\n\n\nprint(called())\n'
UNUSED = '"""A module."""\n\nimport json\n\n\ndef forgotten():\n    return 1\n\n\nclass Lost:\n    field = 1\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "node").mkdir()
    (tmp_path / "tests").mkdir()
    return tmp_path


def test_code_that_is_called_is_no_fault(root: Path) -> None:
    (root / "node/a.py").write_text(USED)
    assert list(faults(root, ["node", "tests", "absent"], {})) == []


def test_functions_classes_and_imports_that_nobody_uses_are_named(root: Path) -> None:
    (root / "node/a.py").write_text(UNUSED)
    assert sorted(faults(root, ["node"], {})) == [
        "node/a.py:10: unused class 'Lost'",
        "node/a.py:3: unused import 'json'",
        "node/a.py:6: unused function 'forgotten'",
    ]


def test_what_a_test_calls_counts_as_called(root: Path) -> None:
    (root / "node/a.py").write_text('"""A."""\n\n\ndef once():\n    return 1\n')
    (root / "tests/test_a.py").write_text("from node.a import once\n\n\ndef test_once():\n    assert once() == 1\n")
    assert list(faults(root, ["node", "tests"], {})) == []


def test_an_exception_excuses_its_name_and_must_be_needed(root: Path) -> None:
    (root / "node/a.py").write_text('"""A."""\n\n\ndef hook():\n    return 1\n')
    assert list(faults(root, ["node"], {"node/a.py:hook": "a framework"})) == []
    assert list(faults(root, ["node"], {"node/*": "a framework", "node/b.py:*": "gone"})) == [
        "tools/dead_code.py: nothing needs the exception 'node/b.py:*' any more"
    ]
