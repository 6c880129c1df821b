"""Move a patient's entries to other tags (docs/spec/relocation.md): a new code, a merged one, a label that a consent names.

Each relocation is staged at a time of its own, drawn over a day, among dummies; the tombstone of the old header follows at
another. The schedule is durable and a job ends in the transaction that does it: a crash repeats nothing and forgets nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import SystemRandom
from typing import Final, Literal

import msgspec

from node.domain.access import ConsentId
from node.domain.consent import ConsentTerms
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.header import HeaderContent, RelocationContent
from node.domain.patient import LocatorTag, PatientKeys
from node.domain.relocation import RelocationReason
from node.ports.clock import Clock, unix_ms
from node.ports.consents.store import KeptConsent
from node.ports.custody.relocations import Relocated, RelocationJob, RelocationStore
from node.ports.keys.identities import InstitutionIdentity
from node.ports.keys.signing import NodeKeys
from node.ports.records.own_entries import EntryLabels, OwnTags, Patients
from node.ports.records.transaction import EntryRow, PatientId, RecordRow, RecordsTransaction, RecordsWriter
from node.services.custody.tombstones import TombstoneService
from node.services.patients.index import PatientIndex
from node.services.patients.tag_counters import TagCounters
from node.services.records.entries import ActEntry, EntryComposer
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, PRIVATE
from node.wire.prepare import RecordContext
from node.wire.relocation import RELOCATION, content_bytes, dummy_content, relocation_part

_PURPOSE: Final = "relocation-job"
_JOBS_A_STEP: Final = 100
_RECORDS: Final = frozenset({EntryType.RECORD, EntryType.AMENDMENT, EntryType.WITHDRAWAL})
_RANDOM: Final = SystemRandom()


@dataclass(frozen=True, slots=True)
class Spread:
    """How relocations hide among each other."""

    window_s: float
    """Over how long they are spread at random; at least a day, but in a devnet."""
    dummies: int
    """Dummy entries for each relocation."""


class _Work(msgspec.Struct):
    """What a job does; sealed in the database."""

    what: Literal["relocate", "bury", "dummy"]
    tag: str = ""
    reader_key: str = ""
    patient_id: str = ""
    tag_class: int = 0
    reason: str = ""
    replaces: bool = True
    until_ms: int = 0
    content_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry that a key of the patient finds in the own log."""

    entry: EntryRow
    key: bytes
    tag_class: int
    content: RelocationContent
    replaces: bool = True


@dataclass(frozen=True, slots=True)
class RelocationParts:
    """What relocations are made with."""

    contexts: Mapping[InstitutionId, RecordContext]
    """Which log is whose."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Agree on pairwise keys."""
    composer: EntryComposer
    """Stages relocations."""
    tombstones: TombstoneService
    """Buries what they replace."""
    counters: TagCounters
    """Finds a patient's entries, as a reader would."""
    tags: OwnTags
    """Finds one entry."""
    patients: PatientIndex
    """Opens patients' keys."""
    patient_rows: Patients
    """Finds patients by id."""
    labels: EntryLabels
    """What makes entries sensitive."""
    store: RelocationStore
    """The schedule."""
    keys: NodeKeys
    """Seals jobs."""


class RelocationService:
    """Schedules relocations and does what is due."""

    def __init__(
        self,
        parts: RelocationParts,
        *,
        writer: RecordsWriter,
        clock: Clock,
        spread: Spread,
    ) -> None:
        """Take what is needed.

        Args:
            parts: What relocations are made with.
            writer: The one writer of the records.
            clock: Tells the time.
            spread: How relocations hide.
        """
        self._parts = parts
        self._writer = writer
        self._clock = clock
        self._spread = spread
        self._staged: Callable[[Origin], None] = _tell_nobody

    def on_news(self, staged: Callable[[Origin], None]) -> None:
        """Let `staged` be told which log has entries that wait for a checkpoint."""
        self._staged = staged

    def move(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        patient_id: PatientId,
        former: PatientKeys,
        reason: RelocationReason,
    ) -> int:
        """Schedule that a patient's records are found under the keys that the patient has by then.

        Args:
            transaction: That of the registration which replaces the keys.
            institution: Whose patient.
            patient_id: The patient.
            former: The keys under which the records are found until then.
            reason: Of a new code, or a merged one.

        Returns:
            How many entries will be relocated.
        """
        found = [
            _Found(one.entry, one.key, one.tag_class, _renamed(one.content, reason))
            for one in self._find(transaction, institution, patient_id, former)
        ]
        self._schedule(transaction, institution, patient_id, found)
        return len(found)

    def open_consent(self, transaction: RecordsTransaction, kept: KeptConsent, terms: ConsentTerms) -> None:
        """Schedule that the patient's records with the labels that a consent names are found by treating hospitals."""
        row = None if kept.patient is None else self._parts.patient_rows.patient(transaction, kept.patient)
        if row is None or row.institution != kept.institution or not terms.labels:
            return
        consent_id = kept.presented.consent
        found = [
            _Found(one.entry, one.key, ORDINARY, _opened(one.content, consent_id), replaces=False)
            for one in self._find(transaction, row.institution, row.patient_id, self._parts.patients.keys_of(row))
            if one.tag_class == PRIVATE and not self._parts.labels.of(transaction, [one.entry]).isdisjoint(terms.labels)
        ]
        self._schedule(transaction, row.institution, row.patient_id, found)

    def close_consents(self, transaction: RecordsTransaction, revoked: Sequence[KeptConsent]) -> None:
        """Schedule the tombstones of what revoked consents had opened, and drop what they would have opened."""
        now_ms = unix_ms(self._clock)
        until_ms = now_ms + int(self._spread.window_s * 1000)
        for consent_id in {kept.presented.consent for kept in revoked}:
            self._parts.store.drop(transaction, consent_id)
            for entry in self._parts.store.of_consent(transaction, consent_id):
                bury = _Work("bury", tag=parse_leaf(entry.leaf).tag.hex())
                self._parts.store.add(transaction, [self._job(entry.institution, bury, _between(now_ms, until_ms))])

    def bury_record(self, transaction: RecordsTransaction, record: RecordRow) -> tuple[int, ...]:
        """Stage the tombstones of a record's entries, and of those that stand for them; return their leaf indices."""
        entries = list(record.entries)
        relocated = self._parts.store.of_targets(transaction, entries[0].origin, [entry.leaf_hash for entry in entries])
        buried = self._parts.tombstones.bury(transaction, record.institution, entries, bodies=False)
        return buried + self._parts.tombstones.bury(transaction, record.institution, relocated, bodies=True)

    def hide(self, transaction: RecordsTransaction, entries: Sequence[EntryRow]) -> None:
        """Stage the tombstones of versions that any treating hospital may find, of a record that is sensitive by now."""
        if entries:
            relocated = self._parts.store.of_targets(transaction, entries[0].origin, [entry.leaf_hash for entry in entries])
            institution = entries[0].institution
            self._parts.tombstones.bury(transaction, institution, entries, bodies=False)
            self._parts.tombstones.bury(transaction, institution, relocated, bodies=True)

    def waiting(self, institution: InstitutionId) -> int:
        """Return how many relocations, tombstones and dummies of an institution wait for their time."""
        return self._parts.store.waiting(institution)

    def reader_keys(self, institution: InstitutionId) -> dict[LocatorTag, bytes]:
        """Return the keys of headers that wait to be relocated, by tag: the patients have others by now."""
        jobs = self._parts.store.scheduled(institution)
        work = [msgspec.json.decode(self._parts.keys.open(_PURPOSE, job.sealed), type=_Work) for job in jobs]
        return {LocatorTag(bytes.fromhex(each.tag)): bytes.fromhex(each.reader_key) for each in work if each.what == "relocate"}

    def step(self) -> None:
        """Do what is due: one job, one transaction."""
        while jobs := self._parts.store.due(unix_ms(self._clock), _JOBS_A_STEP):
            for job in jobs:
                self._writer.submit(partial(self._do, job=job)).result()
                self._staged(self._parts.contexts[job.institution].origin)

    def _find(
        self, transaction: RecordsTransaction, institution: InstitutionId, patient_id: PatientId, keys: PatientKeys
    ) -> list[_Found]:
        """Return a patient's records, and what stands for records, as far as they have headers."""
        origin = self._parts.contexts[institution].origin
        readers = [(key, ORDINARY) for _, key in sorted(keys.epoch_keys.items())]
        pairwise = self._parts.identities[institution].pairwise_keys(keys.exchange_public_key)
        readers += [(key, PRIVATE) for key in pairwise]
        found: list[_Found] = []
        for key, tag_class in readers:
            counter = self._parts.counters.key(origin, key, tag_class)
            for entry in self._parts.counters.given(transaction, counter, key):
                # another number of the hospital may have the same keys, by mistake: its records stay
                owner = None if entry.owner_sealed is None else self._parts.patients.open_owner(entry.owner_sealed)
                content = self._content(transaction, entry, key) if owner == patient_id else None
                if content is not None:
                    found.append(_Found(entry, key, tag_class, content))
        return found

    def _content(self, transaction: RecordsTransaction, entry: EntryRow, key: bytes) -> RelocationContent | None:
        """Return what a relocation of an entry would say; None where there is nothing to relocate."""
        if entry.entry_type not in _RECORDS and entry.entry_type is not EntryType.RELOCATION:
            return None
        header = transaction.header(entry.origin, entry.leaf_index)
        if header is None:
            return None
        place = HeaderPlace(entry.origin, entry.entry_type, parse_leaf(entry.leaf).tag)
        content = open_header_reader(header, place, key).content
        if isinstance(content, RelocationContent):
            return content
        if isinstance(content, HeaderContent):
            target = LeafReference(entry.origin, entry.leaf_hash)
            return RelocationContent(target, int(entry.entry_type), RelocationReason.NEW_CODE, None, content)
        return None

    def _schedule(
        self, transaction: RecordsTransaction, institution: InstitutionId, patient_id: PatientId, found: Iterable[_Found]
    ) -> None:
        now_ms = unix_ms(self._clock)
        until_ms = now_ms + int(self._spread.window_s * 1000)
        # relocations in the first half, so that their tombstones have the second one to hide in
        middle_ms = (now_ms + until_ms) // 2
        for one in found:
            work = _Work(
                what="relocate",
                tag=parse_leaf(one.entry.leaf).tag.hex(),
                reader_key=one.key.hex(),
                patient_id=patient_id.hex(),
                tag_class=one.tag_class,
                reason=one.content.reason,
                replaces=one.replaces,
                until_ms=until_ms,
            )
            consent_id = one.content.consent_id
            jobs = [self._job(institution, work, _between(now_ms, middle_ms), consent_id)]
            dummy = _Work("dummy", content_bytes=content_bytes(one.content))
            jobs += [self._job(institution, dummy, _between(now_ms, until_ms)) for _ in range(self._spread.dummies)]
            self._parts.store.add(transaction, jobs)

    def _job(self, institution: InstitutionId, work: _Work, due_at_ms: int, consent_id: ConsentId | None = None) -> RelocationJob:
        sealed = self._parts.keys.seal(_PURPOSE, msgspec.json.encode(work))
        return RelocationJob(os.urandom(16), institution, due_at_ms, sealed, consent_id)

    def _do(self, transaction: RecordsTransaction, job: RelocationJob) -> None:
        if not self._parts.store.finish(transaction, job):
            return
        work = msgspec.json.decode(self._parts.keys.open(_PURPOSE, job.sealed), type=_Work)
        if work.what == "dummy":
            self._stage_dummy(transaction, job.institution, work.content_bytes)
            return
        origin = self._parts.contexts[job.institution].origin
        tag = LocatorTag(bytes.fromhex(work.tag))
        entry = self._parts.tags.places(transaction, origin, [tag]).get(tag)
        if entry is None or transaction.header(origin, entry.leaf_index) is None:
            return  # erased meanwhile
        if work.what == "bury":
            # a relocation's body says nothing but what it stood for; a record's is still read through its relocation
            bodies = entry.entry_type is EntryType.RELOCATION
            self._parts.tombstones.bury(transaction, job.institution, [entry], bodies=bodies)
            return
        self._relocate(transaction, job, work, entry)

    def _relocate(self, transaction: RecordsTransaction, job: RelocationJob, work: _Work, entry: EntryRow) -> None:
        patient_id = PatientId(bytes.fromhex(work.patient_id))
        # the keys of this moment: the code may have changed once more since this was scheduled
        row = self._parts.patient_rows.patient(transaction, patient_id)
        content = self._content(transaction, entry, bytes.fromhex(work.reader_key))
        if row is None or content is None:
            return
        content = replace(content, reason=work.reason, consent_id=job.consent_id or content.consent_id)
        (staged,) = self._parts.composer.stage(
            transaction,
            job.institution,
            [self._act(content, self._parts.patients.keys_of(row), patient_id, work.tag_class)],
        )
        place = Relocated(staged.origin, staged.leaf_index, content.target.leaf_hash, content.consent_id)
        self._parts.store.remember(transaction, place)
        labels = self._parts.labels.of(transaction, [entry])
        self._parts.labels.insert(transaction, {(staged.origin, staged.leaf_index): labels})
        if work.replaces:
            bury = _Work("bury", tag=work.tag)
            due_at_ms = _between(unix_ms(self._clock), work.until_ms)
            self._parts.store.add(transaction, [self._job(job.institution, bury, due_at_ms)])

    def _act(self, content: RelocationContent, keys: PatientKeys, patient_id: PatientId, tag_class: int) -> ActEntry:
        return ActEntry(
            entry_type=EntryType.RELOCATION,
            kind=RELOCATION,
            content=content,
            parts=(relocation_part(content),),
            performed_at_ms=unix_ms(self._clock),
            patient=keys,
            tag_class=tag_class,
            supersedes=content.target,
            owner=patient_id,
        )

    def _stage_dummy(self, transaction: RecordsTransaction, institution: InstitutionId, length_bytes: int) -> None:
        now_ms = unix_ms(self._clock)
        content = dummy_content(self._parts.contexts[institution].origin, length_bytes, now_ms)
        dummy = ActEntry(
            entry_type=EntryType.RELOCATION,
            kind=RELOCATION,
            content=content,
            parts=(relocation_part(content),),
            performed_at_ms=now_ms,
            patient=None,
            tag_class=ORDINARY,
        )
        self._parts.composer.stage(transaction, institution, [dummy])


def _tell_nobody(origin: Origin) -> None:
    """Tell nobody of news."""
    del origin


def _renamed(content: RelocationContent, reason: RelocationReason) -> RelocationContent:
    """Return a relocation's content for another reason; one that rests on a consent goes on resting on it."""
    return content if content.consent_id is not None else replace(content, reason=reason)


def _opened(content: RelocationContent, consent_id: ConsentId) -> RelocationContent:
    """Return a relocation's content for a consent that names the label."""
    return replace(content, reason=RelocationReason.LABEL, consent_id=consent_id)


def _between(from_ms: int, until_ms: int) -> int:
    return _RANDOM.randint(from_ms, max(from_ms, until_ms))
