"""The life of one record, as its institution's node knows it: versions, withdrawals, relocations, deletions, who read it.

Told as a bundle (docs/spec/bundle.md): each line proves itself, and whoever reads it believes the log, not the node. What
names the record is found with the patient's keys that the node holds, in its own log; what other institutions logged about it
under keys of theirs, only the patient and supervision find. Left out: words for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.hashing import LeafIndex
from node.domain.access import AccessContent
from node.domain.entry import InstitutionId, LeafReference, Origin, RecordId
from node.domain.header import RelocationContent
from node.domain.patient import PatientKeys
from node.domain.recognition_acts import CheckContent, DecisionContent
from node.errors import HeaderVerificationError, InputError, NotYetLoggedError, UnknownRecordError
from node.ports.clock import Clock, unix_ms
from node.ports.keys.identities import InstitutionIdentity
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.records.own_entries import Patients
from node.ports.records.transaction import EntryRow, RecordRow, RecordsReader, RecordsWriter
from node.services.logs.followed_proofs import FollowedProofs, ProvedEntry
from node.services.patients.index import PatientIndex
from node.services.reading.finding import Finder, FoundEntry, PatientProbe
from node.services.records.evidence import EvidenceService
from node.wire.evidence.bundle import BundleLine, PatientBundle, encode_bundle_file
from node.wire.header.seal import HeaderPlace, header_data_key
from node.wire.leaf import parse_leaf


@dataclass(frozen=True, slots=True)
class TrailParts:
    """What trails are told from."""

    reader: RecordsReader
    """Records."""
    writer: RecordsWriter
    """Looks patients up."""
    patients: PatientIndex
    """Opens their keys."""
    patient_rows: Patients
    """Finds them by the id that entries name."""
    index: FollowedIndex
    """Entries by place."""
    finder: Finder
    """A patient's entries."""
    proofs: FollowedProofs
    """Proves entries."""
    evidence: EvidenceService
    """Evidence of versions."""
    clock: Clock
    """Tells the time."""


class TrailService:
    """Tells trails; any thread."""

    def __init__(self, parts: TrailParts) -> None:
        self._parts = parts

    def tell(self, identity: InstitutionIdentity, origin: Origin, record_id: RecordId) -> bytes:
        """Return the trail of a record, as a bundle file.

        Args:
            identity: The institution whose record it has to be.
            origin: Its log.
            record_id: The record.

        Raises:
            UnknownRecordError: The institution has no such record.
            NotYetLoggedError: No trusted head covers its first entry yet.
        """
        record = self._parts.reader.record(record_id)
        if record is None or record.institution != identity.institution:
            raise UnknownRecordError(record_id)
        keys = self._keys(record)
        pairwise = () if keys is None else identity.pairwise_keys(keys.exchange_public_key)
        readers = [] if keys is None else [*keys.epoch_keys.values(), *pairwise]
        places = self._places(record, origin, keys, pairwise)
        found = self._parts.index.entries(places)
        entries = [found[place] for place in places if place in found]
        deletions = [LeafPlace(entry.place.origin, entry.tombstone) for entry in entries if entry.tombstone is not None]
        entries += self._parts.index.entries(deletions).values()
        if not entries:
            raise NotYetLoggedError(record_id)
        proved = self._parts.proofs.prove(sorted(entries, key=lambda entry: (entry.place.origin, entry.place.index)))
        heads = list(dict.fromkeys(each.note for each in proved))
        versions = {(entry.origin, entry.leaf_index): entry for entry in record.entries}
        lines = [
            self._line(each, heads, readers, versions.get((each.entry.place.origin, each.entry.place.index))) for each in proved
        ]
        return encode_bundle_file(PatientBundle(unix_ms(self._parts.clock), tuple(heads), tuple(lines), ()))

    def _keys(self, record: RecordRow) -> PatientKeys | None:
        sealed = next((entry.owner_sealed for entry in record.entries if entry.owner_sealed is not None), None)
        if sealed is None:
            return None
        patient_id = self._parts.patients.open_owner(sealed)
        row = self._parts.writer.submit(lambda transaction: self._parts.patient_rows.patient(transaction, patient_id)).result()
        return None if row is None else self._parts.patients.keys_of(row)

    def _places(self, record: RecordRow, origin: Origin, keys: PatientKeys | None, pairwise: Sequence[bytes]) -> list[LeafPlace]:
        places = [LeafPlace(entry.origin, LeafIndex(entry.leaf_index)) for entry in record.entries]
        if keys is not None:
            named = {LeafReference(entry.origin, entry.leaf_hash) for entry in record.entries}
            probe = PatientProbe(keys.epoch_keys, {origin: pairwise})
            places += [entry.place for entry in self._parts.finder.find(probe).entries if _names(entry, named)]
        return list(dict.fromkeys(places))

    def _line(self, proved: ProvedEntry, heads: Sequence[bytes], readers: Iterable[bytes], version: EntryRow | None) -> BundleLine:
        entry = proved.entry
        data_key = _data_key(entry, readers)
        return BundleLine(
            head=heads.index(proved.note),
            index=entry.place.index,
            leaf=entry.leaf,
            proof=proved.path,
            header=None if data_key is None else entry.header,
            data_key=data_key,
            evidence=None if version is None else self._evidence(version),
        )

    def _evidence(self, version: EntryRow) -> bytes | None:
        """Return evidence that opens the manifest alone, for its anchor; None once the version was erased."""
        institution, record_id = InstitutionId(version.institution), RecordId(version.record_id or "")
        try:
            return self._parts.evidence.export(institution, record_id, version=version.version, parts=())
        except InputError:
            return None


def _names(entry: FoundEntry, named: set[LeafReference]) -> bool:
    content = None if entry.header is None else entry.header.content
    if isinstance(content, AccessContent):
        return not named.isdisjoint(content.subjects)
    if isinstance(content, CheckContent):
        return any(offer.leaf in named for check in content.checks for line in check.lines for offer in line.offers)
    if isinstance(content, DecisionContent):
        return any(result.leaf in named for result in content.results)
    return isinstance(content, RelocationContent) and content.target in named


def _data_key(entry: FollowedEntry, readers: Iterable[bytes]) -> bytes | None:
    if entry.header is None:
        return None
    for reader in readers:
        try:
            leaf = parse_leaf(entry.leaf)
            return header_data_key(entry.header, HeaderPlace(entry.place.origin, leaf.entry_type, leaf.tag), reader)
        except (InputError, HeaderVerificationError):
            continue
    return None
