"""Make `.venv` hold exactly what the lock files say, and the project itself in editable form.

A second run compares one hash and returns: no network, no pip. The hash covers the lock files, the part of
`pyproject.toml` that an installation reads, and the interpreter. It is written last: an interrupted run is run again.

Standard library only: it runs before anything is installed. `make setup` has looked at the interpreter's version.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path

LOCKS = ("requirements/dev.lock", "requirements/build.lock")
STAMP = "concord-setup.sha256"


class SetupError(Exception):
    """The environment cannot be made; the message names the remedy."""


def fingerprint(root: Path, interpreter: str) -> str:
    """Hash what an installation depends on.

    Args:
        root: The repository.
        interpreter: What tells one interpreter from another, such as its version and path.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(interpreter.encode())
    for name in (*LOCKS, "pyproject.toml"):
        content = (root / name).read_bytes()
        if name == "pyproject.toml":
            # From the first tool table on, the file configures gates, not the installation.
            content = content.split(b"\n[tool.", 1)[0]
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()


def is_current(venv: Path, wanted: str) -> bool:
    """Tell whether `venv` was completed for the fingerprint `wanted`."""
    stamp = venv / STAMP
    return (venv / "bin" / "python").exists() and stamp.exists() and stamp.read_text().strip() == wanted


def install(root: Path, venv: Path, wanted: str) -> None:
    """Create `venv` if need be, install the locks with their hashes, then the project; stamp it last.

    Raises:
        SetupError: A step failed; its own output says why.
    """
    stamp = venv / STAMP
    stamp.unlink(missing_ok=True)
    if not (venv / "bin" / "python").exists():
        _run("create the virtual environment", [sys.executable, "-m", "venv", str(venv)], root)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    locks = [word for lock in LOCKS for word in ("--requirement", lock)]
    # A lock is complete, so nothing is left to resolve. Resolving it all the same fails with older pips as soon as a
    # package that something asks for with an extra has a release newer than the pinned one.
    _run("install the locked dependencies", [*pip, "--no-deps", "--require-hashes", *locks], root)
    # The build backend is in build.lock already: isolation would fetch an unpinned one.
    _run("install Concord itself", [*pip, "--no-deps", "--no-build-isolation", "--editable", "."], root)
    stamp.write_text(wanted + "\n")


def _run(step: str, command: list[str], root: Path) -> None:
    sys.stderr.write(f"setup: {step}\n")
    done = subprocess.run(command, cwd=root, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise SetupError(f"could not {step} (exit {done.returncode}); the first run needs the package registry")


def main(arguments: list[str] | None = None) -> int:
    """Bring the virtual environment up to date; the process's exit code."""
    parser = argparse.ArgumentParser(description="Create or refresh the project's virtual environment from the lock files.")
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    options = parser.parse_args(arguments)
    root = Path(__file__).resolve().parent.parent
    venv = root / options.venv
    try:
        wanted = fingerprint(root, f"{sys.version_info[:3]} {sys.base_prefix} {root}")
        if not is_current(venv, wanted):
            install(root, venv, wanted)
    except SetupError as error:
        sys.stderr.write(f"setup: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
