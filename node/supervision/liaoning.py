"""The form of Liaoning, one row for each hospital: assessments passed, what was recognised and saved, what was retrieved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import Final

from node.domain.entry import InstitutionId
from node.domain.recognition import ClassCode, ItemCode
from node.supervision.events import LABORATORY
from node.supervision.figures import RecognitionFigures
from node.supervision.tallies import Dimension
from node.terminology.bundle import Terminology
from node.terminology.catalogue import ItemClass
from node.terminology.marks import Certificate
from node.terminology.regions import InstitutionProfile, RegionLevel

MODALITIES: Final = ("DR", "MR", "CT", LABORATORY)
"""The form's columns, each with a count and an amount."""


@dataclass(frozen=True, slots=True)
class RecognisedCount:
    """Recognitions of one modality."""

    modality: str
    """DR, MR, CT or LAB."""
    recognised: int
    """How many."""
    saving_fen: int
    """Saved, fen."""


@dataclass(frozen=True, slots=True)
class LiaoningRow:
    """One hospital; the last row of the form, without one, sums all."""

    institution: InstitutionId | None
    """The hospital."""
    zh: str
    """Its Chinese name."""
    institution_class: ClassCode | None
    """Its class."""
    national_eqa_items: int
    """Laboratory items with a valid national certificate; it passed if there are any."""
    provincial_eqa_items: int
    """Laboratory items with a valid provincial one."""
    imaging_qc_items: int
    """Imaging items with a valid certificate of any region."""
    recognition_required: bool | None
    """Whether it has to recognise."""
    counts: tuple[RecognisedCount, ...]
    """By modality, in the form's order."""
    recognised: int
    """All modalities, those outside the form included."""
    saving_fen: int
    """Likewise."""
    retrievals: int
    """Results of other hospitals that it retrieved."""


def liaoning_form(figures: RecognitionFigures, documents: Terminology, period: str, day: date) -> tuple[LiaoningRow, ...]:
    """Fill in the form.

    Args:
        figures: The figures.
        documents: Institutions, catalogue, regions, certificates.
        period: The month, such as `2026-11`; empty for all time.
        day: The day on which certificates have to be valid, such as the month's last.
    """
    held: dict[InstitutionId, list[Certificate]] = {}
    for each in documents.certificates.certificates:
        held.setdefault(each.institution, []).append(each)
    institutions = documents.institutions.institutions
    passed = _Passed(documents, held, day)
    rows = [_row(figures, profile, passed.by(profile.institution), period) for profile in institutions]
    return (*rows, _total(rows))


_Items = Mapping[tuple[ItemClass, RegionLevel], AbstractSet[ItemCode]]
"""Items by class and level of the region."""


def _row(figures: RecognitionFigures, profile: InstitutionProfile, passed: _Items, period: str) -> LiaoningRow:
    of_all = figures.figures(Dimension.INSTITUTION, profile.institution, period)
    counts = []
    for modality in MODALITIES:
        each = figures.figures(Dimension.INSTITUTION_MODALITY, f"{profile.institution}/{modality}", period)
        counts.append(RecognisedCount(modality, each.recognised, each.saving_fen))
    return LiaoningRow(
        institution=profile.institution,
        zh=profile.zh,
        institution_class=profile.institution_class,
        national_eqa_items=len(passed[ItemClass.LAB, RegionLevel.NATIONAL]),
        provincial_eqa_items=len(passed[ItemClass.LAB, RegionLevel.PROVINCE]),
        imaging_qc_items=len(frozenset[ItemCode]().union(*(passed[ItemClass.IMAGING, level] for level in RegionLevel))),
        recognition_required=profile.recognition_required,
        counts=tuple(counts),
        recognised=of_all.recognised,
        saving_fen=of_all.saving_fen,
        retrievals=of_all.retrievals,
    )


class _Passed:
    """Items for which institutions hold a certificate that is valid on a day."""

    def __init__(self, documents: Terminology, held: Mapping[InstitutionId, Sequence[Certificate]], day: date) -> None:
        self._items, self._regions = documents.catalogue.by_code(), documents.regions.by_code()
        self._held = held
        self._day = day

    def by(self, institution: InstitutionId) -> _Items:
        """Return the items of an institution."""
        found: dict[tuple[ItemClass, RegionLevel], set[ItemCode]] = {
            (cls, level): set() for cls in ItemClass for level in RegionLevel
        }
        for each in self._held.get(institution, ()):
            valid = each.valid_from <= self._day <= each.valid_to and (each.withdrawn is None or self._day < each.withdrawn)
            if valid and each.item in self._items and each.scope in self._regions:
                found[self._items[each.item].item_class, self._regions[each.scope].level].add(each.item)
        return found


def _total(rows: Iterable[LiaoningRow]) -> LiaoningRow:
    listed = list(rows)
    counts = [
        RecognisedCount(
            modality,
            sum(row.counts[at].recognised for row in listed),
            sum(row.counts[at].saving_fen for row in listed),
        )
        for at, modality in enumerate(MODALITIES)
    ]
    return LiaoningRow(
        institution=None,
        zh="合计",
        institution_class=None,
        national_eqa_items=sum(row.national_eqa_items for row in listed),
        provincial_eqa_items=sum(row.provincial_eqa_items for row in listed),
        imaging_qc_items=sum(row.imaging_qc_items for row in listed),
        recognition_required=None,
        counts=tuple(counts),
        recognised=sum(row.recognised for row in listed),
        saving_fen=sum(row.saving_fen for row in listed),
        retrievals=sum(row.retrievals for row in listed),
    )
