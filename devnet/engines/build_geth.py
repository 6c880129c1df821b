"""`python -m devnet.engines.build_geth`: build geth 1.13.15, the last release with Clique, into `.cache/bin`.

A binary of that version that is there already is left alone: a second run needs neither network nor compiler. It takes about 90 s
on two cores. Without Go it says so and fails. `CONCORD_GETH` names another binary, which this never touches.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from devnet.engines.embedded.engine import SOURCE_ROOT

VERSION = "v1.13.15"
PACKAGE = "github.com/ethereum/go-ethereum/cmd/geth"
# fjl/memsize, which this release links, reaches into the runtime; newer Go allows that only when told.
LINKER_FLAGS = "-s -w -checklinkname=0"
BINARY_VARIABLE = "CONCORD_GETH"
DEFAULT_DIRECTORY = SOURCE_ROOT / ".cache" / "bin"


def binary_path() -> Path:
    """Return where geth is looked for: `CONCORD_GETH`, else `.cache/bin/geth`."""
    named = os.environ.get(BINARY_VARIABLE)
    return Path(named) if named else DEFAULT_DIRECTORY / "geth"


def stamp(directory: Path) -> Path:
    """Name the file whose presence says that this version was built completely."""
    return directory / f".geth@{VERSION}"


def is_built(directory: Path) -> bool:
    """Tell whether geth is there at the pinned version."""
    return stamp(directory).exists() and os.access(directory / "geth", os.X_OK)


def build(directory: Path, go: str) -> None:
    """Install geth with the Go toolchain at hand.

    Raises:
        subprocess.CalledProcessError: `go install` failed; its own output says why.
    """
    directory.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(directory.resolve()), "GOTOOLCHAIN": "local"}
    command = [go, "install", "-trimpath", f"-ldflags={LINKER_FLAGS}", f"{PACKAGE}@{VERSION}"]
    subprocess.run(command, check=True, env=environment, cwd=directory, stdin=subprocess.DEVNULL)  # noqa: S603 - a pinned package
    for older in directory.glob(".geth@*"):
        older.unlink()
    stamp(directory).touch()


def main(arguments: list[str] | None = None) -> int:
    """Build geth unless it is there; the process's exit code."""
    parser = argparse.ArgumentParser(description=f"Build geth {VERSION} into .cache/bin.")
    parser.add_argument("--directory", type=Path, default=DEFAULT_DIRECTORY)
    directory: Path = parser.parse_args(arguments).directory
    if is_built(directory):
        return 0
    go = shutil.which("go")
    if go is None:
        sys.stderr.write(
            f"engines: no `go` on the PATH, so geth {VERSION} cannot be built; install Go 1.22 or newer, "
            f"or name a geth binary of that version in {BINARY_VARIABLE}\n"
        )
        return 1
    sys.stderr.write(f"engines: building geth {VERSION} (about 90 s, once)\n")
    try:
        build(directory, go)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"engines: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
