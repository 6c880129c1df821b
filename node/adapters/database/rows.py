"""Rows of `records.db` to the types of `ports.records`, and back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from node.domain.entry import EntryType, InstitutionId, Origin, RecordId, Version
from node.domain.record import Kind, RecordStatus
from node.ports.records import AnchorRow, ClientRow, EntryRow, IdentityMac, PatientId, PatientRow, RecordRow
from node.ports.secrets import SecretId

Row = sa.Row[Any]
_TAG_AT = 42
"""Where the locator tag of a leaf begins (docs/spec/leaf.md)."""


def entry_from(row: Row) -> EntryRow:
    """Read an `entries` row."""
    return EntryRow(
        origin=Origin(row.origin),
        leaf_index=row.leaf_index,
        institution=InstitutionId(row.institution),
        record_id=None if row.record_id is None else RecordId(row.record_id),
        version=Version(row.version),
        entry_type=EntryType(row.entry_type),
        status=RecordStatus(row.status),
        staged_at_ms=row.staged_at_ms,
        leaf=row.leaf,
        leaf_hash=row.leaf_hash,
        sameness_mac=row.sameness_mac,
        issued_at_ms=row.issued_at_ms,
        out_of_order=bool(row.out_of_order),
        secret_id=None if row.secret_id is None else SecretId(row.secret_id),
        owner_sealed=row.owner_sealed,
    )


def entry_values(entry: EntryRow) -> dict[str, object]:
    """Write an `entries` row."""
    return {
        "origin": entry.origin,
        "leaf_index": entry.leaf_index,
        "institution": entry.institution,
        "record_id": entry.record_id,
        "version": entry.version,
        "entry_type": int(entry.entry_type),
        "status": entry.status,
        "staged_at_ms": entry.staged_at_ms,
        "leaf": entry.leaf,
        "leaf_hash": entry.leaf_hash,
        "sameness_mac": entry.sameness_mac,
        "issued_at_ms": entry.issued_at_ms,
        "out_of_order": entry.out_of_order,
        "secret_id": entry.secret_id,
        "owner_sealed": entry.owner_sealed,
        "tag_prefix": leaf_tag_prefix(entry.leaf),
    }


def tag_prefix(tag: bytes) -> int:
    """Return what the index holds of a tag: 63 of its bits, which every engine's integers have room for."""
    return int.from_bytes(tag[:8], "big") >> 1


def leaf_tag_prefix(leaf: bytes) -> int:
    """Return what the index holds of a leaf's tag."""
    return tag_prefix(leaf[_TAG_AT : _TAG_AT + 8])


def record_from(row: Row, entries: tuple[EntryRow, ...]) -> RecordRow:
    """Read a `records` row."""
    return RecordRow(
        record_id=RecordId(row.record_id),
        institution=InstitutionId(row.institution),
        kind=Kind(row.kind),
        identity_mac=IdentityMac(row.identity_mac),
        erased_at_ms=row.erased_at_ms,
        entries=entries,
    )


def record_values(record: RecordRow) -> dict[str, object]:
    """Write a `records` row."""
    return {
        "record_id": record.record_id,
        "institution": record.institution,
        "kind": record.kind,
        "identity_mac": record.identity_mac,
        "erased_at_ms": record.erased_at_ms,
    }


def patient_from(row: Row) -> PatientRow:
    """Read a `patients` row."""
    return PatientRow(
        patient_id=PatientId(row.patient_id),
        institution=InstitutionId(row.institution),
        number_mac=row.number_mac,
        provisional=bool(row.provisional),
        keys_sealed=row.keys_sealed,
    )


def patient_values(patient: PatientRow) -> dict[str, object]:
    """Write a `patients` row."""
    return {
        "patient_id": patient.patient_id,
        "institution": patient.institution,
        "number_mac": patient.number_mac,
        "provisional": patient.provisional,
        "keys_sealed": patient.keys_sealed,
    }


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


def anchor_from(row: Row) -> AnchorRow:
    """Read an `anchors` row."""
    return AnchorRow(
        origin=Origin(row.origin),
        size=row.size,
        root=row.root,
        block_number=row.block_number,
        block_hash=row.block_hash,
        timestamp_s=row.timestamp_s,
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
