"""What the groups of figures are called: institutions, campuses, classes, items and sub-reasons, by the documents that hold.

Left out: what has no name in a document, which is everything, modalities and the six national reasons; texts say those.
"""

from __future__ import annotations

from typing import NamedTuple

from node.domain.recognition import ClassCode
from node.supervision.tallies import Dimension, Group
from node.terminology.bundle import Terminology


class GroupName(NamedTuple):
    """A name in both languages."""

    zh: str
    """Chinese."""
    en: str
    """English."""


class GroupNames:
    """The names of one version of the documents."""

    def __init__(self, documents: Terminology) -> None:
        """Take the documents."""
        profiles = documents.institutions.institutions
        self._institutions = {str(each.institution): GroupName(each.zh, each.en) for each in profiles}
        self._classes = {str(each.code): GroupName(each.zh, each.en) for each in documents.regions.classes}
        items = {str(each.code): GroupName(each.zh, each.en) for each in documents.catalogue.items}
        campuses = {
            f"{each.institution}/{campus.code}": GroupName(campus.zh, campus.en) for each in profiles for campus in each.campuses
        }
        # regions that share a code mean the same by it, as far as a report over several of them can tell
        sub_reasons = {
            f"{each.reason.value}/{each.code}": GroupName(each.zh, each.en)
            for region in reversed(documents.regions.regions)
            for each in (() if region.rules is None else region.rules.sub_reasons)
        }
        self._others = {Dimension.CLASS: self._classes, Dimension.ITEM: items, Dimension.REASON: sub_reasons}
        self._campuses = campuses

    def of(self, group: Group) -> GroupName | None:
        """Return what a group is called; None where no document says."""
        institution, slash, rest = group.value.partition("/")
        match group.dimension:
            case Dimension.INSTITUTION:
                return self._institutions.get(group.value)
            case Dimension.CAMPUS | Dimension.INSTITUTION_MODALITY:
                whose, where = self._institutions.get(institution), self._campuses.get(group.value)
                if whose is None or not slash:
                    return whose
                told = GroupName(rest or "-", rest or "-") if where is None else where
                return GroupName(f"{whose.zh}/{told.zh}", f"{whose.en}/{told.en}")
            case dimension:
                return self._others.get(dimension, {}).get(group.value)

    def of_class(self, code: ClassCode) -> GroupName | None:
        """Return what a class of institutions is called."""
        return self._classes.get(str(code))
