"""Run a command of a document as its reader would, and compare what it prints with what the document shows."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from pathlib import Path

from tools.docs import ROOT, Command, commands, documents

DEADLINE_S = 120.0
READ = ("README.md", "CONTRIBUTING.md", "docs/operations/")
"""Documents whose commands are run; others quote commands without promising them."""

_COMPARE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def collect(needs: str) -> list[Command]:
    """Collect the commands that need this much, in the order of the documents."""
    found = []
    for path in documents(ROOT):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(READ):
            found += [command for command in commands(path.read_text(), name) if command.needs == needs]
    return found


def environment(**more: str) -> dict[str, str]:
    """Build the environment of a reader who has activated the virtual environment, in a terminal of 100 columns."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "CONCORD_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", **more}


def run(command: Command, directory: Path = ROOT, **more: str) -> str:
    """Run one command, from the repository unless told otherwise; return what it printed.

    Args:
        command: The command.
        directory: Where its reader stands.
        more: What its reader has exported.

    Raises:
        AssertionError: It failed, or it printed something else than the document shows.
    """
    place = f"{command.source}:{command.line}: $ {command.text}"
    done = subprocess.run(  # noqa: S603 - a command of our own documents
        ["bash", "-euo", "pipefail", "-c", command.text],  # noqa: S607 - as a reader would
        cwd=directory,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{place}\nexit {done.returncode}\n{done.stdout}"
    if command.output:
        shown = f"{command.output}\n"
        same = doctest.OutputChecker().check_output(shown, done.stdout, _COMPARE)
        assert same, f"{place}\nshows\n{shown}\nprints\n{done.stdout}"
    return done.stdout
