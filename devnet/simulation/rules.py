"""What has to be offered and saved, by the model's own reading of the rules (docs/spec/catalogue.md; pure).

Written from the pages, not from `node.recognition`: where the two differ, one of them is wrong. It reads the same documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import NamedTuple

from devnet.simulation.happenings import Obstacle, OfferExpected, RefusalExpected, ResultMade
from devnet.simulation.region import Region, item_of, modality_of
from devnet.simulation.standing import Known
from node.domain.entry import InstitutionId
from node.domain.recognition import ClassCode, ItemCode, OrderableCode, RegionCode

DAY_MS = 86_400_000


class Answer(NamedTuple):
    """What a check has to say of one order line."""

    offers: tuple[OfferExpected, ...]
    """What is offered, the newest first."""
    refused: tuple[RefusalExpected, ...]
    """What stands against the rest."""


class RegionRulesRead:
    """The rules of one region."""

    def __init__(self, region: Region) -> None:
        """Read what does not change."""
        documents, config = region.documents, region.config
        regions = {each.code: each for each in documents.regions.regions}
        self.zone = timezone(timedelta(minutes=documents.regions.utc_offset_minutes))
        around: list[RegionCode] = [config.region]
        while regions[around[-1]].within:
            around.append(regions[around[-1]].within[0])
        self._around = around
        self._items = {code: each.items for code, each in documents.orderables.items()}
        items = {item for each in self._items.values() for item in each}
        self._windows = {code: self._window(region, code) for code in items}
        self.modalities = {code: modality_of(item_of(documents.catalogue, code)) for code in items}
        self._held: defaultdict[tuple[InstitutionId, ItemCode], list[tuple[RegionCode, date, date]]] = defaultdict(list)
        for each in documents.certificates.certificates:
            self._held[each.institution, each.item].append((each.scope, each.valid_from, each.valid_to))
        self._classes = {each.institution: each.share.institution_class for each in region.institutions}
        self._single = {each.items[0]: each.code for each in documents.orderables.values() if len(each.items) == 1}
        self._prices = documents.prices.prices
        self._known: dict[tuple[str, ClassCode, date], int | None] = {}

    def items(self, orderable: OrderableCode) -> tuple[ItemCode, ...]:
        """Return what an orderable stands for."""
        return self._items[orderable]

    def window_ms(self, item: ItemCode) -> int:
        """Return for how long a result of an item counts."""
        return self._windows[item]

    def class_of(self, institution: InstitutionId) -> ClassCode:
        """Return an institution's class."""
        return self._classes[institution]

    def month(self, at_ms: int) -> str:
        """Return the month, in civil time."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone).strftime("%Y-%m")

    def answer(self, institution: InstitutionId, orderable: OrderableCode, found: Iterable[Known], at_ms: int) -> Answer:
        """Return what has to be offered to an institution, of all that is found of a person, and what stands against the rest."""
        offers, refused = list[OfferExpected](), list[RefusalExpected]()
        for known in sorted(found, key=lambda each: -each.version.result.at_ms):
            version, fitting = known.version, list[ItemCode]()
            for item in self._items[orderable]:
                if item not in version.result.items:
                    continue
                obstacle = known.against or self._against(institution, version.result, item, at_ms)
                if obstacle is None:
                    fitting.append(item)
                else:
                    refused.append(RefusalExpected(version.name, item, obstacle))
            if fitting:
                result = version.result
                offers.append(OfferExpected(result.number, result.institution, tuple(fitting), version.version))
        return Answer(tuple(offers), tuple(refused))

    def saving_fen(
        self,
        institution: InstitutionId,
        orderable: OrderableCode,
        answered: Sequence[ItemCode],
        own: Sequence[ItemCode],
        at_ms: int,
    ) -> int:
        """Return what using results saves at an institution on a day; what its own results save is no saving."""
        day = self._day(at_ms)
        whole = self._spared(institution, orderable, set(answered), day)
        return max(0, whole - self._spared(institution, orderable, set(own), day))

    def _against(self, institution: InstitutionId, result: ResultMade, item: ItemCode, at_ms: int) -> Obstacle | None:
        """Return what stands against a result as far as one item goes."""
        if at_ms - result.at_ms > self._windows[item]:
            return Obstacle.OUT_OF_WINDOW
        if result.institution == institution:
            return None
        day = self._day(result.at_ms)
        held = [scope for scope, first, last in self._held.get((result.institution, item), ()) if first <= day <= last]
        if not held:
            return Obstacle.NO_MARK
        # the mark of a region counts where one is, or around that; no region here accepts another's
        return None if any(scope in self._around for scope in held) else Obstacle.MARK_OUT_OF_SCOPE

    def _day(self, at_ms: int) -> date:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone).date()

    def _spared(self, institution: InstitutionId, orderable: OrderableCode, answered: set[ItemCode], day: date) -> int:
        """Return the price less that of what is left, ordered item by item; nothing where one has no price of its own."""
        price = self._price(str(orderable), self._classes[institution], day)
        if price is None or not answered & set(self._items[orderable]):
            return 0
        for item in self._items[orderable]:
            if item not in answered:
                single = self._price(str(self._single.get(item, "")), self._classes[institution], day)
                if single is None:
                    return 0
                price -= single
        return max(0, price)

    def _price(self, charge: str, institution_class: ClassCode, day: date) -> int | None:
        place = charge, institution_class, day
        if place not in self._known:
            self._known[place] = self._look_up(charge, institution_class, day)
        return self._known[place]

    def _look_up(self, charge: str, institution_class: ClassCode, day: date) -> int | None:
        for region in self._around:
            for wanted in (institution_class, ClassCode("")):
                for price in self._prices:
                    if (price.charge, price.region, price.institution_class) == (charge, region, wanted) and (
                        price.valid_from <= day and (price.valid_to is None or day <= price.valid_to)
                    ):
                        return price.price_fen
        return None

    def _window(self, region: Region, code: ItemCode) -> int:
        windows = item_of(region.documents.catalogue, code).windows
        return next(windows[each] for each in self._around if each in windows) * DAY_MS
