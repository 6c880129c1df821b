"""The committed evidence file, checked by the words of docs/spec alone: hashlib, Ed25519 and nothing of the node.

`test_the_vectors_are_what_this_release_writes` keeps file and code together; the vectors change with the format only.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from node.domain.entry import Level
from node.wire.evidence.file import encode_evidence, parse_evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.trust_root import parse_trust_root, sign_trust_root
from tests.unit.evidence_verify.world import NOW, SIGNERS, make_evidence, make_head, make_root

VECTORS = Path(__file__).parents[1] / "vectors" / "evidence"
EVIDENCE = VECTORS / "two-parts-of-a-panel.evidence.json"
TRUST_ROOT = VECTORS / "trust-root.note"


def test_the_vectors_are_what_this_release_writes() -> None:
    assert encode_evidence(make_evidence(numbers={1, 3})) == EVIDENCE.read_bytes()
    assert sign_trust_root(make_root(), SIGNERS) == TRUST_ROOT.read_bytes()


def test_this_release_verifies_the_vectors() -> None:
    root = parse_trust_root(TRUST_ROOT.read_bytes())
    verdict = verify_evidence(parse_evidence(EVIDENCE.read_bytes()), root, now=NOW, anchor_head=make_head())
    assert verdict.level is Level.ANCHORED
    assert [part.number for part in verdict.parts] == [1, 3]


# From here on by the specification alone.


def b64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def climb(node: bytes, index: int, count: int, proof: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.3.2, from the top down: which half holds the leaf, and which hash is the other half's."""
    if count == 1:
        assert not proof
        return node
    half = 1
    while half * 2 < count:
        half *= 2
    if index < half:
        return sha256(b"\x01" + climb(node, index, half, proof[:-1]) + proof[-1]).digest()
    return sha256(b"\x01" + proof[-1] + climb(node, index - half, count - half, proof[:-1])).digest()


def signatures(note: str) -> tuple[bytes, dict[tuple[str, bytes], bytes]]:
    text, _, lines = note.rpartition("\n\n")
    pairs = [line.removeprefix("\u2014 ").split(" ") for line in lines.splitlines()]
    return (text + "\n").encode(), {(name, b64(blob)[:4]): b64(blob)[4:] for name, blob in pairs}


def key(vkey: str) -> tuple[str, bytes, int, Ed25519PublicKey]:
    name, key_id, material = vkey.split("+", 2)
    raw = b64(material)
    assert sha256(name.encode() + b"\n" + raw).digest()[:4].hex() == key_id
    return name, bytes.fromhex(key_id), raw[0], Ed25519PublicKey.from_public_bytes(raw[1:])


@pytest.fixture
def evidence() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(EVIDENCE.read_bytes())
    return loaded


@pytest.fixture
def root() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(TRUST_ROOT.read_text().rpartition("\n\n")[0])
    return loaded


def test_enough_signers_signed_the_trust_root(root: dict[str, Any]) -> None:
    text, found = signatures(TRUST_ROOT.read_text())
    signers = [key(vkey) for vkey in root["signers"]]
    for name, key_id, _, public_key in signers:
        public_key.verify(found[name, key_id], text)
    assert len(signers) >= root["threshold"]


def test_parts_open_the_commitment_of_the_leaf(evidence: dict[str, Any]) -> None:
    manifest = json.loads(b64(evidence["manifest"]["content"]))
    commitment = b64(evidence["leaf"])[10:42]
    for part in [evidence["manifest"], *evidence["parts"]]:
        number, url, content = part["number"], part["full_url"].encode(), b64(part["content"])
        media_type = manifest["parts"][number - 1]["media_type"] if number else "application/vnd.concord.manifest+json"
        head = b"\x00concord/part/v1" + b64(part["salt"]) + number.to_bytes(4, "big")
        texts = b"".join(len(each).to_bytes(2, "big") + each for each in (media_type.encode(), url))
        leaf = sha256(head + texts + content).digest()
        top = climb(leaf, number, manifest["count"], [b64(each) for each in part["proof"]])
        assert sha256(b"\x02concord/commitment/v1" + manifest["count"].to_bytes(4, "big") + top).digest() == commitment


def test_the_leaf_is_in_a_log_that_the_trust_root_names(evidence: dict[str, Any], root: dict[str, Any]) -> None:
    head, _, note = evidence["proof"].partition("\n\n")
    header, index, *path = head.split("\n")
    text, found = signatures(note)
    origin, size, top = text.decode().splitlines()
    log = next(each for each in root["logs"] if each["origin"] == origin)
    (entry,) = (each for each in log["keys"] if each["from_size"] <= int(size) and each["to_size"] is None)
    name, key_id, algorithm, public_key = key(entry["vkey"])
    public_key.verify(found[name, key_id], text)
    assert (header, name, algorithm) == ("c2sp.org/tlog-proof@v1", origin, 1)
    leaf = sha256(b"\x00" + b64(evidence["leaf"])).digest()
    assert climb(leaf, int(index.split()[1]), int(size), [b64(each) for each in path]) == b64(top)
    manifest = json.loads(b64(evidence["manifest"]["content"]))
    assert (manifest["origin"], manifest["entry_type"]) == (origin, b64(evidence["leaf"])[1])


def test_witnesses_of_a_quorum_of_other_institutions_cosigned(evidence: dict[str, Any], root: dict[str, Any]) -> None:
    text, found = signatures(evidence["proof"].partition("\n\n")[2])
    owner = next(log["institution"] for log in root["logs"] if log["origin"] == text.decode().splitlines()[0])
    institutions = set()
    for witness in root["witnesses"]["keys"]:
        name, key_id, algorithm, public_key = key(witness["vkey"])
        blob = found.get((name, key_id))
        if blob is not None and witness["institution"] != owner:
            time_s = int.from_bytes(blob[:8], "big")
            public_key.verify(blob[8:], b"cosignature/v1\ntime %d\n" % time_s + text)
            assert algorithm == 4
            institutions.add(witness["institution"])
    assert len(institutions) >= root["witnesses"]["quorum"]
