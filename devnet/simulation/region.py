"""Draw a region from a seed: its institutions, and the documents that its rules rest on (pure).

Catalogue and prices are the sample documents that come with the node; table of institutions, certificates and maps are
drawn. Everything that a check may say follows from these documents and from what was examined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final

from devnet.simulation.config import ClassShare, RegionConfig
from node.domain.entry import InstitutionId, Origin
from node.domain.recognition import CertificateId, ItemCode, OrderableCode, RegionCode
from node.terminology.bundle import Document
from node.terminology.catalogue import Catalogue, CatalogueItem, DocumentHead, ItemClass
from node.terminology.maps import InstitutionMap, Orderable
from node.terminology.marks import Certificate, CertificateList
from node.terminology.prices import PriceList
from node.terminology.regions import Campus, InstitutionProfile, InstitutionTable, RegionRules, RegionTable, WithoutReason
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, encode_document, parse_document

LOG_SUFFIX: Final = ".example/log"
"""What the origin of every log ends with."""
REGULATOR: Final = InstitutionId("regulator")
LABORATORY: Final = "LAB"
"""The modality of laboratory data."""
_TEMPLATE: Final = "hospital-b.json"
"""The sample map whose orderables all institutions have."""
_MARK_SCOPE: Final = RegionCode("CN-44")
"""The province's mark: it counts in both regions."""


@dataclass(frozen=True, slots=True)
class SimulatedInstitution:
    """One institution."""

    institution: InstitutionId
    """Its id."""
    district: str
    """Where it lies."""
    share: ClassShare
    """Of which class it is, and how much it is visited."""
    host: int
    """The node that hosts it."""

    @property
    def origin(self) -> Origin:
        """Return the origin of its log."""
        return origin_of(self.institution)


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of the region, one version of each."""

    catalogue: Catalogue
    """Items."""
    regions: RegionTable
    """Regions and their rules."""
    institutions: InstitutionTable
    """Where institutions lie."""
    prices: PriceList
    """Prices."""
    certificates: CertificateList
    """Certificates."""
    orderables: Mapping[OrderableCode, Orderable]
    """What every institution orders."""
    maps: tuple[InstitutionMap, ...]
    """One for each institution."""

    def write(self, directory: Path) -> None:
        """Write all of them into a folder, as a node reads them."""
        directory.mkdir(parents=True)
        tables: tuple[Document, ...] = (self.catalogue, self.regions, self.institutions, self.prices, self.certificates)
        for document in (*tables, *self.maps):
            (directory / f"{document.head.name}.json").write_bytes(encode_document(document))


@dataclass(frozen=True, slots=True)
class Region:
    """A region that was drawn."""

    config: RegionConfig
    """What it was drawn with."""
    institutions: tuple[SimulatedInstitution, ...]
    """Its institutions."""
    documents: Documents
    """Its documents."""


def origin_of(institution: InstitutionId) -> Origin:
    """Return the origin of an institution's log."""
    return Origin(f"{institution}{LOG_SUFFIX}")


def draw_region(config: RegionConfig, seed: int) -> Region:
    """Draw a region."""
    rng = Random(f"region/{config.name}/{seed}")  # noqa: S311 - a model, not a secret
    institutions = tuple(_institutions(config, rng))
    # what changes within the year is drawn apart: who has a certificate does not depend on it
    changes = Random(f"changes/{config.name}/{seed}")  # noqa: S311 - a model, not a secret
    return Region(config, institutions, _documents(config, institutions, rng, changes))


def _institutions(config: RegionConfig, rng: Random) -> Iterator[SimulatedInstitution]:
    number = 0
    for share in config.classes:
        for _ in range(share.count):
            number += 1
            at = rng.randrange(len(config.districts))
            name = InstitutionId(f"{config.districts[at]}-{number:03}")
            yield SimulatedInstitution(name, config.districts[at], share, at % config.hosts)


def _documents(config: RegionConfig, institutions: Sequence[SimulatedInstitution], rng: Random, changes: Random) -> Documents:
    catalogue, regions, prices = (_packaged(PACKAGED_CATALOGUE / f"{name}.json") for name in ("catalogue", "regions", "prices"))
    template = _packaged(PACKAGED_MAPS / _TEMPLATE)
    if not (isinstance(catalogue, Catalogue) and isinstance(regions, RegionTable)):
        raise TypeError("the sample documents are not what they are called")
    if not (isinstance(prices, PriceList) and isinstance(template, InstitutionMap)):
        raise TypeError("the sample documents are not what they are called")
    orderables = _orderables(config, template)
    profiles = tuple(_profile(config, each) for each in institutions)
    items = tuple({item: None for each in orderables.values() for item in each.items})
    return Documents(
        catalogue=catalogue,
        regions=_warn_only(regions, config.region),
        institutions=InstitutionTable(_head("simulated-institutions"), profiles),
        prices=_changing_prices(config, prices),
        certificates=CertificateList(
            _head("simulated-certificates"), tuple(_certificates(config, institutions, items, rng, changes))
        ),
        orderables=orderables,
        maps=tuple(_map(each, tuple(orderables.values()), template) for each in institutions),
    )


def _packaged(path: Path) -> object:
    return parse_document(path.read_bytes())


def _orderables(config: RegionConfig, template: InstitutionMap) -> dict[OrderableCode, Orderable]:
    """Return what is ordered, and the single items of panels: what is left of a panel is ordered item by item."""
    known = {each.code: each for each in template.orderables}
    wanted = {code: known[code] for code in config.orderables}
    items = {item for each in wanted.values() for item in each.items}
    singles = {each.code: each for each in template.orderables if len(each.items) == 1 and each.items[0] in items}
    return {**wanted, **singles}


def _warn_only(regions: RegionTable, region: RegionCode) -> RegionTable:
    """Let a re-order without a reason pass with a warning in the simulated region: it is a finding then."""
    changed = []
    for each in regions.regions:
        if each.code == region:
            rules = regions.rules_for(region)
            own = RegionRules(rules.upward_only, WithoutReason.WARN, rules.sub_reasons)
            changed.append(replace(each, rules=own))
        else:
            changed.append(each)
    return replace(regions, head=_head("simulated-regions"), regions=tuple(changed))


def _changing_prices(config: RegionConfig, prices: PriceList) -> PriceList:
    """Let every price be another one from a day of the year on."""
    changes = config.changes
    day = date(config.year, *changes.prices_from)
    before = (replace(each, valid_to=day - timedelta(days=1)) for each in prices.prices)
    after = (replace(each, valid_from=day, price_fen=each.price_fen * changes.prices_percent // 100) for each in prices.prices)
    return replace(prices, head=_head("simulated-prices"), prices=(*before, *after))


def _certificates(
    config: RegionConfig, institutions: Sequence[SimulatedInstitution], items: Sequence[ItemCode], rng: Random, changes: Random
) -> Iterator[Certificate]:
    number = 0
    for each in institutions:
        for item in items:
            if rng.random() < each.share.certified:
                number += 1
                scope, first, last = _draw_validity(config, changes)
                yield Certificate(CertificateId(f"SIM-{number:06}"), each.institution, item, scope, first, last)


def _draw_validity(config: RegionConfig, rng: Random) -> tuple[RegionCode, date, date]:
    """Draw whose mark a certificate gives, and its first and last day."""
    draw, rates = rng.random(), config.changes
    day = date(config.year, 1, 1) + timedelta(days=rng.randrange(365))
    first, last = date(config.year - 1, 1, 1), date(config.year + 1, 12, 31)
    if draw < rates.certificates_begin:
        return _MARK_SCOPE, day, last
    if draw < rates.certificates_begin + rates.certificates_end:
        return _MARK_SCOPE, first, day
    if draw < rates.certificates_begin + rates.certificates_end + rates.certificates_elsewhere:
        return config.elsewhere, first, last
    return _MARK_SCOPE, first, last


def _map(institution: SimulatedInstitution, orderables: tuple[Orderable, ...], template: InstitutionMap) -> InstitutionMap:
    return InstitutionMap(
        head=_head(f"simulated-map-{institution.institution}"),
        institution=institution.institution,
        orderables=orderables,
        direct=True,
        ignored_systems=template.ignored_systems,
        ignored_codes=template.ignored_codes,
    )


def item_of(catalogue: Catalogue, code: ItemCode) -> CatalogueItem:
    """Return an item of the catalogue."""
    return next(item for item in catalogue.items if item.code == code)


def modality_of(item: CatalogueItem) -> str:
    """Return the modality of an item; `LAB` for laboratory data."""
    return LABORATORY if item.item_class is ItemClass.LAB else item.modality


def _profile(config: RegionConfig, institution: SimulatedInstitution) -> InstitutionProfile:
    share, (zh, en) = institution.share, _names(institution)
    campuses = tuple(Campus(code, f"{zh} {code}", f"{en}, {code} campus") for code in share.campuses)
    return InstitutionProfile(institution.institution, zh, en, config.region, share.institution_class, campuses=campuses)


def _names(institution: SimulatedInstitution) -> tuple[str, str]:
    return f"模拟机构 {institution.institution}", f"Simulated institution {institution.institution}"


def _head(name: str) -> DocumentHead:
    return DocumentHead(name, 1, date(2026, 1, 1), sample=True, sources=("drawn by a simulation",))
