"""What a unit contributes to which groups, by what is known of it (docs/spec/figures.md "Groups").

Units of which the same is known contribute the same: one object, made once, which `tallies` counts. Should it be made twice,
figures stay right. Left out: what is known of a unit (`figures`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import cache, lru_cache
from typing import Final, NamedTuple

from node.domain.entry import InstitutionId
from node.domain.moments import civil
from node.domain.recognition import ItemCode, Reason, ReasonCode
from node.supervision.events import FiguredItem
from node.supervision.tallies import Amounts, Contribution, Dimension, Group, amounts
from node.terminology.regions import InstitutionProfile

ALL_TIME: Final = ""
WITHOUT_REASON: Final = "none"

_KEPT: Final = 65_536
"""Contributions of one sort that are kept to be shared."""
_QUARTER_MS: Final = 900_000

_Dimensions = list[tuple[Dimension, str]]


class Where(NamedTuple):
    """Where and when something counts."""

    institution: InstitutionId
    """Who ordered."""
    campus: str
    """Its campus, or empty."""
    month: str
    """The month, in civil time."""


class Reordered(NamedTuple):
    """Why something was ordered again."""

    reason: Reason | None
    """The reason."""
    sub_reason: ReasonCode | None
    """The region's sub-reason."""


class Told(NamedTuple):
    """What became of an opportunity."""

    recognised: bool
    """Whether something of others is used."""
    reordered: bool
    """Whether it was ordered again, and nothing of others is used."""
    without_reason: bool
    """Whether that was without a reason."""
    own_used: bool
    """Whether the institution's own results are used, and only these."""

    def amounts(self, *, recognised: bool) -> Amounts:
        """Return what it adds to a group in which something is used, or nothing."""
        return amounts(
            opportunities=1,
            recognised=int(recognised),
            reordered=int(self.reordered),
            without_reason=int(self.without_reason),
            own_recognised=int(self.own_used),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ItemSet:
    """Items, one for each code; shared like contributions."""

    items: tuple[FiguredItem, ...] = ()
    """The items, by code."""
    codes: frozenset[ItemCode] = frozenset()
    """Their codes."""
    modalities: tuple[str, ...] = ()
    """Their modalities, sorted."""

    @property
    def only(self) -> ItemCode | None:
        """Return its item's code; None where there are none or several."""
        return self.items[0].code if len(self.items) == 1 else None


class Contributions:
    """Makes contributions, and shares them."""

    def __init__(self, profiles: Mapping[InstitutionId, InstitutionProfile], zone: tzinfo) -> None:
        """Start with nothing made.

        Args:
            profiles: Classes of institutions.
            zone: The civil time of months.
        """
        self._profiles = profiles
        self._zone = zone
        self.item_set = lru_cache(maxsize=_KEPT)(_item_set)
        self.opportunity = lru_cache(maxsize=_KEPT)(self._opportunity)
        self.items = lru_cache(maxsize=_KEPT)(self._items)
        self.reasons = lru_cache(maxsize=_KEPT)(self._reasons)
        self.simple = lru_cache(maxsize=_KEPT)(self._simple)
        self.retrieval = lru_cache(maxsize=_KEPT)(self._retrieval)
        self.saving = lru_cache(maxsize=_KEPT)(self._saving)
        self.item_saving = lru_cache(maxsize=_KEPT)(self._item_saving)

    def where(self, institution: InstitutionId, campus: str, at_ms: int) -> Where:
        """Return where and when something counts."""
        return Where(institution, campus, _month(at_ms // _QUARTER_MS, self._zone))

    def _opportunity(self, where: Where, told: Told, modalities: tuple[str, ...], used: frozenset[str]) -> Contribution:
        """Return what an opportunity contributes to the groups of its institution and of modalities.

        Args:
            where: Where and when it was offered first.
            told: What became of it.
            modalities: Modalities of what of others was offered.
            used: Of these, the modalities of what is used.
        """
        sides = [(dimension, value, told.recognised) for dimension, value in self._whole(where)]
        for modality in modalities:
            sides.append((Dimension.MODALITY, modality, modality in used))
            sides.append((Dimension.INSTITUTION_MODALITY, f"{where.institution}/{modality}", modality in used))
        listed = [
            (group, used, told.amounts(recognised=used))
            for dimension, value, used in sides
            for group in _groups(dimension, value, where.month)
        ]
        return Contribution(tuple((group, added) for group, _, added in listed), tuple((group, used) for group, used, _ in listed))

    def _items(self, month: str, told: Told, offered: ItemSet, used: frozenset[ItemCode]) -> Contribution:
        """Return what an opportunity contributes to the groups of its items."""
        counts = [
            (group, told.amounts(recognised=code in used))
            for code in sorted(offered.codes)
            for group in _groups(Dimension.ITEM, code, month)
        ]
        return Contribution(tuple(counts))

    def _reasons(self, month: str, reordered: Reordered) -> Contribution:
        """Return what an opportunity that was ordered again contributes to the groups of reasons."""
        added = amounts(reordered=1, without_reason=int(reordered.reason is None))
        return Contribution(tuple((group, added) for group in _spread(_reasons(reordered), month)))

    def _simple(self, where: Where, figure: str, own_recognised: bool = False) -> Contribution:  # noqa: FBT001, FBT002 - as above
        """Return what adds one to a figure of an institution's groups: `own`, `unchecked`, `reversed`."""
        added = amounts(**{figure: 1, "own_recognised": int(own_recognised)})
        return Contribution(tuple((group, added) for group in _spread(self._whole(where), where.month)))

    def _retrieval(self, where: Where) -> Contribution:
        """Return what a retrieval contributes, for which no campus is told."""
        added = amounts(retrievals=1)
        return Contribution(tuple((group, added) for group in _spread(self._places(where.institution), where.month)))

    def _saving(self, where: Where, modalities: tuple[str, ...], figure: str) -> Contribution:
        """Return what each fen of an order line's saving contributes to the groups of its institution and of modalities.

        `figure` is `saving_fen` or `cancelled_fen`.
        """
        added, places = amounts(**{figure: 1}), self._whole(where)
        for modality in modalities:
            places += [(Dimension.MODALITY, modality), (Dimension.INSTITUTION_MODALITY, f"{where.institution}/{modality}")]
        return Contribution(tuple((group, added) for group in _spread(places, where.month)))

    def _item_saving(self, month: str, item: ItemCode, figure: str) -> Contribution:
        """Return what each fen contributes to an item: the decision's only one."""
        added = amounts(**{figure: 1})
        return Contribution(tuple((group, added) for group in _groups(Dimension.ITEM, item, month)))

    def _places(self, institution: InstitutionId) -> _Dimensions:
        profile = self._profiles.get(institution)
        institution_class = profile.institution_class if profile is not None else ""
        return [(Dimension.ALL, ""), (Dimension.INSTITUTION, institution), (Dimension.CLASS, institution_class)]

    def _whole(self, where: Where) -> _Dimensions:
        return [*self._places(where.institution), (Dimension.CAMPUS, f"{where.institution}/{where.campus}")]


def _item_set(items: Iterable[FiguredItem]) -> ItemSet:
    """Return items, one for each code: of several versions of an item always the same one."""
    by_code: dict[ItemCode, FiguredItem] = {}
    for item in items:
        by_code[item.code] = min(by_code.get(item.code, item), item, key=lambda each: (each.modality, each.window_ms))
    chosen = tuple(by_code[code] for code in sorted(by_code))
    return ItemSet(chosen, frozenset(by_code), tuple(sorted({item.modality for item in chosen})))


def _spread(places: _Dimensions, month: str) -> Iterator[Group]:
    return (group for dimension, value in places for group in _groups(dimension, value, month))


@cache
def _groups(dimension: Dimension, value: str, month: str) -> tuple[Group, Group]:
    """Return a group for all time and one for a month: each exists once, however many units count in it."""
    return Group(dimension, value, ALL_TIME), Group(dimension, value, month)


@lru_cache(maxsize=65_536)
def _month(quarter: int, zone: tzinfo) -> str:
    """Return the month, in civil time, of a quarter of an hour, counted from 1970: no zone divides one."""
    return civil(_QUARTER_MS * quarter, zone).strftime("%Y-%m")


def _reasons(reordered: Reordered) -> _Dimensions:
    if reordered.reason is None:
        return [(Dimension.REASON, WITHOUT_REASON)]
    reasons = [(Dimension.REASON, str(reordered.reason.value))]
    if reordered.sub_reason is not None:
        reasons.append((Dimension.REASON, f"{reordered.reason.value}/{reordered.sub_reason}"))
    return reasons
