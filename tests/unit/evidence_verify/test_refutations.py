from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.notes import NoteSigner
from ledger.proofs import encode_tlog_proof, parse_tlog_proof
from node.domain.entry import EntryType, LeafReference, Origin
from node.domain.trust import Closure, LogKey, TrustRoot
from node.errors import (
    AnchorRefutedError,
    ClosedOriginError,
    CosignatureRefutedError,
    ForeignManifestError,
    KindNotAllowedError,
    LogInclusionError,
    LogKeyRangeError,
    LogSignatureError,
    MalformedEvidenceError,
    MalformedLeafError,
    ManifestMismatchError,
    OpeningRefutedError,
    UnknownFormatError,
    UnknownLogError,
)
from node.wire.evidence.file import Evidence
from node.wire.evidence.verification import verify_evidence
from tests.unit.evidence_verify.world import (
    ANCHORED,
    INDEX,
    INSTITUTIONS,
    LOG_SIGNERS,
    NOW,
    OLD_SIGNER,
    SIZE,
    A,
    B,
    Entry,
    Head,
    make_checkpoint,
    make_entry,
    make_evidence,
    make_head,
    make_leaves,
    make_root,
)

ROOT = make_root()


def refute(
    error: type[Exception], evidence: Evidence, root: TrustRoot = ROOT, *, head: Head | None = None, match: str | None = None
) -> None:
    with pytest.raises(error, match=match):
        verify_evidence(evidence, root, now=NOW, anchor_head=head)


def with_log(**changes: Any) -> TrustRoot:  # noqa: ANN401 - fields of a log
    return replace(ROOT, logs={**ROOT.logs, A: replace(ROOT.logs[A], **changes)})


def with_anchor(**changes: Any) -> Evidence:  # noqa: ANN401 - fields of an anchor
    evidence = make_evidence()
    assert evidence.anchor is not None
    return replace(evidence, anchor=replace(evidence.anchor, **changes))


# The log


def test_a_log_that_the_trust_root_does_not_name() -> None:
    refute(UnknownLogError, make_evidence(), replace(ROOT, logs={B: ROOT.logs[B]}), match=A)


def test_a_checkpoint_signed_by_another_key_of_the_same_name() -> None:
    thief = NoteSigner.from_seed(A, b"\x66" * 32)
    note = make_checkpoint(make_leaves(make_entry(), INDEX, 16), SIZE, signer=thief)
    refute(LogSignatureError, make_evidence(checkpoint=note))


def test_a_checkpoint_whose_signature_does_not_verify() -> None:
    leaves = make_leaves(make_entry(), INDEX, 16)
    text = make_checkpoint(leaves, SIZE).split(b"\n\n")[0]
    signatures = make_checkpoint(leaves, SIZE + 1).split(b"\n\n")[1]
    refute(LogSignatureError, make_evidence(checkpoint=text + b"\n\n" + signatures), match="does not verify")


def test_a_key_counts_for_the_sizes_that_the_trust_root_gives_it() -> None:
    old, new = LogKey(OLD_SIGNER.verifier_key, 0, SIZE - 1), LogKey(LOG_SIGNERS[A].verifier_key, SIZE, None)
    verify_evidence(make_evidence(), with_log(keys=(old, new)), now=NOW)
    refute(LogKeyRangeError, make_evidence(), with_log(keys=(replace(new, from_size=SIZE + 1),)))
    refute(LogKeyRangeError, make_evidence(), with_log(keys=(replace(new, from_size=0, to_size=SIZE - 1),)))
    note = make_checkpoint(make_leaves(make_entry(), INDEX, 16), SIZE, signer=OLD_SIGNER)
    refute(LogSignatureError, make_evidence(checkpoint=note), with_log(keys=(old, new)))


def test_entries_and_checkpoints_beyond_the_end_of_a_closed_log_are_void() -> None:
    verify_evidence(make_evidence(), with_log(closed=Closure(SIZE, B)), now=NOW)
    refute(ClosedOriginError, make_evidence(), with_log(closed=Closure(SIZE - 1, B)))
    refute(ClosedOriginError, make_evidence(), with_log(closed=Closure(INDEX, None)))


def test_an_entry_that_is_not_where_the_proof_says() -> None:
    evidence = make_evidence()
    refute(LogInclusionError, replace(evidence, leaf=make_entry(B).leaf))
    proof = parse_tlog_proof(evidence.proof)
    moved = encode_tlog_proof(replace(proof, index=type(proof.index)(INDEX + 1)))
    refute(LogInclusionError, replace(evidence, proof=moved))
    outside = encode_tlog_proof(replace(proof, index=type(proof.index)(SIZE)))
    refute(LogInclusionError, replace(evidence, proof=outside))


@pytest.mark.parametrize("proof", [b"", b"c2sp.org/tlog-proof@v1\nindex 0\n\n", b"c2sp.org/tlog-proof@v1\nindex 0\n\nx\n"])
def test_a_proof_that_is_none_is_unreadable(proof: bytes) -> None:
    refute(MalformedEvidenceError, replace(make_evidence(), proof=proof))


# The record


def test_a_commitment_lifted_out_of_another_log() -> None:
    # B's record, appended to A's log by A, with a good proof and signature.
    refute(ForeignManifestError, make_evidence(make_entry(B)), match=B)


def test_a_commitment_under_another_type_of_leaf() -> None:
    entry = make_entry()
    forged = replace(entry, leaf=bytes((1, EntryType.AMENDMENT)) + entry.leaf[2:])
    refute(ManifestMismatchError, make_evidence(forged), match="entry type")


def test_a_record_that_names_another_institution() -> None:
    entry = make_entry(A, EntryType.RECORD, None, INSTITUTIONS[2])
    refute(ManifestMismatchError, make_evidence(entry), match="institution")


def test_a_kind_that_the_consortium_did_not_register() -> None:
    refute(KindNotAllowedError, make_evidence(), replace(ROOT, kinds=()))


@pytest.mark.parametrize("at", [0, 1, 5])
def test_a_part_with_other_bytes(at: int) -> None:
    evidence = make_evidence()
    parts = list(evidence.parts)
    content = parts[at].content
    parts[at] = replace(parts[at], content=content[:-2] + b" }")
    refute(OpeningRefutedError, replace(evidence, parts=tuple(parts)), match=f"part {at + 1}")


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": b"\x00" * 32},
        {"full_url": "urn:uuid:other"},
        {"proof": ()},
        {"number": 2},
        {"number": 7},
    ],
)
def test_a_part_with_another_opening(changes: dict[str, Any]) -> None:
    evidence = make_evidence(numbers={1})
    refute(OpeningRefutedError, replace(evidence, parts=(replace(evidence.parts[0], **changes),)))


def test_a_manifest_that_was_changed() -> None:
    evidence = make_evidence()
    content = evidence.manifest.content.replace(b'"final"', b'"draft"')
    assert content != evidence.manifest.content
    refute(OpeningRefutedError, replace(evidence, manifest=replace(evidence.manifest, content=content)), match="part 0")


def test_leaves_that_this_release_does_not_know_are_unreadable() -> None:
    def logged(leaf: bytes) -> Evidence:
        entry = make_entry()
        return make_evidence(Entry(leaf, entry.body, entry.commitment))

    leaf = make_entry().leaf
    refute(UnknownFormatError, logged(b"\x02" + leaf[1:]), match="leaf version")
    refute(UnknownFormatError, logged(b"\x01\x63" + leaf[2:]), match="leaf type")
    refute(MalformedLeafError, logged(leaf + b"\x00"))


# Witnesses and anchor


def test_a_cosignature_that_does_not_verify_refutes() -> None:
    leaves = make_leaves(make_entry(), INDEX, 16)
    good = make_checkpoint(leaves, SIZE, cosigners=())
    other = make_checkpoint(leaves, SIZE + 1, cosigners=INSTITUTIONS[1:2]).split(b"\n")[-2]
    refute(CosignatureRefutedError, make_evidence(checkpoint=good + other + b"\n"), match=INSTITUTIONS[1])


def test_cosignatures_of_strangers_count_for_nothing() -> None:
    stranger = replace(ROOT, witnesses=ROOT.witnesses[:1], witness_quorum=1)
    verdict = verify_evidence(make_evidence(), stranger, now=NOW)
    assert verdict.witnesses == ()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chain_id": 1}, "chain 1"),
        ({"contract": b"\x00" * 20}, "another contract"),
        ({"root": b"\x00" * 32}, "another new root"),
        ({"size": SIZE - 1}, "shrank"),
        ({"size": ANCHORED + 4}, "not part of the stated head"),
        ({"consistency": ()}, "the proof is empty"),
        ({"timestamp_s": 2**62}, "beyond all calendars"),
    ],
)
def test_a_stated_anchor_that_does_not_fit(changes: dict[str, Any], words: str) -> None:
    with pytest.raises((AnchorRefutedError, MalformedEvidenceError), match=words):
        verify_evidence(with_anchor(**changes), ROOT, now=NOW)


def test_an_anchor_where_the_trust_root_names_no_contract() -> None:
    refute(AnchorRefutedError, make_evidence(), replace(ROOT, chain=replace(ROOT.chain, contracts={})))


@pytest.mark.parametrize("size", [SIZE, ANCHORED])
def test_another_root_on_the_chain_is_a_fork(size: int) -> None:
    refute(AnchorRefutedError, make_evidence(), head=replace(make_head(size=size), root=b"\x00" * 32), match="forked")


def test_a_head_of_another_log_proves_nothing_here() -> None:
    refute(AnchorRefutedError, make_evidence(), head=replace(make_head(), origin=Origin("x")), match="of log 'x'")


def test_a_chain_that_after_the_stated_block_has_a_smaller_head_refutes() -> None:
    refute(AnchorRefutedError, make_evidence(), head=make_head(size=SIZE + 1, block_number=7), match="size 10, not 13")


def test_a_smaller_head_than_the_checkpoint_cannot_be_compared() -> None:
    entry = make_entry(A, EntryType.AMENDMENT, LeafReference(A, b"\x01" * 32))
    verdict = verify_evidence(make_evidence(entry), ROOT, now=NOW, anchor_head=make_head(entry, SIZE - 1, block_number=3))
    assert verdict.level == "logged"
