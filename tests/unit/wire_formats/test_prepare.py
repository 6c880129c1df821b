from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from ledger.hashing import hash_leaf
from node.domain.entry import EntryType, LeafReference
from node.domain.patient import LocatorTag
from node.domain.record import Part
from node.wire.commitment import open_body
from node.wire.header.seal import HeaderPlace, header_digest, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.manifest import parse_manifest
from node.wire.prepare import Assignment, finish_record, sameness, unix_ms
from tests.unit.wire_formats.samples import (
    AMENDMENT,
    FIRST,
    NOW_MS,
    OBSERVATION,
    ORIGIN,
    OTHER_ORIGIN,
    PARTS,
    PATIENT,
    PERFORMER,
    REPORT,
    SECRET,
    draft,
    prepared,
)

TAG, KEY = LocatorTag(b"t" * 32), b"k" * 32


@pytest.mark.parametrize("assignment", [FIRST, AMENDMENT, AMENDMENT._replace(entry_type=EntryType.WITHDRAWAL)])
def test_manifest_header_and_leaf_say_the_same(assignment: Assignment) -> None:
    record = prepared(assignment=assignment)
    entry = finish_record(record, origin=ORIGIN, tag=TAG, reader_key=KEY, reader_key_id=bytes(8))
    leaf, manifest = parse_leaf(entry.leaf), parse_manifest(record.manifest)
    header = open_header_reader(entry.header, HeaderPlace(ORIGIN, assignment.entry_type, TAG), KEY).record
    assert leaf.commitment == record.commitment
    assert leaf.header_digest == header_digest(entry.header)
    assert leaf.tag == TAG
    assert leaf.entry_type is manifest.entry_type is assignment.entry_type
    assert entry.leaf_hash == hash_leaf(entry.leaf)
    assert manifest.origin == ORIGIN
    assert manifest.identity == record.identity
    assert manifest.kind == header.kind == record.kind
    assert (manifest.version, header.version) == (assignment.version, assignment.version)
    assert (manifest.supersedes, header.supersedes) == (assignment.supersedes, assignment.supersedes)
    assert [part.length_bytes for part in manifest.parts] == [len(part.content) for part in PARTS]
    assert manifest.performed_at_ms == header.performed_at_ms == 1_767_323_045_678


def test_parts_are_kept_byte_for_byte() -> None:
    record = prepared()
    body = open_body(SECRET, record.sealed_body, record.commitment)
    assert [part.content for part in body.parts[1:]] == [part.content for part in PARTS]
    assert body.parts[3].content.count(b"13.50") == 1


def test_a_withdrawal_claims_the_minute() -> None:
    assert prepared().claimed_time_ms == NOW_MS
    withdrawal = prepared(assignment=AMENDMENT._replace(entry_type=EntryType.WITHDRAWAL))
    assert withdrawal.claimed_time_ms == NOW_MS - NOW_MS % 60_000


def test_a_record_is_finished_for_its_own_log_only() -> None:
    with pytest.raises(ValueError, match="prepared for log"):
        finish_record(prepared(), origin=OTHER_ORIGIN, tag=TAG, reader_key=KEY, reader_key_id=bytes(8))


def test_a_prepared_record_crosses_processes_without_the_secret() -> None:
    record = prepared()
    data = pickle.dumps(record)
    assert pickle.loads(data) == record  # noqa: S301 - its own bytes
    assert SECRET not in data


def test_the_same_input_makes_the_same_commitment_and_another_seal() -> None:
    one, other = prepared(), prepared()
    assert one.commitment == other.commitment
    assert one.sealed_body != other.sealed_body
    assert one.header.data_key != other.header.data_key


def test_a_lifted_or_amended_record_has_another_commitment() -> None:
    assert prepared().commitment != prepared(assignment=AMENDMENT).commitment


# Sameness


def test_order_and_persons_do_not_matter() -> None:
    same = sameness(PARTS)
    assert sameness(PARTS[::-1]) == same
    assert sameness((REPORT, OBSERVATION)) == same
    assert sameness((PATIENT._replace(content=b"moved"), PERFORMER._replace(content=b"renamed"), *PARTS[1:3])) == same


@pytest.mark.parametrize(
    "parts",
    [
        (REPORT,),
        (REPORT, OBSERVATION, OBSERVATION),
        (REPORT, OBSERVATION._replace(content=OBSERVATION.content.replace(b"13.50", b"13.5"))),
        (REPORT, OBSERVATION._replace(role="specimen")),
        (REPORT, OBSERVATION._replace(media_type="application/json")),
        (REPORT._replace(full_url=OBSERVATION.full_url), OBSERVATION._replace(full_url=REPORT.full_url)),
    ],
)
def test_other_content_is_another_version(parts: tuple[Part, ...]) -> None:
    assert sameness(parts) != sameness(PARTS)


def test_times_are_exact_and_rounded_down() -> None:
    assert unix_ms(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert unix_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
    assert unix_ms(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == 253_402_300_799_999
    assert unix_ms(datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))) == 1_767_225_600_000


def test_a_draft_without_patient_part_can_be_prepared() -> None:
    record = prepared(draft(parts=(REPORT,))._replace(patient_part=None))
    assert parse_manifest(record.manifest).patient_part is None


def test_what_it_supersedes_is_named_by_hash() -> None:
    manifest = parse_manifest(prepared(assignment=AMENDMENT).manifest)
    assert manifest.supersedes == LeafReference(ORIGIN, bytes(32))
