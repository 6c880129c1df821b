"""The committed text of a slip's QR code, read by the words of docs/spec alone; and what fits a QR code.

`test_the_vector_is_what_this_release_writes` keeps file and code together; the vector changes with the format only.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import cbor2
import pytest
import segno

from ledger.notes import parse_note
from ledger.proofs import parse_tlog_proof
from node.domain.entry import Level
from node.errors import MalformedEvidenceError, QrTooLargeError
from node.printing.qr import qr_svg
from node.wire.evidence.base45 import decode_base45, encode_base45
from node.wire.evidence.qr_evidence import MAX_CHARS, encode_qr_evidence, parse_qr_evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.recognition.decision_summary import parse_summary
from tests.conformance.evidence.test_vectors import climb, key, signatures
from tests.conformance.slips.samples import make_decision, make_summary
from tests.unit.evidence_verify.world import INSTITUTIONS, LOG_SIGNERS, NOW, A, make_root

VECTOR = Path(__file__).parents[1] / "vectors" / "slips" / "decision.qr.txt"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def test_the_vector_is_what_this_release_writes() -> None:
    assert encode_qr_evidence(make_decision(make_summary())) == VECTOR.read_text(encoding="ascii").removesuffix("\n")


def test_this_release_verifies_the_vector() -> None:
    verdict = verify_evidence(parse_qr_evidence(VECTOR.read_bytes()), make_root(), now=NOW)
    assert (verdict.level, verdict.witnessed) == (Level.LOGGED, True)
    assert parse_summary(verdict.parts[0].content) == make_summary()


@pytest.mark.parametrize(
    ("text", "encoded"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_base45_is_that_of_rfc_9285(text: bytes, encoded: str) -> None:
    assert encode_base45(text) == encoded
    assert decode_base45(encoded) == text


@pytest.mark.parametrize("text", ["GGW", "::::::", "A", "BB8A", "bb8", "BB8\n", "ZZ"])
def test_what_rfc_9285_refuses_is_refused(text: str) -> None:
    with pytest.raises(MalformedEvidenceError):
        decode_base45(text)


# From here on by the specification alone.


def by_hand(text: str) -> bytes:
    """Decode base45 group by group: two bytes in three characters, one in two."""
    data = b""
    for at in range(0, len(text), 3):
        digits = [ALPHABET.index(each) for each in text[at : at + 3]]
        value = digits[0] + 45 * digits[1] + (45 * 45 * digits[2] if len(digits) == 3 else 0)
        data += value.to_bytes(len(digits) - 1, "big")
    return data


@pytest.fixture
def read() -> list[Any]:
    head, _, body = VECTOR.read_text(encoding="ascii").removesuffix("\n").partition(":")
    assert head == "CONCORD-E1"
    packed = by_hand(body)
    found: list[Any] = cbor2.loads(packed)
    assert cbor2.dumps(found, canonical=True) == packed
    assert found[0] == 1
    return found


def test_manifest_and_summary_open_the_commitment_of_the_leaf(read: list[Any]) -> None:
    _, leaf, (salt, proof, content), (number, url, part_salt, part_proof, summary), *_ = read
    manifest = json.loads(content)
    count = len(manifest["parts"]) + 1
    opened = [
        (0, "application/vnd.concord.manifest+json", b"", salt, proof, content),
        (number, manifest["parts"][number - 1]["media_type"], url.encode(), part_salt, part_proof, summary),
    ]
    assert manifest["parts"][number - 1]["role"] == "summary"
    for at, media_type, full_url, with_salt, path, content_bytes in opened:
        texts = b"".join(len(each).to_bytes(2, "big") + each for each in (media_type.encode(), full_url))
        part = sha256(b"\x00concord/part/v1" + with_salt + at.to_bytes(4, "big") + texts + content_bytes).digest()
        top = climb(part, at, count, list(path))
        assert sha256(b"\x02concord/commitment/v1" + count.to_bytes(4, "big") + top).digest() == leaf[10:42]
    assert (leaf[0], leaf[1], manifest["entry_type"]) == (1, 5, 5)


def test_the_leaf_is_in_the_log(read: list[Any]) -> None:
    leaf, index, path, note = read[1], read[4], read[5], read[6].decode()
    text, found = signatures(note)
    origin, size, top = text.decode().splitlines()
    name, key_id, _, public_key = key(str_key())
    public_key.verify(found[name, key_id], text)
    from base64 import b64decode  # noqa: PLC0415 - used here only

    assert origin == name
    assert climb(sha256(b"\x00" + leaf).digest(), index, int(size), list(path)) == b64decode(top)


def str_key() -> str:
    from ledger.notes import encode_verifier_key  # noqa: PLC0415 - the trust root's text of the log's key

    return encode_verifier_key(LOG_SIGNERS[A].verifier_key)


# What fits


@pytest.mark.parametrize("items", [1, 4, 11, 18])
def test_a_recognition_from_a_large_log_fits(items: int) -> None:
    """A panel from a log of 2^24 entries; cosignatures go first where there is no room for them."""
    text = encode_qr_evidence(make_decision(make_summary(items), depth=24))
    assert len(text) <= MAX_CHARS
    verdict = verify_evidence(parse_qr_evidence(text.encode()), make_root(), now=NOW)
    assert len(parse_summary(verdict.parts[0].content).results[0].items) == items
    assert qr_svg(text).startswith("<svg")


def test_cosignatures_are_left_out_where_there_is_no_room() -> None:
    whole, many = make_decision(make_summary(2), depth=20), make_decision(make_summary(18), depth=20)
    kept, cut = (parse_qr_evidence(encode_qr_evidence(each).encode()) for each in (whole, many))
    assert kept.proof == whole.proof
    notes = [parse_note(parse_tlog_proof(each.proof).checkpoint) for each in (many, cut)]
    assert [len(each.signatures) for each in notes] == [1 + len(INSTITUTIONS[1:]), 1]
    assert notes[0].text == notes[1].text
    assert not verify_evidence(cut, make_root(), now=NOW).witnessed


def test_what_fits_no_qr_code_is_refused_with_its_length() -> None:
    with pytest.raises(QrTooLargeError) as raised:
        encode_qr_evidence(make_decision(make_summary(60), depth=24))
    assert raised.value.length_chars > raised.value.limit_chars == MAX_CHARS


def test_the_limit_is_the_largest_symbols() -> None:
    segno.make_qr("A" * MAX_CHARS, error="l", boost_error=False)
    with pytest.raises(segno.DataOverflowError):
        segno.make_qr("A" * (MAX_CHARS + 1), error="l", boost_error=False)


def test_evidence_of_no_part_or_of_several_has_no_qr_form() -> None:
    evidence = make_decision(make_summary())
    for parts in ((), evidence.parts * 2):
        with pytest.raises(MalformedEvidenceError, match="parts"):
            encode_qr_evidence(replace(evidence, parts=parts))
