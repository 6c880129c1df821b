"""What a world keeps of itself while it lives: what its time was spent on, and where nodes and model differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter, process_time


@dataclass
class Stages:
    """What the world's time was spent on, in seconds of the machine, and what was counted on the way."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By stage."""
    cpu_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """The same in processor time of all threads: what other programs of the machine do is not in it."""
    counts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often each was done."""

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Time one stage."""
        start, start_cpu = perf_counter(), process_time()
        try:
            yield
        finally:
            self.seconds[name] += perf_counter() - start
            self.cpu_seconds[name] += process_time() - start_cpu
            self.counts[name] += 1


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the nodes did and the model did not expect."""

    place: str
    """In which visit, or with which result, recall or list."""
    what: str
    """What differs; no patient's data."""
