"""What a submission becomes: new, same, amended, withdrawn, erased, refused (FORMATS "Record": identity, sameness, version)."""

from __future__ import annotations

import pytest

from node.domain.entry import EntryType, Level
from node.domain.receipt import Outcome, Receipt
from node.errors import DocumentRefusedError, VersionConflictError
from node.wire.leaf import parse_leaf
from node.wire.manifest import Manifest, parse_manifest
from tests.unit.fhir_split.documents import Json, bundle
from tests.unit.services_records.world import CLINIC, HOSPITAL, World, own_permit, report

pytestmark = pytest.mark.slow


def manifest_of(world: World, receipt: Receipt) -> Manifest:
    """Read a receipt's manifest out of its evidence."""
    world.wait_logged(receipt)
    disclosure = world.running.node.evidence
    record = world.running.node.reader.record(receipt.record_id)
    assert record is not None
    (entry,) = [one for one in record.entries if one.version == receipt.version]
    return parse_manifest(disclosure._disclosure.open(entry, own_permit(entry)).parts[0].content)


def versioned_report(version: object, value: str = "a") -> Json:
    return report(value=value, meta={"versionId": str(version)})


def test_the_same_content_returns_the_first_receipt(world: World) -> None:
    first, again = world.receipt(report()), world.receipt(report())
    assert first.outcome is Outcome.NEW
    assert again.outcome is Outcome.SAME
    assert (again.record_id, again.leaf_index, again.leaf_hash, again.commitment) == (
        first.record_id,
        first.leaf_index,
        first.leaf_hash,
        first.commitment,
    )
    world.wait_logged(first)
    assert len(world.leaves()) == 1


def test_a_restart_forgets_nothing(world: World) -> None:
    first = world.receipt(report())
    world.wait_logged(first)
    world.restart()
    again = world.receipt(report())
    assert (again.outcome, again.leaf_hash, again.level) == (Outcome.SAME, first.leaf_hash, Level.LOGGED)


def test_an_address_is_no_new_version_of_a_result(world: World) -> None:
    first = world.receipt(report())
    moved = report()
    moved["entry"][1]["resource"]["address"] = [{"city": "广州"}]
    assert world.receipt(moved).leaf_hash == first.leaf_hash


def test_other_content_becomes_the_next_version(world: World) -> None:
    first = world.receipt(report(value="a"))
    second = world.receipt(report(value="b"))
    third = world.receipt(report(value="c", status="corrected"))
    assert [one.outcome for one in (first, second, third)] == [Outcome.NEW, Outcome.AMENDED, Outcome.AMENDED]
    assert [one.version for one in (first, second, third)] == [1, 2, 3]
    assert [one.entry_type for one in (first, second, third)] == [EntryType.RECORD, EntryType.AMENDMENT, EntryType.AMENDMENT]
    assert len({first.record_id, second.record_id, third.record_id}) == 1
    assert third.status == "corrected"
    for below, above in ((first, second), (second, third)):
        supersedes = manifest_of(world, above).supersedes
        assert supersedes is not None
        assert (supersedes.origin, supersedes.leaf_hash) == (below.origin, below.leaf_hash)
    assert manifest_of(world, first).supersedes is None


def test_content_that_came_before_returns_its_own_receipt_even_after_amendments(world: World) -> None:
    first = world.receipt(report(value="a"))
    world.receipt(report(value="b"))
    assert world.receipt(report(value="a")).leaf_hash == first.leaf_hash


@pytest.mark.parametrize("status", ["registered", "partial", "preliminary", "final", "amended", "corrected", "appended"])
def test_a_status_is_kept_and_logged(world: World, status: str) -> None:
    receipt = world.receipt(report(status=status))
    assert (receipt.outcome, receipt.status, receipt.entry_type) == (Outcome.NEW, status, EntryType.RECORD)
    assert manifest_of(world, receipt).status == status


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_status_that_takes_back_withdraws(world: World, status: str) -> None:
    first = world.receipt(report())
    withdrawal = world.receipt(report(status=status))
    assert (withdrawal.outcome, withdrawal.entry_type, withdrawal.version) == (Outcome.WITHDRAWN, EntryType.WITHDRAWAL, 2)
    assert withdrawal.record_id == first.record_id
    world.wait_logged(withdrawal)
    leaf = parse_leaf(world.leaves()[withdrawal.leaf_index or 0])
    assert leaf.entry_type is EntryType.WITHDRAWAL
    assert leaf.claimed_time_ms % 60_000 == 0


def test_a_withdrawal_of_what_never_came_is_one_all_the_same(world: World) -> None:
    receipt = world.receipt(report(status="entered-in-error"))
    assert (receipt.outcome, receipt.version, receipt.entry_type) == (Outcome.WITHDRAWN, 1, EntryType.WITHDRAWAL)


def test_what_was_issued_earlier_and_arrives_later_is_kept_and_flagged(world: World) -> None:
    newer = world.receipt(report(value="newer", issued="2026-03-02T09:00:00+08:00"))
    older = world.receipt(report(value="older", issued="2026-03-01T09:00:00+08:00"))
    later = world.receipt(report(value="later", issued="2026-03-03T09:00:00+08:00"))
    assert [one.out_of_order for one in (newer, older, later)] == [False, True, False]
    assert [one.version for one in (newer, older, later)] == [1, 2, 3]


def test_explicit_versions_may_come_in_any_order(versioned: World) -> None:
    third, first, second = (versioned.receipt(versioned_report(n, f"v{n}")) for n in (3, 1, 2))
    assert [one.version for one in (third, first, second)] == [3, 1, 2]
    assert [one.out_of_order for one in (third, first, second)] == [False, True, True]
    supersedes = manifest_of(versioned, second).supersedes
    assert supersedes is not None
    assert supersedes.leaf_hash == first.leaf_hash
    record = versioned.running.node.reader.record(first.record_id)
    assert record is not None
    assert [entry.version for entry in record.entries] == [1, 2, 3]


def test_only_an_explicit_version_can_conflict(versioned: World) -> None:
    first = versioned.receipt(versioned_report(1, "a"))
    assert versioned.receipt(versioned_report(1, "a")).leaf_hash == first.leaf_hash
    with pytest.raises(VersionConflictError) as refused:
        versioned.receipt(versioned_report(1, "b"))
    assert (refused.value.record_id, refused.value.version) == (first.record_id, 1)
    assert versioned.receipt(report(value="c")).version == 2, "without one it is the next version"


def test_the_same_content_under_two_explicit_versions_is_two_versions(versioned: World) -> None:
    first, second = (versioned.receipt(versioned_report(n, "a")) for n in (1, 2))
    assert (first.version, second.version) == (1, 2)
    assert second.outcome is Outcome.AMENDED


def test_an_erased_record_is_recognised_by_its_identity(world: World) -> None:
    first = world.receipt(report(value="a"))
    world.running.node.erasure.erase(HOSPITAL, first.record_id)
    for value in ("a", "b"):
        again = world.receipt(report(value=value))
        assert (again.outcome, again.record_id) == (Outcome.ERASED, first.record_id)
        assert (again.leaf_index, again.leaf_hash, again.commitment, again.level) == (None, None, None, None)
    world.restart()
    assert world.receipt(report(value="a")).outcome is Outcome.ERASED


def two_reports(first: Json, second: Json) -> Json:
    reports = [one["entry"][0]["resource"] for one in (first, second)]
    return bundle([{**reports[0], "id": "r1"}, {**reports[1], "id": "r2"}, first["entry"][1]["resource"]])


def test_one_document_may_name_a_record_twice_with_the_same_content(world: World) -> None:
    for value in ("a", "b"):
        document = report(value=value)
        document["entry"].append(document["entry"][0])
        first, second = world.submit(document).receipts
        assert second.outcome is Outcome.SAME
        assert (first.leaf_index, first.leaf_hash, first.version) == (second.leaf_index, second.leaf_hash, second.version)
    assert world.rows("SELECT count(*) FROM entries") == [(2,)]


def test_one_document_may_not_hold_two_contents_of_a_record(world: World) -> None:
    with pytest.raises(DocumentRefusedError) as refused:
        world.submit(two_reports(report(value="a"), report(value="b")))
    assert [one.path for one in refused.value.refusals] == ["Bundle.entry[1].resource"]
    assert world.rows("SELECT count(*) FROM entries") == [(0,)]


def test_a_document_is_staged_whole_or_not_at_all(versioned: World) -> None:
    versioned.receipt(versioned_report(1, "a"))
    document = two_reports(report("F-8", meta={"versionId": "1"}), versioned_report(1, "b"))
    with pytest.raises(VersionConflictError):
        versioned.submit(document)
    assert versioned.rows("SELECT count(*) FROM entries") == [(1,)]


def test_a_number_of_one_institution_is_nothing_to_another(world: World) -> None:
    here, there = world.receipt(report()), world.receipt(report(), CLINIC)
    assert (here.outcome, there.outcome) == (Outcome.NEW, Outcome.NEW)
    assert here.record_id != there.record_id
    assert here.origin != there.origin
    world.running.node.erasure.erase(HOSPITAL, here.record_id)
    assert world.receipt(report(), CLINIC).outcome is Outcome.SAME
