"""A node directory with as many entries as a bench asks for: the node's own tables, its own writer, its own log.

Rows are written by the transaction, secret store and sequencer that ingest uses, in the order in which it uses them. What would
be sealed (bodies, headers, patients' keys) is random bytes of a real length, which nobody without the key can tell from sealed
ones: opening a node reads none of it. Entries that are submitted later, by way of the API, are whole.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ledger.hashing import hash_leaf
from ledger.notes import NoteSigner
from ledger.sequencer import Sequencer
from node.adapters.keys.files import InstitutionKeys
from node.bootstrap.maintenance import init_node
from node.bootstrap.stores import Stores, exclusive_stores
from node.domain.entry import EntryType, InstitutionId, Origin, RecordId, Version
from node.domain.patient import LocatorTag
from node.domain.record import Kind, RecordStatus
from node.ports.records.secrets import RecordSecret, SecretId
from node.ports.records.transaction import (
    CounterKey,
    EntryRow,
    IdentityMac,
    LocatorId,
    PatientId,
    PatientRow,
    RecordRow,
    RecordsTransaction,
)
from node.services.logs.guard import UnguardedStart
from node.settings import InstitutionSettings, NodeSettings, load_settings, write_settings
from node.wire.leaf import Leaf, encode_leaf

HOSPITAL = InstitutionId("hospital-a.example")
ORIGIN = Origin("hospital-a.example/log")
BATCH = 20_000
BODY_BYTES = 300
HEADER_BYTES = 700
PATIENT_KEYS_BYTES = 250
ENTRIES_OF_A_PATIENT = 10
AGE = timedelta(days=2)
"""How long ago the entries came: long enough that no secret counts as one whose entry is still to be staged."""


class PastClock:
    """The time some days ago."""

    def now(self) -> datetime:
        """Return it."""
        return datetime.now(UTC) - AGE


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of entries that lack their places in the log."""

    records: list[RecordRow]
    entries: list[EntryRow]
    secrets: dict[SecretId, RecordSecret]
    patients: list[PatientRow]
    counters: dict[CounterKey, int]


def create(directory: Path) -> NodeSettings:
    """Create a node without a chain that hosts one institution."""
    write_settings(directory, [InstitutionSettings(id=HOSPITAL, name="Hospital A", origin=ORIGIN)])
    settings = load_settings(directory)
    init_node(settings, {1: os.urandom(32)})
    return settings


def grow(settings: NodeSettings, count: int, *, sign: bool) -> None:
    """Add entries; signed ones are in the log, others are staged as a crash leaves them that comes before the checkpoint."""
    signer = NoteSigner.from_seed(ORIGIN, InstitutionKeys(settings.keys, HOSPITAL).read("log.seed"))
    sequencer = Sequencer(signer, UnguardedStart())
    with exclusive_stores(settings, PastClock()) as stores:
        for at in range(0, count, BATCH):
            _add(stores, _make(min(BATCH, count - at)))
            if sign:
                stores.writer.submit(lambda transaction: sequencer.step(transaction.log(ORIGIN))).result()


def _make(count: int) -> Batch:
    now_ms = int(PastClock().now().timestamp() * 1000)
    entries = [_entry(now_ms) for _ in range(count)]
    return Batch(
        records=[_record(entry) for entry in entries],
        entries=entries,
        secrets={entry.secret_id: RecordSecret(os.urandom(32)) for entry in entries if entry.secret_id is not None},
        patients=[
            PatientRow(
                PatientId(os.urandom(16)), HOSPITAL, os.urandom(32), provisional=True, keys_sealed=os.urandom(PATIENT_KEYS_BYTES)
            )
            for _ in range(0, count, ENTRIES_OF_A_PATIENT)
        ],
        counters={CounterKey(ORIGIN, LocatorId(os.urandom(16)), 0): 1 for _ in range(0, count, ENTRIES_OF_A_PATIENT)},
    )


def _entry(now_ms: int) -> EntryRow:
    random = os.urandom(32 * 4 + 15 + 16)
    leaf = encode_leaf(Leaf(EntryType.RECORD, now_ms, random[:32], LocatorTag(random[32:64]), random[64:96]))
    return EntryRow(
        origin=ORIGIN,
        leaf_index=-1,
        institution=HOSPITAL,
        record_id=RecordId(random[128:143].hex()),
        version=Version(1),
        entry_type=EntryType.RECORD,
        status=RecordStatus("final"),
        staged_at_ms=now_ms,
        leaf=leaf,
        leaf_hash=hash_leaf(leaf),
        sameness_mac=random[96:128],
        issued_at_ms=now_ms,
        out_of_order=False,
        secret_id=SecretId(random[143:159]),
    )


def _record(entry: EntryRow) -> RecordRow:
    assert entry.record_id is not None
    return RecordRow(entry.record_id, HOSPITAL, Kind("exam-result"), IdentityMac(os.urandom(32)), None, ())


def _add(stores: Stores, batch: Batch) -> None:
    def work(transaction: RecordsTransaction) -> None:
        # secrets first, as in staging
        stores.secrets.put_many(batch.secrets)
        transaction.insert_records(batch.records)
        first = transaction.log(ORIGIN).stage([entry.leaf for entry in batch.entries])
        transaction.insert_entries([_placed(entry, index) for index, entry in enumerate(batch.entries, start=first)])
        places = range(first, first + len(batch.entries))
        transaction.insert_headers([(ORIGIN, index, os.urandom(HEADER_BYTES)) for index in places])
        transaction.insert_bodies([(ORIGIN, index, os.urandom(BODY_BYTES)) for index in places])
        transaction.insert_patients(batch.patients)
        transaction.set_counters(batch.counters)

    stores.writer.submit(work).result()


def _placed(entry: EntryRow, index: int) -> EntryRow:
    # half the time of dataclasses.replace, which counts a million times
    return EntryRow(
        entry.origin, index, entry.institution, entry.record_id, entry.version, entry.entry_type, entry.status, entry.staged_at_ms,
        entry.leaf, entry.leaf_hash, entry.sameness_mac, entry.issued_at_ms, entry.out_of_order, entry.secret_id,
    )  # fmt: skip
