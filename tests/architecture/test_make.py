"""The Makefile is the front door: what it offers is listed, and what the documents promise is there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT
from tools.docs import blocks, make_targets

MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make as a person would, although the tests may themselves run under make."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - make, fixed arguments


def listed(output: str) -> dict[str, str]:
    return dict(re.findall(r"^  ([a-z][a-z-]*) +(\S.*)$", output, re.MULTILINE))


def test_help_lists_every_target_with_a_line() -> None:
    shown = listed(make("help").stdout)
    assert set(shown) == make_targets(MAKEFILE)
    assert [name for name, line in shown.items() if len(line.split()) < 3] == []


def test_help_is_what_make_alone_does() -> None:
    assert make().stdout == make("help").stdout


def test_make_works_from_anywhere(tmp_path: Path) -> None:
    assert make("-s", "-C", str(ROOT), "help", cwd=tmp_path).stdout == make("help").stdout


def test_every_target_is_phony() -> None:
    phony = set(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE))
    assert phony == make_targets(MAKEFILE)


def test_the_readme_starts_with_the_two_commands() -> None:
    first = next(block for block in blocks((ROOT / "README.md").read_text(), "README.md") if block.language == "console")
    assert [line.split("#")[0].strip() for line in first.lines if line.startswith("$ make")] == [
        "$ make demo",
        "$ make test",
    ]


@pytest.mark.parametrize("interpreter", ["an old one", "none"])
def test_an_interpreter_that_will_not_do_is_refused_with_the_remedy(tmp_path: Path, interpreter: str) -> None:
    python = tmp_path / "python3"
    if interpreter == "an old one":
        python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 1\nexit 0\n')
        python.chmod(0o755)
    done = make("setup", f"PYTHON={python}")
    assert done.returncode != 0
    assert "Concord needs Python 3.11 or newer" in done.stderr
    assert "make PYTHON=python3.11" in done.stderr


@pytest.mark.parametrize("target", ["setup", "engines", "go-tools", "check", "test", "demo"])
def test_ci_runs_the_same_targets_as_everybody(target: str) -> None:
    assert re.search(rf"\bmake (--keep-going )?{target}\b", (ROOT / ".ci/run").read_text())


def test_check_runs_every_gate() -> None:
    gates = re.search(r"^check: (.+?) ##", MAKEFILE, re.MULTILINE)
    assert gates is not None
    assert set(gates[1].split()) == {"lint", "types", "imports", "dead-code", "contracts-check", "docs-check"}
