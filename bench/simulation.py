"""Measure how fast a simulated region lives: visits in a second, whole and by stage, each region in a process of its own.

Method: `concord-devnet simulate` with a seed; what it does and what stands in for what is in docs/operations/simulate.md. Set-up,
planted misconduct and the comparison are not timed. Figures are in seconds of the wall clock and, beside them, of processor time of
all threads: other work of the machine is in the first and hardly in the second. A run that does not equal its model fails.

    python bench/simulation.py [--visits N] [--region guangzhou|longhua|both] [--seed N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench._report import Figures, keep, machine, show  # noqa: E402 - after the path

REGIONS = ("guangzhou", "longhua")


def simulate(region: str, visits: int, seed: int) -> dict[str, Any]:
    """Run one region, and return what it says of itself."""
    command = [sys.executable, "-m", "devnet.cli", "simulate", "--region", region, "--visits", str(visits), "--seed", str(seed)]
    ended = subprocess.run([*command, "--json"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told["equal"]
    return told


def figures_of(told: dict[str, Any]) -> dict[str, Figures]:
    """Return a run's figures, whole and by stage."""
    cpu_s = sum(stage["cpu_seconds"] for stage in told["stages"].values())
    whole = {
        "visits_per_s": told["visits_per_s"],
        "visits_per_cpu_s": told["visits"] / cpu_s,
        "entries_per_s": told["entries"] / told["lived_s"],
        "entries_per_visit": told["entries"] / told["visits"],
        "lived_s": told["lived_s"],
        "stored_mib": told["stored_bytes"] / 2**20,
    }
    region = told["region"]
    stages = {
        f"{region}, {name}": {
            "times": stage["times"],
            "seconds": stage["seconds"],
            "cpu_seconds": stage["cpu_seconds"],
            "cpu_us_per_visit": 1e6 * stage["cpu_seconds"] / told["visits"],
        }
        for name, stage in sorted(told["stages"].items(), key=lambda each: -each[1]["cpu_seconds"])
    }
    return {region: whole, **stages}


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description="Measure how fast a simulated region lives.")
    parser.add_argument("--visits", type=int, default=30_000)
    parser.add_argument("--region", choices=(*REGIONS, "both"), default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    about = machine()
    print(about)
    results: dict[str, Figures] = {}
    for region in REGIONS if options.region == "both" else (options.region,):
        found = figures_of(simulate(region, options.visits, options.seed))
        for name, figures in found.items():
            show(name, figures)
        results |= found
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
