"""Who has to be told of what, by the model's own reading of docs/spec/notices.md (pure).

Who retrieved a version is told when a later one is filed, when it is recalled, and when such a recall is lifted; whoever
retrieves one of which that is true already is told then. Each pair of entries is told of once. Recognising needs a retrieval, so
that nobody relies on anything in another way.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from devnet.simulation.happenings import (
    Cause,
    Change,
    RecallMade,
    RecallName,
    ResultNumber,
    Status,
    VersionMade,
    VersionName,
)
from node.domain.entry import InstitutionId


class NoticeName(NamedTuple):
    """Names a notice by what it says, of one version."""

    issuer: InstitutionId
    """Who tells."""
    recipient: InstitutionId
    """Who is told."""
    change: Change
    """What became of it."""
    cause: Cause
    """What says so."""
    concerned: VersionName
    """The version that the recipient relies on."""

    @property
    def lifting(self) -> NoticeName | None:
        """Return the notice that lifts this one; None where it is of no recall."""
        if isinstance(self.cause, RecallName):
            return self._replace(change=Change.LIFTED, cause=self.cause._replace(is_lifting=True))
        return None


class NoticeDue(NamedTuple):
    """A notice that has to go out."""

    name: NoticeName
    """What it says."""
    period: int
    """In which period; it is there from the next one on."""


class Telling:
    """Who has read what, and what follows from it; in order of time."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self.due: list[NoticeDue] = []
        self._told: set[NoticeName] = set()
        self._versions: defaultdict[ResultNumber, list[VersionMade]] = defaultdict(list)
        self._readers: defaultdict[VersionName, dict[InstitutionId, None]] = defaultdict(dict)
        self._recalls: defaultdict[InstitutionId, list[RecallMade]] = defaultdict(list)

    def is_read(self, version: VersionMade) -> bool:
        """Tell whether another institution has read a version."""
        return bool(self._readers.get(version.name))

    def file(self, version: VersionMade) -> None:
        """Take in a version; whoever has read one below it is told."""
        below = self._versions[version.result.number]
        for earlier in below:
            for reader in self._readers.get(earlier.name, ()):
                self._tell(reader, earlier, _change(version), version.name, version.period)
        below.append(version)

    def announce(self, recall: RecallMade) -> None:
        """Take in a recall; whoever has read what it covers is told."""
        self._recalls[recall.institution].append(recall)
        for versions in self._versions.values():
            for version in versions:
                if self.is_read(version) and recall.covers(version):
                    for reader in self._readers[version.name]:
                        self._tell(reader, version, Change.RECALLED, RecallName(recall.number, is_lifting=False), recall.period)

    def lift(self, recall: RecallMade, period: int) -> None:
        """Lift a recall; whoever was told of it is told."""
        self._recalls[recall.institution].remove(recall)
        of_recall = RecallName(recall.number, is_lifting=False)
        for lifting in [due.name.lifting for due in self.due if due.name.cause == of_recall]:
            if lifting is not None:
                self._add(lifting, period)

    def read(self, reader: InstitutionId, name: VersionName, period: int) -> None:
        """Take in a retrieval; the reader is told at once of what was filed or recalled before."""
        versions = self._versions[name.result]
        version, latest = versions[name.version - 1], versions[-1]
        self._readers[name][reader] = None
        for recall in self._recalls.get(version.result.institution, ()):
            if recall.covers(version):
                self._tell(reader, version, Change.RECALLED, RecallName(recall.number, is_lifting=False), period)
        if latest is not version:
            self._tell(reader, version, _change(latest), latest.name, period)

    def _tell(self, reader: InstitutionId, version: VersionMade, change: Change, cause: Cause, period: int) -> None:
        self._add(NoticeName(version.result.institution, reader, change, cause, version.name), period)

    def _add(self, name: NoticeName, period: int) -> None:
        if name not in self._told:
            self._told.add(name)
            self.due.append(NoticeDue(name, period))


def _change(version: VersionMade) -> Change:
    return Change.WITHDRAWN if version.status is Status.WITHDRAWN else Change.AMENDED
