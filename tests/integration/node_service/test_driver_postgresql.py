"""The staging statements on PostgreSQL's driver: what is written by place comes back the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from node.adapters.database.records.tables import records_metadata
from node.adapters.database.records.transaction import SqlRecordsTransaction
from node.domain.entry import EntryType, InstitutionId, Origin, RecordId, Version
from node.domain.record import Kind, RecordStatus
from node.ports.records.secrets import SecretId
from node.ports.records.transaction import CounterKey, EntryRow, IdentityMac, LocatorId, PatientId, PatientRow, RecordRow
from tests.integration.ledger_log.test_postgresql import server_url

__all__ = ["server_url"]
pytestmark = [pytest.mark.slow, pytest.mark.network]

HOSPITAL, LOG = InstitutionId("hospital-a"), Origin("hospital-a.example/log")
ENTRY = EntryRow(
    origin=LOG,
    leaf_index=7,
    institution=HOSPITAL,
    record_id=RecordId("record"),
    version=Version(1),
    entry_type=EntryType.RECORD,
    status=RecordStatus("final"),
    staged_at_ms=2**41,
    leaf=bytes(range(106)),
    leaf_hash=b"h" * 32,
    sameness_mac=None,
    issued_at_ms=-5,
    out_of_order=True,
    secret_id=SecretId(b"s" * 16),
    owner_sealed=b"\x00owner",
)
RECORD = RecordRow(RecordId("record"), HOSPITAL, Kind("exam-result"), IdentityMac(b"i" * 32), None, (ENTRY,))


@pytest.fixture
def transaction(server_url: sa.URL) -> Iterator[SqlRecordsTransaction]:
    engine = sa.create_engine(server_url)
    with engine.begin() as connection:
        records_metadata.create_all(connection)
        yield SqlRecordsTransaction(connection)
        connection.rollback()
    engine.dispose()


def test_records_and_their_versions(transaction: SqlRecordsTransaction) -> None:
    transaction.insert_records([RECORD._replace(entries=())])
    transaction.insert_entries([ENTRY])
    transaction.insert_headers([(LOG, 7, b"header\x00%s")])
    transaction.insert_bodies([(LOG, 7, b"body\x00%s")])
    identities = [IdentityMac(number.to_bytes(32, "big")) for number in range(700)]
    assert transaction.records_by_identity(HOSPITAL, [*identities, RECORD.identity_mac]) == {RECORD.identity_mac: RECORD}
    assert transaction.record(RECORD.record_id) == RECORD
    assert transaction.header(LOG, 7) == b"header\x00%s"


def test_patients_and_counters(transaction: SqlRecordsTransaction) -> None:
    patient = PatientRow(PatientId(b"p" * 16), HOSPITAL, b"n" * 32, provisional=True, keys_sealed=b"\x00keys")
    transaction.insert_patients([patient])
    assert transaction.patients_by_number(HOSPITAL, [b"n" * 32, b"m" * 32]) == {patient.number_mac: patient}
    key = CounterKey(LOG, LocatorId(b"l" * 16), 1)
    transaction.set_counters({key: 2**40})
    transaction.set_counters({key: 2**40 + 1})
    assert transaction.counters([key.locator_id]) == {key: 2**40 + 1}
