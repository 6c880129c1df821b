"""Hold notices and recalls of a world against its model: who was told of what, who took notice, which results recalls found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from devnet.simulation.consortium import HostNode, recognition_of
from devnet.simulation.corrections import LIST_LIMIT
from devnet.simulation.happenings import Change, RecallName, VersionName
from devnet.simulation.replaced import Replacements
from devnet.simulation.stages import Difference
from devnet.simulation.telling import NoticeName
from devnet.simulation.world import World
from node.domain.entry import InstitutionId, LeafReference
from node.ports.recognition.notices import NoticeFilter


class ToldOf(NamedTuple):
    """What a notice says, of one entry."""

    issuer: InstitutionId
    """Who tells."""
    recipient: InstitutionId
    """Who is told."""
    change: str
    """What became of it."""
    cause: LeafReference
    """The entry that says so."""
    concerned: LeafReference
    """The entry that the recipient relies on."""


@dataclass(frozen=True, slots=True)
class ComparedNotices:
    """The notices of one change on both sides; each is counted once for each entry that it concerns."""

    change: Change
    """What became of results."""
    expected: int
    """How many had to go out."""
    sent: int
    """How many of these the issuers sent."""
    received: int
    """How many of these the recipients have."""
    unexpected: int
    """How many were sent or received that had not to be, those that were sent twice included."""
    acknowledged: int
    """Of how many of these somebody had to take notice."""
    misjudged: int
    """How many are acknowledged and had not to be, or the other way round, on either side."""

    @property
    def is_equal(self) -> bool:
        """Tell whether all went out, nothing else did, and those were acknowledged that had to be."""
        return self.expected == self.sent == self.received and not self.unexpected and not self.misjudged


def compare_notices(world: World, expected: Mapping[NoticeName, bool]) -> list[ComparedNotices]:
    """Compare the notices of all institutions, by change."""
    wanted = {_told_of(world, name): is_acknowledged for name, is_acknowledged in expected.items()}
    sent, received = (Counter(side) for side in _both_sides(world))
    return [_compared(change, wanted, sent, received) for change in Change]


def compare_recalls(world: World) -> Iterator[Difference]:
    """Yield the recalls that did not find what they are about."""
    replacements = Replacements(world.year)
    for recall in world.year.recalls:
        expected = {world.entries_of.versions[version.name][0] for version, _, _ in replacements.listed(recall)}
        recalls = recognition_of(world.consortium.host_of(recall.institution)).recalls
        report = recalls.show(recall.institution, world.corrections.recall_id(recall.number), 0, len(expected) + LIST_LIMIT)
        found = {each.entry for each in report.results}
        if found != expected or report.unreadable:
            what = f"{len(found - expected)} results too many, {len(expected - found)} missing, {report.unreadable} not read"
            yield Difference(f"recall {recall.number}", what)


_Told = tuple[ToldOf, bool]
"""A notice, and whether somebody has taken notice."""


def _compared(change: Change, wanted: Mapping[ToldOf, bool], sent: Counter[_Told], received: Counter[_Told]) -> ComparedNotices:
    mine = {told: is_acknowledged for told, is_acknowledged in wanted.items() if told.change == change}
    sides = [Counter({each: times for each, times in side.items() if each[0].change == change}) for side in (sent, received)]
    there = [{told for told, _ in side} for side in sides]
    return ComparedNotices(
        change=change,
        expected=len(mine),
        sent=len(there[0] & mine.keys()),
        received=len(there[1] & mine.keys()),
        unexpected=sum(side.total() - len(known & mine.keys()) for side, known in zip(sides, there, strict=True)),
        acknowledged=sum(mine.values()),
        misjudged=sum(1 for side in sides for told, is_acknowledged in side if mine.get(told, is_acknowledged) != is_acknowledged),
    )


def _both_sides(world: World) -> tuple[list[_Told], list[_Told]]:
    sent, received = list[_Told](), list[_Told]()
    for node in world.consortium.hosts:
        for institution in node.institutions:
            sent += _sent(node, institution)
            received += _received(node, institution)
    return sent, received


def _sent(node: HostNode, institution: InstitutionId) -> Iterator[_Told]:
    for state in node.running.node.custody.notices.page(institution, NoticeFilter(), LIST_LIMIT):
        notice = state.notice
        for concerned in notice.concerned:
            told = ToldOf(institution, notice.recipient, notice.change.value, notice.entry, concerned)
            yield told, state.acknowledged_at_ms is not None


def _received(node: HostNode, institution: InstitutionId) -> Iterator[_Told]:
    for each in recognition_of(node).notices.list(institution, LIST_LIMIT, waiting=False):
        notice = each.received
        for concerned in notice.concerned:
            told = ToldOf(notice.issuer, institution, notice.change.value, notice.entry, concerned)
            yield told, notice.acknowledged_at_ms is not None


def _told_of(world: World, name: NoticeName) -> ToldOf:
    entries, cause = world.entries_of, name.cause
    if isinstance(cause, RecallName):
        entry = (entries.liftings if cause.is_lifting else entries.recalls)[cause.recall]
    else:
        entry = entries.versions[VersionName(*cause)][0]
    return ToldOf(name.issuer, name.recipient, name.change.value, entry, entries.versions[name.concerned][0])
