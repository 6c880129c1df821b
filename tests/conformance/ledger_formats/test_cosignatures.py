"""Notes and cosignatures that Go's note packages made: they verify, and the same seeds make the same bytes here."""

from __future__ import annotations

import pytest

from ledger.checkpoints import open_checkpoint, sign_checkpoint
from ledger.cosignatures import Cosigner, verify_cosignature, verify_cosignatures
from ledger.errors import SignatureError
from ledger.notes import NoteSigner, add_signatures, encode_note, parse_note, parse_verifier_key
from tests.conformance.ledger_formats.vectors import read_json

VECTOR = read_json("tlog/go-formats-cosignatures.json")
NOTE = VECTOR["note"].encode()
LOG = parse_verifier_key(VECTOR["log"])
WITNESSES = [parse_verifier_key(text) for text in VECTOR["witnesses"]]
TIME_S = 1795464680


def test_they_verify() -> None:
    checkpoint = open_checkpoint(NOTE, LOG, "vectors.example/log")
    assert (checkpoint.size, checkpoint.extensions) == (20852163, ("extension line",))
    note = parse_note(NOTE)
    assert verify_cosignatures(note, WITNESSES) == dict.fromkeys(WITNESSES, TIME_S)
    assert [verify_cosignature(note, key) for key in WITNESSES] == [TIME_S, TIME_S]


def test_they_cover_the_extension_line() -> None:
    note = parse_note(NOTE.replace(b"extension line", b"extension lime"))
    for key in WITNESSES:
        with pytest.raises(SignatureError):
            verify_cosignature(note, key)


def test_the_same_seeds_make_the_same_bytes() -> None:
    signer = NoteSigner.from_seed("vectors.example/log", b"\x01" * 32)
    cosigners = [Cosigner.from_seed(key.name, bytes([2 + at]) * 32) for at, key in enumerate(WITNESSES)]
    assert signer.verifier_key == LOG
    assert [cosigner.verifier_key for cosigner in cosigners] == WITNESSES
    note = parse_note(sign_checkpoint(open_checkpoint(NOTE, LOG, LOG.name), signer))
    lines = [cosigner.cosign(note.text, TIME_S) for cosigner in cosigners]
    assert encode_note(add_signatures(note, *lines)) == NOTE
