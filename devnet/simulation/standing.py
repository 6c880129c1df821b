"""What is known of results at a moment: their versions, and the recalls that stand, by the model's own reading (pure).

Written from docs/spec/recall.md and docs/spec/catalogue.md, not from the code. What is filed in a period is found from the next one
on, by its own institution too; only a recall counts at once at the node that hosts its institution.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from devnet.simulation.happenings import Obstacle, RecallMade, ResultMade, ResultNumber, Status, VersionMade
from node.domain.entry import InstitutionId


@dataclass(frozen=True, slots=True)
class Known:
    """A version that a check finds."""

    version: VersionMade
    """The version."""
    against: Obstacle | None
    """What stands against all of it; None for nothing."""


class Standing:
    """What is known, as it grows."""

    def __init__(self, hosts: Mapping[InstitutionId, int]) -> None:
        """Know nothing yet.

        Args:
            hosts: The node that hosts each institution.
        """
        self._hosts = hosts
        self._versions: defaultdict[ResultNumber, list[VersionMade]] = defaultdict(list)
        self._recalls: defaultdict[InstitutionId, list[RecallMade]] = defaultdict(list)

    def file(self, version: VersionMade) -> None:
        """Take in the next version of a result."""
        self._versions[version.result.number].append(version)

    def announce(self, recall: RecallMade) -> None:
        """Take in a recall."""
        self._recalls[recall.institution].append(recall)

    def latest(self, result: ResultNumber) -> VersionMade:
        """Return the version of a result that was filed last, whoever finds it yet."""
        return self._versions[result][-1]

    def found(self, results: Iterable[ResultMade], viewer: InstitutionId, period: int, at_ms: int) -> list[Known]:
        """Return what a check has to go by of results, with what stands against all of each.

        A result that was withdrawn is told of once; of one that was replaced, the newest version and the one before it.

        Args:
            results: Results of a person that are found.
            viewer: Who checks.
            period: In which period.
            at_ms: When, unix ms.
        """
        return [known for each in results for known in self._known(each.number, viewer, period, at_ms)]

    def _known(self, result: ResultNumber, viewer: InstitutionId, period: int, at_ms: int) -> Iterator[Known]:
        *earlier, newest = (each for each in self._versions[result] if each.period < period or each.version == 1)
        if newest.status is Status.WITHDRAWN:
            yield Known(newest, Obstacle.WITHDRAWN)
            return
        recalls = self._recalls.get(newest.result.institution, ())
        is_recalled = any(self._stands(recall, newest, viewer, period, at_ms) for recall in recalls)
        is_open = None if newest.is_usable else Obstacle.PRELIMINARY
        yield Known(newest, Obstacle.RECALLED if is_recalled else is_open)
        if earlier:
            yield Known(earlier[-1], Obstacle.SUPERSEDED)

    def _stands(self, recall: RecallMade, version: VersionMade, viewer: InstitutionId, period: int, at_ms: int) -> bool:
        at_home = self._hosts[viewer] == self._hosts[recall.institution] and recall.at_ms <= at_ms
        is_known = recall.period < period or at_home
        return is_known and not recall.is_lifted_by(period) and recall.covers(version)
