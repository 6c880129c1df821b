"""A small consortium with real keys, logs and records, for tests of trust roots and evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from ledger.checkpoints import Checkpoint, encode_checkpoint, sign_checkpoint
from ledger.cosignatures import Cosigner
from ledger.hashing import LeafHash, LeafIndex, NodeHash, TreeSize, hash_leaf, hash_subtree, root_of_leaves
from ledger.notes import NoteSigner, add_signatures, encode_note, parse_note
from ledger.proofs import TlogProof, encode_tlog_proof, prove_consistency, prove_inclusion
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, RecordId, Version
from node.domain.patient import LocatorTag
from node.domain.record import Kind
from node.domain.trust import (
    AuditKey,
    ChainPin,
    ContractPin,
    Finality,
    LogKey,
    TrustedInstitution,
    TrustedLog,
    TrustedWitness,
    TrustRoot,
)
from node.wire.commitment import disclose_parts, open_body
from node.wire.evidence.file import Evidence, OpenedPart, StatedAnchor
from node.wire.prepare import Assignment, RecordContext, finish_record, prepare_record
from tests.unit.fhir_split.documents import bundle, panel, split

NOW = datetime(2026, 4, 1, tzinfo=UTC)
COSIGNED_S = int(datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp())
ANCHORED_S = int(datetime(2026, 3, 1, 10, tzinfo=UTC).timestamp())
CLAIMED_MS = int(datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp() * 1000)
SECRET = bytes(range(32))

INSTITUTIONS = tuple(InstitutionId(f"hospital-{letter}.example") for letter in "abcd")
A, B = (Origin(f"{institution}/log") for institution in INSTITUTIONS[:2])
SIGNERS = [NoteSigner.from_seed(f"signer-{n}.example", bytes([n]) * 32) for n in range(3)]
LOG_SIGNERS = {origin: NoteSigner.from_seed(origin, bytes([10 + n]) * 32) for n, origin in enumerate((A, B))}
OLD_SIGNER = NoteSigner.from_seed(A, b"\x1f" * 32)
COSIGNERS = {
    institution: Cosigner.from_seed(f"{institution}/witness", bytes([20 + n]) * 32) for n, institution in enumerate(INSTITUTIONS)
}
CONTRACT = b"\xc0" * 20


@dataclass(frozen=True)
class Head:
    """What a verifier read from the chain."""

    origin: str
    size: int
    root: bytes
    block_number: int = 7
    timestamp_s: int = ANCHORED_S


class Leaves:
    """Reads the hashes of a tree out of its leaves."""

    def __init__(self, leaves: Sequence[LeafHash]) -> None:
        self._leaves = leaves

    def read_hashes(self, coordinates: Sequence[tuple[int, int]]) -> list[NodeHash]:
        """Return subtree roots."""
        return [hash_subtree(b"".join(self._leaves[index << level : (index + 1) << level])) for level, index in coordinates]


def make_root() -> TrustRoot:
    """Return a trust root in which witnesses of two other institutions make a quorum."""
    institutions = {each: TrustedInstitution(each, each.split(".")[0], ("hospital",)) for each in INSTITUTIONS}
    logs = {
        origin: TrustedLog(
            origin,
            institution,
            f"https://{institution}",
            (LogKey(LOG_SIGNERS[origin].verifier_key, 0, None),),
            None,
        )
        for origin, institution in zip((A, B), INSTITUTIONS, strict=False)
    }
    return TrustRoot(
        serial=3,
        expires_at=datetime(2027, 1, 1, tzinfo=UTC),
        signers=tuple(signer.verifier_key for signer in SIGNERS),
        threshold=2,
        chain=ChainPin(1337, b"\x01" * 32, Finality(0), None, {"log_anchors": ContractPin("log_anchors", CONTRACT, b"\x02" * 32)}),
        institutions=institutions,
        logs=logs,
        witnesses=tuple(TrustedWitness(name, cosigner.verifier_key) for name, cosigner in COSIGNERS.items()),
        witness_quorum=2,
        audit_keys=(AuditKey(INSTITUTIONS[3], b"\x03" * 32),),
        kinds=(Kind("exam-result"),),
    )


@dataclass(frozen=True)
class Entry:
    """An entry of a log and what opens it."""

    leaf: bytes
    body: bytes
    commitment: bytes


@lru_cache
def make_entry(
    origin: Origin = A,
    entry_type: EntryType = EntryType.RECORD,
    supersedes: LeafReference | None = None,
    institution: InstitutionId | None = None,
) -> Entry:
    """Commit a panel of five resources for a log."""
    (draft,) = split(bundle(panel())).drafts
    owner = institution or InstitutionId(origin.split("/", maxsplit=1)[0])
    prepared = prepare_record(
        draft._replace(identity=draft.identity._replace(institution=owner)),
        context=RecordContext(origin=origin, audit_keys=()),
        record_id=RecordId("r-1"),
        secret=SECRET,
        claimed_time_ms=CLAIMED_MS,
        assignment=Assignment(Version(1), entry_type, supersedes),
        entropy=bytes,
    )
    finished = finish_record(
        prepared, origin=origin, tag=LocatorTag(b"\x07" * 32), reader_key=b"\x08" * 32, reader_key_id=bytes(8), entropy=bytes
    )
    return Entry(finished.leaf, prepared.sealed_body, prepared.commitment)


@lru_cache
def make_leaves(entry: Entry, index: int, count: int) -> tuple[LeafHash, ...]:
    """Return a log's leaves with one entry among others."""
    return tuple(hash_leaf(entry.leaf if at == index else b"other %d" % at) for at in range(count))


def make_checkpoint(
    leaves: Sequence[LeafHash],
    size: int,
    *,
    origin: Origin = A,
    signer: NoteSigner | None = None,
    cosigners: Collection[InstitutionId] = INSTITUTIONS[1:],
    time_s: int = COSIGNED_S,
) -> bytes:
    """Sign and cosign a checkpoint."""
    checkpoint = Checkpoint(origin, TreeSize(size), root_of_leaves(leaves[:size]))
    note = parse_note(sign_checkpoint(checkpoint, signer or LOG_SIGNERS[origin]))
    cosignatures = [COSIGNERS[each].cosign(encode_checkpoint(checkpoint), time_s) for each in cosigners]
    return encode_note(add_signatures(note, *cosignatures))


def make_anchor(leaves: Sequence[LeafHash], size: int, anchored: int) -> StatedAnchor:
    """State an anchor of a head that is as large as the checkpoint, or larger."""
    return StatedAnchor(
        chain_id=1337,
        contract=CONTRACT,
        size=anchored,
        root=root_of_leaves(leaves[:anchored]),
        consistency=tuple(prove_consistency(Leaves(leaves), TreeSize(size), TreeSize(anchored))),
        block_number=7,
        block_hash=b"\x0b" * 32,
        timestamp_s=ANCHORED_S,
    )


INDEX, SIZE, ANCHORED, COUNT = 4, 9, 13, 16


def make_evidence(
    entry: Entry | None = None,
    *,
    numbers: Collection[int] | None = None,
    checkpoint: bytes | None = None,
    anchored: int | None = ANCHORED,
    origin: Origin = A,
) -> Evidence:
    """Make evidence of an entry at index 4 of 9, with an anchor at 13."""
    entry = entry or make_entry(origin)
    leaves = make_leaves(entry, INDEX, COUNT)
    body = open_body(SECRET, entry.body, entry.commitment)
    chosen = range(len(body.parts)) if numbers is None else {0, *numbers}
    manifest, *parts = (
        OpenedPart(part.number, part.full_url, part.salt, part.proof, part.content)
        for part in disclose_parts(SECRET, body.parts, chosen)
    )
    path = prove_inclusion(Leaves(leaves), LeafIndex(INDEX), TreeSize(SIZE))
    note = checkpoint or make_checkpoint(leaves, SIZE, origin=origin)
    return Evidence(
        leaf=entry.leaf,
        manifest=manifest,
        parts=tuple(parts),
        proof=encode_tlog_proof(TlogProof(LeafIndex(INDEX), path, note)),
        anchor=None if anchored is None else make_anchor(leaves, SIZE, anchored),
    )


def make_head(entry: Entry | None = None, size: int = ANCHORED, **more: int) -> Head:
    """Read the head of log A from the chain."""
    leaves = make_leaves(entry or make_entry(), INDEX, COUNT)
    return Head(A, size, root_of_leaves(leaves[:size]), **more)
