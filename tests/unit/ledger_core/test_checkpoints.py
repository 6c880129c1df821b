from __future__ import annotations

import pytest

from ledger.checkpoints import Checkpoint, encode_checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from ledger.errors import MalformedCheckpointError, MalformedNoteError, OriginMismatchError, SignatureError
from ledger.hashing import EMPTY_ROOT, MAX_TREE_SIZE, RootHash, TreeSize
from ledger.notes import NoteSigner, sign_note

ORIGIN = "log.example/one"
SIGNER = NoteSigner.from_seed(ORIGIN, b"\x01" * 32)
ROOT = RootHash(bytes(range(32)))
ROOT_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
CHECKPOINT = Checkpoint(ORIGIN, TreeSize(42), ROOT)
TEXT = f"{ORIGIN}\n42\n{ROOT_TEXT}\n"


def test_text_form() -> None:
    assert encode_checkpoint(CHECKPOINT) == TEXT
    assert parse_checkpoint(TEXT) == CHECKPOINT


def test_extension_lines_are_kept() -> None:
    extended = parse_checkpoint(TEXT + "one\ntwo\n")
    assert extended.extensions == ("one", "two")
    assert encode_checkpoint(extended) == TEXT + "one\ntwo\n"


@pytest.mark.parametrize("size", [0, 1, MAX_TREE_SIZE])
def test_sizes_at_the_bounds(size: int) -> None:
    checkpoint = Checkpoint(ORIGIN, TreeSize(size), ROOT if size else EMPTY_ROOT)
    assert parse_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "size",
    [
        "",
        "-1",
        "+1",
        "042",
        "00",
        " 42",
        "42 ",
        "4_2",
        "4\uff12",
        "\u0664\u0662",
        "0x2a",
        "4.2",
        "1e3",
        str(2**63),
        "9" * 19,
        "1" * 99,
    ],
)
def test_sizes_are_plain_decimals(size: str) -> None:
    with pytest.raises(MalformedCheckpointError):
        parse_checkpoint(f"{ORIGIN}\n{size}\n{ROOT_TEXT}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "one\n\ntwo\n",
        "\n" + TEXT,
        f"{ORIGIN}\n42\n",
        f"\n42\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n42\n\n",
        f"{ORIGIN}\n42\n{ROOT_TEXT} \n",
        f"{ORIGIN}\n42\n{ROOT_TEXT[:-1]}\n",
        f"{ORIGIN}\n42\n{ROOT_TEXT[:-2]}9=\n",
        f"{ORIGIN}\n42\n{ROOT_TEXT[:-4]}\n",
        f"{ORIGIN}\n42\nAAAA{ROOT_TEXT}\n",
        f"{ORIGIN}\n0\n{ROOT_TEXT}\n",
        f"{ORIGIN}\r\n42\n{ROOT_TEXT}\n",
        f"{ORIGIN}\n42\n{ROOT_TEXT}\nbell \x07\n",
        f"\ud800\n42\n{ROOT_TEXT}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedCheckpointError):
        parse_checkpoint(text)


def test_opening_verifies() -> None:
    note = sign_checkpoint(CHECKPOINT, SIGNER)
    assert open_checkpoint(note, SIGNER.verifier_key, ORIGIN) == CHECKPOINT


def test_opening_refuses_another_key() -> None:
    stranger = NoteSigner.from_seed(ORIGIN, b"\x02" * 32)
    with pytest.raises(SignatureError):
        open_checkpoint(sign_checkpoint(CHECKPOINT, SIGNER), stranger.verifier_key, ORIGIN)


def test_opening_refuses_another_log() -> None:
    with pytest.raises(OriginMismatchError) as caught:
        open_checkpoint(sign_checkpoint(CHECKPOINT, SIGNER), SIGNER.verifier_key, "log.example/two")
    assert (caught.value.expected, caught.value.actual) == ("log.example/two", ORIGIN)


def test_opening_refuses_signed_text_that_is_no_checkpoint() -> None:
    with pytest.raises(MalformedCheckpointError):
        open_checkpoint(sign_note("hello\n", SIGNER), SIGNER.verifier_key, ORIGIN)


def test_opening_refuses_what_is_no_note() -> None:
    with pytest.raises(MalformedNoteError):
        open_checkpoint(TEXT.encode(), SIGNER.verifier_key, ORIGIN)
