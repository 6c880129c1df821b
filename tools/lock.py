"""Resolve `pyproject.toml`'s floors into the lock files under `requirements/`, with the hash of every archive.

Run by `make lock`, the only step that asks a registry what is newest. Each lock is resolved for every platform and
for Python 3.11 up. The locks nest: what the runtime lock pins, the others pin too: tests run on what a node runs on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
RESOLVER = "uv==0.13.9"
OPTIONS = ("--universal", "--generate-hashes", "--no-annotate", "--no-header", "--python-version", "3.11", "--quiet")


def main() -> int:
    """Write all four lock files anew."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        _run([sys.executable, "-m", "venv", str(home / "venv")])
        _run([str(home / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", RESOLVER])
        resolve = [str(home / "venv/bin/uv"), "pip", "compile", *OPTIONS]
        dev = REQUIREMENTS / "dev.lock"
        _run([*resolve, "--upgrade", "--extra", "devnet", "--extra", "dev", "pyproject.toml", "--output-file", str(dev)])
        pins = ["--constraint", str(dev)]
        _run([*resolve, *pins, "pyproject.toml", "--output-file", str(REQUIREMENTS / "runtime.lock")])
        _run([*resolve, *pins, "--extra", "devnet", "pyproject.toml", "--output-file", str(REQUIREMENTS / "devnet.lock")])
        _run([*resolve, *pins, str(REQUIREMENTS / "build.in"), "--output-file", str(REQUIREMENTS / "build.lock")])
    return 0


def _run(command: list[str]) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
