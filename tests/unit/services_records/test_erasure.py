"""Erasure: the plaintext, the secret and the header are nowhere any more, the log goes on to verify, crashes are mended."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from ledger.hashing import hash_leaf
from node.bootstrap.maintenance import rotate_kek
from node.domain.entry import EntryType, InstitutionId, RecordId
from node.domain.receipt import Outcome, Receipt
from node.errors import RecordErasedError, SecretUnreadableError, UnknownRecordError
from node.ports.records.secrets import RecordSecret, SecretId
from node.services.disclosure import OpenedRecord
from node.services.records.erasure import ORPHAN_AGE_MS
from node.wire.leaf import parse_leaf
from node.wire.public_entry import open_public_entry, tombstone_target
from tests.unit.services_records.world import CLINIC, HOSPITAL, WAIT_S, World, own_permit, report

pytestmark = pytest.mark.slow

NAME = "欧阳震华"


def opened(world: World, receipt: Receipt) -> OpenedRecord:
    record = world.running.node.reader.record(receipt.record_id)
    assert record is not None
    entry = record.entries[receipt.version - 1]
    return world.running.node.evidence._disclosure.open(entry, own_permit(entry))


def sealed_bytes(world: World, receipt: Receipt) -> list[bytes]:
    """Return header and body as they are stored."""
    at = "WHERE origin = ? AND leaf_index = ?"
    values = receipt.origin, receipt.leaf_index
    found = [*world.rows(f"SELECT header FROM headers {at}", *values), *world.rows(f"SELECT body FROM bodies {at}", *values)]  # noqa: S608 - constant
    return [row[0] for row in found]


def secret_rows(world: World) -> int:
    return int(world.rows("SELECT count(*) FROM record_secrets", database="secrets.db")[0][0])


def test_nothing_of_an_erased_record_is_left_in_any_file(world: World) -> None:
    first, second = (world.receipt(report(value=f"{NAME} {n}", patient="440100199001011234")) for n in range(2))
    kept = world.receipt(report("F-8", value="kept"))
    world.wait_logged(kept)
    secrets = [opened(world, one).secret for one in (first, second)]
    wrapped = [row[0] for row in world.rows("SELECT wrapped FROM record_secrets", database="secrets.db")]
    sealed = [piece for one in (first, second) for piece in sealed_bytes(world, one)]
    assert len(sealed) == 4
    before = world.file_bytes()
    assert all(piece[40:300] in before for piece in sealed), "the search has to be able to find them"

    world.running.node.erasure.erase(HOSPITAL, first.record_id)

    after = world.file_bytes()
    assert not any(piece[at : at + 64] in after for piece in sealed for at in range(40, len(piece) - 64, 64))
    left = [row[0] for row in world.rows("SELECT wrapped FROM record_secrets", database="secrets.db")]
    gone = [one for one in wrapped if one not in left]
    assert (len(left), len(gone)) == (1, 2)
    assert not any(one in after for one in [*secrets, *gone])
    assert all(one in before for one in gone)
    assert NAME.encode() not in before + after
    assert b"440100199001011234" not in before + after
    assert opened(world, kept).parts


def test_the_log_goes_on_to_verify_with_a_tombstone_for_each_version(world: World) -> None:
    receipts = [world.receipt(report(value=value)) for value in "ab"]
    erasure = world.running.node.erasure.erase(HOSPITAL, receipts[0].record_id)
    last = world.receipt(report("F-8"))
    world.wait_logged(last)
    leaves = world.leaves()
    assert [hash_leaf(leaves[one.leaf_index or 0]) for one in receipts] == [one.leaf_hash for one in receipts]
    assert (erasure.versions, erasure.tombstones) == (2, (2, 3))
    slots = dict(world.running.node.reader.headers(world.origin(), 0, 10))
    assert (slots[0], slots[1]) == (None, None)
    for index, receipt in zip(erasure.tombstones, receipts, strict=True):
        assert parse_leaf(leaves[index]).entry_type is EntryType.ADMINISTRATIVE
        target = tombstone_target(open_public_entry(leaves[index], slots[index] or b"", world.origin()))
        assert (target.origin, target.leaf_hash) == (receipt.origin, receipt.leaf_hash)


def test_what_is_erased_cannot_be_opened_or_erased_again(world: World) -> None:
    receipt = world.receipt(report())
    world.wait_logged(receipt)
    erase, export = world.running.node.erasure.erase, world.running.node.evidence.export
    erase(HOSPITAL, receipt.record_id)
    with pytest.raises(RecordErasedError):
        export(HOSPITAL, receipt.record_id, version=None, parts=None)
    with pytest.raises(RecordErasedError):
        erase(HOSPITAL, receipt.record_id)


@pytest.mark.parametrize("institution", [CLINIC, InstitutionId("nobody")])
def test_nobody_erases_another_institutions_record(world: World, institution: InstitutionId) -> None:
    receipt = world.receipt(report())
    with pytest.raises(UnknownRecordError):
        world.running.node.erasure.erase(institution, receipt.record_id)
    assert opened(world, receipt).parts
    with pytest.raises(UnknownRecordError):
        world.running.node.erasure.erase(HOSPITAL, RecordId("none"))


class PowerCutError(Exception):
    pass


@pytest.mark.parametrize("step", ["secrets", "scrub", "names"])
def test_a_crash_between_the_steps_is_finished_at_the_next_start(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    receipt = world.receipt(report(value=NAME))
    secret_id = world.rows("SELECT secret_id FROM entries")[0][0]
    pieces = sealed_bytes(world, receipt)
    erasure = world.running.node.erasure

    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        if step == "secrets":
            patch.setattr(erasure._secrets, "destroy", cut)
        elif step == "scrub":
            patch.setattr(erasure._writer, "scrub", cut)
        else:
            patch.setattr("node.adapters.database.records.transaction.SqlRecordsTransaction.forget_secret_ids", cut)
        with pytest.raises(PowerCutError):
            erasure.erase(HOSPITAL, receipt.record_id)
    assert world.rows("SELECT secret_id FROM entries WHERE record_id = ?", receipt.record_id) == [(secret_id,)]
    assert secret_rows(world) == (1 if step == "secrets" else 0)
    with pytest.raises(RecordErasedError):
        erasure.erase(HOSPITAL, receipt.record_id)

    world.restart()
    assert secret_rows(world) == 0
    assert world.rows("SELECT secret_id FROM entries WHERE record_id = ?", receipt.record_id) == [(None,)]
    assert not any(piece[40:200] in world.file_bytes() for piece in pieces)
    assert world.receipt(report(value=NAME)).outcome is Outcome.ERASED


def test_a_crash_before_the_first_step_is_committed_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = world.receipt(report())

    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr("node.adapters.database.records.transaction.SqlRecordsTransaction.insert_headers", cut)
        with pytest.raises(PowerCutError):
            world.running.node.erasure.erase(HOSPITAL, receipt.record_id)
    world.restart()
    assert opened(world, receipt).parts
    world.wait_logged(world.receipt(report("F-8")))
    assert len(world.leaves()) == 2


def wait_for_the_first_sweep() -> None:
    """Wait for what every start begins beside the work: it would take a test's orphan."""
    for thread in threading.enumerate():
        if thread.name == "sweeper":
            thread.join(WAIT_S)
            assert not thread.is_alive()


def orphan(world: World) -> SecretId:
    secret_id = SecretId(b"\x07" * 16)
    world.running.node.erasure._secrets.put_many({secret_id: RecordSecret(b"\x08" * 32)})
    return secret_id


def test_the_sweep_takes_orphans_when_they_are_old_enough_and_nothing_else(world: World) -> None:
    wait_for_the_first_sweep()
    receipt = world.receipt(report())
    orphan(world)
    assert world.running.node.erasure.sweep() == 0
    assert secret_rows(world) == 2
    world.clock.advance(seconds=ORPHAN_AGE_MS / 1000 + 1)
    assert world.running.node.erasure.sweep() == 1
    assert secret_rows(world) == 1
    assert opened(world, receipt).parts
    assert world.running.node.erasure.sweep() == 0


def test_a_clock_that_was_set_back_costs_no_secret(world: World) -> None:
    wait_for_the_first_sweep()
    world.receipt(report("F-1"))
    world.clock.advance(hours=2)
    world.running.node.erasure.sweep()
    original = world.running.node.erasure._secrets.put_many

    def put_then_set_back(secrets: dict[SecretId, RecordSecret]) -> None:
        original(secrets)
        world.clock.advance(hours=-48)

    handler = world.running.node.ingest._handler
    handler.keep_secrets = lambda drafted: put_then_set_back({one.secret_id: one.secret for one in drafted})  # type: ignore[attr-defined]
    receipt = world.receipt(report("F-2"))
    world.clock.advance(hours=96)
    assert world.running.node.erasure.sweep() == 0
    assert opened(world, receipt).parts


def test_resubmissions_and_amendments_leave_no_orphans(world: World) -> None:
    for value in ("a", "a", "b", "a", "b"):
        world.receipt(report(value=value))
    assert secret_rows(world) == 2


def test_rotating_the_key_keeps_records_and_makes_old_backups_unreadable(world: World) -> None:
    kept, erased = world.receipt(report("F-1", value="kept")), world.receipt(report("F-2"))
    world.wait_logged(erased)
    world.stop()
    backup = (world.directory / "secrets.db").read_bytes()
    world.start()
    world.running.node.erasure.erase(HOSPITAL, erased.record_id)
    old_key = (world.directory / "keys" / "kek" / "1.key").read_bytes()
    world.stop()

    done = rotate_kek(world.settings)
    assert (done.kek_id, done.rewrapped, done.destroyed) == ("2", 1, 1)
    assert [path.name for path in (world.directory / "keys" / "kek").iterdir()] == ["2.key"]
    assert old_key.strip() not in b"".join(path.read_bytes() for path in (world.directory / "keys").rglob("*") if path.is_file())

    world.start()
    assert opened(world, kept).parts
    assert world.receipt(report("F-3")).outcome is Outcome.NEW
    world.stop()
    (world.directory / "secrets.db").write_bytes(backup)
    world.start()
    with pytest.raises(SecretUnreadableError, match="key 1 is not"):
        opened(world, kept)


def test_an_altered_secret_is_named_not_used(world: World) -> None:
    receipt = world.receipt(report())
    with sqlite3.connect(world.directory / "secrets.db") as connection:
        connection.execute("UPDATE record_secrets SET wrapped = zeroblob(60)")
    connection.close()
    with pytest.raises(SecretUnreadableError, match="altered"):
        opened(world, receipt)
