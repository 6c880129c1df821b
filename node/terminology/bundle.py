"""All documents that rules rest on, in one version each, with the digests that answers and decisions pin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.entry import InstitutionId
from node.domain.recognition import Pin
from node.terminology.catalogue import Catalogue
from node.terminology.maps import InstitutionMap
from node.terminology.marks import CertificateList
from node.terminology.prices import PriceList
from node.terminology.regions import InstitutionTable, RegionTable

Document = Catalogue | RegionTable | InstitutionTable | PriceList | CertificateList | InstitutionMap
"""A document of this family."""


@dataclass(frozen=True, slots=True)
class Terminology:
    """One version of everything."""

    catalogue: Catalogue
    """Recognisable items."""
    regions: RegionTable
    """Regions, classes and rules."""
    institutions: InstitutionTable
    """Where institutions lie, and of which class they are."""
    prices: PriceList
    """Prices."""
    certificates: CertificateList
    """Certificates that marks rest on."""
    maps: Mapping[InstitutionId, InstitutionMap]
    """Maps, by institution."""
    pins: tuple[Pin, ...]
    """The digest of each document."""
