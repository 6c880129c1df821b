"""The examples of the C2SP specifications, and a whole log that Tessera wrote."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger.checkpoints import Checkpoint, encode_checkpoint, open_checkpoint, parse_checkpoint
from ledger.compact import Frontier
from ledger.errors import MalformedNoteError, SignatureError
from ledger.hashing import LeafIndex, TreeSize, hash_leaves, root_of_leaves
from ledger.notes import VerifierKey, encode_note, encode_verifier_key, parse_note, parse_verifier_key, verify_note
from ledger.proofs import (
    encode_tlog_proof,
    parse_tlog_proof,
    prove_consistency,
    prove_inclusion,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from ledger.tiles import (
    BundleAddress,
    TileAddress,
    TileHashReader,
    encode_bundle,
    encode_tile,
    encode_tile_path,
    parse_bundle,
    parse_tile,
    parse_tile_path,
)
from tests.conformance.ledger_formats.vectors import read_bytes, read_packed

LOG = read_packed("tlog/tessera-testlog.json")
ORIGIN = "example.com/log/testdata"
SIZES = range(16)


class Tiles:
    def read_tiles(self, addresses: Sequence[TileAddress]) -> list[bytes]:
        return [LOG[encode_tile_path(address)] for address in addresses]


def read_key(path: str) -> VerifierKey:
    text = read_bytes(path).decode().removesuffix("\n")
    key = parse_verifier_key(text)
    assert encode_verifier_key(key) == text
    return key


def opened(size: int) -> Checkpoint:
    return open_checkpoint(LOG[f"checkpoint.{size}"], read_key("tlog/tessera-testlog.vkey"), ORIGIN)


def test_signed_note_example_verifies() -> None:
    data = read_bytes("tlog/signed-note-example.txt")
    note = parse_note(data)
    key = read_key("tlog/signed-note-example.vkey")
    assert note.text == "This is an example message.\n"
    assert verify_note(note, [key]) == (key,)
    assert encode_note(note) == data
    with pytest.raises(SignatureError):
        verify_note(parse_note(data.replace(b"example m", b"Example m")), [key])


@pytest.mark.parametrize(("name", "signatures"), [("tlog-checkpoint", 1), ("tlog-cosignature", 2)])
def test_checkpoint_examples_parse_and_encode(name: str, signatures: int) -> None:
    data = read_bytes(f"tlog/{name}-example.txt")
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a9186")
    assert checkpoint.extensions == ()
    assert encode_checkpoint(checkpoint) == note.text
    assert len(note.signatures) == signatures
    assert encode_note(note) == data


def test_cosignature_example_carries_the_time_of_its_specification() -> None:
    witness = parse_note(read_bytes("tlog/tlog-cosignature-example.txt")).signatures[1]
    assert witness.name == "witness.example.com/w1"
    assert len(witness.signature) == 8 + 64
    assert int.from_bytes(witness.signature[:8], "big") == 1679315147


def test_tlog_proof_example_parses_and_encodes() -> None:
    data = read_bytes("tlog/tlog-proof-example.tlog-proof")
    proof = parse_tlog_proof(data)
    assert (proof.index, len(proof.path)) == (73894, 5)
    assert proof.extra is not None
    assert proof.extra.startswith(b"age-v1.2.1-darwin-arm64.tar.gz")
    assert proof.checkpoint.startswith(b"example.com/fancylog\n109482\n")
    assert encode_tlog_proof(proof) == data
    # The specification shortens its signatures to [...]: such a note is none.
    with pytest.raises(MalformedNoteError):
        parse_note(proof.checkpoint)


@pytest.mark.parametrize("size", SIZES)
def test_tessera_checkpoints_verify(size: int) -> None:
    checkpoint = opened(size)
    assert checkpoint.size == size
    note = parse_note(LOG[f"checkpoint.{size}"])
    assert encode_checkpoint(checkpoint) == note.text
    assert encode_note(note) == LOG[f"checkpoint.{size}"]


@pytest.mark.parametrize("size", SIZES[1:])
def test_tessera_tiles_and_bundles_yield_the_signed_roots(size: int) -> None:
    tile, bundle = TileAddress(0, 0, size), BundleAddress(0, size)
    hashes = parse_tile(LOG[encode_tile_path(tile)], tile)
    entries = parse_bundle(LOG[encode_tile_path(bundle)], bundle)
    leaves = hash_leaves(entries)
    assert b"".join(hashes) == b"".join(leaves)
    assert encode_tile(hashes) == LOG[encode_tile_path(tile)]
    assert encode_bundle(entries) == LOG[encode_tile_path(bundle)]
    root = opened(size).root
    assert root == root_of_leaves(leaves) == Frontier.empty().append(leaves)[0].root()
    assert root == root_at(TileHashReader(Tiles(), TreeSize(size)), TreeSize(size))


def test_tessera_history_is_consistent_and_every_entry_included() -> None:
    newest = opened(15)
    reader = TileHashReader(Tiles(), newest.size)
    for size in SIZES:
        older = opened(size)
        verify_consistency(
            old_size=older.size,
            new_size=newest.size,
            old_root=older.root,
            new_root=newest.root,
            proof=prove_consistency(reader, older.size, newest.size),
        )
    leaves = hash_leaves(parse_bundle(LOG["tile/entries/000.p/15"], BundleAddress(0, 15)))
    for index, leaf in enumerate(leaves):
        at = LeafIndex(index)
        proof = prove_inclusion(reader, at, newest.size)
        verify_inclusion(index=at, size=newest.size, leaf=leaf, proof=proof, root=newest.root)


def test_tessera_paths_parse_and_encode() -> None:
    paths = [path for path in LOG if path.startswith("tile/")]
    assert len(paths) == 30
    assert [encode_tile_path(parse_tile_path(path)) for path in paths] == paths
