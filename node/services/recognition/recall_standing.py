"""Whether a recall stands against a result: by the logs that are followed, and, of an own log, by what was staged a moment ago.

A recall of an institution here counts from the transaction that stages it: following shows it a little later. Its lifting
counts once it is followed, here as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.found_result import FoundResult
from node.domain.header import HeaderContent
from node.domain.recall import RecallCriteria
from node.ports.records.transaction import RecordsTransaction
from node.recognition.recalls import Meaning, fits


class RecallingLogs(Protocol):
    """What followed logs recall; `FollowingService` is it."""

    def is_recalled(self, entry: LeafReference) -> bool:
        """Tell whether a recall of an entry's own log that stands names it."""

    def standing_recalls(self, origin: Origin) -> Sequence[RecallCriteria]:
        """Return what the recalls of a log that stand are about."""


OwnRecalls = Callable[[RecordsTransaction | None], Mapping[Origin, Sequence[RecallCriteria]]]
"""Says what the recalls of own logs that stand are about, by log; without a transaction, as it is committed."""


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
        """Return what stands now; own recalls are read once, if an own result is looked at.

        Args:
            transaction: Look at what it sees; None: at what is committed.
        """
        return StandingRecalls(self, transaction)


class StandingRecalls:
    """What recalls stand against, at one moment."""

    def __init__(self, standing: RecallStanding, transaction: RecordsTransaction | None) -> None:
        self._standing = standing
        self._transaction = transaction
        self._own: Mapping[Origin, Sequence[RecallCriteria]] | None = None

    def covers(self, leaf: LeafReference, institution: InstitutionId, content: HeaderContent) -> bool:
        """Tell whether a recall stands against a result.

        Args:
            leaf: The result's entry.
            institution: Whose it is.
            content: What its header says.
        """
        if self._standing.logs.is_recalled(leaf):
            return True
        return any(fits(each, content, institution, self._standing.meaning) for each in self._criteria(leaf.origin))

    def concern(self, results: Iterable[LeafReference]) -> bool:
        """Tell whether any recall of these results' logs stands: without one, nobody has to look at their headers."""
        return any(self._standing.logs.is_recalled(each) or self._criteria(each.origin) for each in results)

    def among(self, found: Sequence[FoundResult], wanted: Collection[LeafReference]) -> frozenset[LeafReference]:
        """Return those of the wanted results that a recall stands against.

        Args:
            found: What may be shown of the patient: headers of results.
            wanted: Results; of those that were not found, the lists of recalls decide.
        """
        covered = {each.leaf for each in found if self.covers(each.leaf, each.institution, each.content)}
        return frozenset(each for each in wanted if each in covered or self._standing.logs.is_recalled(each))

    def _criteria(self, origin: Origin) -> Sequence[RecallCriteria]:
        followed = self._standing.logs.standing_recalls(origin)
        if origin not in self._standing.origins:
            return followed
        if self._own is None:
            self._own = self._standing.own(self._transaction)
        return (*followed, *self._own.get(origin, ()))
