"""Run every bench in `bench/`, one after the other, and keep what each measured as JSON beside a table on the terminal.

Method and results that were accepted are in docs/benchmarks.md. Numbers land in `.cache/bench/`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def benches(directory: Path) -> list[Path]:
    """List the bench scripts, those meant to be run: not `_shared.py` and the like."""
    return sorted(path for path in directory.glob("*.py") if not path.name.startswith("_"))


def main(arguments: list[str] | None = None) -> int:
    """Run the benches named, or all; 1 if any failed."""
    parser = argparse.ArgumentParser(description="Run the benches in bench/.")
    parser.add_argument("names", nargs="*", help="names without .py; all when none is given")
    options = parser.parse_args(arguments)
    found = {path.stem: path for path in benches(ROOT / "bench")}
    unknown = sorted(set(options.names) - set(found))
    if unknown:
        sys.stderr.write(f"bench: no {', '.join(unknown)}; there are {', '.join(found)}\n")
        return 2
    results = ROOT / ".cache" / "bench"
    results.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.names or found:
        print(f"\n== {name}", flush=True)  # noqa: T201 - this is a terminal program
        command = [sys.executable, str(found[name]), "--json", str(results / f"{name}.json")]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
    if failed:
        sys.stderr.write(f"bench: failed: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
