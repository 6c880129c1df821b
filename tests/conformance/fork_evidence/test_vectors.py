"""The vectors of docs/spec/fork-evidence.md, checked with nothing but that page and RFC 9162, and by the module."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ledger.notes import parse_verifier_key
from node.domain.entry import InstitutionId
from node.domain.trust import LogKey, TrustedLog
from node.errors import ForkRefutedError
from node.wire.evidence.fork_evidence import encode_fork_evidence, parse_fork_evidence
from node.wire.evidence.fork_verification import verify_fork_evidence
from tests.conformance.fork_evidence.make_vectors import FOLDER, cases
from tests.unit.evidence_verify.world import make_root

INDEX = json.loads((FOLDER / "cases.json").read_text())
CASES = [(case["file"], case["verifies"]) for case in INDEX["cases"]]
KEY = base64.b64decode(INDEX["vkey"].split("+", 2)[2])[1:]


def read_note(text: str) -> tuple[str, int, bytes]:
    """Return origin, size and root of a signed note whose signature holds."""
    body, _, signatures = base64.b64decode(text).decode().rpartition("\n\n")
    signature = base64.b64decode(signatures.split()[2])[4:]
    Ed25519PublicKey.from_public_bytes(KEY).verify(signature, f"{body}\n".encode())
    origin, size, root = body.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def subproof(m: int, n: int, proof: list[bytes], old_root: bytes, *, whole: bool) -> tuple[bytes, bytes]:
    """Rebuild old and new root from a proof by the recursion that defines it (RFC 9162 section 2.1.4.1)."""
    if m == n:
        root = old_root if whole else proof.pop()
        return root, root
    k = 1 << (n - 1).bit_length() - 1
    last = proof.pop()
    if m <= k:
        old, new = subproof(m, k, proof, old_root, whole=whole)
        return old, node(new, last)
    old, new = subproof(m - k, n - k, proof, old_root, whole=False)
    return node(last, old), node(last, new)


def holds(file: dict[str, Any]) -> bool:
    """Check evidence as the page says."""
    origin, size, root = read_note(file["later"])
    if file["kind"] == "anchor":
        held_size, held_root = file["anchored"]["size"], base64.b64decode(file["anchored"]["root"])
    else:
        held_origin, held_size, held_root = read_note(file["earlier"])
        assert held_origin == origin == file["origin"]
    if file["kind"] == "rollback":
        return bool(size < held_size)
    if size == held_size:
        return bool(root != held_root)
    prefix_root = base64.b64decode(file["prefix_root"])
    proof = [base64.b64decode(each) for each in file["consistency"]]
    try:
        old, new = subproof(held_size, size, proof, prefix_root, whole=True)
    except IndexError:
        return False
    return not proof and old == prefix_root and new == root and prefix_root != held_root


def read(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / name).read_text()))


@pytest.mark.parametrize(("name", "verifies"), CASES)
def test_the_page_says_what_the_vector_says(name: str, *, verifies: bool) -> None:
    assert holds(read(name)) is verifies


@pytest.mark.parametrize(("name", "verifies"), CASES)
def test_the_module_agrees(name: str, *, verifies: bool) -> None:
    evidence = parse_fork_evidence((FOLDER / name).read_bytes())
    key = LogKey(parse_verifier_key(INDEX["vkey"]), 0, None)
    log = TrustedLog(evidence.origin, InstitutionId("hospital-a.example"), "http://nowhere.example", (key,), None)
    root = replace(make_root(), logs={evidence.origin: log})
    now = datetime(2026, 4, 1, tzinfo=UTC)
    if verifies:
        assert verify_fork_evidence(evidence, root, now=now).kind == read(name)["kind"]
    else:
        with pytest.raises(ForkRefutedError):
            verify_fork_evidence(evidence, root, now=now)


@pytest.mark.parametrize("name", [name for name, _ in CASES])
def test_the_files_are_what_the_maker_makes_and_come_back_as_they_were(name: str) -> None:
    data = (FOLDER / name).read_bytes()
    evidence = parse_fork_evidence(data)
    assert encode_fork_evidence(evidence) == data
    assert evidence.contradiction == cases()[Path(name).stem][0]


def test_an_altered_signature_is_none() -> None:
    file = read("fork.json")
    altered = bytearray(base64.b64decode(file["later"]))
    altered[-4] ^= 1
    with pytest.raises((InvalidSignature, ValueError)):
        read_note(base64.b64encode(altered).decode())
