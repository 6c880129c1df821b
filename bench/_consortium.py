"""A consortium of four hospitals whose first has a log of real size: real keys, records of an example, evidence of them.

The leaves beside the evidence's own are random hashes: nobody can tell a hash of an entry from those.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ledger.checkpoints import Checkpoint, encode_checkpoint, sign_checkpoint
from ledger.cosignatures import Cosigner
from ledger.hashing import HASH_BYTES, LeafIndex, NodeCoordinate, NodeHash, RootHash, TreeSize, hash_leaf, hash_level
from ledger.notes import NoteSigner, add_signatures, encode_note, parse_note
from ledger.proofs import TlogProof, encode_tlog_proof, prove_inclusion, root_at
from node.domain.entry import EntryType, InstitutionId, Origin, RecordId, Version
from node.domain.kind import DocumentLimits, IdentityRules
from node.domain.patient import LocatorTag
from node.domain.record import RecordDraft
from node.domain.trust import ChainPin, ContractPin, Finality, LogKey, TrustedInstitution, TrustedLog, TrustedWitness, TrustRoot
from node.wire.commitment import disclose_parts, open_body
from node.wire.evidence.file import Evidence, OpenedPart, StatedAnchor, encode_evidence
from node.wire.fhir.documents import split_document
from node.wire.kinds import load_kinds
from node.wire.prepare import Assignment, RecordContext, finish_record, prepare_record
from node.wire.trust_root import sign_trust_root

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "synthea"
INSTITUTIONS = tuple(InstitutionId(f"hospital-{letter}.example") for letter in "abcd")
ORIGIN = Origin(f"{INSTITUTIONS[0]}/log")
NOW = datetime(2026, 4, 1, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
CONTRACT = bytes(range(20))


@dataclass(frozen=True, slots=True)
class Record:
    """A record with the secret that opens it."""

    leaf: bytes
    secret: bytes
    body: bytes
    commitment: bytes


class Tree:
    """A tree of so many leaves, all its levels in memory."""

    def __init__(self, leaves: bytes) -> None:
        self.levels = [leaves]
        while len(self.levels[-1]) >= 2 * HASH_BYTES:
            below = self.levels[-1]
            self.levels.append(hash_level(below[: len(below) // (2 * HASH_BYTES) * 2 * HASH_BYTES]))

    def read_hashes(self, coordinates: Sequence[NodeCoordinate]) -> list[NodeHash]:
        """Return the hashes of full subtrees, as `ledger.hashing.HashReader` asks."""
        return [NodeHash(self.levels[level][at * HASH_BYTES : (at + 1) * HASH_BYTES]) for level, at in coordinates]


class World:
    """The consortium."""

    def __init__(self) -> None:
        self.signer = NoteSigner.from_seed(ORIGIN, os.urandom(32))
        self.root_signers = [NoteSigner.from_seed(f"signer-{at}.example", os.urandom(32)) for at in range(3)]
        self.cosigners = {each: Cosigner.from_seed(f"{each}/witness", os.urandom(32)) for each in INSTITUTIONS[1:]}
        self.trust_root = self.make_root()

    def make_root(self) -> TrustRoot:
        """Make a trust root in which all three witnesses have to cosign."""
        log = TrustedLog(ORIGIN, INSTITUTIONS[0], "https://hospital-a.example", (LogKey(self.signer.verifier_key, 0, None),), None)
        pin = ContractPin("log_anchors", CONTRACT, os.urandom(32))
        return TrustRoot(
            serial=1,
            expires_at=datetime(2100, 1, 1, tzinfo=UTC),
            signers=tuple(signer.verifier_key for signer in self.root_signers),
            threshold=2,
            chain=ChainPin(20260, os.urandom(32), Finality(0), None, {pin.name: pin}),
            institutions={each: TrustedInstitution(each, each, ("hospital",)) for each in INSTITUTIONS},
            logs={ORIGIN: log},
            witnesses=tuple(TrustedWitness(each, cosigner.verifier_key) for each, cosigner in self.cosigners.items()),
            witness_quorum=3,
            audit_keys=(),
            kinds=tuple(sorted(load_kinds().kinds)),
        )

    def trust_root_file(self) -> bytes:
        """Sign the trust root."""
        return sign_trust_root(self.trust_root, self.root_signers)

    def make_evidence(self, record: Record, tree: Tree, index: int, size: int, parts: int) -> bytes:
        """Write evidence that discloses the manifest and so many parts, under a checkpoint of its own."""
        checkpoint = Checkpoint(ORIGIN, TreeSize(size), root_at(tree, TreeSize(size)))
        opened = open_body(record.secret, record.body, record.commitment)
        manifest, *disclosed = (
            OpenedPart(part.number, part.full_url, part.salt, part.proof, part.content)
            for part in disclose_parts(record.secret, opened.parts, range(parts + 1))
        )
        path = prove_inclusion(tree, LeafIndex(index), checkpoint.size)
        proof = TlogProof(LeafIndex(index), path, self.sign(checkpoint))
        return encode_evidence(Evidence(record.leaf, manifest, tuple(disclosed), encode_tlog_proof(proof), _anchor(checkpoint)))

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """Sign a checkpoint as the log, cosign it as the three others."""
        text = encode_checkpoint(checkpoint)
        note = parse_note(sign_checkpoint(checkpoint, self.signer))
        return encode_note(add_signatures(note, *(cosigner.cosign(text, NOW_S) for cosigner in self.cosigners.values())))


def _anchor(checkpoint: Checkpoint) -> StatedAnchor:
    return StatedAnchor(20260, CONTRACT, checkpoint.size, RootHash(checkpoint.root), (), 7, os.urandom(32), NOW_S)


def example_reports() -> list[RecordDraft]:
    """Split the example histories; return the exam results of 11 or 12 resources, or those nearest to it."""
    rules = IdentityRules(INSTITUTIONS[0])
    kinds = load_kinds()
    drafts = [
        draft
        for path in sorted(EXAMPLES.glob("*.json"))
        for draft in split_document(path.read_bytes(), kinds, DocumentLimits(), rules).drafts
        if draft.identity.kind == "exam-result"
    ]
    return sorted(drafts, key=lambda draft: abs(len(draft.parts) - 12))


def make_record(draft: RecordDraft) -> Record:
    """Commit to a record as ingest does, under a secret of its own."""
    secret = os.urandom(32)
    prepared = prepare_record(
        draft,
        context=RecordContext(origin=ORIGIN, audit_keys=()),
        record_id=RecordId(os.urandom(15).hex()),
        secret=secret,
        claimed_time_ms=NOW_S * 1000,
        assignment=Assignment(Version(1), EntryType.RECORD, None),
    )
    tag = LocatorTag(os.urandom(32))
    finished = finish_record(prepared, origin=ORIGIN, tag=tag, reader_key=os.urandom(32), reader_key_id=bytes(8))
    return Record(finished.leaf, secret, prepared.sealed_body, prepared.commitment)


def make_tree(records: Sequence[Record], entries: int) -> tuple[Tree, list[int]]:
    """Grow a tree of so many leaves with the records spread over it; return it and where each is."""
    leaves = bytearray(os.urandom(entries * HASH_BYTES))
    places = [at * entries // len(records) for at in range(len(records))]
    for place, record in zip(places, records, strict=True):
        leaves[place * HASH_BYTES : (place + 1) * HASH_BYTES] = hash_leaf(record.leaf)
    return Tree(bytes(leaves)), places
