"""Hold a world against its model: figures against the oracle's, findings against what was planted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devnet.simulation.consortium import HostNode
from devnet.simulation.misconduct import FindingKey
from devnet.simulation.oracle import Place
from node.ports.supervision.findings import FindingFilter
from node.services.surface.oversight import Supervision
from node.supervision.findings import FindingCode
from node.supervision.tallies import Dimension, Figures

_PAGE = 1_000


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


def compare_findings(supervision: Supervision, expected: set[FindingKey]) -> list[ComparedFindings]:
    """Compare the open findings, by kind; kinds that neither side has are left out."""
    found = _open_findings(supervision)
    codes = Counter(code for code, _, _ in expected)
    return [
        ComparedFindings(
            code=code,
            planted=codes[code],
            found=sum(1 for each in found & expected if each[0] is code),
            unexpected=sum(1 for each in found - expected if each[0] is code),
        )
        for code in FindingCode
        if codes[code] or any(each[0] is code for each in found)
    ]


def _open_findings(supervision: Supervision) -> set[FindingKey]:
    found: set[FindingKey] = set()
    before = None
    while page := supervision.findings.page(FindingFilter(open_only=True), before, _PAGE):
        found.update((each.finding.code, each.finding.institutions, each.finding.subject) for each in page)
        before = page[-1].raised_at_ms, page[-1].finding.finding_id
    return found


def _of(figures: Mapping[Place, Figures], place: Place) -> Figures:
    return figures.get(place, Figures())


def unequal(rows: Sequence[ComparedFigures]) -> list[ComparedFigures]:
    """Return the rows that differ."""
    return [row for row in rows if not row.is_equal]
