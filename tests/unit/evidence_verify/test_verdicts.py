from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from node.domain.entry import EntryType, LeafReference, Level
from node.domain.verdict import AnchorStanding, AsOfBasis, Verdict
from node.errors import EvidenceTooOldError, TrustRootExpiredError
from node.wire.evidence.file import encode_evidence, parse_evidence
from node.wire.evidence.verification import verify_evidence
from tests.unit.evidence_verify.world import (
    ANCHORED,
    ANCHORED_S,
    CLAIMED_MS,
    COSIGNED_S,
    INSTITUTIONS,
    NOW,
    SIZE,
    B,
    make_checkpoint,
    make_entry,
    make_evidence,
    make_head,
    make_leaves,
    make_root,
)
from tests.unit.fhir_split.documents import bundle, panel, split

ROOT = make_root()


def codes(verdict: Verdict) -> tuple[list[str], list[str], list[str]]:
    groups = (verdict.proved, verdict.not_proved, verdict.remarks)
    proved, not_proved, remarks = ([finding.code for finding in group] for group in groups)
    return proved, not_proved, remarks


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_offline_the_log_the_parts_and_the_witnesses_are_proved_and_the_anchor_only_stated() -> None:
    verdict = verify_evidence(make_evidence(), ROOT, now=NOW)
    assert verdict.level is Level.LOGGED
    assert verdict.anchor is AnchorStanding.STATED
    assert verdict.witnessed
    assert verdict.witnesses == INSTITUTIONS[1:]
    assert (verdict.leaf_index, verdict.tree_size, verdict.part_count) == (4, 9, 7)
    assert (verdict.as_of, verdict.as_of_basis) == (utc(COSIGNED_S), AsOfBasis.WITNESSES)
    assert codes(verdict) == (
        ["log_signature", "inclusion", "manifest", "parts", "cosignatures", "consistency"],
        ["anchor_stated", "claimed_time", "later_witnesses", "content"],
        [],
    )


def test_a_head_read_from_the_chain_makes_it_anchored() -> None:
    verdict = verify_evidence(make_evidence(), ROOT, now=NOW, anchor_head=make_head())
    assert (verdict.level, verdict.anchor) == (Level.ANCHORED, AnchorStanding.CHECKED)
    assert (verdict.as_of, verdict.as_of_basis) == (utc(ANCHORED_S), AsOfBasis.CHAIN)
    assert "anchored" in codes(verdict)[0]
    assert "anchor_stated" not in codes(verdict)[1]


def test_a_head_that_equals_the_checkpoint_needs_no_statement() -> None:
    verdict = verify_evidence(make_evidence(anchored=None), ROOT, now=NOW, anchor_head=make_head(size=SIZE))
    assert verdict.level is Level.ANCHORED


@pytest.mark.parametrize("size", [ANCHORED + 1, SIZE + 1])
def test_a_head_to_which_the_evidence_does_not_lead_proves_nothing(size: int) -> None:
    head = make_head(size=size, block_number=6)
    verdict = verify_evidence(make_evidence(), ROOT, now=NOW, anchor_head=head)
    assert (verdict.level, verdict.anchor) == (Level.LOGGED, AnchorStanding.STATED)
    assert "anchor_other_head" in codes(verdict)[1]


def test_without_any_anchor_that_is_said() -> None:
    verdict = verify_evidence(make_evidence(anchored=None), ROOT, now=NOW)
    assert verdict.anchor is AnchorStanding.NONE
    assert "anchor_none" in codes(verdict)[1]
    head = make_head(size=ANCHORED)
    verdict = verify_evidence(make_evidence(anchored=None), ROOT, now=NOW, anchor_head=head)
    assert verdict.anchor is AnchorStanding.NONE
    assert "anchor_other_head" in codes(verdict)[1]


def test_disclosed_parts_are_given_back_byte_for_byte() -> None:
    (draft,) = split(bundle(panel())).drafts
    verdict = verify_evidence(make_evidence(numbers={3, 1}), ROOT, now=NOW)
    assert [(part.number, part.role, part.content) for part in verdict.parts] == [
        (number, draft.parts[number - 1].role, draft.parts[number - 1].content) for number in (1, 3)
    ]
    assert "hidden_parts" in codes(verdict)[1]


def test_parts_that_stay_closed_leave_no_trace_in_the_file() -> None:
    data = encode_evidence(make_evidence(numbers={3}))
    full = make_evidence()
    for part in full.parts:
        hidden = part.number != 3
        evidence = parse_evidence(data)
        assert (part.salt not in {each.salt for each in evidence.parts}) is hidden
        assert (part.content not in {each.content for each in evidence.parts}) is hidden


def test_the_manifest_alone_can_be_shown() -> None:
    verdict = verify_evidence(make_evidence(numbers=()), ROOT, now=NOW)
    assert verdict.parts == ()
    assert "parts" not in codes(verdict)[0]


def test_an_institution_is_no_witness_of_its_own_log() -> None:
    leaves = make_leaves(make_entry(), 4, 16)
    own_and_one = make_checkpoint(leaves, SIZE, cosigners=INSTITUTIONS[:2])
    verdict = verify_evidence(make_evidence(checkpoint=own_and_one), ROOT, now=NOW)
    assert verdict.witnesses == INSTITUTIONS[1:2]
    assert not verdict.witnessed
    assert "not_witnessed" in codes(verdict)[1]


def test_two_witnesses_of_one_institution_count_once() -> None:
    moved = tuple(replace(each, institution=INSTITUTIONS[1]) for each in ROOT.witnesses)
    verdict = verify_evidence(make_evidence(), replace(ROOT, witnesses=moved), now=NOW)
    assert verdict.witnesses == INSTITUTIONS[1:2]
    assert not verdict.witnessed


def test_without_a_quorum_nothing_is_witnessed() -> None:
    verdict = verify_evidence(make_evidence(), replace(ROOT, witness_quorum=0), now=NOW)
    assert verdict.witnesses == INSTITUTIONS[1:]
    assert not verdict.witnessed
    assert verdict.as_of_basis is AsOfBasis.STATED


def test_without_witnesses_and_anchor_only_the_issuers_claim_is_left() -> None:
    note = make_checkpoint(make_leaves(make_entry(), 4, 16), SIZE, cosigners=())
    verdict = verify_evidence(make_evidence(checkpoint=note, anchored=None), ROOT, now=NOW)
    assert (verdict.as_of, verdict.as_of_basis) == (utc(CLAIMED_MS / 1000), AsOfBasis.CLAIMED)
    assert "later_claimed" in codes(verdict)[1]


def test_fewer_witnesses_than_a_quorum_cannot_make_evidence_seem_more_recent() -> None:
    leaves = make_leaves(make_entry(), 4, 16)
    once = make_checkpoint(leaves, SIZE, cosigners=INSTITUTIONS[2:])
    again = make_checkpoint(leaves, SIZE, cosigners=INSTITUTIONS[1:2], time_s=COSIGNED_S + 10_000)
    note = once + again.split(b"\n\n")[1].split(b"\n", 1)[1]
    verdict = verify_evidence(make_evidence(checkpoint=note), ROOT, now=NOW)
    assert verdict.witnesses == INSTITUTIONS[1:]
    assert verdict.as_of == utc(COSIGNED_S)


def test_max_age_counts_from_a_proved_time() -> None:
    age = NOW - utc(COSIGNED_S)
    evidence = make_evidence()
    verify_evidence(evidence, ROOT, now=NOW, max_age=age)
    with pytest.raises(EvidenceTooOldError):
        verify_evidence(evidence, ROOT, now=NOW, max_age=age - timedelta(seconds=1))
    verify_evidence(evidence, ROOT, now=NOW, max_age=age - timedelta(hours=1), anchor_head=make_head())


def test_max_age_refuses_what_only_the_evidence_says() -> None:
    note = make_checkpoint(make_leaves(make_entry(), 4, 16), SIZE, cosigners=())
    with pytest.raises(EvidenceTooOldError, match="nothing proves"):
        verify_evidence(make_evidence(checkpoint=note), ROOT, now=NOW, max_age=timedelta(days=10_000))


def test_an_expired_trust_root_verifies_nothing() -> None:
    with pytest.raises(TrustRootExpiredError, match="serial 3"):
        verify_evidence(make_evidence(), ROOT, now=ROOT.expires_at)


def test_a_withdrawal_and_what_it_replaces_are_remarked() -> None:
    entry = make_entry(entry_type=EntryType.WITHDRAWAL, supersedes=LeafReference(B, b"\x05" * 32))
    verdict = verify_evidence(make_evidence(entry), ROOT, now=NOW)
    assert codes(verdict)[2] == ["withdrawal", "supersedes"]
    assert verdict.supersedes == LeafReference(B, b"\x05" * 32)


def test_evidence_reads_back_as_it_was_written() -> None:
    for evidence in (make_evidence(), make_evidence(anchored=None), make_evidence(numbers=())):
        assert parse_evidence(encode_evidence(evidence)) == evidence
