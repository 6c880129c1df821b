"""Parsers and encoders: what is encoded parses to itself, and whatever a parser accepts encodes to the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from ledger.checkpoints import Checkpoint, encode_checkpoint, parse_checkpoint
from ledger.cosignatures import MAX_TIMESTAMP_S, Cosigner, verify_cosignature
from ledger.errors import MalformedError
from ledger.hashing import EMPTY_ROOT, MAX_TREE_SIZE, LeafIndex, NodeHash, RootHash, TreeSize
from ledger.notes import (
    COSIGNATURE_V1,
    ED25519,
    NoteSignature,
    NoteSigner,
    SignedNote,
    VerifierKey,
    add_signatures,
    encode_note,
    encode_verifier_key,
    make_verifier_key,
    parse_note,
    parse_verifier_key,
    sign_note,
    verify_note,
)
from ledger.proofs import TlogProof, encode_tlog_proof, parse_tlog_proof
from ledger.tiles import (
    BundleAddress,
    TileAddress,
    encode_bundle,
    encode_tile,
    encode_tile_path,
    parse_bundle,
    parse_entries,
    parse_tile,
    parse_tile_path,
)

HASHES = st.binary(min_size=32, max_size=32)
LINES = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=30)
NAMES = LINES.map(lambda line: "".join(char for char in line if char != "+" and not char.isspace())).filter(bool)
TEXTS = st.lists(LINES | st.just(""), min_size=1, max_size=5).map(lambda lines: "".join(f"{line}\n" for line in lines))
SIGNATURES = st.builds(NoteSignature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
NOTES = st.builds(SignedNote, TEXTS, st.lists(SIGNATURES, min_size=1, max_size=4).map(tuple))
KEYS: st.SearchStrategy[VerifierKey] = st.builds(make_verifier_key, NAMES, st.sampled_from([ED25519, COSIGNATURE_V1]), HASHES)
CHECKPOINTS = st.just(Checkpoint("empty.example", TreeSize(0), EMPTY_ROOT)) | st.builds(
    Checkpoint,
    LINES,
    st.integers(1, MAX_TREE_SIZE).map(TreeSize),
    HASHES.map(RootHash),
    st.lists(LINES, max_size=3).map(tuple),
)
TLOG_PROOFS = st.builds(
    TlogProof,
    st.integers(0, MAX_TREE_SIZE - 1).map(LeafIndex),
    st.lists(HASHES.map(NodeHash), max_size=63).map(tuple),
    NOTES.map(encode_note),
    st.none() | st.binary(max_size=40),
)
INDEXES = st.integers(0, 2**55 - 1) | st.integers(0, 10_000)
ADDRESSES = st.builds(TileAddress, st.integers(0, 63), INDEXES, st.integers(1, 256)) | st.builds(
    BundleAddress, INDEXES, st.integers(1, 256)
)
SEEDS = st.binary(min_size=32, max_size=32)


@st.composite
def mutated(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Bytes close to something valid: a byte changed, dropped, doubled or put in, or a piece of another spelling."""
    data = draw(originals)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from([b"", b"\n", b" ", b"=", b"+", b"0", b"-", b"A", "\u2014".encode(), b"\xff", b"\0", b"x"]))
        data = data[:at] + change + data[at + draw(st.integers(0, 2)) :]
    return data


def accepted_means_canonical(data: bytes, again: Callable[[bytes], bytes]) -> None:
    with suppress(MalformedError, UnicodeDecodeError):
        assert again(data) == data


@given(NOTES)
def test_notes_travel(note: SignedNote) -> None:
    assert parse_note(encode_note(note)) == note


@given(mutated(NOTES.map(encode_note)) | st.binary(max_size=100))
def test_every_accepted_note_is_canonical(data: bytes) -> None:
    accepted_means_canonical(data, lambda each: encode_note(parse_note(each)))


@given(KEYS)
def test_verifier_keys_travel(key: VerifierKey) -> None:
    assert parse_verifier_key(encode_verifier_key(key)) == key


@given(mutated(KEYS.map(lambda key: encode_verifier_key(key).encode())))
def test_every_accepted_verifier_key_is_canonical(data: bytes) -> None:
    accepted_means_canonical(data, lambda each: encode_verifier_key(parse_verifier_key(each.decode())).encode())


@given(CHECKPOINTS)
def test_checkpoints_travel(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(encode_checkpoint(checkpoint)) == checkpoint


@given(mutated(CHECKPOINTS.map(lambda checkpoint: encode_checkpoint(checkpoint).encode())))
def test_every_accepted_checkpoint_is_canonical(data: bytes) -> None:
    accepted_means_canonical(data, lambda each: encode_checkpoint(parse_checkpoint(each.decode())).encode())


@given(TLOG_PROOFS)
def test_tlog_proofs_travel(proof: TlogProof) -> None:
    assert parse_tlog_proof(encode_tlog_proof(proof)) == proof


@given(mutated(TLOG_PROOFS.map(encode_tlog_proof)) | st.binary(max_size=100))
def test_every_accepted_tlog_proof_is_canonical(data: bytes) -> None:
    accepted_means_canonical(data, lambda each: encode_tlog_proof(parse_tlog_proof(each)))


@given(ADDRESSES)
def test_tile_paths_travel(address: TileAddress | BundleAddress) -> None:
    assert parse_tile_path(encode_tile_path(address)) == address


@given(mutated(ADDRESSES.map(lambda address: encode_tile_path(address).encode())))
def test_every_accepted_tile_path_is_canonical(data: bytes) -> None:
    accepted_means_canonical(data, lambda each: encode_tile_path(parse_tile_path(each.decode())).encode())


@given(st.lists(HASHES, min_size=1, max_size=256), INDEXES)
def test_tiles_travel(hashes: list[bytes], index: int) -> None:
    assert list(parse_tile(encode_tile(hashes), TileAddress(0, index, len(hashes)))) == hashes


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256), INDEXES)
def test_bundles_travel(entries: list[bytes], index: int) -> None:
    assert parse_bundle(encode_bundle(entries), BundleAddress(index, len(entries))) == entries


@given(mutated(st.lists(st.binary(max_size=6), min_size=1, max_size=9).map(encode_bundle)) | st.binary(max_size=30))
def test_every_accepted_bundle_is_canonical(data: bytes) -> None:
    accepted_means_canonical(data, lambda each: encode_bundle(parse_entries(each)))


@given(TEXTS, NAMES, SEEDS)
def test_what_is_signed_verifies(text: str, name: str, seed: bytes) -> None:
    signer = NoteSigner.from_seed(name, seed)
    note = parse_note(sign_note(text, signer))
    assert note.text == text
    assert verify_note(note, [signer.verifier_key]) == (signer.verifier_key,)


@given(CHECKPOINTS, NAMES, SEEDS, st.integers(0, MAX_TIMESTAMP_S))
def test_what_is_cosigned_verifies(checkpoint: Checkpoint, name: str, seed: bytes, time_s: int) -> None:
    signer = NoteSigner.from_seed("log.example", b"\x01" * 32)
    note = parse_note(sign_note(encode_checkpoint(checkpoint), signer))
    cosigner = Cosigner.from_seed(name, seed)
    cosigned = add_signatures(note, cosigner.cosign(note.text, time_s))
    assert verify_cosignature(parse_note(encode_note(cosigned)), cosigner.verifier_key) == time_s
