"""An institution's map: from its own codes, units and methods to items, and from what it orders to items.

A code is looked up with its specimen first, then without. `direct` lets LOINC codes stand for the catalogue's items
without a row each. What is to be looked at by an operator comes out of `unmapped_codes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.recognition import ANY_METHOD, ItemCode, MethodGroup, OrderableCode
from node.domain.record import Item
from node.terminology.catalogue import Catalogue, DocumentHead

LOINC: Final = "http://loinc.org"
"""The code system of LOINC in FHIR."""


@dataclass(frozen=True, slots=True)
class ResultMapping:
    """What one code of the institution's results means."""

    system: str
    """Code system URI."""
    code: str
    """Code."""
    item: ItemCode | None = None
    """The item; None says that the code is known and means none."""
    specimen: str = ""
    """Specimen code for which the row holds; empty for all others."""
    unit: str = ""
    """UCUM unit of its results, where they do not say it themselves."""
    method: MethodGroup = ANY_METHOD
    """Method group of its results."""


@dataclass(frozen=True, slots=True)
class Orderable:
    """One thing that the institution orders."""

    code: OrderableCode
    """Its own code."""
    zh: str
    """Chinese name."""
    en: str
    """English name."""
    items: tuple[ItemCode, ...]
    """What it stands for; more than one for a panel."""
    charge: str = ""
    """Code in the price list; empty where its own code is used there."""

    @property
    def charge_code(self) -> str:
        """Return the code under which the price list has it."""
        return self.charge or self.code


@dataclass(frozen=True, slots=True)
class InstitutionMap:
    """A version of an institution's map."""

    head: DocumentHead
    """Name and version."""
    institution: InstitutionId
    """Whose."""
    results: tuple[ResultMapping, ...] = ()
    """Codes of its results; unique by system, code and specimen."""
    orderables: tuple[Orderable, ...] = ()
    """What it orders; codes are unique."""
    direct: bool = False
    """Whether LOINC codes of the catalogue count without a row."""
    ignored_systems: tuple[str, ...] = ()
    """Code systems that never name an item, such as that of DICOM modalities."""
    ignored_codes: tuple[str, ...] = ()
    """LOINC codes of panels and documents, which name no item, for maps that are direct."""


class ResultIndex:
    """What each code of one institution means, prepared for many look-ups."""

    def __init__(self, mapping: InstitutionMap, catalogue: Catalogue) -> None:
        """Prepare a map. Rows of items that the catalogue does not have count as unmapped.

        Args:
            mapping: The institution's map.
            catalogue: The catalogue that it is for.
        """
        known = {item.code for item in catalogue.items}
        self.institution: Final = mapping.institution
        self._ignored_systems = frozenset(mapping.ignored_systems)
        self._rows: dict[str, tuple[ResultMapping, ...]] = {}
        rows = [row for row in mapping.results if row.item is None or row.item in known]
        if mapping.direct:
            rows += [ResultMapping(LOINC, code, item.code) for item in catalogue.items for code in item.loinc]
            rows += [ResultMapping(LOINC, code) for code in mapping.ignored_codes]
        for row in rows:
            self._rows[row.code] = (*self._rows.get(row.code, ()), row)
        # nearly every code has one row for all specimens; a check looks up thousands
        self._plain = {code: rows[0] for code, rows in self._rows.items() if len(rows) == 1 and not rows[0].specimen}

    def find(self, result: Item) -> ResultMapping | None:
        """Return the row for a result's code; None where it is unmapped."""
        plain = self._plain.get(result.code)
        if plain is not None and plain.system == result.system:
            return plain
        fallback = None
        for row in self._rows.get(result.code, ()):
            if row.system == result.system:
                if row.specimen == result.specimen:
                    return row
                if not row.specimen and fallback is None:
                    fallback = row
        if fallback is None and result.system in self._ignored_systems:
            return ResultMapping(result.system, result.code)
        return fallback


@dataclass(frozen=True, slots=True)
class SeenCode:
    """A code that was seen in results and leads nowhere: one line of the operator's worklist."""

    system: str
    """Code system URI."""
    code: str
    """Code."""
    specimen: str
    """Specimen code, or empty."""
    unit: str
    """UCUM unit as it came, or empty."""
    times: int
    """How often it was seen: once for each record, however often the record names it."""


def unmapped_codes(seen: Iterable[Item], index: ResultIndex) -> tuple[SeenCode, ...]:
    """List what an institution's map does not know, what was seen most often first.

    Args:
        seen: Codes of results, as headers have them; once for each time they were seen.
        index: The institution's map.
    """
    counts: dict[Item, int] = {}
    for each in seen:
        counts[each] = counts.get(each, 0) + 1
    found = [SeenCode(e.system, e.code, e.specimen, e.unit, times) for e, times in counts.items() if index.find(e) is None]
    return tuple(sorted(found, key=lambda line: (-line.times, line.system, line.code, line.specimen, line.unit)))
