"""Find what exists of a patient, for a clinician: by a number on file or by a card, logged before it is shown (DESIGN 3.6).

The answer comes from this node's own index, calling nobody. Its entry (type 12, class 1) is durable before the answer; it
is staged and not waited for any further. What a revoked consent had opened is as absent as what never was: no count tells.
Left out: what may be recognised at order time; keeping many questions in one entry.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, ConsentId, Purpose, RequestId
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.header import HeaderContent, RelocationContent
from node.domain.patient import PatientKeys
from node.domain.record import PatientNumber
from node.domain.retrieval import Target
from node.errors import UnknownPatientError
from node.identity.code_text import PatientCard
from node.identity.codes import epoch_key
from node.ports.clock import Clock, unix_ms
from node.ports.custody.withdrawals import WithdrawalStore
from node.ports.logs.index import FollowedIndex
from node.ports.members.membership import KeyDirectory
from node.ports.records.own_entries import PatientNumbers
from node.ports.records.transaction import PatientRow, RecordsWriter
from node.services.patients.index import PatientIndex
from node.services.reading.finding import Finder, Found, FoundEntry, PatientProbe
from node.services.records.entries import EntryComposer
from node.services.records.receipts import ReceiptDraft, check_entry
from node.wire.locator import locator_tag

_ID_BYTES = 16
_SUBJECTS = 64
"""Entries that a check outcome names at the most: a header is small, a patient's history need not be."""

PatientLike = PatientNumber | PatientCard
"""How a patient is named: by the institution's own number, or by a card that was read."""


@dataclass(frozen=True, slots=True)
class FindOrder:
    """Who looks for whom, and why."""

    patient: PatientLike
    """Whom."""
    actor: Actor
    """Who looks."""
    purpose: Purpose
    """Why."""
    encounter: str
    """The encounter, or empty."""


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record that exists, as its header tells."""

    target: Target
    """The entry, to be asked for."""
    entry: FoundEntry
    """Where and how it was found."""
    content: HeaderContent
    """What its header says."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look found, and how far it saw."""

    keys: PatientKeys
    """The patient's keys."""
    records: list[FoundRecord]
    """The latest versions of what is not hidden, and, where it was asked for, what they replaced."""
    read: Mapping[Origin, int]
    """Below this index of each log every entry of the patient was found, and its header read or known to be deleted."""


@dataclass(frozen=True, slots=True)
class FindParts:
    """What the service is made of."""

    finder: Finder
    """Finds by keys."""
    index: FollowedIndex
    """Where relocated entries lie."""
    directory: KeyDirectory
    """Whose logs they are."""
    patients: PatientIndex
    """Knows the hashes of numbers, and opens keys."""
    numbers: PatientNumbers
    """Patients by number."""
    locator_secrets: Mapping[int, bytes]
    """The consortium's, by epoch: a card's keys are derived with them."""
    composer: EntryComposer
    """Stages check outcomes."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    is_revoked: Callable[[ConsentId], bool]
    """Whether a consent is known to be revoked."""
    withdrawals: WithdrawalStore
    """Patients for whom processing stopped."""


class PatientFinding:
    """Finds patients' records."""

    def __init__(self, parts: FindParts) -> None:
        self._parts = parts

    def find(self, institution: InstitutionId, order: FindOrder) -> tuple[RequestId, list[FoundRecord]]:
        """Find what exists of a patient, and log that somebody looked.

        Returns:
            The id under which it was logged, and the records, latest versions only.

        Raises:
            UnknownPatientError: The institution has no keys under this number.
        """
        keys, found = self.look(institution, order.patient)
        request_id = RequestId(secrets.token_hex(_ID_BYTES))
        content = AccessContent(
            request_id=request_id,
            side=AccessSide.REQUESTER,
            counterpart=institution,
            actor=order.actor,
            purpose=order.purpose,
            outcome=AccessOutcome.FOUND,
            reason="",
            consent_id=None,
            consent_block=None,
            emergency_id=None,
            subjects=tuple(record.target.reference for record in found[:_SUBJECTS]),
            occurred_at_ms=unix_ms(self._parts.clock),
            encounter=order.encounter,
        )
        entry = check_entry(ReceiptDraft(content, keys, b'{"found":%d}' % len(found)))
        stage = self._parts.composer.stage
        self._parts.writer.submit_together(lambda transaction: stage(transaction, institution, [entry])).result()
        self._parts.staged(self._parts.origins[institution])
        return request_id, found

    def look(self, institution: InstitutionId, patient: PatientLike) -> tuple[PatientKeys, list[FoundRecord]]:
        """Return a patient's keys, and the latest versions of what they find and nothing hides; logs nothing.

        Raises:
            UnknownPatientError: The institution has no keys under this number.
        """
        looked = self.look_through(institution, patient)
        return looked.keys, looked.records

    def look_through(self, institution: InstitutionId, patient: PatientLike, *, with_replaced: bool = False) -> Looked:
        """Return what `look` does, and how far each log had been read for the patient; raises as `look`.

        Args:
            institution: Who looks.
            patient: For whom.
            with_replaced: Whether the versions that the latest ones replaced are returned as well.
        """
        if isinstance(patient, PatientCard):
            return self._records(self._keys_of_card(patient), with_replaced=with_replaced)
        row = self.row(institution, patient)
        keys = self._parts.patients.keys_of(row)
        # the patient withdrew here: this institution looks for nothing any more
        withdrawn = self._parts.withdrawals.is_withdrawn(institution, row.patient_id)
        return Looked(keys, [], {}) if withdrawn else self._records(keys, with_replaced=with_replaced)

    def look_with(self, keys: PatientKeys) -> list[FoundRecord]:
        """Return what a patient's keys find and nothing hides, replaced versions too; logs nothing."""
        return self._records(keys, with_replaced=True).records

    def row(self, institution: InstitutionId, number: PatientNumber) -> PatientRow:
        """Return a patient on file.

        Raises:
            UnknownPatientError: The institution has no keys under this number.
        """
        found = self._parts.numbers.numbered(institution, self._parts.patients.number_mac(number))
        if found is None:
            raise UnknownPatientError
        return found

    def _keys_of_card(self, card: PatientCard) -> PatientKeys:
        by_epoch = self._parts.locator_secrets.items()
        return PatientKeys(
            epoch_keys={epoch: epoch_key(card.code, secret, epoch) for epoch, secret in by_epoch},
            exchange_public_key=card.public_keys.exchange,
            signing_public_key=card.public_keys.signing,
            pseudonym=None,
            provisional_code=None,
        )

    def _records(self, keys: PatientKeys, *, with_replaced: bool) -> Looked:
        # before the look: what is indexed meanwhile may have been missed
        read = {origin: int(self._parts.index.size(origin)) for origin in self._parts.index.origins()}
        found = self._parts.finder.find(PatientProbe(keys.epoch_keys))
        hidden = self._hidden(found)
        entries = [*found.current(), *(found.replaced() if with_replaced else ())]
        shown = (self._show(keys, entry) for entry in entries if entry.reference not in hidden)
        for entry in found.entries:
            if entry.header is None and not entry.deleted:
                read[entry.place.origin] = min(read.get(entry.place.origin, 0), int(entry.place.index))
        return Looked(keys, [record for record in shown if record is not None], read)

    def _hidden(self, found: Found) -> frozenset[LeafReference]:
        """Return relocations that a consent had opened and that was revoked: hidden from the moment that is known."""
        opened: dict[LeafReference, ConsentId] = {}
        for entry in found.entries:
            content = None if entry.header is None else entry.header.content
            if isinstance(content, RelocationContent) and content.consent_id is not None:
                opened[entry.reference] = content.consent_id
        return frozenset(reference for reference, consent in opened.items() if self._parts.is_revoked(consent))

    def _show(self, keys: PatientKeys, entry: FoundEntry) -> FoundRecord | None:
        content = None if entry.header is None else entry.header.content
        if isinstance(content, RelocationContent):
            index = self._parts.index.find_leaf(content.target.origin, content.target.leaf_hash)
            return None if index is None else self._record(entry, content.record, content.target, index, b"")
        if not isinstance(content, HeaderContent):
            return None
        # made anew from the patient's key: what comes back from the holder has to bear it
        tag = b"" if entry.epoch is None else _tag(keys, entry.epoch, entry)
        return self._record(entry, content, entry.reference, entry.place.index, tag)

    def _record(
        self, entry: FoundEntry, content: HeaderContent, reference: LeafReference, index: int, tag: bytes
    ) -> FoundRecord | None:
        registered = self._parts.directory.origin(reference.origin)
        if registered is None:
            return None
        return FoundRecord(Target(reference, index, registered.institution, tag, content.version), entry, content)


def _tag(keys: PatientKeys, epoch: int, entry: FoundEntry) -> bytes:
    return locator_tag(keys.epoch_keys[epoch], entry.place.origin, entry.tag_class, entry.counter)
