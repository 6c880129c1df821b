"""The catalogue of recognisable items (docs/spec/catalogue.md): what is recognised, in which window, on which conditions.

Left out: how a hospital's own codes lead to items (`maps`), reading and writing (`node.wire.catalogue.documents`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from node.domain.recognition import ItemCode, RegionCode


class ItemClass(StrEnum):
    """检验 or 检查."""

    LAB = "lab"
    """检验: laboratory data."""
    IMAGING = "imaging"
    """检查: images and electrophysiology."""


class Quality(StrEnum):
    """Which assessment an institution must have passed for an item to be recognised."""

    EQA = "eqa"
    """External quality assessment (室间质评)."""
    IMAGING_QC = "imaging-qc"
    """Quality control of images."""
    NONE = "none"
    """None: the item bears no mark and needs none."""


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """What every document of this family says of itself."""

    name: str
    """Name, the same through all its versions."""
    serial: int
    """Version, from 1; a greater one replaces a lesser."""
    issued: date
    """Day of issue."""
    sample: bool = False
    """Whether it is sample data, not to be used for patients."""
    sources: tuple[str, ...] = ()
    """Where its content is from, and which of it is real."""


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """One recognisable item."""

    code: ItemCode
    """Its code in the catalogue."""
    zh: str
    """Chinese name."""
    en: str
    """English name."""
    item_class: ItemClass
    """Laboratory or imaging."""
    quality: Quality
    """Which assessment its mark rests on."""
    windows: Mapping[RegionCode, int]
    """Days for which a result counts, by region; the nearest enclosing region's. Without one it is not recognised there."""
    loinc: tuple[str, ...] = ()
    """LOINC codes that mean this item."""
    modality: str = ""
    """DICOM modality or `DR`, for imaging."""
    specimen: str = ""
    """HL7 table 0487 code, for laboratory items."""
    unit: str = ""
    """UCUM unit in which it is compared; empty for what has none."""
    other_units: tuple[str, ...] = ()
    """Other UCUM units in which results may come."""
    molar_mass: str = ""
    """g/mol as a decimal number, where amounts of mass and of substance may be converted into each other."""
    method_bound: bool = False
    """Whether results count within one method group only."""
    images_required: bool = False
    """Whether it is recognised with its images only."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A version of the catalogue."""

    head: DocumentHead
    """Name and version."""
    items: tuple[CatalogueItem, ...]
    """The items; codes are unique."""

    def by_code(self) -> dict[ItemCode, CatalogueItem]:
        """Return the items by code."""
        return {item.code: item for item in self.items}
