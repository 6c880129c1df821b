"""`concord log inclusion` and `consistency`: proofs built from tiles, and verified against the signed checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ledger.checkpoints import Checkpoint
from ledger.errors import OutOfRangeError
from ledger.hashing import HASH_BYTES, LeafHash, LeafIndex, TreeSize
from ledger.mirror import VerifiedTiles, open_log_checkpoint
from ledger.proofs import (
    TlogProof,
    encode_tlog_proof,
    prove_consistency,
    prove_inclusion,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from ledger.tiles import TILE_WIDTH, TileHashReader, tiles_of
from node.cli.failures import RefusedError, UsageError
from node.cli.files import write_file
from node.cli.log.source import LogSource, OpenLog, open_log
from node.cli.output import progress, show

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


def run_inclusion(source: LogSource, index: int | None, leaf_hash: str | None, output: Path | None, *, as_json: bool) -> None:
    """Prove that an entry is in the log.

    Raises:
        UsageError: Neither or both of index and leaf hash are given, or the hash is none.
        RefusedError: No entry has this leaf hash.
        InclusionError: The log's tiles do not prove it.
    """
    if (index is None) == (leaf_hash is None):
        raise UsageError("say which entry: either its index or --leaf-hash")
    if leaf_hash is not None and _HASH.fullmatch(leaf_hash) is None:
        raise UsageError("--leaf-hash: give 64 lowercase hex digits")
    with open_log(source) as log:
        size = log.checkpoint.size
        tiles = VerifiedTiles(log.reader, log.checkpoint)
        at = LeafIndex(index) if index is not None else _find(tiles, size, bytes.fromhex(leaf_hash or ""), quiet=as_json)
        reader = TileHashReader(tiles, size)
        path = prove_inclusion(reader, at, size)
        leaf = LeafHash(reader.read_hashes([(0, at)])[0])
        verify_inclusion(index=at, size=size, leaf=leaf, proof=path, root=log.checkpoint.root)
    document: dict[str, object] = {
        "verdict": "included",
        "origin": log.checkpoint.origin,
        "index": int(at),
        "size": int(size),
        "leaf_hash": leaf.hex(),
        "root": log.checkpoint.root.hex(),
        "proof": [each.hex() for each in path],
    }
    if output is not None:
        write_file(output, encode_tlog_proof(TlogProof(at, path, log.note)))
        document["written"] = str(output)
    show(document, as_json=as_json)


def run_consistency(source: LogSource, old: str, new: str | None, *, as_json: bool) -> None:
    """Prove that the log only grew.

    Raises:
        UsageError: A head is neither a size nor a file.
        OutOfRangeError: A head is larger than the published one.
        ConsistencyError: The log did not grow from one to the other.
    """
    with open_log(source) as log:
        reader = TileHashReader(VerifiedTiles(log.reader, log.checkpoint), log.checkpoint.size)
        first = _head(old, log, reader)
        second = log.checkpoint if new is None else _head(new, log, reader)
        proof = prove_consistency(reader, first.size, second.size)
        verify_consistency(old_size=first.size, new_size=second.size, old_root=first.root, new_root=second.root, proof=proof)
        if second.size < log.checkpoint.size:
            # what both roots were derived from is itself proved by the published head only
            _verify_published(reader, second, log.checkpoint)
    show(
        {
            "verdict": "consistent",
            "origin": log.checkpoint.origin,
            "old_size": int(first.size),
            "old_root": first.root.hex(),
            "new_size": int(second.size),
            "new_root": second.root.hex(),
            "proof": [each.hex() for each in proof],
        },
        as_json=as_json,
    )


def _verify_published(reader: TileHashReader, head: Checkpoint, published: Checkpoint) -> None:
    proof = prove_consistency(reader, head.size, published.size)
    verify_consistency(old_size=head.size, new_size=published.size, old_root=head.root, new_root=published.root, proof=proof)


def _head(text: str, log: OpenLog, reader: TileHashReader) -> Checkpoint:
    """Return a head: of a signed checkpoint in a file, or at a size, with the root that the published head proves."""
    if _SIZE.fullmatch(text) is None:
        path = Path(text)
        if not path.is_file():
            raise UsageError(f"{text}: neither a size nor a file with a signed checkpoint")
        return open_log_checkpoint(path.read_bytes(), log.keys, log.checkpoint.origin)
    size = TreeSize(int(text))
    if size > log.checkpoint.size:
        raise OutOfRangeError(f"the log has size {log.checkpoint.size}, not {size}")
    return Checkpoint(log.checkpoint.origin, size, root_at(reader, size))


def _find(tiles: VerifiedTiles, size: TreeSize, wanted: bytes, *, quiet: bool) -> LeafIndex:
    with progress("leaves", int(size), quiet=quiet) as advance:
        for address in tiles_of(size):
            if address.level:
                break
            at = _position(tiles.read_tiles([address]), wanted)
            if at is not None:
                return LeafIndex(address.index * TILE_WIDTH + at)
            advance(address.width)
    raise RefusedError(f"no entry of the log has this leaf hash, up to size {size}")


def _position(contents: Sequence[bytes], wanted: bytes) -> int | None:
    hashes = contents[0]
    at = hashes.find(wanted)
    while at >= 0 and at % HASH_BYTES:
        at = hashes.find(wanted, at + 1)
    return None if at < 0 else at // HASH_BYTES
