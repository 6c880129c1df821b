from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.verdict import Verdict
from node.errors import EvidenceRefutedError, WireError
from node.wire.evidence.file import Evidence, OpenedPart, StatedAnchor, encode_evidence, parse_evidence
from node.wire.evidence.verification import verify_evidence
from tests.unit.evidence_verify.world import NOW, make_evidence, make_head, make_root

ROOT = make_root()
HEAD = make_head()
FILE = encode_evidence(make_evidence(numbers={1, 3}))
VERDICT = verify_evidence(parse_evidence(FILE), ROOT, now=NOW, anchor_head=HEAD)


def judge(data: bytes) -> Verdict | None:
    """Return the verdict on a file; None where it is unreadable or refuted."""
    try:
        return verify_evidence(parse_evidence(data), ROOT, now=NOW, anchor_head=HEAD)
    except (WireError, EvidenceRefutedError):
        return None


def content(verdict: Verdict) -> Verdict:
    """Leave out the wording of findings, and which of the cosignatures a mutation left recognisable."""
    return replace(verdict, witnesses=(), witnessed=False, proved=(), not_proved=())


def harmless(data: bytes) -> bool:
    verdict = judge(data)
    if verdict is None:
        return True
    fewer = set(verdict.witnesses) <= set(VERDICT.witnesses) and verdict.witnessed <= VERDICT.witnessed
    return fewer and content(verdict) == content(VERDICT)


@given(at=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refuted_unreadable_or_without_meaning(at: int, bit: int) -> None:
    assert harmless(FILE[:at] + bytes([FILE[at] ^ 1 << bit]) + FILE[at + 1 :])


@given(at=st.integers(0, len(FILE) - 1), byte=st.integers(0, 255))
def test_a_replaced_byte_is_refuted_unreadable_or_without_meaning(at: int, byte: int) -> None:
    assert harmless(FILE[:at] + bytes([byte]) + FILE[at + 1 :])


@given(start=st.integers(0, len(FILE)), length=st.integers(1, 60), filling=st.binary(max_size=8))
def test_a_hole_is_refuted_unreadable_or_without_meaning(start: int, length: int, filling: bytes) -> None:
    assert harmless(FILE[:start] + filling + FILE[start + length :])


@pytest.mark.slow
def test_every_byte_matters_or_means_nothing() -> None:
    survivors = [at for at in range(len(FILE)) if not harmless(FILE[:at] + bytes([FILE[at] ^ 1]) + FILE[at + 1 :])]
    assert survivors == []


@given(
    which=st.sampled_from(["leaf", "manifest", "part"]),
    data=st.data(),
)
def test_no_committed_byte_can_change(which: str, data: st.DataObject) -> None:
    shape = json.loads(FILE)
    holder, name = {
        "leaf": (shape, "leaf"),
        "manifest": (shape["manifest"], "content"),
        "part": (shape["parts"][1], "content"),
    }[which]
    changed = bytearray(base64.b64decode(holder[name]))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    holder[name] = base64.b64encode(changed).decode()
    assert judge(json.dumps(shape).encode()) is None


def test_white_space_and_the_order_of_fields_mean_nothing() -> None:
    shape = json.loads(FILE)
    assert judge(json.dumps(dict(reversed(shape.items())), indent=2).encode()) == VERDICT


hashes = st.binary(min_size=32, max_size=32)
numbers = st.integers(0, 2**63 - 1)
many = st.lists(st.binary(max_size=20), max_size=3).map(tuple)


def opened(number: int) -> st.SearchStrategy[OpenedPart]:
    urls = st.text(max_size=20) if number else st.just("")
    return st.builds(OpenedPart, st.just(number), urls, hashes, st.lists(hashes, max_size=3).map(tuple), st.binary(max_size=50))


anchors = st.builds(
    StatedAnchor,
    chain_id=numbers,
    contract=st.binary(min_size=20, max_size=20),
    size=numbers,
    root=hashes,
    consistency=st.lists(hashes, max_size=3).map(tuple),
    block_number=numbers,
    block_hash=hashes,
    timestamp_s=numbers,
    header=st.none() | st.binary(max_size=20),
    seals=many,
    account_proof=many,
    storage_proof=many,
)


@given(
    st.builds(
        Evidence,
        leaf=st.binary(max_size=120),
        manifest=opened(0),
        parts=st.sets(st.integers(1, 9), max_size=4).flatmap(lambda chosen: st.tuples(*map(opened, sorted(chosen)))),
        proof=st.text(max_size=100).map(str.encode),
        anchor=st.none() | anchors,
    )
)
def test_all_evidence_reads_back(evidence: Evidence) -> None:
    assert parse_evidence(encode_evidence(evidence)) == evidence


@given(st.binary(max_size=200))
def test_rubbish_is_unreadable(data: bytes) -> None:
    assert judge(data) is None
