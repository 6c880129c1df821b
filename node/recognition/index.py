"""What checks need, prepared once for each version of the documents: no unit is parsed and no list walked at order time."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.moments import civil
from node.domain.recognition import ItemCode, MethodGroup, Obstacle, OrderableCode, RegionCode
from node.errors import NoProfileError
from node.terminology.bundle import Terminology
from node.terminology.catalogue import CatalogueItem, Quality
from node.terminology.maps import Orderable, ResultIndex
from node.terminology.marks import Mark, MarkIndex, mark_for
from node.terminology.prices import PriceIndex
from node.terminology.regions import nearest
from node.terminology.units import are_comparable

_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class ItemRule:
    """What a result of one item has to be, for one ordering institution."""

    item: CatalogueItem
    """The item."""
    window_ms: int | None
    """Its window here; None where it is not recognised."""
    units: frozenset[str]
    """Comparable units; empty for an item without one."""
    methods: frozenset[MethodGroup] | None
    """Method groups that count; None where any does."""

    @property
    def needs_mark(self) -> bool:
        """Tell whether a result needs a mark."""
        return self.item.quality is not Quality.NONE


@dataclass(frozen=True, slots=True)
class Tariff:
    """What an orderable costs on one day at one institution, whole and item by item."""

    items: tuple[ItemCode, ...]
    """Its items."""
    price_fen: int | None
    """Its price; None where the price list has none."""
    singles: Mapping[ItemCode, int | None]
    """Prices of items that can be ordered one by one."""

    def saving_fen(self, answered: AbstractSet[ItemCode]) -> int:
        """Return what is saved if some items need not be examined.

        All items: the orderable's price. Some: its price less that of the others ordered one by one, where each can be
        ordered so and has a price; otherwise nothing is claimed to be saved.
        """
        if self.price_fen is None or answered.isdisjoint(self.items):
            return 0
        rest = 0
        for item in self.items:
            if item not in answered:
                single = self.singles.get(item)
                if single is None:
                    return 0
                rest += single
        return max(0, self.price_fen - rest)


class RecognitionIndex:
    """One version of everything, prepared; shared by the institutions of a node."""

    def __init__(self, terminology: Terminology) -> None:
        """Prepare documents; loads the library of units, which takes about two seconds the first time."""
        self.terminology: Final = terminology
        self.results: Final = {
            institution: ResultIndex(mapping, terminology.catalogue) for institution, mapping in terminology.maps.items()
        }
        self.marks: Final = MarkIndex(terminology.certificates, terminology.regions)
        self.profiles: Final = terminology.institutions.by_id()
        self.ranks: Final = terminology.regions.ranks()
        self.units: Final = _comparable_units(terminology)
        self._ordering: dict[InstitutionId, OrderingIndex] = {}

    def ordering(self, institution: InstitutionId) -> OrderingIndex:
        """Return what the checks of one institution need.

        Raises:
            NoProfileError: The table of institutions or the maps do not have it.
        """
        if institution not in self._ordering:
            self._ordering[institution] = OrderingIndex(self, institution)
        return self._ordering[institution]


class OrderingIndex:
    """The rules as they are for one ordering institution."""

    def __init__(self, shared: RecognitionIndex, institution: InstitutionId) -> None:
        """Prepare an institution.

        Raises:
            NoProfileError: The table of institutions or the maps do not have it.
        """
        documents = shared.terminology
        if institution not in shared.profiles or institution not in documents.maps:
            raise NoProfileError(institution)
        self.shared: Final = shared
        self.pins: Final = frozenset(documents.pins)
        self.institution: Final = institution
        self.profile: Final = shared.profiles[institution]
        self.around: Final = documents.regions.around(self.profile.region)
        self.accepted: Final = documents.regions.marks_accepted_in(self.profile.region)
        self.region_rules: Final = documents.regions.rules_for(self.profile.region)
        self.zone: Final = documents.regions.zone
        self.orderables: Final[Mapping[OrderableCode, Orderable]] = {
            each.code: each for each in documents.maps[institution].orderables
        }
        self.prices: Final = PriceIndex(documents.prices, self.around, self.profile.institution_class)
        self.rules: Final = _item_rules(documents, institution, self.around, shared.units)
        self._single = {each.items[0]: each.charge_code for each in self.orderables.values() if len(each.items) == 1}

    def is_accepted(self, issuer: InstitutionId) -> bool:
        """Tell whether another institution's class is one that this one recognises: with a mark, or where none is needed."""
        return not self.region_rules.upward_only or self._rank(issuer) >= self._rank(self.institution)

    def mark_of(self, issuer: InstitutionId, item: ItemCode, performed_at_ms: int) -> Mark | Obstacle:
        """Return the mark of another institution's result that counts here, or why none does."""
        return mark_for(self.shared.marks.marks(issuer, item, performed_at_ms), self.accepted, self.around)

    def day_of(self, at_ms: int) -> date:
        """Return the day in civil time."""
        return civil(at_ms, self.zone).date()

    def tariff(self, orderable: Orderable, at_ms: int) -> Tariff:
        """Return what an orderable and each of its items cost here at a time."""
        day = self.day_of(at_ms)
        singles = {item: self.prices.price_fen(self._single[item], day) for item in orderable.items if item in self._single}
        return Tariff(orderable.items, self.prices.price_fen(orderable.charge_code, day), singles)

    def _rank(self, institution: InstitutionId) -> int:
        profile = self.shared.profiles.get(institution)
        return -1 if profile is None else self.shared.ranks.get(profile.institution_class, -1)


def _comparable_units(documents: Terminology) -> dict[ItemCode, frozenset[str]]:
    """Collect the units that the catalogue or a map names for an item and that compare with the item's own."""
    named: dict[ItemCode, set[str]] = {item.code: {item.unit, *item.other_units} for item in documents.catalogue.items}
    for mapping in documents.maps.values():
        for row in mapping.results:
            if row.item in named and row.unit:
                named[row.item].add(row.unit)
    return {
        item.code: frozenset(unit for unit in named[item.code] if are_comparable(unit, item.unit, item.molar_mass))
        for item in documents.catalogue.items
    }


def _item_rules(
    documents: Terminology,
    institution: InstitutionId,
    around: tuple[RegionCode, ...],
    units: Mapping[ItemCode, frozenset[str]],
) -> dict[ItemCode, ItemRule]:
    own: dict[ItemCode, set[MethodGroup]] = {}
    for row in documents.maps[institution].results:
        if row.item is not None and row.method:
            own.setdefault(row.item, set()).add(row.method)
    rules = {}
    for item in documents.catalogue.items:
        days = nearest(item.windows, around)
        methods = frozenset(own.get(item.code, ())) if item.method_bound else None
        rules[item.code] = ItemRule(item, None if days is None else days * _DAY_MS, units[item.code], methods)
    return rules
