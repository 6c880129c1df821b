"""Devices and reagent lots of a record, for its header."""

from __future__ import annotations

import pytest

from node.domain.record import RecordDraft
from node.errors import MalformedKindError
from node.wire.kinds import PACKAGED_KINDS, parse_kinds
from tests.unit.fhir_split.documents import Json, bundle, panel, split


def draft(*devices: Json, observed: str = "Device/d0") -> RecordDraft:
    resources = panel()
    for resource in resources:
        if resource["resourceType"] == "Observation":
            resource["device"] = {"reference": observed}
    (record,) = split(bundle([*resources, *devices])).drafts
    return record


def device(number: int, **fields: object) -> Json:
    return {"resourceType": "Device", "id": f"d{number}", **fields}


def test_a_record_without_devices_names_none() -> None:
    (record,) = split(bundle(panel())).drafts
    assert (record.devices, record.lots) == ((), ())


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"identifier": [{"value": "AU-5800 #3"}], "serialNumber": "S1"}, "AU-5800 #3"),
        ({"udiCarrier": [{"deviceIdentifier": "00844588003288"}], "serialNumber": "S1"}, "00844588003288"),
        ({"serialNumber": "S1"}, "S1"),
        ({"serialNumber": " S\n 1\t"}, "S 1"),
        ({"serialNumber": 7}, None),
        ({}, None),
    ],
)
def test_a_device_is_named_once_by_the_first_name_that_it_has(fields: Json, named: str | None) -> None:
    assert draft(device(0, **fields)).devices == (() if named is None else (named,))


def test_a_kit_brings_its_lot_and_the_analyser_that_it_ran_on() -> None:
    kit = device(0, lotNumber="L2231", parent={"reference": "Device/d1"})
    record = draft(kit, device(1, serialNumber="S1"))
    assert (record.devices, record.lots) == (("S1",), ("L2231",))
    assert [part.role for part in record.parts].count("device") == 2


def test_a_device_that_nothing_of_the_record_names_is_not_in_it() -> None:
    record = draft(device(0, lotNumber="L1"), device(1, lotNumber="L2"))
    assert record.lots == ("L1",)


def test_a_contained_device_counts() -> None:
    resources = panel()
    resources[1] |= {"contained": [{"resourceType": "Device", "id": "k", "lotNumber": "L9"}], "device": {"reference": "#k"}}
    (record,) = split(bundle(resources)).drafts
    assert record.lots == ("L9",)


def test_a_rule_for_devices_follows_no_references() -> None:
    text = (PACKAGED_KINDS / "exam-result.toml").read_text()
    with pytest.raises(MalformedKindError, match="follows a reference"):
        parse_kinds({"x.toml": text.replace('lot = ["lotNumber"]', 'lot = ["parent->lotNumber"]').encode()})
