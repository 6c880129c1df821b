"""Certificates of decisions: what a clinician could rely on then, proved to strangers (docs/spec/decision-certificate.md).

Of the institution's own log: the decision, the check it cites, receipts, what took it back, each with the evidence of its entry.
Of the issuers' logs, as followed: the results that were shown, and what replaced them since. And the documents that the
decision pins. All is found with the patient's keys as they were kept with the decision. Left out: checking it (`node.wire`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from ledger.hashing import LeafIndex
from node.domain.access import AccessContent, AccessOutcome, AccessSide
from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.header import AnyContent, HeaderContent, RelocationContent
from node.domain.patient import PatientKeys
from node.domain.recognition import OrderableCheck, Pin
from node.domain.recognition_acts import CheckContent, DecisionId, ReversalContent
from node.errors import (
    ExchangeKeyGoneError,
    HeaderVerificationError,
    InputError,
    NotYetLoggedError,
    PinnedDocumentGoneError,
    UnknownCheckError,
    UnknownDecisionError,
    UnknownPartError,
)
from node.identity.sealed import parse_patient_keys
from node.ports.catalogue.publication import PublishedDocuments
from node.ports.clock import Clock, unix_ms
from node.ports.keys.identities import InstitutionIdentity
from node.ports.keys.signing import NodeKeys
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.recognition.decisions import DecisionStore, KeptDecision
from node.ports.records.transaction import EntryRow, RecordsTransaction, RecordsWriter
from node.services.logs.followed_proofs import FollowedProofs, ProvedEntry
from node.services.patients.tag_counters import TagCounters
from node.services.reading.finding import Finder, FoundEntry, PatientProbe
from node.services.recognition.checking import OrderChecking
from node.services.recognition.deciding import DECISION_SEAL
from node.services.records.evidence import EvidenceService
from node.wire.certificate.file import (
    CertifiedRead,
    DecisionCertificate,
    PinnedDocument,
    PublishedEntry,
    ReadConsistency,
    encode_certificate,
)
from node.wire.evidence.bundle import BundleLine
from node.wire.header.seal import HeaderPlace, header_data_key, open_header_reader
from node.wire.leaf import parse_leaf
from node.wire.recognition.text import CheckText, encode_checks, parse_decision

_BODY = 1
"""Number of the part that says what was checked or decided."""
_SUMMARY = 2
"""Number of the part that repeats a recognition in short: what slips disclose."""
_PRIVATE = 1
"""Class of what its writer and the patient find."""


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """What certificates are made from."""

    store: DecisionStore
    """Decisions."""
    checking: OrderChecking
    """Recalls checks."""
    counters: TagCounters
    """Own entries of a patient."""
    index: FollowedIndex
    """Entries by place."""
    finder: Finder
    """A patient's results."""
    proofs: FollowedProofs
    """Proves entries."""
    evidence: EvidenceService
    """Evidence of own entries."""
    documents: PublishedDocuments
    """What decisions pin."""
    identities: Mapping[InstitutionId, InstitutionIdentity]
    """The hosted institutions."""
    origins: Mapping[InstitutionId, Origin]
    """Their logs."""
    keys: NodeKeys
    """Opens what is kept."""
    writer: RecordsWriter
    """Looks decisions up."""
    clock: Clock
    """Tells the time."""


@dataclass(frozen=True, slots=True)
class _Own:
    """An own entry of the patient in class 1."""

    row: EntryRow
    entry: FollowedEntry
    content: AnyContent | None
    reader: bytes = field(repr=False)
    """The pairwise key that opens it."""

    @property
    def reference(self) -> LeafReference:
        """Return what names it."""
        return LeafReference(self.row.origin, self.row.leaf_hash)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The entries of a certificate, by the part that they play."""

    decision: _Own
    reversal: _Own | None
    check: _Own | None
    receipts: Sequence[_Own]
    results: Sequence[FollowedEntry]
    later: Sequence[FollowedEntry]
    tombstones: Sequence[FollowedEntry]

    @property
    def own(self) -> list[_Own]:
        """Return those of the own log."""
        return [self.decision, *(each for each in (self.reversal, self.check) if each is not None), *self.receipts]


class Certificates:
    """Makes certificates; any thread."""

    def __init__(self, parts: CertificateParts) -> None:
        self._parts = parts

    def export(self, institution: InstitutionId, decision_id: DecisionId) -> bytes:
        """Return the certificate of a decision, as a file.

        Raises:
            UnknownDecisionError: The institution took no such decision.
            NotYetLoggedError: No trusted head covers it yet, or what took it back; or a header of the own log is on its way.
            ExchangeKeyGoneError: The exchange key under which it was logged was rotated out, and is not kept.
            PinnedDocumentGoneError: A document that it pins is not here any more.
        """
        parts = self._parts
        kept = parts.writer.submit(lambda transaction: parts.store.decision(transaction, institution, decision_id)).result()
        if kept is None:
            raise UnknownDecisionError(decision_id)
        text = parse_decision(parts.keys.open(DECISION_SEAL, kept.content))
        check, _ = parts.checking.recall(institution, text.check_id)
        keys = parse_patient_keys(parts.keys.open(DECISION_SEAL, kept.patient))
        line = next(each for each in check.outcome.lines if each.line == text.decision.line)
        chosen = self._choose(kept, line, keys)
        return encode_certificate(self._certificate(chosen, check, check.outcome.concerned_pins, list(keys.epoch_keys.values())))

    # Choosing

    def _choose(self, kept: KeptDecision, line: OrderableCheck, keys: PatientKeys) -> _Chosen:
        # before the entries are read: one that is followed only afterwards is not missing among them
        is_followed = self._parts.index.find_leaf(kept.entry.origin, kept.entry.leaf_hash) is not None
        own = self._own_entries(kept.institution, keys)
        decision = next((each for each in own if each.reference == kept.entry), None)
        reversal = next((each for each in own if _takes_back(each, kept.entry)), None)
        if decision is None and is_followed:
            # it is there, and no key that is left numbers it
            raise ExchangeKeyGoneError(kept.institution)
        # leaves are followed a moment before their headers: until then nothing says which of them are receipts
        if decision is None or (reversal is None and kept.reversed_at_ms is not None) or any(map(_awaits_header, own)):
            raise NotYetLoggedError(kept.decision_id)
        shown = _shown(line)
        found = self._parts.finder.find(PatientProbe(keys.epoch_keys)).entries
        results = [self._entry(found, each) for each in shown]
        later = [each.place for each in found if _is_later(each, found, shown)]
        deletions = [LeafPlace(each.place.origin, each.tombstone) for each in results if each.tombstone is not None]
        entries = self._parts.index.entries([*later, *deletions])
        return _Chosen(
            decision=decision,
            reversal=reversal,
            check=next((each for each in own if _is_check(each, kept)), None),
            receipts=self._with_holders(_receipts(own, decision, shown), keys),
            results=results,
            later=[entries[place] for place in later if place in entries],
            tombstones=[entries[place] for place in deletions if place in entries],
        )

    def _with_holders(self, receipts: Sequence[_Own], keys: PatientKeys) -> list[_Own]:
        """Add the holders' receipts of the same requests, of holders that this node hosts: others' are not found with our keys."""
        requests = {
            each.content.request_id: each.content.counterpart for each in receipts if isinstance(each.content, AccessContent)
        }
        pairs = list(receipts)
        for holder in sorted(set(requests.values()) & self._parts.origins.keys()):
            for each in self._own_entries(holder, keys):
                content = each.content
                if isinstance(content, AccessContent) and requests.get(content.request_id) == holder:
                    is_other_side = (content.side, content.outcome) == (AccessSide.HOLDER, AccessOutcome.DISCLOSED)
                    pairs += [each] if is_other_side else []
        return pairs

    def _own_entries(self, institution: InstitutionId, keys: PatientKeys) -> list[_Own]:
        """Return what an institution logged about the patient under their pairwise keys, as far as its log is followed here.

        A decision is under the exchange key of its time, what took it back perhaps under the next one.
        """
        origin, counters = self._parts.origins[institution], self._parts.counters
        readers = self._parts.identities[institution].pairwise_keys(keys.exchange_public_key)

        def given(transaction: RecordsTransaction) -> list[tuple[EntryRow, bytes]]:
            return [(row, key) for key in readers for row in counters.given(transaction, counters.key(origin, key, _PRIVATE), key)]

        rows = {LeafPlace(origin, LeafIndex(row.leaf_index)): (row, key) for row, key in self._parts.writer.submit(given).result()}
        entries = self._parts.index.entries(list(rows))
        return [
            _Own(row, entries[place], _content(entries[place], key), key) for place, (row, key) in rows.items() if place in entries
        ]

    def _entry(self, found: Collection[FoundEntry], result: LeafReference) -> FollowedEntry:
        """Return the entry that describes a result: its own, or the relocation under which it is found now."""
        named = [each for each in found if _target(each) == result]
        # its own first: a relocation repeats what the header says, and the header is what the issuer committed to first
        named.sort(key=lambda each: (each.header is None, each.reference != result))
        index = named[0].place.index if named else self._parts.index.find_leaf(result.origin, result.leaf_hash)
        if index is None:
            raise NotYetLoggedError(f"in {result.origin}")
        place = LeafPlace(named[0].place.origin if named else result.origin, index)
        return self._parts.index.entries([place])[place]

    # Writing

    def _certificate(self, chosen: _Chosen, check: CheckText, pins: Sequence[Pin], readers: Sequence[bytes]) -> DecisionCertificate:
        own = {each.entry.place: each for each in chosen.own}
        entries = [*(each.entry for each in chosen.own), *chosen.results, *chosen.later]
        places = [each.place for each in entries]
        documents = [(pin, *self._document(pin)) for pin in pins]
        published = [entry for _, _, entry in documents if entry is not None]
        proved = {each.entry.place: each for each in self._parts.proofs.prove([*entries, *chosen.tombstones, *published])}
        heads = list(dict.fromkeys(each.note for each in proved.values()))
        noted = {each.entry.place.origin: each.note for each in proved.values()}

        def at(entries: Sequence[FollowedEntry]) -> tuple[int, ...]:
            return tuple(places.index(each.place) for each in entries)

        return DecisionCertificate(
            made_at_ms=unix_ms(self._parts.clock),
            heads=tuple(heads),
            lines=tuple(self._line(proved[place], heads, readers, own.get(place), chosen) for place in places),
            decision=0,
            reversal=None if chosen.reversal is None else at([chosen.reversal.entry])[0],
            check=None if chosen.check is None else at([chosen.check.entry])[0],
            check_text=encode_checks([check]) if chosen.check is None else None,
            results=at(chosen.results),
            later=at(chosen.later),
            receipts=at([each.entry for each in chosen.receipts]),
            tombstones=tuple(_published(proved[each.place], heads) for each in chosen.tombstones),
            documents=tuple(
                PinnedDocument(content, None) if entry is None else PinnedDocument(None, _published(proved[entry.place], heads))
                for _, content, entry in documents
            ),
            read=self._read(check, {each.place.origin for each in chosen.results}, noted),
        )

    def _read(self, check: CheckText, relied: Collection[Origin], noted: Mapping[Origin, bytes]) -> CertifiedRead | None:
        """Return how far all logs had been read, and that the heads which it had then are of the history that is shown."""
        committed = check.heads
        if committed is UNSET:
            return None
        logs = self._parts.checking.recall_read(check.check_id)
        if logs is None:
            raise UnknownCheckError(check.check_id)
        heads = {log.origin: note for log, note in zip(check.read, committed.notes, strict=True) if note and log.origin in relied}
        proofs = self._parts.proofs
        return CertifiedRead(
            logs, tuple(ReadConsistency(origin, proofs.consistency(origin, note, noted[origin])) for origin, note in heads.items())
        )

    def _line(
        self, proved: ProvedEntry, heads: Sequence[bytes], readers: Sequence[bytes], own: _Own | None, chosen: _Chosen
    ) -> BundleLine:
        entry = proved.entry
        data_key = _data_key(entry, readers if own is None else [own.reader])
        return BundleLine(
            head=heads.index(proved.note),
            index=entry.place.index,
            leaf=entry.leaf,
            proof=proved.path,
            header=None if data_key is None else entry.header,
            data_key=data_key,
            evidence=None if own is None else self._evidence(own, chosen),
        )

    def _evidence(self, own: _Own, chosen: _Chosen) -> bytes:
        """Return the evidence of an own entry: of decision and check with what they say, of others the manifest alone."""
        export = self._parts.evidence.export_act
        if own == chosen.decision:
            try:
                return export(own.row, (_BODY, _SUMMARY))
            except UnknownPartError:
                return export(own.row, (_BODY,))  # it orders again, or a release without summaries took it
        return export(own.row, (_BODY,) if own == chosen.check else ())

    def _document(self, pin: Pin) -> tuple[bytes, FollowedEntry | None]:
        """Return a document's bytes and, where it is published in a log that is followed here, that entry."""
        document = self._parts.documents.by_digest(pin.digest)
        if document is None:
            raise PinnedDocumentGoneError(pin.kind)
        place = document.known.place
        if place is None:
            return document.data, None
        at = LeafPlace(place.origin, LeafIndex(place.leaf_index))
        entry = self._parts.index.entries([at]).get(at)
        return document.data, entry if entry is not None and entry.header is not None else None


def _published(proved: ProvedEntry, heads: Sequence[bytes]) -> PublishedEntry:
    entry = proved.entry
    return PublishedEntry(heads.index(proved.note), entry.place.index, entry.leaf, proved.path, entry.header or b"")


def _shown(line: OrderableCheck) -> list[LeafReference]:
    """Return the results that were shown for an order line, in its order."""
    return list(dict.fromkeys([*(each.leaf for each in line.offers), *(each.leaf for each in line.unrecognisable)]))


def _awaits_header(own: _Own) -> bool:
    return own.entry.header is None and own.entry.tombstone is None


def _takes_back(own: _Own, decision: LeafReference) -> bool:
    return isinstance(own.content, ReversalContent) and own.content.decision == decision


def _is_check(own: _Own, kept: KeptDecision) -> bool:
    return isinstance(own.content, CheckContent) and any(each.check_id == kept.check_id for each in own.content.checks)


def _receipts(own: Sequence[_Own], decision: _Own, shown: Sequence[LeafReference]) -> list[_Own]:
    """Return, of each result that was shown, the last receipt of its retrieval before the decision."""
    last: dict[LeafReference, _Own] = {}
    for each in own:
        content = each.content
        if (
            isinstance(content, AccessContent)
            and (content.side, content.outcome) == (AccessSide.REQUESTER, AccessOutcome.DISCLOSED)
            and each.row.leaf_index < decision.row.leaf_index
        ):
            for result in set(content.subjects).intersection(shown):
                if result not in last or last[result].row.leaf_index < each.row.leaf_index:
                    last[result] = each
    return list({each.row.leaf_index: each for each in last.values()}.values())


def _target(entry: FoundEntry) -> LeafReference:
    content = None if entry.header is None else entry.header.content
    return content.target if isinstance(content, RelocationContent) else entry.reference


def _record(entry: FoundEntry) -> HeaderContent | None:
    content = None if entry.header is None else entry.header.content
    return content if isinstance(content, HeaderContent) else None


def _is_later(entry: FoundEntry, found: Collection[FoundEntry], shown: Sequence[LeafReference]) -> bool:
    """Tell whether an entry is a higher version of a record that was shown, and was not shown itself."""
    content = _record(entry)
    if content is None or entry.reference in shown:
        return False
    records = [_record(each) for each in found if each.reference in shown and each.place.origin == entry.place.origin]
    is_newer = any(each.record_id == content.record_id and content.version > each.version for each in records if each is not None)
    return is_newer or content.supersedes in shown


def _content(entry: FollowedEntry, reader: bytes) -> AnyContent | None:
    if entry.header is None:
        return None
    leaf = parse_leaf(entry.leaf)
    try:
        return open_header_reader(entry.header, HeaderPlace(entry.place.origin, leaf.entry_type, leaf.tag), reader).content
    except (InputError, HeaderVerificationError):
        return None


def _data_key(entry: FollowedEntry, readers: Sequence[bytes]) -> bytes | None:
    if entry.header is None:
        return None
    leaf = parse_leaf(entry.leaf)
    for reader in readers:
        try:
            return header_data_key(entry.header, HeaderPlace(entry.place.origin, leaf.entry_type, leaf.tag), reader)
        except (InputError, HeaderVerificationError):
            continue
    return None
