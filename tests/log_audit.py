"""An independent look at a log: what a reader who believes nobody would check."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.checkpoints import Checkpoint, open_checkpoint
from ledger.hashing import LeafIndex, hash_leaf, root_of_leaves
from ledger.mirror import fetch_entries
from ledger.ports import LogReader
from ledger.tiles import TileAddress, bundles_of, encode_tile_path, parse_bundle, tiles_of
from tests.simulators import ORIGIN, SIGNER


def open_note(note: bytes) -> Checkpoint:
    return open_checkpoint(note, SIGNER.verifier_key, ORIGIN)


def audited_entries(reader: LogReader) -> list[bytes]:
    """Read a whole published log, re-derive every tile and the root from the entries, and return the entries."""
    note = reader.checkpoint()
    if note is None:
        return []
    checkpoint = open_note(note)
    entries: list[bytes] = []
    for bundle in bundles_of(checkpoint.size):
        entries += parse_bundle(reader.bundle(bundle), bundle)
    assert len(entries) == checkpoint.size
    assert root_of_leaves([hash_leaf(entry) for entry in entries]) == checkpoint.root
    for address in tiles_of(checkpoint.size):
        assert reader.tile(address) == derived_tile(entries, address), encode_tile_path(address)
    fetched = [entry for part in fetch_entries(reader, checkpoint, LeafIndex(0), checkpoint.size) for entry in part]
    assert fetched == entries
    return entries


def derived_tile(entries: Sequence[bytes], address: TileAddress) -> bytes:
    """Compute a tile from all entries of the log, by definition."""
    span = 256**address.level
    starts = range(address.index * 256 * span, (address.index * 256 + address.width) * span, span)
    return b"".join(root_of_leaves([hash_leaf(entry) for entry in entries[at : at + span]]) for at in starts)


def check_history(published: Sequence[bytes], entries: Sequence[bytes]) -> None:
    """Check that published checkpoints never went back, and that each is a prefix of the log."""
    sizes = [open_note(note).size for note in published]
    assert sizes == sorted(sizes)
    for note in dict.fromkeys(published):
        checkpoint = open_note(note)
        assert root_of_leaves([hash_leaf(entry) for entry in entries[: checkpoint.size]]) == checkpoint.root
