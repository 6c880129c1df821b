"""`.ci/run` fails when any step fails, and ends with pytest's closing line: shown with a scripted `make`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

CLOSING = "================== 812 passed, 3 skipped in 301.22s (0:05:01) =================="
STEPS = ("setup", "engines", "go-tools", "check", "test", "demo")
OPTIONAL = "browser-tools"
"""What a machine without a package manager goes without: the tests that need it are skipped, and say so."""


def scripted_make(folder: Path, failing: str = "") -> Path:
    """Write a `make` that records its targets, fails at one, and prints what pytest prints at `test`."""
    folder.mkdir()
    script = folder / "make"
    lines = [
        "#!/bin/bash",
        'for target in "$@"; do :; done',
        f'echo "$target CI=$CI" >> "{folder}/called"',
        "[ -t 0 ] && exit 9",
        f'[ "$target" = "{failing}" ] && exit 1',
        f'[ "$target" = test ] && echo "{CLOSING}"',
        '[ "$target" = demo ] && echo "a table of what was shown"',
        "exit 0",
    ]
    script.write_text("\n".join(lines) + "\n")
    script.chmod(0o755)
    return folder


def ci(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    environment.pop("CI", None)
    command = [str(ROOT / ".ci/run")]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - the script under test


def test_every_step_runs_and_the_closing_line_is_last(tmp_path: Path) -> None:
    folder = scripted_make(tmp_path / "bin")
    done = ci(folder)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == CLOSING
    assert done.stderr == ""
    assert sorted((folder / "called").read_text().splitlines()) == sorted(f"{step} CI=true" for step in (*STEPS, OPTIONAL))


def test_a_machine_without_a_browser_goes_without(tmp_path: Path) -> None:
    done = ci(scripted_make(tmp_path / "bin", failing=OPTIONAL))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, CLOSING)


@pytest.mark.parametrize("step", STEPS)
def test_a_failed_step_fails_it_and_no_closing_line_ends_it(tmp_path: Path, step: str) -> None:
    done = ci(scripted_make(tmp_path / "bin", failing=step))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("CI FAILED: make ")
    assert step in done.stdout.splitlines()[-1]
