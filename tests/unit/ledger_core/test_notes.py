from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from dataclasses import replace

import pytest

from ledger.errors import MalformedKeyError, MalformedNoteError, SignatureError, UnsupportedAlgorithmError
from ledger.notes import (
    COSIGNATURE_V1,
    ED25519,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    NoteSignature,
    NoteSigner,
    SignedNote,
    VerifierKey,
    add_signatures,
    decode_base64,
    encode_note,
    encode_verifier_key,
    make_verifier_key,
    parse_note,
    parse_verifier_key,
    sign_note,
    verify_ed25519,
    verify_note,
)

ALICE = NoteSigner.from_seed("alice.example", b"\x0a" * 32)
BOB = NoteSigner.from_seed("bob.example", b"\x0b" * 32)
TEXT = "a text\n\nwith an empty line\n"
NOTE = sign_note(TEXT, ALICE)
VKEY = encode_verifier_key(ALICE.verifier_key)
LINE = NOTE.decode().split("\n")[-2]


def with_line(line: str) -> bytes:
    return f"{TEXT}\n{line}\n".encode()


def test_a_note_splits_at_its_last_empty_line() -> None:
    note = parse_note(NOTE)
    assert note.text == TEXT
    assert [signature.name for signature in note.signatures] == ["alice.example"]
    assert encode_note(note) == NOTE


def test_known_keys_verify_and_unknown_ones_are_ignored() -> None:
    note = parse_note(sign_note(TEXT, ALICE, BOB))
    alice, bob = ALICE.verifier_key, BOB.verifier_key
    assert verify_note(note, [alice]) == (alice,)
    assert verify_note(note, [bob, alice]) == (bob, alice)
    assert verify_note(parse_note(NOTE), [bob, alice]) == (alice,)


def test_no_known_key_is_no_signature() -> None:
    with pytest.raises(SignatureError, match="none of the known keys") as caught:
        verify_note(parse_note(NOTE), [BOB.verifier_key])
    assert caught.value.key_name is None


def test_one_bad_signature_of_a_known_key_refuses_the_note() -> None:
    good = parse_note(sign_note(TEXT, ALICE, BOB))
    bad = replace(good, signatures=(good.signatures[0], replace(good.signatures[1], signature=b"\x00" * 64)))
    with pytest.raises(SignatureError, match=r"bob\.example") as caught:
        verify_note(bad, [ALICE.verifier_key, BOB.verifier_key])
    assert caught.value.key_name == "bob.example"
    assert verify_note(bad, [ALICE.verifier_key]) == (ALICE.verifier_key,)


def test_every_line_of_a_known_key_has_to_verify() -> None:
    good = parse_note(NOTE)
    twice = replace(good, signatures=good.signatures * 2)
    assert verify_note(twice, [ALICE.verifier_key]) == (ALICE.verifier_key,)
    forged = replace(good.signatures[0], signature=b"\x01" * 64)
    with pytest.raises(SignatureError):
        verify_note(replace(good, signatures=(*good.signatures, forged)), [ALICE.verifier_key])


def test_name_or_id_alone_do_not_make_a_key_known() -> None:
    note = parse_note(NOTE)
    line = note.signatures[0]
    for other in (replace(line, name="mallory.example"), replace(line, key_id=b"\x00" * 4)):
        with pytest.raises(SignatureError, match="none of the known keys"):
            verify_note(replace(note, signatures=(other,)), [ALICE.verifier_key])


def test_the_text_is_covered() -> None:
    with pytest.raises(SignatureError):
        verify_note(parse_note(NOTE.replace(b"a text", b"a test")), [ALICE.verifier_key])


@pytest.mark.parametrize("length", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_fails(length: int) -> None:
    with pytest.raises(SignatureError, match="64 bytes"):
        verify_ed25519(ALICE.verifier_key, b"\x01" * length, b"message")


@pytest.mark.parametrize("moved", [-1, 1])
def test_the_border_of_signature_and_message_does_not_move(moved: int) -> None:
    message = b"message"
    whole = ALICE.sign(message.decode()) + message
    verify_ed25519(ALICE.verifier_key, whole[:64], whole[64:])
    with pytest.raises(SignatureError, match="64 bytes"):
        verify_ed25519(ALICE.verifier_key, whole[: 64 + moved], whole[64 + moved :])


def test_a_public_key_of_small_order_verifies_nothing() -> None:
    # With the identity point as key and as R, and S = 0, the plain equation holds for every message.
    identity = b"\x01" + b"\0" * 31
    key = make_verifier_key("small.example", ED25519, identity)
    with pytest.raises(SignatureError):
        verify_ed25519(key, identity + b"\0" * 32, b"any message")


def test_cosignature_keys_are_not_verified_here() -> None:
    key = make_verifier_key("w.example", COSIGNATURE_V1, b"\x01" * 32)
    with pytest.raises(UnsupportedAlgorithmError, match="0x04") as caught:
        verify_note(parse_note(NOTE), [key])
    assert caught.value.algorithm == COSIGNATURE_V1


def test_signatures_are_added_below_without_repetition() -> None:
    alice, both = parse_note(NOTE), parse_note(sign_note(TEXT, ALICE, BOB))
    assert add_signatures(alice, *both.signatures) == both
    assert add_signatures(both, *alice.signatures) == both


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no blank line\n",
        b"text\n\n",
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"trailing\n",
        NOTE.replace(b"a text", b"a\ttext"),
        NOTE.replace(b"a text", b"a\rtext"),
        NOTE.replace(b"a text", b"a\x00text"),
        NOTE.replace(b"a text", b"\xff text"),
        NOTE.replace(b"a text", b"\xed\xa0\x80 text"),
        b"t\n" * (MAX_NOTE_BYTES // 2) + NOTE,
        with_line("\n".join([LINE] * (MAX_SIGNATURES + 1))),
        with_line(LINE.replace("— ", "- ")),
        with_line(LINE.replace("— ", "—")),
        with_line(LINE.replace("— ", "—  ")),
        with_line(" " + LINE),
        with_line(LINE + " "),
        with_line(LINE + "\r"),
        with_line(LINE.replace("alice", "al+ice")),
        with_line(LINE.replace("alice", "al\u00a0ice")),
        with_line("— alice.example"),
        with_line("— alice.example "),
        with_line("— alice.example AAAAAA=="),
        with_line("— alice.example AAAA"),
        with_line(LINE[:-1]),
        with_line(LINE[:-1] + "\n="),
        with_line(LINE.replace("=", "")),
        with_line(LINE + "="),
        with_line(LINE[:-8] + "é" + LINE[-7:]),
        with_line(LINE[:-8] + "-" + LINE[-7:]),
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedNoteError):
        parse_note(data)


def test_spare_bits_of_base64_are_refused() -> None:
    head, last = LINE[:-2], LINE[-2]
    assert LINE.endswith("=")
    assert not LINE.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spelled_otherwise = head + alphabet[alphabet.index(last) ^ 1] + "="
    parse_note(with_line(LINE))
    with pytest.raises(MalformedNoteError):
        parse_note(with_line(spelled_otherwise))


@pytest.mark.parametrize("text", ["", "no newline", "a\x1fb\n", "\ud800\n"])
def test_texts_that_no_note_can_carry_are_not_signed(text: str) -> None:
    with pytest.raises(MalformedNoteError):
        sign_note(text, ALICE)


def test_a_note_has_between_one_and_a_hundred_signatures() -> None:
    with pytest.raises(MalformedNoteError, match="0 signatures"):
        sign_note(TEXT)
    line = parse_note(NOTE).signatures[0]
    full = SignedNote(TEXT, (line,) * MAX_SIGNATURES)
    assert parse_note(encode_note(full)) == full
    with pytest.raises(MalformedNoteError, match="101 signatures"):
        SignedNote(TEXT, (line,) * (MAX_SIGNATURES + 1))


@pytest.mark.parametrize(("key_id", "signature"), [(b"123", b"s"), (b"12345", b"s"), (b"1234", b"")])
def test_signature_lines_have_an_id_and_a_signature(key_id: bytes, signature: bytes) -> None:
    with pytest.raises(MalformedNoteError):
        NoteSignature("name", key_id, signature)


def test_verifier_key_is_spelled_in_one_way() -> None:
    assert parse_verifier_key(VKEY) == ALICE.verifier_key
    name, key_id, material = VKEY.split("+", 2)
    for wrong in (
        "",
        name,
        f"{name}+{key_id}",
        f"+{key_id}+{material}",
        f"{name}+{key_id.upper()}+{material}" if key_id != key_id.upper() else f"{name}+{key_id}A+{material}",
        f"{name}+{key_id}0+{material}",
        f"{name}+{key_id[1:]}+{material}",
        f"{name}+00000000+{material}",
        f"x{name}+{key_id}+{material}",
        f"{name}+{key_id}+",
        f"{name}+{key_id}+{material}=",
        f"{name}+{key_id}+{material}\n",
        f"{name}+{key_id}+{b64encode(bytes([ED25519]) + b'x' * 31).decode()}",
        f"{name}+{key_id}+{b64encode(bytes([0x02]) + b'x' * 32).decode()}",
    ):
        with pytest.raises(MalformedKeyError):
            parse_verifier_key(wrong)


def test_the_key_id_binds_name_and_algorithm() -> None:
    key = ALICE.verifier_key
    other = make_verifier_key(key.name, COSIGNATURE_V1, key.public_key)
    assert other.key_id != key.key_id
    with pytest.raises(MalformedKeyError, match="key id"):
        VerifierKey(key.name, other.key_id, ED25519, key.public_key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\u0085b", "a\x00b", "a\nb", "\ud800"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(MalformedKeyError, match="key name"):
        make_verifier_key(name, ED25519, b"\x01" * 32)


@pytest.mark.parametrize("seed", [b"", b"\x01" * 31, b"\x01" * 33])
def test_seeds_are_32_bytes(seed: bytes) -> None:
    with pytest.raises(MalformedKeyError, match="seed"):
        NoteSigner.from_seed("a", seed)


def test_a_signer_does_not_show_its_key() -> None:
    assert b"\x0a".hex() * 4 not in repr(ALICE)
    assert not hasattr(ALICE, "__dict__")


@pytest.mark.parametrize("text", ["A", "AA", "AA=", "AB==", "AAA", "AAB=", "A===", "AAAA=", "AA-_", "A AA", "AAAA\n", "é==="])
def test_base64_has_one_spelling(text: str) -> None:
    assert decode_base64(text) is None


def test_base64_decodes() -> None:
    assert [decode_base64(text) for text in ("", "AA==", "AAA=", "AAAA")] == [b"", b"\0", b"\0\0", b"\0\0\0"]


def test_parsing_loads_no_cryptographic_library() -> None:
    code = (
        "import sys, ledger.notes, ledger.checkpoints, ledger.cosignatures, ledger.proofs, ledger.tiles, ledger.compact\n"
        "print('cryptography' in sys.modules, 'nacl' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - own code
    assert run.stdout == "False False\n"
