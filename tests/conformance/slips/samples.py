"""Recognitions in the log of the small consortium of `tests.unit.evidence_verify.world`, of any size, from fixed seeds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from ledger.checkpoints import Checkpoint, encode_checkpoint, sign_checkpoint
from ledger.hashing import LeafIndex, NodeHash, RootHash, TreeSize, hash_children, hash_leaf
from ledger.notes import add_signatures, encode_note, parse_note
from ledger.proofs import TlogProof, encode_tlog_proof
from node.domain.entry import EntryType, InstitutionId, LeafReference, Level, Origin, Version
from node.domain.patient import LocatorTag
from node.domain.recognition import CertificateId, ItemCode, OfferedItem, OrderableCode, OrderLine
from node.domain.recognition_acts import DecisionId
from node.domain.record import Kind, Part, RecordStatus
from node.domain.slip import DecisionSummary, SummarisedResult
from node.wire.commitment import commit, disclose_parts
from node.wire.evidence.file import Evidence, OpenedPart
from node.wire.leaf import Leaf, encode_leaf
from node.wire.manifest import Manifest, ManifestPart, encode_manifest, manifest_part
from node.wire.recognition.decision_summary import SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, encode_summary
from node.wire.recognition.text import DECISION_MEDIA_TYPE
from tests.unit.evidence_verify.world import COSIGNED_S, COSIGNERS, INSTITUTIONS, LOG_SIGNERS, SECRET, A, B

DECIDED_MS = int(datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp() * 1000)


def make_summary(items: int = 2, results: int = 1) -> DecisionSummary:
    """Sum up a recognition of results that answer so many items each."""
    offered = tuple(OfferedItem(ItemCode(f"LAB-{at:03}"), "全国HR", CertificateId(f"CN-2026-B-LAB-{at:03}")) for at in range(items))
    return DecisionSummary(
        decision_id=DecisionId("fedcba9876543210" * 2),
        institution=INSTITUTIONS[0],
        staff_number="a-17",
        department="03.04",
        line=OrderLine("o-1", OrderableCode("ELECTRO")),
        results=tuple(
            SummarisedResult(
                institution=InstitutionId("hospital-b.example"),
                leaf=LeafReference(B, bytes([at]) * 32),
                performed_at_ms=DECIDED_MS - 86_400_000 * (at + 1),
                level=Level.ANCHORED,
                items=offered,
            )
            for at in range(results)
        ),
        saving_fen=1200,
        checked_at_ms=DECIDED_MS - 60_000,
        decided_at_ms=DECIDED_MS,
    )


def make_decision(summary: DecisionSummary, *, depth: int = 3, cosigners: Collection[InstitutionId] = INSTITUTIONS[1:]) -> Evidence:
    """Make evidence of a decision's summary in a full log of 2^depth entries."""
    words = Part(DECISION_MEDIA_TYPE, "decision", "", b'{"version":1,"decision":"in the clinician\'s words"}', "")
    parts = (words, Part(SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, "", encode_summary(summary), ""))
    manifest = manifest_part(encode_manifest(_manifest(A, parts)))
    whole = (manifest, *parts)
    leaf = Leaf(EntryType.RECOGNITION_DECISION, DECIDED_MS, commit(SECRET, whole).value, LocatorTag(b"\x07" * 32), b"\x09" * 32)
    opened = [
        OpenedPart(each.number, each.full_url, each.salt, each.proof, each.content)
        for each in disclose_parts(SECRET, whole, {0, 2})
    ]
    return Evidence(encode_leaf(leaf), opened[0], tuple(opened[1:]), _prove(encode_leaf(leaf), depth, cosigners), None)


def _manifest(origin: Origin, parts: Collection[Part]) -> Manifest:
    return Manifest(
        origin=origin,
        entry_type=EntryType.RECOGNITION_DECISION,
        kind=Kind("recognition-decision"),
        identity=None,
        version=Version(0),
        status=RecordStatus(""),
        performed_at_ms=DECIDED_MS,
        issued_at_ms=None,
        parts=tuple(ManifestPart(part.media_type, part.role, len(part.content)) for part in parts),
        patient_part=None,
        supersedes=None,
    )


def _prove(leaf: bytes, depth: int, cosigners: Collection[InstitutionId]) -> bytes:
    """Prove a leaf at the left edge of a full tree, of whose other leaves only the subtrees are known."""
    path = tuple(NodeHash(bytes([level]) * 32) for level in range(depth))
    root = NodeHash(hash_leaf(leaf))
    for sibling in path:
        root = hash_children(root, sibling)
    checkpoint = Checkpoint(A, TreeSize(1 << depth), RootHash(root))
    note = parse_note(sign_checkpoint(checkpoint, LOG_SIGNERS[A]))
    signed = encode_note(
        add_signatures(note, *(COSIGNERS[each].cosign(encode_checkpoint(checkpoint), COSIGNED_S) for each in cosigners))
    )
    return encode_tlog_proof(TlogProof(LeafIndex(0), path, signed))
