"""What documents say of each other: items, regions and classes that exist, units that compare.

For operators, not for order time: a check ignores what leads nowhere, so that one hospital's slip stops nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from node.terminology.bundle import Terminology
from node.terminology.catalogue import Catalogue
from node.terminology.maps import InstitutionMap
from node.terminology.units import are_comparable, is_ucum


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """A row that leads nowhere."""

    document: str
    """Kind of document, with the institution for a map."""
    row: str
    """Code or id of the row."""
    what: str
    """What is wrong, and the remedy."""


def inconsistencies(documents: Terminology) -> tuple[Inconsistency, ...]:
    """List every row that the other documents contradict."""
    return (
        *_catalogue(documents),
        *_institutions(documents),
        *_prices(documents),
        *_certificates(documents),
        *(each for mapping in documents.maps.values() for each in _map(mapping, documents.catalogue)),
    )


def _catalogue(documents: Terminology) -> Iterator[Inconsistency]:
    regions = documents.regions.by_code()
    for item in documents.catalogue.items:
        unknown = [code for code in item.windows if code not in regions]
        if unknown:
            yield Inconsistency("catalogue", item.code, f"no such region: {', '.join(unknown)}; name one of the regions")
        if not item.windows:
            yield Inconsistency("catalogue", item.code, "no window anywhere: it is never recognised; give it one, or drop it")
        for unit in (item.unit, *item.other_units) if item.unit else ():
            if not is_ucum(unit) or not are_comparable(unit, item.unit, item.molar_mass):
                yield Inconsistency("catalogue", item.code, f"unit {unit}: not UCUM, or not comparable with {item.unit}")


def _institutions(documents: Terminology) -> Iterator[Inconsistency]:
    regions, ranks = documents.regions.by_code(), documents.regions.ranks()
    for profile in documents.institutions.institutions:
        if profile.region not in regions:
            yield Inconsistency("institutions", profile.institution, f"no such region: {profile.region}")
        if profile.institution_class not in ranks:
            yield Inconsistency("institutions", profile.institution, f"no such class: {profile.institution_class}")
    for institution in documents.maps.keys() - documents.institutions.by_id().keys():
        yield Inconsistency("institutions", institution, "it has a map and no profile; add it to the institutions")


def _prices(documents: Terminology) -> Iterator[Inconsistency]:
    regions, ranks = documents.regions.by_code(), documents.regions.ranks()
    for price in documents.prices.prices:
        if price.region not in regions:
            yield Inconsistency("prices", price.charge, f"no such region: {price.region}")
        if price.institution_class and price.institution_class not in ranks:
            yield Inconsistency("prices", price.charge, f"no such class: {price.institution_class}")


def _certificates(documents: Terminology) -> Iterator[Inconsistency]:
    items, regions = documents.catalogue.by_code(), documents.regions.by_code()
    institutions = documents.institutions.by_id()
    for each in documents.certificates.certificates:
        if each.institution not in institutions:
            yield Inconsistency("certificates", each.certificate, f"no such institution: {each.institution}")
        if each.item not in items:
            yield Inconsistency("certificates", each.certificate, f"no such item: {each.item}")
        if each.scope not in regions:
            yield Inconsistency("certificates", each.certificate, f"no such region: {each.scope}")


def _map(mapping: InstitutionMap, catalogue: Catalogue) -> Iterator[Inconsistency]:
    items = catalogue.by_code()
    name = f"institution-map of {mapping.institution}"
    for row in mapping.results:
        if row.item is None:
            continue
        if row.item not in items:
            yield Inconsistency(name, row.code, f"no such item: {row.item}")
        elif row.unit and not are_comparable(row.unit, items[row.item].unit, items[row.item].molar_mass):
            yield Inconsistency(name, row.code, f"unit {row.unit} does not compare with {items[row.item].unit or 'none'}")
    for orderable in mapping.orderables:
        unknown = [item for item in orderable.items if item not in items]
        if unknown:
            yield Inconsistency(name, orderable.code, f"no such item: {', '.join(unknown)}")
