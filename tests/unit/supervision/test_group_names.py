"""What groups of figures are called, by the documents that hold."""

from __future__ import annotations

import pytest

from node.domain.recognition import ClassCode
from node.supervision.group_names import GroupNames
from node.supervision.tallies import Dimension, Group
from node.terminology.bundle import Terminology
from node.wire.catalogue.documents import PACKAGED_CATALOGUE, PACKAGED_MAPS, load_terminology


@pytest.fixture(scope="module")
def documents() -> Terminology:
    return load_terminology(path.read_bytes() for folder in (PACKAGED_CATALOGUE, PACKAGED_MAPS) for path in folder.glob("*.json"))


@pytest.fixture(scope="module")
def names(documents: Terminology) -> GroupNames:
    return GroupNames(documents)


@pytest.mark.parametrize(
    ("dimension", "value", "name"),
    [
        (Dimension.INSTITUTION, "hospital-b", ("第二人民医院", "Second People's Hospital")),
        (Dimension.CLASS, "3A", ("三级甲等", "Tertiary, grade A")),
        (Dimension.ITEM, "LAB-ALT", ("丙氨酸氨基转移酶", "Alanine aminotransferase")),
        (Dimension.REASON, "6/patient-request", ("患者或家属要求复查", "The patient or the family asks for it")),
        (Dimension.INSTITUTION_MODALITY, "hospital-b/CT", ("第二人民医院/CT", "Second People's Hospital/CT")),
        (Dimension.CAMPUS, "hospital-b/", ("第二人民医院/-", "Second People's Hospital/-")),
    ],
)
def test_a_group_is_called_as_the_documents_call_it(
    names: GroupNames, dimension: Dimension, value: str, name: tuple[str, str]
) -> None:
    assert names.of(Group(dimension, value, "")) == name


def test_a_campus_has_its_own_name(names: GroupNames, documents: Terminology) -> None:
    profile = next(each for each in documents.institutions.institutions if each.campuses)
    campus = profile.campuses[0]
    group = Group(Dimension.CAMPUS, f"{profile.institution}/{campus.code}", "")
    assert names.of(group) == (f"{profile.zh}/{campus.zh}", f"{profile.en}/{campus.en}")


@pytest.mark.parametrize(
    ("dimension", "value"),
    [
        (Dimension.ALL, ""),
        (Dimension.MODALITY, "CT"),
        (Dimension.REASON, "4"),
        (Dimension.ITEM, "hospital-b"),
        (Dimension.CAMPUS, "nobody/x"),
    ],
)
def test_what_no_document_names_has_no_name(names: GroupNames, dimension: Dimension, value: str) -> None:
    assert names.of(Group(dimension, value, "")) is None


def test_an_unknown_class_has_no_name(names: GroupNames) -> None:
    assert names.of_class(ClassCode("9Z")) is None
