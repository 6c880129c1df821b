"""Prices: charge code x region x institution class x validity, in integer fen (分)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from node.domain.recognition import ANY_CLASS, ClassCode, RegionCode
from node.terminology.catalogue import DocumentHead


@dataclass(frozen=True, slots=True)
class Price:
    """One price."""

    charge: str
    """Code of what is charged."""
    region: RegionCode
    """Where it holds."""
    price_fen: int
    """Price, fen."""
    valid_from: date
    """First day."""
    valid_to: date | None = None
    """Last day; None while it is open."""
    institution_class: ClassCode = ANY_CLASS
    """Class for which it holds; empty for all that have no price of their own."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """A version of the price list."""

    head: DocumentHead
    """Name and version."""
    prices: tuple[Price, ...]
    """All prices; validities of one charge, region and class do not overlap."""


class PriceIndex:
    """Prices as one institution pays them, prepared for many look-ups."""

    def __init__(self, prices: PriceList, around: tuple[RegionCode, ...], institution_class: ClassCode) -> None:
        """Prepare a price list for an institution.

        Args:
            prices: The list.
            around: The institution's region and those around it, the nearest first.
            institution_class: Its class.
        """
        # The nearer region wins, and in one region the price of the class itself.
        order = {(region, cls): (at, not cls) for at, region in enumerate(around) for cls in (institution_class, ANY_CLASS)}
        rows: dict[str, list[Price]] = {}
        for price in prices.prices:
            if (price.region, price.institution_class) in order:
                rows.setdefault(price.charge, []).append(price)
        for each in rows.values():
            each.sort(key=lambda price: order[price.region, price.institution_class])
        self._rows = rows

    def price_fen(self, charge: str, day: date) -> int | None:
        """Return the price of a charge on a day, in fen; None where the list has none."""
        for price in self._rows.get(charge, ()):
            if price.valid_from <= day and (price.valid_to is None or day <= price.valid_to):
                return price.price_fen
        return None
