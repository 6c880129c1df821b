"""Rows of `records.db` to the types of `ports.records.transaction`, and back.

What staging reads and writes is by place, all columns of a table in their order: such rows come from SQLAlchemy or from a driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from node.domain.entry import EntryType, InstitutionId, Origin, RecordId, Version
from node.domain.record import Kind, RecordStatus
from node.ports.records.secrets import SecretId
from node.ports.records.transaction import (
    AnchorRow,
    ClientRow,
    CounterKey,
    EntryRow,
    IdentityMac,
    LocatorId,
    PatientId,
    PatientRow,
    RecordRow,
)

Row = sa.Row[Any]
_TAG_AT = 42
"""Where the locator tag of a leaf begins (docs/spec/leaf.md)."""


def entry_from(row: Sequence[Any]) -> EntryRow:
    """Read an `entries` row."""
    origin, leaf_index, institution, record_id, version, entry_type, status, staged_at_ms, *others = row
    leaf, leaf_hash, sameness_mac, issued_at_ms, out_of_order, secret_id, owner_sealed, _ = others
    return EntryRow(
        origin=Origin(origin),
        leaf_index=leaf_index,
        institution=InstitutionId(institution),
        record_id=None if record_id is None else RecordId(record_id),
        version=Version(version),
        entry_type=EntryType(entry_type),
        status=RecordStatus(status),
        staged_at_ms=staged_at_ms,
        leaf=leaf,
        leaf_hash=leaf_hash,
        sameness_mac=sameness_mac,
        issued_at_ms=issued_at_ms,
        out_of_order=bool(out_of_order),
        secret_id=None if secret_id is None else SecretId(secret_id),
        owner_sealed=owner_sealed,
    )


def entry_values(entry: EntryRow) -> tuple[object, ...]:
    """Write an `entries` row."""
    return (
        entry.origin,
        entry.leaf_index,
        entry.institution,
        entry.record_id,
        entry.version,
        int(entry.entry_type),
        entry.status,
        entry.staged_at_ms,
        entry.leaf,
        entry.leaf_hash,
        entry.sameness_mac,
        entry.issued_at_ms,
        entry.out_of_order,
        entry.secret_id,
        entry.owner_sealed,
        leaf_tag_prefix(entry.leaf),
    )


def tag_prefix(tag: bytes) -> int:
    """Return what the index holds of a tag: 63 of its bits, which every engine's integers have room for."""
    return int.from_bytes(tag[:8], "big") >> 1


def leaf_tag_prefix(leaf: bytes) -> int:
    """Return what the index holds of a leaf's tag."""
    return tag_prefix(leaf[_TAG_AT : _TAG_AT + 8])


def record_from(row: Sequence[Any], entries: tuple[EntryRow, ...]) -> RecordRow:
    """Read a `records` row."""
    record_id, institution, kind, identity_mac, erased_at_ms = row
    return RecordRow(
        record_id=RecordId(record_id),
        institution=InstitutionId(institution),
        kind=Kind(kind),
        identity_mac=IdentityMac(identity_mac),
        erased_at_ms=erased_at_ms,
        entries=entries,
    )


def record_values(record: RecordRow) -> tuple[object, ...]:
    """Write a `records` row."""
    return record.record_id, record.institution, record.kind, record.identity_mac, record.erased_at_ms


def patient_from(row: Sequence[Any]) -> PatientRow:
    """Read a `patients` row."""
    patient_id, institution, number_mac, provisional, keys_sealed = row
    return PatientRow(
        patient_id=PatientId(patient_id),
        institution=InstitutionId(institution),
        number_mac=number_mac,
        provisional=bool(provisional),
        keys_sealed=keys_sealed,
    )


def patient_values(patient: PatientRow) -> tuple[object, ...]:
    """Write a `patients` row."""
    return patient.patient_id, patient.institution, patient.number_mac, patient.provisional, patient.keys_sealed


def counter_from(row: Sequence[Any]) -> tuple[CounterKey, int]:
    """Read a `locator_counters` row."""
    origin, locator_id, tag_class, next_counter = row
    return CounterKey(Origin(origin), LocatorId(locator_id), tag_class), next_counter


def client_from(row: Row) -> ClientRow:
    """Read a `clients` row."""
    return ClientRow(
        client_id=row.client_id,
        institution=InstitutionId(row.institution),
        name=row.name,
        key_digest=row.key_digest,
        scopes=frozenset(row.scopes.split()),
        created_at_ms=row.created_at_ms,
        revoked_at_ms=row.revoked_at_ms,
    )


def client_values(client: ClientRow) -> dict[str, object]:
    """Write a `clients` row."""
    return {
        "client_id": client.client_id,
        "institution": client.institution,
        "name": client.name,
        "key_digest": client.key_digest,
        "scopes": " ".join(sorted(client.scopes)),
        "created_at_ms": client.created_at_ms,
        "revoked_at_ms": client.revoked_at_ms,
    }


def anchor_from(row: Sequence[Any]) -> AnchorRow:
    """Read an `anchors` row."""
    origin, size, root, block_number, block_hash, timestamp_s = row
    return AnchorRow(
        origin=Origin(origin), size=size, root=root, block_number=block_number, block_hash=block_hash, timestamp_s=timestamp_s
    )


def anchor_values(anchor: AnchorRow) -> dict[str, object]:
    """Write an `anchors` row."""
    return {
        "origin": anchor.origin,
        "size": anchor.size,
        "root": anchor.root,
        "block_number": anchor.block_number,
        "block_hash": anchor.block_hash,
        "timestamp_s": anchor.timestamp_s,
    }
