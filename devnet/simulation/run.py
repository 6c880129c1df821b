"""One run: draw a region and its year, live through it with real nodes, plant misconduct, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import perf_counter
from typing import Final

from structlog.testing import capture_logs

from devnet.errors import SimulationError
from devnet.simulation.aftermath import aftermath_of
from devnet.simulation.clock import SimulatedClock
from devnet.simulation.comparison import (
    SETTLED_CODE,
    ComparedFigures,
    ComparedFindings,
    compare_figures,
    compare_findings,
    supervision_of,
)
from devnet.simulation.config import RegionConfig
from devnet.simulation.consortium import open_consortium
from devnet.simulation.export import write_kept_export
from devnet.simulation.happenings import Year
from devnet.simulation.misconduct import MIN_INSTITUTIONS, FindingKey, Misconduct, choose_parts, last_look_ms
from devnet.simulation.model import draw_year
from devnet.simulation.noticed import ComparedNotices, compare_notices, compare_recalls
from devnet.simulation.oracle import Oracle
from devnet.simulation.region import draw_region
from devnet.simulation.reliance import RelianceOracle, reading_times
from devnet.simulation.rules import DAY_MS, RegionRulesRead
from devnet.simulation.stages import Difference, Stages
from devnet.simulation.world import World

MIN_VISITS: Final = 100
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a file system in memory: nothing here has to survive


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a run."""

    config: RegionConfig
    """The region."""
    seed: int
    """What it was drawn from."""
    year: Year
    """What happened."""
    entries: int
    """Entries of all logs."""
    stored_bytes: int
    """Of all databases."""
    chain_calls: int
    """How often the stand-in of the chain was asked."""
    requests: int
    """Messages and disclosures between members."""
    set_up_s: float
    """Time until the nodes were open, seconds."""
    lived_s: float
    """Time for the year itself, seconds."""
    stages: Stages
    """What the year's time was spent on."""
    figures: tuple[ComparedFigures, ...]
    """Every group of figures."""
    findings: tuple[ComparedFindings, ...]
    """Every kind of finding."""
    notices: tuple[ComparedNotices, ...]
    """Every kind of notice."""
    differences: tuple[Difference, ...]
    """What nodes did in visits that the model did not expect."""

    @property
    def visits_per_s(self) -> float:
        """Return how many visits were lived through in a second."""
        return self.year.visits / self.lived_s

    @property
    def is_equal(self) -> bool:
        """Tell whether model and nodes agree in everything."""
        judged = [each.is_equal for each in self.figures]
        judged += [each.is_equal for each in self.findings]
        judged += [each.is_equal for each in self.notices]
        return all(judged) and not self.differences


def simulate(
    config: RegionConfig, visits: int, seed: int, keep: Path | None = None, lived: Callable[[int, int], None] = lambda *_: None
) -> Outcome:
    """Simulate a region.

    Args:
        config: The region.
        visits: Visits in the year.
        seed: Gives the same year every time.
        keep: An empty or new folder that keeps nodes and documents; None for nothing.
        lived: Told how many periods of how many are over.

    Raises:
        SimulationError: Too few visits or institutions, or a folder that holds something.
    """
    if visits < max(MIN_VISITS, 2 * config.institutions):
        raise SimulationError(f"{config.name} needs {max(MIN_VISITS, 2 * config.institutions)} visits at least")
    if config.institutions < MIN_INSTITUTIONS:
        raise SimulationError(f"{config.name} needs {MIN_INSTITUTIONS} institutions at least")
    with _directory(keep) as directory, capture_logs():
        return _run(config, visits, seed, directory, lived, is_kept=keep is not None)


def _run(
    config: RegionConfig, visits: int, seed: int, directory: Path, lived: Callable[[int, int], None], *, is_kept: bool
) -> Outcome:
    start = perf_counter()
    region = draw_region(config, seed)
    parts = choose_parts(region, seed)
    year = draw_year(region, visits, seed, frozenset({parts.silent}))
    consortium = open_consortium(region, directory, SimulatedClock(year.periods[0][0]))
    try:
        opened = perf_counter()
        world = World(region, year, consortium, seed)
        world.live(lambda period: lived(period, len(year.periods)))
        ended, stages = perf_counter(), world.stages
        # what follows is no visit: it is not timed with the year
        world.stages = Stages()
        aftermath = aftermath_of(year)
        reliance = RelianceOracle(year, aftermath, _reading_times(config, year), config.withdrawn_grace_days * DAY_MS)
        # before misconduct adds notices of its own
        notices = compare_notices(world, aftermath.notices)
        world.differences += compare_recalls(world)
        plan = Misconduct(world, parts, seed).commit()
        supervision = supervision_of(consortium.regulator)
        if is_kept:
            write_kept_export(consortium.regulator, directory, config.year)
        expected = Oracle(RegionRulesRead(region), year, aftermath, plan.retrievals).figures()
        found = reliance.found()
        findings = compare_findings(supervision, plan.expected | _findings(world, found.open), _findings(world, found.settled))
        return Outcome(
            config=config,
            seed=seed,
            year=year,
            entries=world.entries,
            stored_bytes=sum(path.stat().st_size for path in directory.glob("*/*.db*")),
            chain_calls=consortium.contracts.calls,
            requests=consortium.link.requests,
            set_up_s=opened - start,
            lived_s=ended - opened,
            stages=stages,
            figures=tuple(compare_figures(supervision, expected)),
            findings=tuple(findings),
            notices=tuple(notices),
            differences=tuple(world.differences),
        )
    finally:
        consortium.close()


def _reading_times(config: RegionConfig, year: Year) -> list[int]:
    """Return when the regulator reads: in the year, and when misconduct is over."""
    return reading_times(year, config.regulator_periods, [year.periods[-1][1] + last_look_ms(config)])


def _findings(world: World, order_ids: Iterable[str]) -> set[FindingKey]:
    """Return what recognitions have to be found as."""
    deciders = {line.order_id: visit.institution for visit in world.year.ordering for line in visit.lines}
    return {(SETTLED_CODE, (deciders[each],), world.decision_place(each)) for each in order_ids}


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """Give a folder: the one that is to be kept, or one that goes when the run is over."""
    if keep is None:
        made = Path(mkdtemp(prefix="concord-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
        try:
            yield made
        finally:
            rmtree(made, ignore_errors=True)
        return
    if keep.exists() and any(keep.iterdir()):
        raise SimulationError(f"{keep} holds something already; name an empty or a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep
