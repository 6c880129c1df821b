"""Stage entries that are no record: access receipts, consent documents, relocations, check outcomes (FORMATS "Leaf").

They use the same scheme as records: a secret, a manifest and parts under one commitment, a sealed body, a sealed header
and a tag whose counter is allocated in the caller's transaction. What an act says for people to read later is its parts;
what others may find of it is its header. Left out: public entries (`node.wire.public_entry`), records (`staging`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.hashing import hash_leaf
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.header import AnyContent
from node.domain.patient import LocatorTag, PatientKeys
from node.domain.record import Kind, Part, RecordStatus
from node.ports.clock import Clock, unix_ms
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.secrets import RecordSecret, SecretId
from node.ports.records.transaction import EntryRow, PatientId, RecordsTransaction
from node.services.patients.index import PatientIndex
from node.services.patients.tag_counters import TagCounters
from node.services.records.secret_stock import SecretStock
from node.wire.commitment import SECRET_BYTES, PartLike, commit, seal_body
from node.wire.header.seal import KEY_ID_BYTES, HeaderPlace, header_digest, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf, round_claimed_time
from node.wire.locator import random_tag
from node.wire.manifest import Manifest, ManifestPart, encode_manifest, manifest_part
from node.wire.prepare import RecordContext


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Which version of which record an entry is."""

    record_id: RecordId
    """The record."""
    version: Version
    """Its version."""
    status: RecordStatus
    """Its status."""


@dataclass(frozen=True, slots=True)
class ActEntry:
    """An entry to be staged."""

    entry_type: EntryType
    """4, 5, 7, 10 or 12."""
    kind: Kind
    """What it is, such as `access-receipt`."""
    content: AnyContent
    """What its header says."""
    parts: tuple[Part, ...]
    """Parts 1…n-1."""
    performed_at_ms: int
    """When the act took place, unix ms."""
    patient: PatientKeys | None
    """Whose entry it is; None gives a random tag, and a header that only supervision reads."""
    tag_class: int
    """0: any treating hospital may find it; 1: only the writer and the patient."""
    supersedes: LeafReference | None = None
    """The entry that it replaces."""
    owner: PatientId | None = None
    """The patient's id at this node, where it is known; sealed into the entry's row."""
    record: RecordPlace | None = None
    """The record of which it is a version; None for acts."""


@dataclass(frozen=True, slots=True)
class StagedAct:
    """An entry that was staged."""

    origin: Origin
    """The log."""
    leaf_index: int
    """Its place there."""
    leaf_hash: bytes
    """RFC 9162 leaf hash, 32 bytes."""
    header: bytes
    """Its sealed header."""

    @property
    def reference(self) -> LeafReference:
        """Return what names it."""
        return LeafReference(self.origin, self.leaf_hash)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Who can find an entry."""

    tag: LocatorTag
    key: bytes
    epoch: int
    pseudonym: bytes | None


@dataclass(frozen=True, slots=True)
class _Made:
    """An entry that lacks only its place."""

    entry: ActEntry
    secret_id: SecretId
    leaf: bytes
    header: bytes
    body: bytes


class EntryComposer:
    """Stages acts in the caller's transaction."""

    def __init__(
        self,
        *,
        contexts: Mapping[InstitutionId, RecordContext],
        identities: Mapping[InstitutionId, InstitutionIdentity],
        patients: PatientIndex,
        counters: TagCounters,
        stock: SecretStock,
        clock: Clock,
    ) -> None:
        self._contexts = contexts
        self._identities = identities
        self._patients = patients
        self._counters = counters
        self._stock = stock
        self._clock = clock

    def stage(self, transaction: RecordsTransaction, institution: InstitutionId, entries: Sequence[ActEntry]) -> list[StagedAct]:
        """Stage acts of one institution, in order; durable with the caller's commit.

        Args:
            transaction: Of the records writer.
            institution: Whose log.
            entries: The acts.

        Raises:
            ValueError: A patient's key is unusable, or a text that the formats have no room for.
        """
        context, now_ms = self._contexts[institution], unix_ms(self._clock)
        # durable before what refers to them: a crash in between leaves orphans, which the sweep removes
        drawn = self._stock.take(len(entries))
        made = [self._make(transaction, institution, context, entry, named) for entry, named in zip(entries, drawn, strict=True)]
        first = transaction.log(context.origin).stage([one.leaf for one in made])
        rows = [self._row(context.origin, index, institution, one, now_ms) for index, one in enumerate(made, start=first)]
        transaction.insert_entries(rows)
        transaction.insert_headers([(row.origin, row.leaf_index, one.header) for row, one in zip(rows, made, strict=True)])
        transaction.insert_bodies([(row.origin, row.leaf_index, one.body) for row, one in zip(rows, made, strict=True)])
        return [StagedAct(row.origin, row.leaf_index, row.leaf_hash, one.header) for row, one in zip(rows, made, strict=True)]

    def _make(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        context: RecordContext,
        entry: ActEntry,
        named: tuple[SecretId, RecordSecret],
    ) -> _Made:
        secret_id, secret = named
        parts: tuple[PartLike, ...] = (manifest_part(encode_manifest(_manifest(entry, context.origin))), *entry.parts)
        commitment = commit(secret, parts).value
        reader = self._reader(transaction, institution, context.origin, entry)
        header = seal_header(
            prepare_header(entry.content, context.audit_keys),
            HeaderPlace(context.origin, entry.entry_type, reader.tag),
            reader_key=reader.key,
            reader_key_id=reader.epoch.to_bytes(KEY_ID_BYTES, "big"),
            pseudonym=reader.pseudonym,
        )
        leaf = Leaf(
            entry_type=entry.entry_type,
            claimed_time_ms=round_claimed_time(entry.entry_type, unix_ms(self._clock)),
            commitment=commitment,
            tag=reader.tag,
            header_digest=header_digest(header),
        )
        return _Made(entry, secret_id, encode_leaf(leaf), header, seal_body(secret, commitment, parts))

    def _reader(self, transaction: RecordsTransaction, institution: InstitutionId, origin: Origin, entry: ActEntry) -> _Reader:
        """Allocate the tag, and say who finds it; the counter is the transaction's."""
        patient = entry.patient
        if patient is None:
            return _Reader(random_tag(), os.urandom(SECRET_BYTES), self._patients.newest_epoch, None)
        epoch = max(patient.epoch_keys)
        if entry.tag_class:
            key = self._identities[institution].pairwise_key(patient.exchange_public_key)
        else:
            key = patient.epoch_keys[epoch]
        tag = self._counters.reserve(transaction, origin, key, entry.tag_class)
        # the epoch stands in clear in class 1 too: a value of its own would point at sensitive entries
        return _Reader(tag, key, epoch, patient.pseudonym)

    def _row(self, origin: Origin, leaf_index: int, institution: InstitutionId, made: _Made, now_ms: int) -> EntryRow:
        entry, place = made.entry, made.entry.record
        return EntryRow(
            origin=origin,
            leaf_index=leaf_index,
            institution=institution,
            record_id=None if place is None else place.record_id,
            version=Version(0) if place is None else place.version,
            entry_type=entry.entry_type,
            status=RecordStatus("") if place is None else place.status,
            staged_at_ms=now_ms,
            leaf=made.leaf,
            leaf_hash=hash_leaf(made.leaf),
            sameness_mac=None,
            issued_at_ms=None,
            out_of_order=False,
            secret_id=made.secret_id,
            owner_sealed=None if entry.owner is None else self._patients.seal_owner(entry.owner),
        )


def _manifest(entry: ActEntry, origin: Origin) -> Manifest:
    return Manifest(
        origin=origin,
        entry_type=entry.entry_type,
        kind=entry.kind,
        identity=None,
        version=Version(0) if entry.record is None else entry.record.version,
        status=RecordStatus("") if entry.record is None else entry.record.status,
        performed_at_ms=entry.performed_at_ms,
        issued_at_ms=None,
        parts=tuple(ManifestPart(part.media_type, part.role, len(part.content)) for part in entry.parts),
        patient_part=None,
        supersedes=entry.supersedes,
    )
