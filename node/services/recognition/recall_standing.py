"""Whether a recall stands against a result: by the logs that are followed, and, of an own log, by what was staged a moment ago.

A recall of an institution here counts from the transaction that stages it: following shows it a little later. Its lifting
counts once it is followed, here as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.found_result import FoundResult
from node.domain.header import HeaderContent
from node.domain.recall import RecallCriteria
from node.ports.records import RecordsTransaction
from node.recognition.recalls import Meaning, fits


class RecallingLogs(Protocol):
    """What followed logs recall; `FollowingService` is it."""

    def is_recalled(self, entry: LeafReference) -> bool:
        """Tell whether a recall of an entry's own log that stands names it."""

    def standing_recalls(self, origin: Origin) -> Sequence[RecallCriteria]:
        """Return what the recalls of a log that stand are about."""


OwnRecalls = Callable[[RecordsTransaction | None, Origin], Sequence[RecallCriteria]]
"""Says what the recalls of an own log that stand are about; without a transaction, as it is committed."""


@dataclass(frozen=True, slots=True)
class RecallStanding:
    """Knows what recalls stand against."""

    logs: RecallingLogs
    """The followed logs."""
    own: OwnRecalls
    """The own recalls."""
    origins: Collection[Origin]
    """Logs of the hosted institutions."""
    meaning: Meaning
    """What codes mean."""

    def against(self, transaction: RecordsTransaction | None = None) -> StandingRecalls:
        """Return what stands now; what it reads of own logs it reads once.

        Args:
            transaction: Look at what it sees; None: at what is committed.
        """
        return StandingRecalls(self, transaction, {})


@dataclass(frozen=True, slots=True)
class StandingRecalls:
    """What recalls stand against, at one moment."""

    standing: RecallStanding
    """Where to look."""
    transaction: RecordsTransaction | None
    """What sees the own recalls."""
    _read: dict[Origin, tuple[RecallCriteria, ...]]

    def covers(self, leaf: LeafReference, institution: InstitutionId, content: HeaderContent) -> bool:
        """Tell whether a recall stands against a result.

        Args:
            leaf: The result's entry.
            institution: Whose it is.
            content: What its header says.
        """
        if self.standing.logs.is_recalled(leaf):
            return True
        criteria = self._read.get(leaf.origin)
        if criteria is None:
            criteria = self._read[leaf.origin] = self._criteria(leaf.origin)
        return any(fits(each, content, institution, self.standing.meaning) for each in criteria)

    def among(self, results: Sequence[FoundResult], wanted: Collection[LeafReference]) -> frozenset[LeafReference]:
        """Return those of the wanted results that a recall stands against."""
        found: Mapping[LeafReference, FoundResult] = {each.leaf: each for each in results}
        known = [found[each] for each in wanted if each in found]
        return frozenset(each.leaf for each in known if self.covers(each.leaf, each.institution, each.content))

    def _criteria(self, origin: Origin) -> tuple[RecallCriteria, ...]:
        followed = tuple(self.standing.logs.standing_recalls(origin))
        return (*followed, *self.standing.own(self.transaction, origin)) if origin in self.standing.origins else followed
