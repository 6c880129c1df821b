"""Stage prepared records: decide what each one is, give it its place, all in one transaction (FORMATS "Record").

`prepare` ran before, outside the transaction, on the guess that a record is new. Here the guess is compared with what
the database holds; where it was wrong nothing is staged, and the caller prepares again as it is told.
A document is one unit: all of its records are staged, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from node.domain.entry import InstitutionId, LeafReference, Level, Origin, Version
from node.domain.patient import LocatorTag
from node.domain.receipt import Outcome, Receipt
from node.domain.revision_notice import Revision
from node.errors import ConcordError, DocumentRefusedError, Refusal, VersionConflictError
from node.ports.clock import Clock, unix_ms
from node.ports.keys.identities import InstitutionIdentity
from node.ports.keys.signing import NodeKeys
from node.ports.records.own_entries import EntryLabels, Labels
from node.ports.records.preparation import DraftedRecord, PreparedAs
from node.ports.records.secrets import SecretStore
from node.ports.records.transaction import CounterKey, EntryRow, IdentityMac, RecordRow, RecordsTransaction
from node.services.patients.index import PatientIndex, PatientSession, ResolvedPatient
from node.services.patients.tag_counters import TagCounters
from node.services.records.assignment import assignment_for
from node.services.records.sent_notices import Revised
from node.services.records.staging_receipts import erased_receipt, is_out_of_order, outcome_of, receipt_of, revisions_of
from node.wire.locator import ORDINARY, PRIVATE, locator_tag
from node.wire.prepare import Assignment, FinishedEntry, finish_record

_TWO_VERSIONS = "holds other content of a record that is in this document already; send versions one after another"


@dataclass(frozen=True, slots=True)
class StagingRequest:
    """A document's records, to be staged together."""

    institution: InstitutionId
    """Whose."""
    origin: Origin
    """Its log."""
    records: tuple[DraftedRecord, ...]
    """In document order."""


@dataclass(frozen=True, slots=True)
class Reassigned:
    """Nothing was staged: the guess was wrong for some records of the document."""

    assignments: Mapping[int, PreparedAs]
    """By position in the document."""


StagingResult = tuple[Receipt, ...] | Reassigned | ConcordError


@dataclass(slots=True)
class _Placed:
    """An entry of this transaction that has no index yet."""

    drafted: DraftedRecord
    record: RecordRow
    finished: FinishedEntry
    row: EntryRow
    outcome: Outcome
    labels: Labels


@dataclass(slots=True)
class _Draft:
    """What was decided for one record."""

    drafted: DraftedRecord
    identity: IdentityMac
    sameness: bytes
    known: RecordRow | None
    same: EntryRow | None = None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What staging does with sensitive records."""

    labels: EntryLabels
    """Keeps what makes entries sensitive."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Agree on pairwise keys."""
    hide: Callable[[RecordsTransaction, Sequence[EntryRow]], None]
    """Stages the tombstones of ordinary versions of a record that is sensitive by now."""


class StagingHandler:
    """Stages groups of documents; a `GroupHandler`."""

    def __init__(
        self,
        *,
        keys: NodeKeys,
        secrets: SecretStore,
        patients: PatientIndex,
        counters: TagCounters,
        sensitivity: Sensitivity,
        revised: Revised,
        clock: Clock,
    ) -> None:
        self._keys = keys
        self._secrets = secrets
        self._patients = patients
        self._clock = clock
        self.counters = counters
        self.sensitivity = sensitivity
        self.revised = revised

    def run(self, transaction: RecordsTransaction, items: Sequence[StagingRequest]) -> Sequence[StagingResult]:
        """Stage what can be staged; return a result for each document."""
        return _Staging(self, transaction, items).run()

    def identity_mac(self, drafted: DraftedRecord) -> IdentityMac:
        """Return the keyed hash that recognises a record."""
        identity = drafted.prepared.identity
        fields = (identity.institution, identity.kind, identity.resource_type, identity.system, identity.value)
        return IdentityMac(self._keys.mac("identity", _join(fields)))

    def sameness_mac(self, drafted: DraftedRecord) -> bytes:
        """Return the keyed hash that recognises content."""
        return self._keys.mac("sameness", drafted.prepared.sameness)

    def now_ms(self) -> int:
        """Return the time of staging, unix ms."""
        return unix_ms(self._clock)

    def keep_secrets(self, drafted: Iterable[DraftedRecord]) -> None:
        """Make secrets durable: an entry whose secret was lost could never be opened."""
        self._secrets.put_many({one.secret_id: one.secret for one in drafted})

    def patients(self, transaction: RecordsTransaction) -> PatientSession:
        """Return the patients of a transaction."""
        return PatientSession(self._patients, transaction)

    def pairwise_key(self, institution: InstitutionId, patient: ResolvedPatient) -> bytes:
        """Return K_r, under which a sensitive record is found by its writer and the patient alone."""
        return self.sensitivity.identities[institution].pairwise_key(patient.exchange_public_key)

    def seal_owner(self, patient: ResolvedPatient) -> bytes:
        """Seal what an entry's row says of its patient."""
        return self._patients.seal_owner(patient.patient_id)


class _Staging:
    """One transaction's work."""

    def __init__(self, handler: StagingHandler, transaction: RecordsTransaction, items: Sequence[StagingRequest]) -> None:
        self._handler = handler
        self._transaction = transaction
        self._items = items
        self._now_ms = handler.now_ms()
        self._known: dict[tuple[InstitutionId, IdentityMac], RecordRow] = {}
        self._patients = handler.patients(transaction)
        self._counters: dict[CounterKey, int] = {}
        self._moved: dict[CounterKey, int] = {}
        self._labels: dict[tuple[InstitutionId, IdentityMac], Labels] = {}
        self._placed: dict[Origin, list[_Placed]] = {}
        self._exposed: list[EntryRow] = []
        self._new_records: list[RecordRow] = []
        self._revisions: list[Revision] = []

    def run(self) -> list[StagingResult]:
        drafts = [
            [_Draft(one, self._handler.identity_mac(one), self._handler.sameness_mac(one), None) for one in item.records]
            for item in self._items
        ]
        self._look_up(drafts)
        results = [self._place(item, draft) for item, draft in zip(self._items, drafts, strict=True)]
        self._write()
        return [self._settle(result) for result in results]

    def _look_up(self, drafts: Sequence[Sequence[_Draft]]) -> None:
        wanted: dict[InstitutionId, dict[IdentityMac, None]] = {}
        for item, own in zip(self._items, drafts, strict=True):
            wanted.setdefault(item.institution, {}).update((draft.identity, None) for draft in own)
        for institution, identities in wanted.items():
            found = self._transaction.records_by_identity(institution, list(identities))
            self._known.update(((institution, identity), record) for identity, record in found.items())
            numbers = [one.patient_number for item in self._items if item.institution == institution for one in item.records]
            origin = next(item.origin for item in self._items if item.institution == institution)
            self._load_counters(origin, self._patients.load(institution, numbers))

    def _place(self, item: StagingRequest, drafts: Sequence[_Draft]) -> list[Receipt | _Placed] | Reassigned | ConcordError:
        """Decide for all records of a document, then place them all."""
        reassigned: dict[int, PreparedAs] = {}
        firsts: dict[IdentityMac, _Draft] = {}
        for position, draft in enumerate(drafts):
            first = firsts.setdefault(draft.identity, draft)
            if first is not draft:
                if first.sameness != draft.sameness:
                    return DocumentRefusedError([Refusal(draft.drafted.path, _TWO_VERSIONS)])
                continue
            draft.known = self._known.get((item.institution, draft.identity))
            decision = _decide(draft)
            if isinstance(decision, ConcordError):
                return decision
            if isinstance(decision, PreparedAs):
                reassigned[position] = decision
        if reassigned:
            return Reassigned(reassigned)
        return [self._answer_known(item, draft) or self._stage(item, draft) for draft in drafts]

    def _answer_known(self, item: StagingRequest, draft: _Draft) -> Receipt | None:
        known = self._known.get((item.institution, draft.identity))
        if known is not draft.known:
            # its twin in the same document was placed a moment ago
            draft.known = known
            _decide(draft)
        if known is not None and known.erased_at_ms is not None:
            return erased_receipt(known)
        if known is not None and draft.same is not None:
            return receipt_of(known, draft.same, Outcome.SAME, Level.STORED)
        return None

    def _load_counters(self, origin: Origin, patients: Sequence[ResolvedPatient]) -> None:
        keys = {CounterKey(origin, patient.locator_id, ORDINARY): patient.epoch_key for patient in patients}
        self._counters.update(self._handler.counters.standing(self._transaction, keys))

    def _tag(self, origin: Origin, patient: ResolvedPatient) -> LocatorTag:
        """Allocate a tag that any treating hospital may find; counters are written with everything else."""
        key = CounterKey(origin, patient.locator_id, ORDINARY)
        # absent only for a code that was drawn a moment ago
        counter = self._counters.get(key, 0)
        self._counters[key] = self._moved[key] = counter + 1
        return locator_tag(patient.epoch_key, origin, ORDINARY, counter)

    def _labels_of(self, item: StagingRequest, draft: _Draft) -> Labels:
        """Return what makes an entry sensitive: its own labels, and those of the versions before it."""
        place = item.institution, draft.identity
        known = self._labels.get(place)
        if known is None:
            entries = () if draft.known is None else draft.known.entries
            known = self._handler.sensitivity.labels.of(self._transaction, entries)
        labels = known.union(draft.drafted.labels)
        if labels and not known and draft.known is not None:
            # what treating hospitals have found so far they must not find any more
            self._exposed += draft.known.entries
        self._labels[place] = labels
        return labels

    def _stage(self, item: StagingRequest, draft: _Draft) -> _Placed:
        patient = self._patients.resolve(item.institution, draft.drafted.patient_number)
        labels = self._labels_of(item, draft)
        if labels:
            key = self._handler.pairwise_key(item.institution, patient)
            tag = self._handler.counters.reserve(self._transaction, item.origin, key, PRIVATE)
        else:
            key, tag = patient.epoch_key, self._tag(item.origin, patient)
        finished = finish_record(
            draft.drafted.prepared,
            origin=item.origin,
            tag=tag,
            reader_key=key,
            # the epoch in both classes: a value of its own would point at sensitive entries
            reader_key_id=reader_key_id(patient.epoch),
            pseudonym=patient.pseudonym,
        )
        record = draft.known or RecordRow(
            record_id=draft.drafted.record_id,
            institution=item.institution,
            kind=draft.drafted.prepared.identity.kind,
            identity_mac=draft.identity,
            erased_at_ms=None,
            entries=(),
        )
        if draft.known is None:
            self._new_records.append(record)
        row = self._row(item, draft, record, finished, self._handler.seal_owner(patient))
        if draft.known is not None:
            self._revisions += revisions_of(record, row)
        placed = _Placed(draft.drafted, record, finished, row, outcome_of(row, record), labels)
        self._placed.setdefault(item.origin, []).append(placed)
        # later documents of this transaction see it, at an index that is filled in when the log has given it
        versions = tuple(sorted((*record.entries, row), key=lambda entry: entry.version)) if record.entries else (row,)
        self._known[item.institution, draft.identity] = record._replace(entries=versions)
        return placed

    def _row(
        self, item: StagingRequest, draft: _Draft, record: RecordRow, finished: FinishedEntry, owner_sealed: bytes
    ) -> EntryRow:
        drafted = draft.drafted
        assignment = drafted.prepared.assignment
        return EntryRow(
            origin=item.origin,
            leaf_index=-1,
            institution=item.institution,
            record_id=record.record_id,
            version=assignment.version,
            entry_type=assignment.entry_type,
            status=drafted.prepared.status,
            staged_at_ms=self._now_ms,
            leaf=finished.leaf,
            leaf_hash=finished.leaf_hash,
            sameness_mac=draft.sameness,
            issued_at_ms=drafted.issued_at_ms,
            out_of_order=is_out_of_order(record, assignment.version, drafted.issued_at_ms),
            secret_id=drafted.secret_id,
            owner_sealed=owner_sealed,
        )

    def _write(self) -> None:
        transaction = self._transaction
        # before the commit of what refers to them; a crash in between leaves orphans, which the sweep removes
        self._handler.keep_secrets(one.drafted for placed in self._placed.values() for one in placed)
        transaction.insert_records(self._new_records)
        for origin, placed in self._placed.items():
            first = transaction.log(origin).stage([one.finished.leaf for one in placed])
            for index, one in enumerate(placed, start=first):
                one.row = one.row.at(index)
            transaction.insert_entries([one.row for one in placed])
            transaction.insert_headers([(origin, one.row.leaf_index, one.finished.header) for one in placed])
            transaction.insert_bodies([(origin, one.row.leaf_index, one.drafted.prepared.sealed_body) for one in placed])
        self._handler.sensitivity.labels.insert(
            transaction, {(one.row.origin, one.row.leaf_index): one.labels for placed in self._placed.values() for one in placed}
        )
        self._patients.write()
        transaction.set_counters(self._moved)
        self._hide()
        if self._revisions:
            self._handler.revised(transaction, self._revisions)

    def _hide(self) -> None:
        """Stage tombstones, of versions that were placed in this transaction too."""
        indices = {one.row.leaf_hash: one.row.leaf_index for placed in self._placed.values() for one in placed}
        by_origin: dict[Origin, list[EntryRow]] = {}
        for entry in self._exposed:
            placed = entry.at(indices.get(entry.leaf_hash, entry.leaf_index))
            by_origin.setdefault(entry.origin, []).append(placed)
        for entries in by_origin.values():
            self._handler.sensitivity.hide(self._transaction, entries)

    def _settle(self, result: list[Receipt | _Placed] | Reassigned | ConcordError) -> StagingResult:
        if isinstance(result, Reassigned | ConcordError):
            return result
        return tuple(self._receipt(one) for one in result)

    def _receipt(self, one: Receipt | _Placed) -> Receipt:
        if isinstance(one, _Placed):
            return receipt_of(one.record, one.row, one.outcome, Level.STORED)
        if one.leaf_index == -1:
            # the same content came twice in this transaction
            twins = (placed for placed in self._placed[one.origin] if placed.finished.leaf_hash == one.leaf_hash)
            return one._replace(leaf_index=next(twins).row.leaf_index)
        return one


def _decide(draft: _Draft) -> PreparedAs | ConcordError | None:
    """Return how the record has to be prepared instead, why it is refused, or None when it can stay as it is."""
    drafted, known = draft.drafted, draft.known
    if known is not None:
        if known.erased_at_ms is not None:
            return None
        explicit = drafted.explicit_version
        draft.same = next(
            (entry for entry in known.entries if entry.sameness_mac == draft.sameness and explicit in (None, entry.version)),
            None,
        )
        if draft.same is not None:
            return None
        if explicit is not None and any(entry.version == explicit for entry in known.entries):
            return VersionConflictError(known.record_id, explicit)
    expected = _assign(drafted, known)
    record_id = drafted.record_id if known is None else known.record_id
    if drafted.record_id == record_id and drafted.prepared.assignment == expected:
        return None
    return PreparedAs(record_id, expected)


def _assign(drafted: DraftedRecord, known: RecordRow | None) -> Assignment:
    entries = () if known is None else known.entries
    latest = entries[-1].version if entries else Version(0)
    version = drafted.explicit_version or Version(latest + 1)
    below = [entry for entry in entries if entry.version < version]
    supersedes = LeafReference(below[-1].origin, below[-1].leaf_hash) if below else None
    return assignment_for(version, supersedes, withdraws=drafted.withdraws)


def _join(fields: Sequence[str]) -> bytes:
    """Join texts so that no two sequences give the same bytes: each is preceded by its length, u32 big-endian."""
    encoded = [field.encode() for field in fields]
    return b"".join(len(one).to_bytes(4, "big") + one for one in encoded)


def reader_key_id(epoch: int) -> bytes:
    """Return what names the reader's key in clear: the epoch, which is the same for all patients (FORMATS "Header")."""
    return epoch.to_bytes(8, "big")
