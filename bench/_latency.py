"""How long one thing takes, asked for again and again."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

ASKED = 1_000


def measure(find: Callable[[int], object], count: int = ASKED) -> dict[str, float]:
    """Call with number after number; return percentiles in ms, also of the calling thread's own time on a core."""
    took, cpu = [], []
    for number in range(count):
        started, cpu_started = time.perf_counter(), time.thread_time()
        find(number)
        cpu.append((time.thread_time() - cpu_started) * 1e3)
        took.append((time.perf_counter() - started) * 1e3)
    return {
        "p50_ms": statistics.median(took),
        "p99_ms": _percentile(took, 0.99),
        "thread_p50_ms": statistics.median(cpu),
        "thread_p99_ms": _percentile(cpu, 0.99),
    }


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * len(values))]
