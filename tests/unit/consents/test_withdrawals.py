"""A patient withdraws: what must be kept is locked, the rest is erased, each when its time has come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from node.adapters.database.custody.withdrawals import SqlWithdrawalStore
from node.adapters.database.schema import RECORDS, open_database
from node.domain.consent_state import ConsentStanding
from node.domain.retention import Care
from node.errors import (
    RecordErasedError,
    RecordLockedError,
    SettingsError,
    UnknownPatientError,
)
from node.wire.retention import load_retention
from tests.unit.consents.served import EVIDENCE, NUMBER, Node
from tests.unit.services_records.world import CLINIC, HOSPITAL, report

pytestmark = pytest.mark.slow


def test_a_withdrawal_locks_what_must_be_kept_revokes_and_erases_when_the_time_has_come(node: Node) -> None:
    world, readers = node.world, open_database(node.world.directory, RECORDS, writer=False)
    store, withdrawal = SqlWithdrawalStore(readers), world.running.node.withdrawal
    assert withdrawal is not None
    consent = node.asserted().kept.presented.consent
    record, other = world.receipt(report()), world.receipt(report("F-8", patient="00043"))
    ((patient,),) = world.rows("select patient from consents")
    assert not store.is_withdrawn(HOSPITAL, patient)
    with pytest.raises(UnknownPatientError):
        withdrawal.withdraw(CLINIC, NUMBER, Care.OUTPATIENT, EVIDENCE)
    done = withdrawal.withdraw(HOSPITAL, NUMBER, Care.OUTPATIENT, EVIDENCE)
    assert store.is_withdrawn(HOSPITAL, patient)
    assert (done.revoked, done.erased, set(done.locked)) == ((consent,), (), {record.record_id})
    assert store.locked([record.record_id, other.record_id]) == done.locked
    world.wait_logged(record)
    with pytest.raises(RecordLockedError):
        world.running.node.evidence.export(HOSPITAL, record.record_id, version=None, parts=None)
    kept_until = datetime.fromtimestamp(done.locked[record.record_id] / 1000, UTC)
    assert kept_until.year == world.clock.now().year + 15
    assert node.standing(consent) is ConsentStanding.REVOKED
    longer = withdrawal.withdraw(HOSPITAL, NUMBER, Care.INPATIENT, EVIDENCE)
    assert longer.revoked == ()
    assert store.locked([record.record_id]) == longer.locked
    world.clock.time = kept_until.replace(year=kept_until.year + 15, month=12)
    withdrawal.sweep()
    with pytest.raises(RecordErasedError):
        world.running.node.erasure.erase(HOSPITAL, record.record_id)
    assert store.locked([record.record_id]) == {}
    assert withdrawal.withdraw(HOSPITAL, NUMBER, Care.OUTPATIENT, EVIDENCE).locked == {}
    readers.dispose()


def test_a_record_whose_time_is_over_is_erased_at_once(node: Node) -> None:
    record = node.world.receipt(report())
    node.world.clock.advance(days=31 * 366)
    withdrawal = node.world.running.node.withdrawal
    assert withdrawal is not None
    assert withdrawal.withdraw(HOSPITAL, NUMBER, Care.INPATIENT, EVIDENCE).erased == (record.record_id,)


def test_retention_periods_are_data() -> None:
    retention = load_retention("cn")
    leap_day = int(datetime(2024, 2, 29, tzinfo=UTC).timestamp() * 1000)
    assert datetime.fromtimestamp(retention.kept_until_ms(leap_day, Care.INPATIENT) / 1000, UTC) == datetime(2054, 3, 1, tzinfo=UTC)
    with pytest.raises(SettingsError, match="there are cn"):
        load_retention("atlantis")
