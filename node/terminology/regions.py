"""Regions and their rules: which marks reach where, upward-only, reasons; and the institutions that lie in them.

A region may lie within several: Beijing within 京津冀 and within China. What a region does not say, the nearest one around
it says. Left out: windows, which are the catalogue's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from enum import StrEnum
from typing import TypeVar

from node.domain.entry import InstitutionId
from node.domain.recognition import ClassCode, Reason, ReasonCode, RegionCode
from node.terminology.catalogue import DocumentHead


class RegionLevel(StrEnum):
    """How far a region reaches."""

    NATIONAL = "national"
    AREA = "area"
    PROVINCE = "province"
    CITY = "city"
    DISTRICT = "district"


class WithoutReason(StrEnum):
    """What becomes of a re-order without a reason, where an offer stood."""

    REFUSE = "refuse"
    """It is refused."""
    WARN = "warn"
    """It is taken, with a warning."""


@dataclass(frozen=True, slots=True)
class SubReason:
    """A region's own reason, below one of the six."""

    code: ReasonCode
    """Its code."""
    reason: Reason
    """The national reason that it belongs to."""
    zh: str
    """Chinese words."""
    en: str
    """English words."""


@dataclass(frozen=True, slots=True)
class RegionRules:
    """What a region rules; one region's rules hold as a whole."""

    upward_only: bool = False
    """Whether a hospital recognises only those of its own class or a higher one."""
    without_reason: WithoutReason = WithoutReason.REFUSE
    """What becomes of a re-order without a reason."""
    sub_reasons: tuple[SubReason, ...] = ()
    """Reasons of its own."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region."""

    code: RegionCode
    """Its code, such as `CN-44`."""
    label: str
    """What stands before `HR` in its mark, such as `粤`."""
    zh: str
    """Chinese name."""
    en: str
    """English name."""
    level: RegionLevel
    """How far it reaches."""
    within: tuple[RegionCode, ...] = ()
    """The regions that it lies in directly."""
    accepts: tuple[RegionCode, ...] = ()
    """Regions outside whose marks count here too, by agreement."""
    rules: RegionRules | None = None
    """Its rules; None where those around it hold."""

    @property
    def mark(self) -> str:
        """Return its mark."""
        return f"{self.label}HR"


@dataclass(frozen=True, slots=True)
class InstitutionClass:
    """A class of institutions."""

    code: ClassCode
    """Its code, such as `3A`."""
    zh: str
    """Chinese name, such as 三甲."""
    en: str
    """English name."""
    rank: int
    """Greater is higher; classes of one rank recognise each other under upward-only rules."""


@dataclass(frozen=True, slots=True)
class RegionTable:
    """A version of the table of regions."""

    head: DocumentHead
    """Name and version."""
    utc_offset_minutes: int
    """The civil time in which days and months are counted, as minutes ahead of UTC."""
    classes: tuple[InstitutionClass, ...]
    """Classes of institutions."""
    regions: tuple[Region, ...]
    """All regions; codes are unique, and none lies within itself."""

    @property
    def zone(self) -> tzinfo:
        """Return the civil time."""
        return timezone(timedelta(minutes=self.utc_offset_minutes))

    def by_code(self) -> dict[RegionCode, Region]:
        """Return the regions by code."""
        return {region.code: region for region in self.regions}

    def around(self, code: RegionCode) -> tuple[RegionCode, ...]:
        """Return a region and all that it lies in, the nearest first; only itself where the table does not know it."""
        known = self.by_code()
        found = dict.fromkeys([code])
        queue = [code]
        for each in queue:
            fresh = [outer for outer in (known[each].within if each in known else ()) if outer not in found]
            found.update(dict.fromkeys(fresh))
            queue.extend(fresh)
        return tuple(found)

    def rules_for(self, code: RegionCode) -> RegionRules:
        """Return the rules that hold in a region."""
        known = self.by_code()
        stated = (known[each].rules for each in self.around(code) if each in known)
        return next((rules for rules in stated if rules is not None), RegionRules())

    def marks_accepted_in(self, code: RegionCode) -> frozenset[RegionCode]:
        """Return the regions whose marks count in a region: itself, those around it, and those that these accept."""
        known = self.by_code()
        around = self.around(code)
        return frozenset(around).union(*(known[each].accepts for each in around if each in known))

    def ranks(self) -> dict[ClassCode, int]:
        """Return the rank of each class."""
        return {each.code: each.rank for each in self.classes}


ValueT = TypeVar("ValueT")


def nearest(values: Mapping[RegionCode, ValueT], around: tuple[RegionCode, ...]) -> ValueT | None:
    """Return the value of the nearest region that has one."""
    return next((values[code] for code in around if code in values), None)


@dataclass(frozen=True, slots=True)
class Campus:
    """A campus of an institution."""

    code: str
    """Its code at the institution."""
    zh: str
    """Chinese name."""
    en: str
    """English name."""


@dataclass(frozen=True, slots=True)
class InstitutionProfile:
    """What rules and figures need to know of an institution."""

    institution: InstitutionId
    """Its id in the consortium."""
    zh: str
    """Chinese name."""
    en: str
    """English name."""
    region: RegionCode
    """The innermost region that it lies in."""
    institution_class: ClassCode
    """Its class."""
    recognition_required: bool = True
    """Whether its region demands that it recognises."""
    campuses: tuple[Campus, ...] = ()
    """Its campuses; none where it has one site."""


@dataclass(frozen=True, slots=True)
class InstitutionTable:
    """A version of the table of institutions."""

    head: DocumentHead
    """Name and version."""
    institutions: tuple[InstitutionProfile, ...]
    """All institutions; ids are unique."""

    def by_id(self) -> dict[InstitutionId, InstitutionProfile]:
        """Return the profiles by institution."""
        return {profile.institution: profile for profile in self.institutions}
