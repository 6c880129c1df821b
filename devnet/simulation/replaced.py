"""What was replaced or recalled in a year, and when entries say so (pure): versions that follow others, lists of recalls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

from devnet.simulation.happenings import RecallMade, ResultNumber, Status, VersionMade, VersionName, Year

_MINUTE_MS = 60_000


class Replacements:
    """Knows all versions and recalls of a year."""

    def __init__(self, year: Year) -> None:
        """Sort the year."""
        self._year = year
        found = defaultdict[ResultNumber, list[VersionMade]](list)
        for version in (*(result.first for result in year.results), *year.revisions):
            found[version.result.number].append(version)
        self.versions: Mapping[ResultNumber, list[VersionMade]] = found

    def listed(self, recall: RecallMade) -> Iterator[tuple[VersionMade, int, int]]:
        """Yield the versions that lists of a recall name, with the moment, unix ms, and the period of the list."""
        for versions in self.versions.values():
            for version in versions:
                if not recall.covers(version):
                    continue
                # first versions are filed when their period ends, and looked at then
                filed_ms = version.at_ms if version.version > 1 else self._year.periods[version.period][1]
                if filed_ms <= recall.at_ms:
                    yield version, recall.at_ms, recall.period
                elif recall.lifted_at_ms is None or filed_ms < recall.lifted_at_ms:
                    yield version, filed_ms, version.period

    def first_replaced(self) -> Mapping[VersionName, int]:
        """Return when versions were amended, withdrawn or recalled first, as entries claim, unix ms; not those that never were."""
        replaced: dict[VersionName, int] = {}
        for versions in self.versions.values():
            for earlier, later in pairwise(versions):
                replaced[earlier.name] = minute(later.at_ms) if later.status is Status.WITHDRAWN else later.at_ms
        for recall in self._year.recalls:
            for version, at_ms, _ in self.listed(recall):
                replaced[version.name] = min(at_ms, replaced.get(version.name, at_ms))
        return replaced


def minute(at_ms: int) -> int:
    """Return what withdrawals and decisions claim of a moment: the minute that has begun."""
    return at_ms - at_ms % _MINUTE_MS
