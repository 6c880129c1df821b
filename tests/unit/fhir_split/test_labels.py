"""The label file, and the labels that a draft gets."""

from __future__ import annotations

import json

import pytest

from node.domain.entry import InstitutionId
from node.domain.kind import DocumentLimits, IdentityRules
from node.errors import MalformedKindError, UnknownFormatError
from node.wire.fhir.documents import split_document
from node.wire.kinds import load_kinds
from node.wire.labels import load_labels, parse_labels
from tests.unit.fhir_split.documents import PATIENT, REPORT, Json, bundle

RULES = IdentityRules(InstitutionId("hospital-a"))
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"


def labels_of(*security: object) -> tuple[str, ...]:
    report: Json = {**REPORT, "meta": {"security": list(security)}, "result": []}
    split = split_document(json.dumps(bundle([report, PATIENT])).encode(), load_kinds(), DocumentLimits(), RULES)
    return split.drafts[0].labels


def coding(code: str, system: str = ACT_CODE) -> dict[str, str]:
    return {"system": system, "code": code}


@pytest.mark.parametrize("code", ["HIV", "PSY", "ETH", "SEX", "GDIS"])
def test_sensitivity_codes_are_labels(code: str) -> None:
    assert labels_of(coding(code)) == (code,)


def test_restricted_is_a_label_and_normal_is_none() -> None:
    assert labels_of(coding("R", CONFIDENTIALITY), coding("V", CONFIDENTIALITY)) == ("R", "V")
    assert labels_of(coding("N", CONFIDENTIALITY), coding("L", CONFIDENTIALITY)) == ()


def test_narrower_codes_have_the_label_of_the_wider_one() -> None:
    assert labels_of(coding("ETHUD"), coding("SUD"), coding("HIV")) == ("ETH", "HIV")


def test_codes_of_other_systems_and_shapes_that_no_coding_has_are_passed_over() -> None:
    assert labels_of(coding("HIV", "urn:other"), {"code": 7}, "HIV", {"system": [], "code": "HIV"}) == ()


def test_the_packaged_file_reads() -> None:
    assert load_labels().label("urn:oid:2.16.840.1.113883.5.4", "HIV") == "HIV"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"version = 2\nsystems = []", UnknownFormatError),
        (b"version = 1", MalformedKindError),
        (b"version = 1\nsystems = []\nmore = 1", MalformedKindError),
        (b'version = 1\n[[systems]]\nnames = ["a"]\n[systems.codes]\nX = ["1"]\nY = ["1"]', MalformedKindError),
        (b"\xff", MalformedKindError),
    ],
)
def test_another_file_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_labels("labels.toml", data)
