"""The committed completeness file and bundle, checked by the words of docs/spec alone.

`test_the_vectors_are_what_this_release_writes` keeps files and code together; the vectors change with the formats only.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

from node.wire.evidence.bundle import encode_bundle_file
from node.wire.trust_root import sign_trust_root
from tests.conformance.evidence.test_vectors import b64, climb, key, signatures
from tests.unit.evidence_verify.world import SIGNERS, make_root
from tests.unit.patient_bundle.bundles import make_bundle

VECTORS = Path(__file__).parents[1] / "vectors" / "completeness"
COMPLETENESS = VECTORS / "two-series.completeness.json"
BUNDLE = VECTORS / "three-lines.bundle.json"
TRUST_ROOT = Path(__file__).parents[1] / "vectors" / "evidence" / "trust-root.note"


def test_the_vectors_are_what_this_release_writes() -> None:
    assert make_bundle().completeness[0] == COMPLETENESS.read_bytes()
    assert encode_bundle_file(make_bundle()) == BUNDLE.read_bytes()
    assert sign_trust_root(make_root(), SIGNERS) == TRUST_ROOT.read_bytes()


# From here on by the specification alone.


def open_note(note: str) -> tuple[str, int, bytes]:
    """Check a head's signature by a key of the trust root, and return origin, size and root."""
    text, found = signatures(note)
    origin, size, top = text.decode().splitlines()
    root = json.loads(TRUST_ROOT.read_text().rpartition("\n\n")[0])
    log = next(each for each in root["logs"] if each["origin"] == origin)
    name, key_id, _, public_key = key(log["keys"][0]["vkey"])
    public_key.verify(found[name, key_id], text)
    return origin, int(size), b64(top)


def check_inclusion(entry: dict[str, Any], size: int, top: bytes) -> bytes:
    leaf = b64(entry["leaf"])
    assert climb(sha256(b"\x00" + leaf).digest(), entry["index"], size, [b64(each) for each in entry["proof"]]) == top
    return leaf


@pytest.fixture
def bundle() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(BUNDLE.read_bytes())
    return loaded


def test_each_key_names_every_entry_from_0_on() -> None:
    file = json.loads(COMPLETENESS.read_bytes())
    assert (file["format"], file["version"]) == ("concord/completeness", 1)
    origin, size, top = open_note(file["checkpoint"])
    assert [len(series["entries"]) for series in file["series"]] == [1, 2]
    for series in file["series"]:
        last = -1
        for counter, entry in enumerate(series["entries"]):
            leaf = check_inclusion(entry, size, top)
            message = origin.encode() + b"\0" + bytes((series["tag_class"],)) + counter.to_bytes(8, "big")
            assert leaf[42:74] == hmac.digest(b64(series["key"]), message, "sha256")
            assert entry["index"] > last
            last = entry["index"]


def test_each_line_is_in_the_log_and_says_what_its_header_says(bundle: dict[str, Any]) -> None:
    heads = [open_note(note) for note in bundle["heads"]]
    for line in bundle["lines"]:
        origin, size, top = heads[line["head"]]
        leaf = check_inclusion(line, size, top)
        header, data_key = b64(line["header"]), b64(line["data_key"])
        assert sha256(header).digest() == leaf[74:106]
        assert header[1:33] == sha256(b"concord/header-key/v1" + data_key).digest()
        at = 58
        for _ in range(header[57]):
            at += 11 + int.from_bytes(header[at + 9 : at + 11], "big")
        bound = origin.encode() + b"\0" + leaf[1:2] + leaf[42:74]
        text = json.loads(crypto_aead_xchacha20poly1305_ietf_decrypt(header[at:], bound, header[33:57], data_key))
        assert text["format_version"] == (2 if "act" in text else 1)
    assert text["act"]["about"] == "access"


def test_evidence_and_completeness_inside_are_the_files_themselves(bundle: dict[str, Any]) -> None:
    assert [line["evidence"] is not None for line in bundle["lines"]] == [True, False, False]
    assert json.loads(bundle["lines"][0]["evidence"])["leaf"] == bundle["lines"][0]["leaf"]
    assert bundle["completeness"] == [COMPLETENESS.read_text()]
