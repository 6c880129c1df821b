from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.checkpoints import Checkpoint, encode_checkpoint, sign_checkpoint
from ledger.cosignatures import MAX_TIMESTAMP_S, Cosigner, verify_cosignature, verify_cosignatures
from ledger.errors import MalformedCheckpointError, OutOfRangeError, SignatureError, UnsupportedAlgorithmError
from ledger.hashing import RootHash, TreeSize
from ledger.notes import NoteSigner, SignedNote, add_signatures, parse_note, sign_note, verify_note

SIGNER = NoteSigner.from_seed("log.example", b"\x01" * 32)
ONE, TWO, THREE = (Cosigner.from_seed(f"witness.example/{at}", bytes([at]) * 32) for at in (2, 3, 4))
CHECKPOINT = Checkpoint("log.example", TreeSize(7), RootHash(b"\x07" * 32))
TEXT = encode_checkpoint(CHECKPOINT)
NOTE = parse_note(sign_checkpoint(CHECKPOINT, SIGNER))


def cosigned(*lines: tuple[Cosigner, int]) -> SignedNote:
    return add_signatures(NOTE, *(cosigner.cosign(TEXT, time_s) for cosigner, time_s in lines))


def test_a_cosignature_says_when() -> None:
    note = cosigned((ONE, 1_700_000_000))
    assert verify_cosignature(note, ONE.verifier_key) == 1_700_000_000
    assert verify_note(note, [SIGNER.verifier_key]) == (SIGNER.verifier_key,)


@pytest.mark.parametrize("time_s", [0, MAX_TIMESTAMP_S])
def test_times_at_the_bounds(time_s: int) -> None:
    assert verify_cosignature(cosigned((ONE, time_s)), ONE.verifier_key) == time_s


@pytest.mark.parametrize("time_s", [-1, MAX_TIMESTAMP_S + 1])
def test_times_beyond_the_bounds(time_s: int) -> None:
    with pytest.raises(OutOfRangeError):
        ONE.cosign(TEXT, time_s)


def test_those_that_signed_are_told_with_their_latest_time() -> None:
    note = cosigned((ONE, 10), (TWO, 20), (ONE, 30))
    keys = [cosigner.verifier_key for cosigner in (ONE, TWO, THREE)]
    assert verify_cosignatures(note, keys) == {ONE.verifier_key: 30, TWO.verifier_key: 20}
    assert verify_cosignatures(note, []) == {}


def test_a_missing_cosigner_is_named() -> None:
    with pytest.raises(SignatureError, match=r"witness\.example/3") as caught:
        verify_cosignature(cosigned((ONE, 10)), TWO.verifier_key)
    assert caught.value.key_name == "witness.example/3"


def test_one_bad_line_of_a_known_cosigner_refuses_all() -> None:
    good = ONE.cosign(TEXT, 10)
    earlier = replace(good, signature=(9).to_bytes(8, "big") + good.signature[8:])
    with pytest.raises(SignatureError):
        verify_cosignature(add_signatures(NOTE, good, earlier), ONE.verifier_key)


@pytest.mark.parametrize("length", [1, 8, 64, 71, 73])
def test_other_lengths_are_refused(length: int) -> None:
    line = replace(ONE.cosign(TEXT, 10), signature=b"\x01" * length)
    with pytest.raises(SignatureError, match="not a timestamp and a signature"):
        verify_cosignature(add_signatures(NOTE, line), ONE.verifier_key)


def test_a_timestamp_beyond_63_bits_is_refused() -> None:
    good = ONE.cosign(TEXT, 10)
    line = replace(good, signature=b"\x80" + good.signature[1:])
    with pytest.raises(SignatureError, match="beyond"):
        verify_cosignature(add_signatures(NOTE, line), ONE.verifier_key)


def test_a_cosignature_covers_the_checkpoint() -> None:
    other = replace(NOTE, text=encode_checkpoint(replace(CHECKPOINT, size=TreeSize(8))))
    with pytest.raises(SignatureError):
        verify_cosignature(add_signatures(other, ONE.cosign(TEXT, 10)), ONE.verifier_key)


def test_only_checkpoints_are_cosigned() -> None:
    with pytest.raises(MalformedCheckpointError):
        ONE.cosign("hello\n", 10)
    with pytest.raises(MalformedCheckpointError):
        verify_cosignatures(parse_note(sign_note("hello\n", SIGNER)), [ONE.verifier_key])


def test_log_keys_do_not_cosign() -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        verify_cosignature(NOTE, SIGNER.verifier_key)
