"""What every bench prints and keeps: its figures, and the machine that they were measured on."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

Figures = Mapping[str, float]
"""Figures by name; units are in the names."""

_SYNCS = 200
_SYNC_BYTES = 4_096


def machine(directory: Path | None = None) -> dict[str, float | str]:
    """Describe the machine, its load (1 minute) and the disk under a directory (median `fdatasync` of 4 KiB appended, ms)."""
    return {
        "python": platform.python_version(),
        "cores": float(os.cpu_count() or 0),
        "load_average": os.getloadavg()[0],
        "fdatasync_median_ms": sync_ms(directory),
    }


def sync_ms(directory: Path | None) -> float:
    """Return the median time of an append of 4 KiB and its `fdatasync`, ms."""
    took: list[float] = []
    with (
        TemporaryDirectory(dir=directory, prefix="concord-bench-") as where,
        (Path(where) / "file").open("wb", buffering=0) as file,
    ):
        for _ in range(_SYNCS):
            file.write(bytes(_SYNC_BYTES))
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took)


def show(name: str, figures: Figures) -> None:
    """Print one line of a bench's table."""
    print(f"{name:34}", "  ".join(f"{key} {_number(value)}" for key, value in figures.items()), flush=True)


def keep(path: Path | None, results: Mapping[str, Figures], about: Mapping[str, float | str]) -> None:
    """Write a bench's figures as JSON, if somebody asked for them."""
    if path is not None:
        path.write_text(json.dumps({"machine": about, **results}, indent=2) + "\n", encoding="utf-8")


def spread(name: str, values: Sequence[float]) -> dict[str, float]:
    """Return the smallest, median and largest of repeated measurements."""
    return {f"{name}_min": min(values), f"{name}_median": statistics.median(values), f"{name}_max": max(values)}


def resident_mb(pid: int | str = "self") -> float:
    """Return the resident memory of a process now, MiB."""
    return _status_mb(pid, "VmRSS")


def peak_mb(pid: int | str = "self") -> float:
    """Return the largest resident memory that a process ever had, MiB."""
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int | str, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 or float(value).is_integer() else f"{value:,.4g}"
