"""Go tools are built once per pinned version, and their absence is never silent in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.go_tools import TOOLS, is_built, main, stamp

FSCK = TOOLS["fsck"]


def fake_go(folder: Path, exit_code: int = 0) -> None:
    """Put a `go` on the PATH that installs a file, as `go install` would, without a network."""
    folder.mkdir()
    script = folder / "go"
    script.write_text(f'#!/bin/sh\n[ {exit_code} = 0 ] || exit {exit_code}\necho "$2" > "$GOBIN/fsck"; chmod 755 "$GOBIN/fsck"\n')
    script.chmod(0o755)


def run(directory: Path, *options: str) -> int:
    return main([*options, "fsck", "--directory", str(directory)])


@pytest.fixture
def no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CI", raising=False)


def test_a_tool_is_built_once_at_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "path")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    cache = tmp_path / "cache"
    assert run(cache) == 0
    assert (cache / "fsck").read_text() == f"{FSCK.package}@{FSCK.version}\n"
    monkeypatch.setenv("PATH", "")
    assert run(cache) == 0


def test_another_version_is_built_again(tmp_path: Path) -> None:
    (tmp_path / "fsck").touch(mode=0o755)
    (tmp_path / ".fsck@v0.0.1").touch()
    assert not is_built(tmp_path, FSCK)
    stamp(tmp_path, FSCK).touch()
    assert is_built(tmp_path, FSCK)


def test_a_failed_build_fails_and_is_not_taken_for_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "path", exit_code=1)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    assert run(tmp_path / "cache", "--if-go") == 1
    assert not is_built(tmp_path / "cache", FSCK)


@pytest.mark.usefixtures("no_go")
def test_without_go_the_explicit_target_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "cache") == 1
    assert "no `go` on the PATH, so fsck cannot be built" in capsys.readouterr().err


@pytest.mark.usefixtures("no_go")
def test_without_go_if_go_succeeds_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "cache", "--if-go") == 0
    assert "the tests that need it are skipped" in capsys.readouterr().err


@pytest.mark.usefixtures("no_go")
def test_without_go_ci_fails_even_with_if_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert run(tmp_path / "cache", "--if-go") == 1
