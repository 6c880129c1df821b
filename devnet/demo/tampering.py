"""Tampering, done as an insider would: with the database, the log's files or the log's own key in hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx

from devnet.demo.report import DemoFailedError
from ledger.checkpoints import Checkpoint
from ledger.hashing import HashReader, LeafIndex, NodeHash, TreeSize
from ledger.notes import NoteSigner
from ledger.proofs import TlogProof, encode_tlog_proof, prove_consistency, prove_inclusion
from ledger.sequencer import Sequencer
from ledger.store.memory import MemoryLogStore
from ledger.tiles import TileHashReader, bundles_of, encode_tile_path, tiles_of
from node.wire.evidence.file import encode_evidence, parse_evidence


def flip_byte(path: Path, position: int, flipped: Path) -> None:
    """Copy a file with one bit of one byte changed."""
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    flipped.write_bytes(content)


def flip_evidence(evidence: bytes) -> bytes:
    """Change one bit of a disclosed part in an evidence file."""
    real = parse_evidence(evidence)
    first, *others = real.parts
    content = first.content[:-2] + bytes((first.content[-2] ^ 0x01,)) + first.content[-1:]
    return encode_evidence(replace(real, parts=(replace(first, content=content), *others)))


def flip_stored_body(database: Path, origin: str, leaf_index: int) -> None:
    """Change one bit of a sealed body in a node's database, while the node runs."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        where = "origin = ? AND leaf_index = ?"
        (body,) = connection.execute(f"SELECT body FROM bodies WHERE {where}", (origin, leaf_index)).fetchone()  # noqa: S608 - fixed text
        altered = body[:-1] + bytes((body[-1] ^ 0x01,))
        connection.execute(f"UPDATE bodies SET body = ? WHERE {where}", (altered, origin, leaf_index))  # noqa: S608 - fixed text


def mirror_log(client: httpx.Client, log_url: str, size: int, target: Path) -> None:
    """Copy a served log into a directory: checkpoint, tiles, entry bundles."""
    tiles = [encode_tile_path(address) for address in tiles_of(TreeSize(size))]
    bundles = [encode_tile_path(address) for address in bundles_of(TreeSize(size))]
    for resource in ("checkpoint", *tiles, *bundles):
        path = target / resource
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get(f"{log_url}/{resource}").raise_for_status().content)


class _FirstStart:
    """A log that nobody anchored yet has no head to be behind of."""

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Accept."""


def lift_into(evidence: bytes, signer: NoteSigner, neighbours: Sequence[bytes]) -> bytes:
    """Make evidence that claims another hospital's record for a log whose key is at hand.

    The leaf, and with it the commitment, is copied; log, inclusion proof and signature are real.

    Args:
        evidence: The real evidence.
        signer: Key of the log that the record is lifted into.
        neighbours: Leaves of that log before it.
    """
    real = parse_evidence(evidence)
    store, checkpoint = _grow(signer, [*neighbours, real.leaf])
    index = LeafIndex(len(neighbours))
    path = prove_inclusion(TileHashReader(store, checkpoint.size), index, checkpoint.size)
    proof = TlogProof(index, path, store.checkpoint() or b"")
    return encode_evidence(replace(real, proof=encode_tlog_proof(proof), anchor=None))


def fork(signer: NoteSigner, leaves: Sequence[bytes], anchored_size: int) -> tuple[Checkpoint, Sequence[NodeHash]]:
    """Grow a history that differs in its first entry, signed by the log itself.

    Returns:
        Its head, and its consistency proof from the size that is anchored.
    """
    store, checkpoint = _grow(signer, [bytes((leaves[0][0] ^ 0x01,)) + leaves[0][1:], *leaves[1:]])
    reader = TileHashReader(store, checkpoint.size)
    return checkpoint, prove_consistency(reader, TreeSize(anchored_size), checkpoint.size)


def _grow(signer: NoteSigner, leaves: Sequence[bytes]) -> tuple[MemoryLogStore, Checkpoint]:
    store = MemoryLogStore(signer.verifier_key.name)
    store.stage(leaves)
    checkpoint = Sequencer(signer, _FirstStart()).step(store, len(leaves))
    if checkpoint is None:
        raise DemoFailedError("nothing was staged")
    return store, checkpoint
