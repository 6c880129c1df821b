"""Marks of mutual recognition (全国HR, 京津冀HR, 粤HR, 穗HR): certificates, and which of them count where.

A result bears a mark only if its institution held a valid certificate for that item when it was performed; what the
issuer's header claims plays no part. Whether the mark counts is decided by the ordering institution's region: its own,
those around it, and those that they accept. Another city's own mark does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from node.domain.entry import InstitutionId
from node.domain.recognition import CertificateId, ItemCode, Obstacle, RegionCode
from node.terminology.catalogue import DocumentHead
from node.terminology.regions import RegionTable

_MS = timedelta(milliseconds=1)
_DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Certificate:
    """An institution passed an assessment of one item, for a region, for a time."""

    certificate: CertificateId
    """Names it."""
    institution: InstitutionId
    """Who passed."""
    item: ItemCode
    """The item."""
    scope: RegionCode
    """The region whose assessment it was: the mark's."""
    valid_from: date
    """First day."""
    valid_to: date
    """Last day."""
    withdrawn: date | None = None
    """First day on which it no longer counts, where it was taken back."""


@dataclass(frozen=True, slots=True)
class CertificateList:
    """A version of the list of certificates."""

    head: DocumentHead
    """Name and version."""
    certificates: tuple[Certificate, ...]
    """All certificates."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that a result bears."""

    label: str
    """Such as `粤HR`."""
    scope: RegionCode
    """Its region."""
    certificate: CertificateId
    """What it rests on."""


@dataclass(frozen=True, slots=True)
class HeldMark:
    """An institution's mark for an item, and when results had to be performed to bear it."""

    institution: InstitutionId
    """Whose."""
    item: ItemCode
    """The item."""
    from_ms: int
    """The first moment, unix ms."""
    before_ms: int
    """The moment after the last one, unix ms."""
    mark: Mark
    """The mark."""


class MarkIndex:
    """Certificates by institution and item, prepared for many look-ups."""

    def __init__(self, certificates: CertificateList, regions: RegionTable) -> None:
        """Prepare certificates; those of unknown regions bear no mark."""
        known = regions.by_code()
        self._held: dict[tuple[InstitutionId, ItemCode], list[HeldMark]] = {}
        for each in certificates.certificates:
            if each.scope in known:
                mark = Mark(known[each.scope].mark, each.scope, each.certificate)
                # civil time is an offset from UTC: every day has its 24 hours, the calendar's last one too
                before_ms = _day_ms(each.valid_to, regions.zone) + _DAY_MS
                if each.withdrawn is not None:
                    before_ms = min(before_ms, _day_ms(each.withdrawn, regions.zone))
                held = HeldMark(each.institution, each.item, _day_ms(each.valid_from, regions.zone), before_ms, mark)
                self._held.setdefault((each.institution, each.item), []).append(held)

    def held(self) -> Iterator[HeldMark]:
        """Yield all marks."""
        for held in self._held.values():
            yield from held

    def marks(self, institution: InstitutionId, item: ItemCode, performed_at_ms: int) -> tuple[Mark, ...]:
        """Return the marks that a result bears, in the order of the list."""
        held = self._held.get((institution, item), ())
        return tuple(each.mark for each in held if each.from_ms <= performed_at_ms < each.before_ms)


def mark_for(marks: Iterable[Mark], accepted: frozenset[RegionCode], around: tuple[RegionCode, ...]) -> Mark | Obstacle:
    """Return the mark that counts in a region, the one that reaches furthest; or why none does.

    Args:
        marks: Those that the result bears.
        accepted: Regions whose marks count.
        around: The ordering institution's region and those around it, the nearest first.
    """
    borne = tuple(marks)
    counting = [mark for mark in borne if mark.scope in accepted]
    if counting:
        reach = {region: at for at, region in enumerate(around)}
        return max(counting, key=lambda mark: reach.get(mark.scope, -1))
    return Obstacle.MARK_OUT_OF_SCOPE if borne else Obstacle.NO_MARK


def _day_ms(day: date, zone: tzinfo) -> int:
    """Return the first moment of a day in civil time, unix ms."""
    return (datetime.combine(day, time(), zone) - _EPOCH) // _MS
