"""A record that was filed under the wrong patient: withdrawn there, filed anew, and whoever read it is told.

The withdrawal is logged where the wrong patient's readers find it, in the class of the record; then the corrected document is
taken in as a record of its own. Cut off in between, the record is withdrawn and the document can be sent again, by this way
or the ordinary one. Who read it is what the holder's own receipts say (type 4, outcome `disclosed`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.message import MemberMessage
from node.domain.patient import PatientKeys
from node.domain.receipt import Receipt
from node.domain.record import Part, RecordStatus
from node.domain.revision_notice import NoticeChange, Revision
from node.errors import ConcordError, MalformedParameterError, RefilingRefusedError
from node.ports.clock import Clock, unix_ms
from node.ports.custody.refiling import RefilingStore, WrongPatientNotice
from node.ports.keys.identities import InstitutionIdentity
from node.ports.records.own_entries import EntryLabels, Patients
from node.ports.records.preparation import DraftedRecord, Preparation, PreparationRequest
from node.ports.records.transaction import EntryRow, PatientId, RecordRow, RecordsTransaction, RecordsWriter
from node.services.members.outbox import Outbox
from node.services.patients.index import PatientIndex
from node.services.patients.tag_counters import TagCounters
from node.services.records.entries import ActEntry, EntryComposer, RecordPlace
from node.services.records.erasure import live_record
from node.services.records.ingest import IngestService
from node.services.records.sent_notices import Revised
from node.wire.header.seal import HeaderPlace, open_header_reader
from node.wire.json_strict import check_document
from node.wire.leaf import parse_leaf
from node.wire.locator import ORDINARY, PRIVATE
from node.wire.public_entry import STATEMENT_MEDIA_TYPE

WRONG_PATIENT: Final = "wrong-patient"
"""Kind of the message that tells who read a record that it is another patient's."""

_WITHDRAWN: Final = RecordStatus("entered-in-error")
_Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    leaf_hashes: list[_Hex32]
    withdrawal: _Hex32


@dataclass(frozen=True, slots=True)
class Refiled:
    """What was done."""

    withdrawal_index: int
    """Leaf index of the withdrawal under the wrong patient."""
    receipt: Receipt
    """Of the record under the right one."""
    told: tuple[InstitutionId, ...]
    """Who had read the record, and is told."""


@dataclass(frozen=True, slots=True)
class RefilingParts:
    """What re-filing is made with."""

    preparation: Preparation
    """Reads the corrected document before anything is changed."""
    ingest: IngestService
    """Takes it in."""
    composer: EntryComposer
    """Stages the withdrawal."""
    counters: TagCounters
    """Finds the holder's receipts."""
    patients: PatientIndex
    """Opens patients' keys."""
    patient_rows: Patients
    """Finds patients by id."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """Agree on pairwise keys."""
    labels: EntryLabels
    """What makes the record sensitive."""
    store: RefilingStore
    """Lets the identity go."""
    outbox: Outbox | None
    """Tells who read it; None where there are no other members."""
    revised: Revised
    """Tells who relies on it that it was withdrawn."""
    writer: RecordsWriter
    """The one writer of the records."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Is told which log has news."""


class RefilingService:
    """Files records under the right patient."""

    def __init__(self, parts: RefilingParts) -> None:
        self._parts = parts

    def refile(self, institution: InstitutionId, record_id: RecordId, document: bytes) -> Refiled:
        """Withdraw a record under the wrong patient and take the corrected document in.

        Args:
            institution: Whose record.
            record_id: The record.
            document: FHIR JSON of this one record, of the right patient.

        Raises:
            UnknownRecordError, RecordErasedError: There is no such record any more.
            RefilingRefusedError: The document holds more than this record, or is of the same patient.
            DocumentRefusedError: It lacks what its kind needs.
        """
        drafted = self._read(institution, document)

        def work(transaction: RecordsTransaction) -> tuple[RecordRow, int, tuple[InstitutionId, ...]]:
            record = live_record(transaction, institution, record_id)
            patient_id, keys = self._check(transaction, record, drafted)
            index, withdrawal = self._withdraw(transaction, record, patient_id, keys)
            self._parts.store.release_identity(transaction, record_id)
            readers = self._readers(transaction, record, keys)
            self._tell(transaction, record, withdrawal, readers)
            return record, index, readers

        record, index, told = self._parts.writer.submit(work).result()
        self._parts.staged(record.entries[0].origin)
        (receipt,) = self._parts.ingest.submit(institution, document).result().receipts
        return Refiled(index, receipt, told)

    def notices(self, institution: InstitutionId, limit: int) -> list[WrongPatientNotice]:
        """Return what an institution read and was told to be another patient's, newest first."""
        return self._parts.store.notices(institution, limit)

    def receive(self, transaction: RecordsTransaction, message: MemberMessage) -> None:
        """Keep another member's word that what it disclosed is another patient's; a handler of the inbox.

        Raises:
            MalformedParameterError: It is no such message.
        """
        check_document(message.body, 3)
        try:
            told = msgspec.json.decode(message.body, type=_Message)
        except msgspec.MsgspecError as error:
            raise MalformedParameterError("body", "does not tell of a wrong patient") from error
        now_ms, withdrawal = unix_ms(self._parts.clock), bytes.fromhex(told.withdrawal)
        notices = [
            WrongPatientNotice(message.recipient, message.sender, bytes.fromhex(leaf_hash), withdrawal, now_ms)
            for leaf_hash in told.leaf_hashes
        ]
        self._parts.store.keep_notice(transaction, notices)

    def _read(self, institution: InstitutionId, document: bytes) -> DraftedRecord:
        (prepared,) = self._parts.preparation.submit([PreparationRequest(institution, document)]).result()
        if isinstance(prepared, ConcordError):
            raise prepared
        if len(prepared.records) != 1:
            raise RefilingRefusedError("the corrected document has to hold this one record and no other")
        return prepared.records[0]

    def _check(self, transaction: RecordsTransaction, record: RecordRow, drafted: DraftedRecord) -> tuple[PatientId, PatientKeys]:
        """Return the wrong patient and its keys."""
        if drafted.prepared.kind != record.kind:
            raise RefilingRefusedError("the corrected document is of another kind than the record")
        sealed = record.entries[-1].owner_sealed
        row = None if sealed is None else self._parts.patient_rows.patient(transaction, self._parts.patients.open_owner(sealed))
        if row is None:
            raise RefilingRefusedError("nothing here says any more whose the record was: withdraw it and submit it anew")
        if row.number_mac == self._parts.patients.number_mac(drafted.patient_number):
            raise RefilingRefusedError("the corrected document is of the same patient: submit it as an amendment")
        return row.patient_id, self._parts.patients.keys_of(row)

    def _withdraw(
        self, transaction: RecordsTransaction, record: RecordRow, patient_id: PatientId, keys: PatientKeys
    ) -> tuple[int, bytes]:
        """Stage the withdrawal; return its leaf index and hash."""
        latest, now_ms = record.entries[-1], unix_ms(self._parts.clock)
        version = Version(latest.version + 1)
        statement = Part(STATEMENT_MEDIA_TYPE, "withdrawal", "", b'{"statement_version":1,"reason":"wrong-patient"}', "")
        supersedes = LeafReference(latest.origin, latest.leaf_hash)
        labels = self._parts.labels.of(transaction, record.entries)
        content = HeaderContent(
            kind=record.kind,
            record_id=record.record_id,
            version=version,
            status=_WITHDRAWN,
            performed_at_ms=now_ms,
            items=(),
            study="",
            parts=(PartSummary(statement.media_type, statement.role, len(statement.content)),),
            supersedes=supersedes,
        )
        act = ActEntry(
            entry_type=EntryType.WITHDRAWAL,
            kind=record.kind,
            content=content,
            parts=(statement,),
            performed_at_ms=now_ms,
            patient=keys,
            tag_class=PRIVATE if labels else ORDINARY,
            supersedes=supersedes,
            owner=patient_id,
            record=RecordPlace(record.record_id, version, _WITHDRAWN),
        )
        (staged,) = self._parts.composer.stage(transaction, record.institution, [act])
        self._parts.labels.insert(transaction, {(staged.origin, staged.leaf_index): labels})
        earlier = tuple(LeafReference(entry.origin, entry.leaf_hash) for entry in record.entries)
        revision = Revision(record.institution, record.record_id, NoticeChange.WITHDRAWN, staged.reference, earlier)
        self._parts.revised(transaction, [revision])
        return staged.leaf_index, staged.leaf_hash

    def _readers(self, transaction: RecordsTransaction, record: RecordRow, keys: PatientKeys) -> tuple[InstitutionId, ...]:
        """Return to whom the holder's receipts say that any version was disclosed."""
        readers = self._parts.identities[record.institution].pairwise_keys(keys.exchange_public_key)
        versions = {entry.leaf_hash for entry in record.entries}
        found: set[InstitutionId] = set()
        for key in readers:
            counter = self._parts.counters.key(record.entries[0].origin, key, PRIVATE)
            for entry in self._parts.counters.given(transaction, counter, key):
                content = self._receipt(transaction, entry, key)
                if content is not None and versions.intersection(subject.leaf_hash for subject in content.subjects):
                    found.add(content.counterpart)
        return tuple(sorted(found - {record.institution}))

    def _receipt(self, transaction: RecordsTransaction, entry: EntryRow, key: bytes) -> AccessContent | None:
        header = None
        if entry.entry_type is EntryType.ACCESS_RECEIPT:
            header = transaction.header(entry.origin, entry.leaf_index)
        if header is None:
            return None
        place = HeaderPlace(entry.origin, entry.entry_type, parse_leaf(entry.leaf).tag)
        content = open_header_reader(header, place, key).content
        if not isinstance(content, AccessContent) or content.side is not AccessSide.HOLDER:
            return None
        return content if content.outcome is AccessOutcome.DISCLOSED else None

    def _tell(
        self, transaction: RecordsTransaction, record: RecordRow, withdrawal: bytes, readers: tuple[InstitutionId, ...]
    ) -> None:
        if self._parts.outbox is not None and readers:
            message = _Message([entry.leaf_hash.hex() for entry in record.entries], withdrawal.hex())
            body = msgspec.json.encode(message)
            self._parts.outbox.tell(transaction, record.institution, readers, WRONG_PATIENT, withdrawal.hex(), body)
