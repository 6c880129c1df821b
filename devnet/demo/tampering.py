"""Tampering, done as an insider would: with the database, the log's files or the log's own key in hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx

from ledger.checkpoints import Checkpoint, sign_checkpoint
from ledger.compact import Frontier
from ledger.hashing import LeafIndex, RootHash, TreeSize, hash_leaf, hash_leaves
from ledger.notes import NoteSigner
from ledger.proofs import TlogProof, encode_tlog_proof
from ledger.tiles import bundles_of, encode_tile_path, tiles_of
from node.wire.evidence import encode_evidence, parse_evidence


def flip_byte(path: Path, position: int, flipped: Path) -> None:
    """Copy a file with one bit of one byte changed."""
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    flipped.write_bytes(content)


def flip_stored_body(database: Path, origin: str, leaf_index: int) -> None:
    """Change one bit of a sealed body in a node's database, while the node runs."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        where = "origin = ? AND leaf_index = ?"
        (body,) = connection.execute(f"SELECT body FROM bodies WHERE {where}", (origin, leaf_index)).fetchone()  # noqa: S608 - fixed text
        altered = body[:-1] + bytes((body[-1] ^ 0x01,))
        connection.execute(f"UPDATE bodies SET body = ? WHERE {where}", (altered, origin, leaf_index))  # noqa: S608 - fixed text


def mirror_log(client: httpx.Client, log_url: str, size: int, target: Path) -> None:
    """Copy a served log into a directory: checkpoint, tiles, entry bundles."""
    for resource in ("checkpoint", *(encode_tile_path(each) for each in (*tiles_of(TreeSize(size)), *bundles_of(TreeSize(size))))):
        path = target / resource
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get(f"{log_url}/{resource}").raise_for_status().content)


def lift_into(evidence: bytes, signer: NoteSigner, neighbours: Sequence[bytes]) -> bytes:
    """Make evidence that claims another hospital's record for a log whose key is at hand.

    The leaf, and with it the commitment, is copied; log, inclusion proof and signature are real.

    Args:
        evidence: The real evidence.
        signer: Key of the log that the record is lifted into.
        neighbours: Leaves of that log before it.
    """
    real = parse_evidence(evidence)
    leaves = [*neighbours, real.leaf]
    index, path = len(neighbours), _path_of_last([hash_leaf(leaf) for leaf in leaves])
    checkpoint = Checkpoint(signer.verifier_key.name, TreeSize(len(leaves)), _root(leaves))
    proof = TlogProof(LeafIndex(index), path, sign_checkpoint(checkpoint, signer))
    return encode_evidence(replace(real, proof=encode_tlog_proof(proof), anchor=None))


def fork_root(leaves: Sequence[bytes]) -> RootHash:
    """Return the root of a history that differs in its first entry."""
    return _root([bytes((leaves[0][0] ^ 0x01,)) + leaves[0][1:], *leaves[1:]])


def _root(leaves: Sequence[bytes]) -> RootHash:
    frontier, _ = Frontier.empty().append(hash_leaves(leaves))
    return frontier.root()


def _path_of_last(leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the inclusion path of the last leaf: the full subtrees to its left, nearest first (RFC 9162 section 2.1.3)."""
    raise NotImplementedError
