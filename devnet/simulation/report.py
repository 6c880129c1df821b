"""What `concord-devnet simulate` prints: figures and notices against the model, planted against found, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from devnet.simulation.comparison import ComparedFigures, ComparedFindings, unequal
from devnet.simulation.happenings import Status
from devnet.simulation.noticed import ComparedNotices
from devnet.simulation.run import Outcome
from node.supervision.tallies import Dimension, Figures

_SHOWN: Final = (Dimension.CLASS, Dimension.MODALITY, Dimension.REASON)
"""Dimensions that are told group by group; of the others only what differs."""
_DIFFERENCES: Final = 10

_Read = Callable[[Figures], str]

_OF_ALL: Final[Sequence[tuple[str, _Read]]] = (
    ("item rate", lambda each: "{} / {}".format(*each.item_rate)),
    ("person rate", lambda each: "{} / {}".format(*each.person_rate)),
    ("ordered again", lambda each: str(each.reordered)),
    ("without a reason", lambda each: str(each.without_reason)),
    ("saved, CNY", lambda each: _yuan(each.saving_fen)),
    ("saved, then cancelled, CNY", lambda each: _yuan(each.cancelled_fen)),
    ("own results used / own", lambda each: f"{each.own_recognised} / {each.own}"),
    ("unchecked", lambda each: str(each.unchecked)),
    ("reversed", lambda each: str(each.reversed)),
    ("retrievals", lambda each: str(each.retrievals)),
)
_OF_REASON: Final[tuple[str, _Read]] = ("ordered again", lambda each: str(each.reordered))


@contextmanager
def watched() -> Iterator[Callable[[int, int], None]]:
    """Show how far the year is, where somebody watches."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("simulated year")
        yield lambda period, periods: progress.update(task, completed=period, total=periods)


def show_outcome(outcome: Outcome, *, as_json: bool) -> bool:
    """Show what came out; return whether model and nodes agree."""
    if as_json:
        typer.echo(json.dumps(_document(outcome), ensure_ascii=False, indent=2))
        return outcome.is_equal
    console = Console(highlight=False)
    console.print(_figures_table(outcome.figures))
    wrong = unequal(outcome.figures)
    console.print(f"{len(outcome.figures)} groups of figures, all dimensions and months: {len(wrong)} differ from the model")
    for row in wrong[:_DIFFERENCES]:
        console.print(f"  differs: {' '.join(row.place)}: counted {row.counted}, expected {row.expected}", markup=False)
    console.print(_findings_table(outcome.findings))
    console.print(_notices_table(outcome.notices))
    for difference in outcome.differences[:_DIFFERENCES]:
        console.print(f"  {difference.place}: {difference.what}", markup=False)
    console.print(_cost_table(outcome))
    for line in _sizes(outcome):
        console.print(line, markup=False)
    console.print("everything is what the model says" if outcome.is_equal else "NOT everything is what the model says")
    return outcome.is_equal


def _figures_table(rows: Sequence[ComparedFigures]) -> Table:
    table = Table(title="Figures of the year", title_justify="left")
    table.add_column("figure", overflow="fold")
    table.add_column("counted", justify="right")
    table.add_column("model", justify="right")
    table.add_column("equal")
    for row in rows:
        dimension, value, period = row.place
        if dimension is Dimension.ALL and not period:
            for name, read in _OF_ALL:
                table.add_row(name, read(row.counted), read(row.expected), _yes(read(row.counted) == read(row.expected)))
    for row in rows:
        dimension, value, period = row.place
        if dimension in _SHOWN and not period:
            name, read = _OF_REASON if dimension is Dimension.REASON else _OF_ALL[0]
            table.add_row(f"{dimension} {value}: {name}", read(row.counted), read(row.expected), _yes(row.is_equal))
    return table


def _findings_table(rows: Sequence[ComparedFindings]) -> Table:
    table = Table(title="Findings", title_justify="left")
    table.add_column("kind")
    for column in ("planted", "found", "false"):
        table.add_column(column, justify="right")
    table.add_column("equal")
    for row in rows:
        name = f"{row.code.value}, settled" if row.is_settled else row.code.value
        table.add_row(name, str(row.planted), str(row.found), str(row.unexpected), _yes(row.is_equal))
    return table


def _notices_table(rows: Sequence[ComparedNotices]) -> Table:
    table = Table(title="Notices of corrections, withdrawals and recalls", title_justify="left")
    table.add_column("change")
    for column in ("expected", "sent", "received", "false", "acknowledged", "wrongly"):
        table.add_column(column, justify="right")
    table.add_column("equal")
    for row in rows:
        counts = (row.expected, row.sent, row.received, row.unexpected, row.acknowledged, row.misjudged)
        table.add_row(row.change.value, *(str(each) for each in counts), _yes(row.is_equal))
    return table


def _cost_table(outcome: Outcome) -> Table:
    table = Table(title="What the year cost", title_justify="left")
    table.add_column("stage")
    for column in ("times", "seconds", "processor seconds", "ms each"):
        table.add_column(column, justify="right")
    stages = outcome.stages
    for name, seconds in sorted(stages.seconds.items(), key=lambda each: -each[1]):
        times = stages.counts[name]
        each_ms = 1000 * seconds / times
        table.add_row(name, f"{times:,}", f"{seconds:.2f}", f"{stages.cpu_seconds[name]:.2f}", f"{each_ms:.2f}")
    return table


def _sizes(outcome: Outcome) -> Iterator[str]:
    year = outcome.year
    cpu_s = sum(outcome.stages.cpu_seconds.values())
    yield f"{outcome.config.institutions} institutions, {year.persons:,} persons, seed {outcome.seed}"
    yield f"opened in {outcome.set_up_s:.1f} s"
    yield (
        f"{year.visits:,} visits, {len(year.ordering):,} of which order something; {outcome.entries:,} entries, "
        f"{outcome.entries / year.visits:.3f} a visit; {outcome.stored_bytes / 2**20:.1f} MiB"
    )
    yield (
        f"{outcome.visits_per_s:,.0f} visits/s and {outcome.entries / outcome.lived_s:,.0f} entries/s in {outcome.lived_s:.1f} s; "
        f"{year.visits / cpu_s:,.0f} visits for each second of processor time"
    )
    withdrawn = sum(1 for each in year.revisions if each.status is Status.WITHDRAWN)
    yield (
        f"{len(year.results):,} results, {len(year.revisions) - withdrawn:,} later versions of them, {withdrawn:,} withdrawn; "
        f"{len(year.recalls):,} recalls"
    )
    yield f"{outcome.requests:,} messages and disclosures between members"
    yield f"{outcome.chain_calls:,} questions to the stand-in of the chain"


def _document(outcome: Outcome) -> dict[str, object]:
    stages = outcome.stages
    return {
        "region": outcome.config.name,
        "seed": outcome.seed,
        "institutions": outcome.config.institutions,
        "persons": outcome.year.persons,
        "visits": outcome.year.visits,
        "ordering_visits": len(outcome.year.ordering),
        "entries": outcome.entries,
        "stored_bytes": outcome.stored_bytes,
        "set_up_s": outcome.set_up_s,
        "lived_s": outcome.lived_s,
        "visits_per_s": outcome.visits_per_s,
        "requests": outcome.requests,
        "chain_calls": outcome.chain_calls,
        "stages": {
            name: {"times": stages.counts[name], "seconds": seconds, "cpu_seconds": stages.cpu_seconds[name]}
            for name, seconds in stages.seconds.items()
        },
        "figures": [
            {
                "dimension": row.place[0].value,
                "value": row.place[1],
                "period": row.place[2],
                "counted": asdict(row.counted),
                "expected": asdict(row.expected),
                "equal": row.is_equal,
            }
            for row in outcome.figures
        ],
        "findings": [
            {
                "code": row.code.value,
                "settled": row.is_settled,
                "planted": row.planted,
                "found": row.found,
                "false": row.unexpected,
                "equal": row.is_equal,
            }
            for row in outcome.findings
        ],
        "notices": [{**asdict(row), "equal": row.is_equal} for row in outcome.notices],
        "differences": [{"place": each.place, "what": each.what} for each in outcome.differences],
        "equal": outcome.is_equal,
    }


def _yuan(fen: int) -> str:
    return f"{fen / 100:,.2f}"


def _yes(equal: bool) -> str:  # noqa: FBT001 - one word for one fact
    return "yes" if equal else "NO"
