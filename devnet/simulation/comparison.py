"""Hold a world against its model: figures against the oracle's, findings against what was planted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devnet.simulation.consortium import HostNode
from devnet.simulation.misconduct import FindingKey
from devnet.simulation.oracle import Place
from node.ports.supervision.findings import FindingFilter, KeptFinding
from node.services.surface.oversight import Supervision
from node.supervision.findings import FindingCode
from node.supervision.tallies import Dimension, Figures

_PAGE = 1_000
SETTLED_CODE = FindingCode.RECOGNISED_THEN_WITHDRAWN
"""The kind of which settled findings are compared, too: taking a decision back late settles what was found."""


@dataclass(frozen=True, slots=True)
class ComparedFigures:
    """The figures of one group on both sides."""

    place: Place
    """The group."""
    counted: Figures
    """What the regulator's node counted from verified entries."""
    expected: Figures
    """What the model says."""

    @property
    def is_equal(self) -> bool:
        """Tell whether they are the same."""
        return self.counted == self.expected


@dataclass(frozen=True, slots=True)
class ComparedFindings:
    """The findings of one kind on both sides."""

    code: FindingCode
    """The kind."""
    is_settled: bool
    """Whether those are meant that were found, and are settled."""
    planted: int
    """How many there are to be found."""
    found: int
    """How many of these were found."""
    unexpected: int
    """How many were found that are none: false alarms."""

    @property
    def is_equal(self) -> bool:
        """Tell whether all was found, and nothing else."""
        return self.planted == self.found and not self.unexpected


def supervision_of(node: HostNode) -> Supervision:
    """Return what a regulator's node sees."""
    oversight = node.running.node.oversight
    if oversight is None or oversight.supervision is None:
        raise RuntimeError(f"{node.name} hosts no regulator")
    return oversight.supervision


def compare_figures(supervision: Supervision, expected: Mapping[Place, Figures]) -> list[ComparedFigures]:
    """Compare the figures of every group in which either side counts something, sorted."""
    years = {int(period[:4]) for _, _, period in expected if period}
    # a month before and after too: what counts there counts wrongly
    around = {f"{year}-{month:02}" for each in years for year in (each - 1, each, each + 1) for month in range(1, 13)}
    periods = sorted({*around, ""})
    counted: dict[Place, Figures] = {}
    for dimension in Dimension:
        for group, figures in supervision.figures.report(dimension, periods):
            counted[group.dimension, group.value, group.period] = figures
    # a group in which nothing counts any more is none
    places = sorted(place for place in {*counted, *expected} if _of(counted, place) != Figures() or place in expected)
    return [ComparedFigures(place, _of(counted, place), _of(expected, place)) for place in places]


def compare_findings(supervision: Supervision, expected: set[FindingKey], settled: set[FindingKey]) -> list[ComparedFindings]:
    """Compare the findings by kind: those that are open, and those of recognitions that are settled.

    Args:
        supervision: What the regulator's node found.
        expected: What has to be open; kinds that neither side has are left out.
        settled: What has to be settled of `SETTLED_CODE`; of the other kinds nobody is held to that.
    """
    kept = list(_findings(supervision))
    opened = {_key(each) for each in kept if each.settled_at_ms is None}
    ended = {_key(each) for each in kept if each.settled_at_ms is not None and each.finding.code is SETTLED_CODE}
    rows = [_compared(code, opened, expected, is_settled=False) for code in FindingCode]
    rows.append(_compared(SETTLED_CODE, ended, settled, is_settled=True))
    return [row for row in rows if row.planted or row.found or row.unexpected]


def _compared(code: FindingCode, found: set[FindingKey], expected: set[FindingKey], *, is_settled: bool) -> ComparedFindings:
    wanted, there = ({each for each in side if each[0] is code} for side in (expected, found))
    return ComparedFindings(code, is_settled, len(wanted), len(there & wanted), len(there - wanted))


def _findings(supervision: Supervision) -> Iterator[KeptFinding]:
    before = None
    while page := supervision.findings.page(FindingFilter(), before, _PAGE):
        yield from page
        before = page[-1].raised_at_ms, page[-1].finding.finding_id


def _key(kept: KeptFinding) -> FindingKey:
    return kept.finding.code, kept.finding.institutions, kept.finding.subject


def _of(figures: Mapping[Place, Figures], place: Place) -> Figures:
    return figures.get(place, Figures())


def unequal(rows: Sequence[ComparedFigures]) -> list[ComparedFigures]:
    """Return the rows that differ."""
    return [row for row in rows if not row.is_equal]
