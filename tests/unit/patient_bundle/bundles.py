"""A patient's entries with real headers in a log, and the bundle that shows them."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from itertools import count

from ledger.hashing import LeafIndex, NodeHash
from ledger.proofs import TlogProof, encode_tlog_proof, prove_inclusion
from ledger.tiles import TileHashReader
from node.domain.access import AccessContent, AccessOutcome, AccessSide, Actor, ConsentContent, ConsentId, Purpose, RequestId
from node.domain.entry import EntryType, InstitutionId, LeafReference, RecordId, Version
from node.domain.header import AnyContent
from node.services.patient_view.completeness import prove_completeness, scan_log
from node.wire.commitment import Entropy, disclose_parts, open_body
from node.wire.evidence.bundle import BundleLine, PatientBundle
from node.wire.evidence.completeness import SeriesKey, encode_completeness
from node.wire.evidence.file import Evidence, OpenedPart, encode_evidence
from node.wire.header.seal import HeaderPlace, header_data_key, header_digest, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf, round_claimed_time
from node.wire.prepare import Assignment, RecordContext, finish_record, prepare_record
from tests.unit.completeness_proof.patient_logs import PRIVATE, RECORDS, GrownLog, foreign_tag, grow, leaf, tag
from tests.unit.evidence_verify.world import CLAIMED_MS, SECRET, A
from tests.unit.fhir_split.documents import bundle, panel, split

OWNER, OTHER = InstitutionId("hospital-a.example"), InstitutionId("hospital-b.example")
DOCTOR = Actor(OTHER, "0301", "4711", "L-1", "password+token", "physician")
CONSENT = ConsentId(b"\x09" * 32)
RECORD_AT, CONSENT_AT, RECEIPT_AT = 1, 3, 4


def entropy() -> Entropy:
    """Return what draws other bytes at each call, the same in each run."""
    calls = count()
    return lambda size: (sha256(b"draw %d" % next(calls)).digest() * 2)[:size]


def make_act(entry_type: EntryType, content: AnyContent, key: SeriesKey, counter: int) -> tuple[bytes, bytes]:
    """Return leaf and header of an act."""
    place, draw = HeaderPlace(A, entry_type, tag(key, counter)), entropy()
    header = seal_header(
        prepare_header(content, (), draw), place, reader_key=key.key, reader_key_id=(1).to_bytes(8, "big"), entropy=draw
    )
    claimed = round_claimed_time(entry_type, CLAIMED_MS)
    return encode_leaf(Leaf(entry_type, claimed, sha256(b"act").digest(), place.tag, header_digest(header))), header


def make_receipt() -> AccessContent:
    """Return what the receipt in the log says."""
    return AccessContent(
        request_id=RequestId("0123456789abcdef" * 2),
        side=AccessSide.HOLDER,
        counterpart=OTHER,
        actor=DOCTOR,
        purpose=Purpose.TREATMENT,
        outcome=AccessOutcome.DISCLOSED,
        reason="",
        consent_id=CONSENT,
        consent_block=None,
        emergency_id=None,
        subjects=(LeafReference(A, b"\x05" * 32),),
        occurred_at_ms=CLAIMED_MS,
    )


def make_consent() -> ConsentContent:
    """Return what the consent document in the log says."""
    return ConsentContent(
        consent_id=CONSENT,
        asserted=False,
        granter=OWNER,
        grantee=OTHER,
        purposes=(Purpose.TREATMENT,),
        expires_at_ms=CLAIMED_MS + 86_400_000,
        revoked=False,
        occurred_at_ms=CLAIMED_MS,
    )


@lru_cache
def make_bundle(*, with_completeness: bool = True) -> PatientBundle:
    """Return a bundle with a result, a consent and a receipt."""
    (draft,) = split(bundle(panel())).drafts
    prepared = prepare_record(
        draft._replace(identity=draft.identity._replace(institution=OWNER)),
        context=RecordContext(origin=A, audit_keys=()),
        record_id=RecordId("r-1"),
        secret=SECRET,
        claimed_time_ms=CLAIMED_MS,
        assignment=Assignment(Version(1), EntryType.RECORD, None),
        entropy=entropy(),
    )
    record = finish_record(
        prepared,
        origin=A,
        tag=tag(RECORDS, 0),
        reader_key=RECORDS.key,
        reader_key_id=(1).to_bytes(8, "big"),
        entropy=entropy(),
    )
    consent, consent_header = make_act(EntryType.CONSENT_DOCUMENT, make_consent(), PRIVATE, 0)
    receipt, receipt_header = make_act(EntryType.ACCESS_RECEIPT, make_receipt(), PRIVATE, 1)
    log = grow([leaf(foreign_tag(1)), record.leaf, leaf(foreign_tag(2)), consent, receipt, leaf(foreign_tag(3))])
    body = open_body(SECRET, prepared.sealed_body, prepared.commitment)
    manifest, *parts = (
        OpenedPart(part.number, part.full_url, part.salt, part.proof, part.content)
        for part in disclose_parts(SECRET, body.parts, range(len(body.parts)))
    )
    proof = encode_tlog_proof(TlogProof(LeafIndex(RECORD_AT), _path(log, RECORD_AT), log.note))
    evidence = encode_evidence(Evidence(record.leaf, manifest, tuple(parts), proof, None))
    scan = scan_log(log.store, log.checkpoint, [RECORDS, PRIVATE])
    completeness = encode_completeness(prove_completeness(log.store, log.checkpoint, log.note, scan))
    return PatientBundle(
        made_at_ms=CLAIMED_MS,
        heads=(log.note,),
        lines=(
            _line(log, RECORD_AT, record.leaf, record.header, RECORDS, evidence),
            _line(log, CONSENT_AT, consent, consent_header, PRIVATE),
            _line(log, RECEIPT_AT, receipt, receipt_header, PRIVATE),
        ),
        completeness=(completeness,) if with_completeness else (),
    )


def _line(log: GrownLog, index: int, entry: bytes, header: bytes, key: SeriesKey, evidence: bytes | None = None) -> BundleLine:
    entry_type = EntryType(entry[1])
    counter = 1 if index == RECEIPT_AT else 0
    data_key = header_data_key(header, HeaderPlace(A, entry_type, tag(key, counter)), key.key)
    return BundleLine(0, index, entry, _path(log, index), header, data_key, evidence)


def _path(log: GrownLog, index: int) -> tuple[NodeHash, ...]:
    size = log.checkpoint.size
    return prove_inclusion(TileHashReader(log.store, size), LeafIndex(index), size)
