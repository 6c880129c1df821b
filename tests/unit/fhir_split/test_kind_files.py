from __future__ import annotations

import pickle

import pytest

from node.errors import MalformedKindError, UnknownFormatError
from node.wire.kinds import PACKAGED_KINDS, load_kinds, parse_kinds

REFERRAL = (PACKAGED_KINDS / "referral.toml").read_text()


def test_the_package_brings_three_kinds() -> None:
    table = load_kinds()
    assert table.kinds == {"exam-result", "referral", "prescription"}
    assert {name: focal.kind for name, focal in table.focal_types.items()} == {
        "DiagnosticReport": "exam-result",
        "ImagingStudy": "exam-result",
        "ServiceRequest": "referral",
        "MedicationRequest": "prescription",
    }


def test_kinds_travel_to_worker_processes() -> None:
    table = load_kinds()
    assert pickle.loads(pickle.dumps(table)) == table  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "referral"', 'kind = "referral"\nsurprise = 1'),
        ('role = "request"', "role = 3"),
        ('role = "request"', ""),
        ('"authoredOn", "occurrenceDateTime"', '"authored On"'),
        ('"authoredOn", "occurrenceDateTime"', '"->authoredOn"'),
        ('coding = "code.coding"', 'coding = "encounter->code"'),
        ('issued = ["authoredOn"]', 'issued = ["authoredOn"'),
        ('"revoked", ', '"revoked", "active", '),
        ('performed = ["authoredOn", "occurrenceDateTime", "occurrencePeriod.start", "occurrenceTiming.event"]', "performed = []"),
        ('requester = "requester"', '"requester->x" = "requester"'),
    ],
)
def test_a_kind_file_that_says_anything_unknown_is_refused(old: str, new: str) -> None:
    assert old in REFERRAL
    with pytest.raises(MalformedKindError) as caught:
        parse_kinds({"x.toml": REFERRAL.replace(old, new).encode()})
    assert caught.value.file == "x.toml"


def test_an_unknown_version_is_refused_by_name() -> None:
    with pytest.raises(UnknownFormatError, match=r"kind file version in x\.toml"):
        parse_kinds({"x.toml": REFERRAL.replace("version = 1", "version = 2").encode()})


def test_two_kinds_do_not_share_a_resource_type() -> None:
    with pytest.raises(MalformedKindError, match="ServiceRequest"):
        parse_kinds({"a.toml": REFERRAL.encode(), "b.toml": REFERRAL.encode()})


def test_bytes_that_are_no_text_are_no_kind_file() -> None:
    with pytest.raises(MalformedKindError):
        parse_kinds({"x.toml": b"\xff"})
