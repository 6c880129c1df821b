"""Build the Go tools that check Concord from outside, each at its pinned version, into `.cache/bin`.

`fsck` (Tessera) audits a served log; `litewitness` (torchwood) cosigns one; `posix` and `hammer` (Tessera) are the
peer that the benches run beside.
A tool that is there at the right version is left alone, so a second run needs neither network nor compiler time.
Without Go, `--if-go` says so and succeeds, except in CI (the variable `CI` is set): a check that silently did not
run would be a lie.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class GoTool:
    """A main package of a Go module at one version."""

    name: str
    """The name of its binary."""
    package: str
    """Its import path."""
    version: str
    """The version of its module, as `go install` writes it."""


TOOLS = {
    tool.name: tool
    for tool in (
        GoTool("fsck", "github.com/transparency-dev/tessera/cmd/fsck", "v1.0.4"),
        GoTool("litewitness", "filippo.io/torchwood/cmd/litewitness", "v0.9.0"),
        GoTool("posix", "github.com/transparency-dev/tessera/cmd/conformance/posix", "v1.0.4"),
        GoTool("hammer", "github.com/transparency-dev/tessera/internal/hammer", "v1.0.4"),
    )
}


def stamp(directory: Path, tool: GoTool) -> Path:
    """Name the file whose presence says that `tool` was built completely at this version."""
    return directory / f".{tool.name}@{tool.version}"


def is_built(directory: Path, tool: GoTool) -> bool:
    """Tell whether the tool is there at its pinned version."""
    return stamp(directory, tool).exists() and os.access(directory / tool.name, os.X_OK)


def build(directory: Path, tool: GoTool, go: str) -> None:
    """Install one tool with the Go toolchain at hand.

    Raises:
        subprocess.CalledProcessError: `go install` failed; its own output says why.
    """
    sys.stderr.write(f"go-tools: building {tool.name} {tool.version}\n")
    environment = {**os.environ, "GOBIN": str(directory), "GOTOOLCHAIN": "local"}
    command = [go, "install", f"{tool.package}@{tool.version}"]
    subprocess.run(command, check=True, env=environment, cwd=directory, stdin=subprocess.DEVNULL)
    for older in directory.glob(f".{tool.name}@*"):
        older.unlink()
    stamp(directory, tool).touch()


def main(arguments: list[str] | None = None) -> int:
    """Build the tools named on the command line that are not there yet; the process's exit code."""
    parser = argparse.ArgumentParser(description="Build the pinned Go tools into .cache/bin.")
    parser.add_argument("names", nargs="+", choices=sorted(TOOLS), metavar="TOOL", help=", ".join(sorted(TOOLS)))
    parser.add_argument("--if-go", action="store_true", help="without Go, say so and succeed (an error in CI all the same)")
    parser.add_argument("--directory", type=Path, default=ROOT / ".cache" / "bin")
    options = parser.parse_args(arguments)
    directory: Path = options.directory.resolve()
    missing = [TOOLS[name] for name in options.names if not is_built(directory, TOOLS[name])]
    if not missing:
        return 0
    go = shutil.which("go")
    if go is None:
        names = ", ".join(tool.name for tool in missing)
        sys.stderr.write(f"go-tools: no `go` on the PATH, so {names} cannot be built; the tests that need it are skipped\n")
        return 0 if options.if_go and not os.environ.get("CI") else 1
    directory.mkdir(parents=True, exist_ok=True)
    try:
        for tool in missing:
            build(directory, tool, go)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"go-tools: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
