"""Bring a node whose database was restored from a backup up to what its log really holds (`concord log recover`).

Leaves and headers come back from a mirror and a header export; nothing of them is believed that the log's own signature does
not prove. What cannot come back are the bodies that were stored after the backup: the entries say so by having none.

Entries that were staged here and never logged follow after the recovered ones. Their locator tags may have been given away
in what was lost, so they are tagged anew: a reader takes the first miss for the end, and a repeated tag for a forgery.
Where one of them supersedes another of them, it goes on naming the leaf that never was in the log; the record id in the
header still joins them.

Recovered entries in class 1 are sensitive, and nothing tells why: they get the label R, which no consent opens by another name.

What was deleted after the backup was made is deleted again, by its tombstones, as far as their headers come back
(`recovery_burials`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ledger.hashing import LeafIndex, TreeSize, hash_leaf
from ledger.mirror import fetch_entries, open_log_checkpoint
from ledger.notes import VerifierKey
from ledger.ports import LogReader
from ledger.sequencer import recover_log
from node.domain.entry import RecordId, Version
from node.domain.header import HeaderContent, RelocationContent
from node.domain.labels import RESTRICTED
from node.domain.record import RecordStatus
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.own_entries import EntryLabels
from node.ports.records.transaction import CounterKey, EntryRow, IdentityMac, PatientId, RecordRow, RecordsTransaction
from node.services.patients.index import PatientIndex
from node.services.records.recovery_burials import Burials, BurialStores
from node.services.records.staging import reader_key_id
from node.wire.header.seal import HeaderPlace, header_digest, open_header_reader, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf, parse_leaf
from node.wire.locator import ORDINARY, PRIVATE, locator_tag
from node.wire.prepare import RecordContext


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a recovery did."""

    old_size: int
    """Size of the log before."""
    new_size: int
    """Its size now."""
    headers: int
    """Recovered entries whose header came back too."""
    records: int
    """Recovered entries that were joined to a record by their header."""
    moved: int
    """Entries that had been staged here and follow after the recovered ones."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose a tag is: what opens its header, and where its counter stands."""

    counter: CounterKey
    value: int
    epoch: int
    key: bytes
    patient_id: PatientId


@dataclass(frozen=True, slots=True)
class _Key:
    """One key that makes tags: K_e of an epoch, or K_r."""

    key: bytes
    epoch: int
    patient_id: PatientId


@dataclass(frozen=True, slots=True)
class _Owners:
    """The owners of recovered and of moved tags."""

    recovered: dict[bytes, _Owner]
    moved: dict[bytes, _Owner]
    next_values: dict[CounterKey, int]


@dataclass(frozen=True, slots=True)
class RecoveryParts:
    """What a recovery is made with."""

    patients: PatientIndex
    """Opens patients' keys."""
    identity: InstitutionIdentity
    """Whose log; agrees on pairwise keys."""
    labels: EntryLabels
    """Keeps what makes entries sensitive."""
    stores: BurialStores
    """Where own entries are found and deleted."""


class Recovery:
    """One log's recovery, in one transaction."""

    def __init__(
        self,
        transaction: RecordsTransaction,
        *,
        context: RecordContext,
        keys: Sequence[VerifierKey],
        parts: RecoveryParts,
        now_ms: int,
    ) -> None:
        self._transaction = transaction
        self._institution = parts.identity.institution
        self._origin = context.origin
        self._keys = keys
        self._patients = parts.patients
        self._identity = parts.identity
        self._labels = parts.labels
        self._burials = Burials(transaction, context.origin, parts.stores)
        self._relocations: dict[int, RelocationContent] = {}
        self._audit_keys = context.audit_keys
        self._now_ms = now_ms
        self._headers = 0
        self._joined = 0

    def run(self, mirror: LogReader, headers: Mapping[int, bytes]) -> RecoveryReport:
        """Recover from a mirror and a header export.

        Args:
            mirror: Whoever holds more of the log than this node.
            headers: Sealed headers by leaf index, as far as they are at hand.

        Raises:
            LedgerError: The mirror does not prove what it holds, or contradicts this log; the caller rolls back.
        """
        log = self._transaction.log(self._origin)
        done = recover_log(log, mirror, self._keys)
        offset = done.renumbered_to - done.renumbered_from
        first, last = done.renumbered_from, done.renumbered_from + done.renumbered_count
        staged = self._transaction.entries_from(self._origin, first)
        moved = [entry for entry in staged if offset and entry.leaf_index < last]
        self._transaction.renumber(self._origin, {entry.leaf_index: entry.leaf_index + offset for entry in moved})
        moved = [entry.at(entry.leaf_index + offset) for entry in moved]
        leaves = self._fetch(mirror, first, done.new_size)
        owners = self._find_owners(leaves, moved)
        self._restore(first, leaves, headers, owners)
        self._burials.remember(self._relocations)
        self._burials.repeat(first, leaves, headers, size=done.new_size, now_ms=self._now_ms)
        if moved:
            log.restage(LeafIndex(done.renumbered_to), self._tag_anew(moved, owners))
        return RecoveryReport(done.old_size, done.new_size, self._headers, self._joined, len(moved))

    def _fetch(self, mirror: LogReader, first: int, new_size: int) -> list[bytes]:
        note = mirror.checkpoint()
        if note is None or first >= new_size:
            return []
        checkpoint = open_log_checkpoint(note, self._keys, self._origin)
        bundles = fetch_entries(mirror, checkpoint, LeafIndex(first), TreeSize(new_size))
        return [leaf for bundle in bundles for leaf in bundle]

    def _find_owners(self, leaves: Sequence[bytes], moved: Sequence[EntryRow]) -> _Owners:
        """Find whose tags these are, and where each patient's counter stands after the recovered ones."""
        tags = {parse_leaf(leaf).tag for leaf in leaves}
        moved_tags = {parse_leaf(entry.leaf).tag for entry in moved}
        owners = _Owners({}, {}, {})
        keys = self._keys_of_patients()
        counters = self._transaction.counters([counter.locator_id for counter in keys])
        for counter, one in keys.items():
            stands_at = counters.get(counter, 0)
            value = stands_at
            for earlier in range(max(0, stands_at - len(moved)), stands_at):
                tag = locator_tag(one.key, self._origin, counter.tag_class, earlier)
                if tag in moved_tags:
                    owners.moved[tag] = _Owner(counter, earlier, one.epoch, one.key, one.patient_id)
                    value = min(value, earlier)
            while (tag := locator_tag(one.key, self._origin, counter.tag_class, value)) in tags:
                owners.recovered[tag] = _Owner(counter, value, one.epoch, one.key, one.patient_id)
                value += 1
            if value != stands_at:
                owners.next_values[counter] = value
        self._transaction.set_counters(owners.next_values)
        return owners

    def _keys_of_patients(self) -> dict[CounterKey, _Key]:
        """Return every key that this institution makes tags with, in both classes."""
        found: dict[CounterKey, _Key] = {}
        for row in self._transaction.patients(self._institution):
            patient = self._patients.keys_of(row)
            for epoch, key in patient.epoch_keys.items():
                counter = CounterKey(self._origin, self._patients.locator_id(key), ORDINARY)
                found[counter] = _Key(key, epoch, row.patient_id)
            for key in self._identity.pairwise_keys(patient.exchange_public_key):
                counter = CounterKey(self._origin, self._patients.locator_id(key), PRIVATE)
                found[counter] = _Key(key, max(patient.epoch_keys), row.patient_id)
        return found

    def _restore(self, first: int, leaves: Sequence[bytes], headers: Mapping[int, bytes], owners: _Owners) -> None:
        """Insert recovered entries with their headers, joined to their records where a header says which."""
        rows, kept = [], []
        opened: dict[int, HeaderContent] = {}
        for index, leaf_bytes in enumerate(leaves, start=first):
            leaf = parse_leaf(leaf_bytes)
            header = headers.get(index)
            if header is not None and header_digest(header) == leaf.header_digest:
                kept.append((self._origin, index, header))
                owner = owners.recovered.get(leaf.tag)
                if owner is not None:
                    place = HeaderPlace(self._origin, leaf.entry_type, leaf.tag)
                    content = open_header_reader(header, place, owner.key).content
                    if isinstance(content, HeaderContent):
                        opened[index] = content
                    elif isinstance(content, RelocationContent):
                        self._relocations[index] = content
            rows.append((index, leaf_bytes, leaf))
        self._insert_records(opened)
        joined = self._joinable(opened)
        self._transaction.insert_entries([self._row(*row, joined.get(row[0]), owners.recovered.get(row[2].tag)) for row in rows])
        self._transaction.insert_headers(kept)
        sensitive = [row[0] for row in rows if row[0] in opened and owners.recovered[row[2].tag].counter.tag_class == PRIVATE]
        self._labels.insert(self._transaction, {(self._origin, index): frozenset({RESTRICTED}) for index in sensitive})
        self._headers += len(kept)
        self._joined += len(joined)

    def _insert_records(self, opened: Mapping[int, HeaderContent]) -> None:
        """Insert records that were lost. What recognised them is lost too: submitted again they are new records."""
        contents = {content.record_id: content for content in opened.values()}
        self._transaction.insert_records(
            [
                RecordRow(
                    record_id=record_id,
                    institution=self._institution,
                    kind=content.kind,
                    identity_mac=IdentityMac(secrets.token_bytes(32)),
                    erased_at_ms=None,
                    entries=(),
                )
                for record_id, content in contents.items()
                if self._transaction.record(record_id) is None
            ]
        )

    def _joinable(self, opened: Mapping[int, HeaderContent]) -> dict[int, HeaderContent]:
        """Leave out versions that were submitted again meanwhile: the row of a version is the one with a body."""
        joinable: dict[int, HeaderContent] = {}
        taken: set[tuple[RecordId, Version]] = set()
        for index, header in opened.items():
            record = self._transaction.record(header.record_id)
            if record is None or record.institution != self._institution:
                continue
            taken |= {(record.record_id, entry.version) for entry in record.entries}
            place = (header.record_id, header.version)
            if place not in taken:
                taken.add(place)
                joinable[index] = header
        return joinable

    def _row(self, index: int, leaf_bytes: bytes, leaf: Leaf, header: HeaderContent | None, owner: _Owner | None) -> EntryRow:
        return EntryRow(
            origin=self._origin,
            leaf_index=index,
            institution=self._institution,
            record_id=None if header is None else header.record_id,
            version=Version(0) if header is None else header.version,
            entry_type=leaf.entry_type,
            status=RecordStatus("") if header is None else header.status,
            staged_at_ms=self._now_ms,
            leaf=leaf_bytes,
            leaf_hash=hash_leaf(leaf_bytes),
            sameness_mac=None,
            issued_at_ms=None,
            out_of_order=False,
            secret_id=None,
            owner_sealed=None if owner is None else self._patients.seal_owner(owner.patient_id),
        )

    def _tag_anew(self, moved: Sequence[EntryRow], owners: _Owners) -> list[bytes]:
        """Give moved entries the next tags of their patients; return their leaves."""
        next_values = dict(owners.next_values)
        leaves: list[bytes] = []
        for entry in moved:
            leaf = parse_leaf(entry.leaf)
            owner = owners.moved.get(leaf.tag)
            header = self._transaction.header(self._origin, entry.leaf_index)
            if owner is None or header is None:
                # no patient's entry, or one whose header was erased: nobody looks for its tag
                leaves.append(entry.leaf)
                continue
            value = next_values.get(owner.counter, owner.value)
            next_values[owner.counter] = value + 1
            tag = locator_tag(owner.key, self._origin, owner.counter.tag_class, value)
            old_place = HeaderPlace(self._origin, leaf.entry_type, leaf.tag)
            opened = open_header_reader(header, old_place, owner.key)
            sealed = seal_header(
                prepare_header(opened.content, self._audit_keys),
                HeaderPlace(self._origin, leaf.entry_type, tag),
                reader_key=owner.key,
                reader_key_id=reader_key_id(owner.epoch),
                pseudonym=opened.pseudonym,
            )
            leaf_bytes = encode_leaf(replace(leaf, tag=tag, header_digest=header_digest(sealed)))
            self._transaction.replace_entry(self._origin, entry.leaf_index, leaf_bytes, hash_leaf(leaf_bytes), sealed)
            leaves.append(leaf_bytes)
        self._transaction.set_counters(next_values)
        return leaves
