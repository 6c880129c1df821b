"""Set-up knows when it has nothing to do, and refuses what cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.setup_venv import LOCKS, STAMP, SetupError, fingerprint, install, is_current

PROJECT = '[project]\nname = "x"\n\n[tool.ruff]\nline-length = 120\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "requirements").mkdir()
    for lock in LOCKS:
        (tmp_path / lock).write_text(f"{lock}==1\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    return tmp_path


def completed(venv: Path, wanted: str) -> Path:
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    (venv / STAMP).write_text(wanted + "\n")
    return venv


@pytest.mark.parametrize("lock", LOCKS)
def test_a_changed_lock_changes_the_fingerprint(root: Path, lock: str) -> None:
    before = fingerprint(root, "3.11")
    (root / lock).write_text("other==2\n")
    assert fingerprint(root, "3.11") != before


def test_the_fingerprint_follows_the_interpreter_and_the_project_but_not_the_gates(root: Path) -> None:
    before = fingerprint(root, "3.11")
    (root / "pyproject.toml").write_text(PROJECT.replace("120", "100"))
    assert fingerprint(root, "3.11") == before
    assert fingerprint(root, "3.12") != before
    (root / "pyproject.toml").write_text(PROJECT.replace('"x"', '"y"'))
    assert fingerprint(root, "3.11") != before


def test_only_a_completed_environment_is_current(tmp_path: Path) -> None:
    venv = completed(tmp_path / "venv", "abc")
    assert is_current(venv, "abc")
    assert not is_current(venv, "abd")
    (venv / STAMP).unlink()
    assert not is_current(venv, "abc")


def test_an_environment_without_interpreter_is_not_current(tmp_path: Path) -> None:
    venv = completed(tmp_path / "venv", "abc")
    (venv / "bin" / "python").unlink()
    assert not is_current(venv, "abc")


def test_a_failed_step_leaves_no_stamp(root: Path) -> None:
    venv = completed(root / "venv", "old")
    (venv / "bin" / "python").write_text("#!/bin/sh\nexit 3\n")
    (venv / "bin" / "python").chmod(0o755)
    with pytest.raises(SetupError, match=r"could not install the locked dependencies \(exit 3\)"):
        install(root, venv, "new")
    assert not is_current(venv, "old")
    assert not is_current(venv, "new")
