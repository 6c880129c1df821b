"""Proofs: inclusion and consistency (RFC 9162 sections 2.1.3 and 2.1.4) and their file form, C2SP tlog-proof.

A prover asks a `HashReader` for all hashes that a proof needs in one call. A verifier consumes every hash of a proof
and accepts no other length; sizes have no room for interpretation.

Left out: which keys and quorums to trust (the caller's), subtree proofs, the on-chain twin of `verify_consistency`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.checkpoints import Checkpoint, open_checkpoint
from ledger.errors import ConsistencyError, InclusionError, MalformedProofError, OutOfRangeError
from ledger.hashing import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_TREE_SIZE,
    HashReader,
    LeafHash,
    LeafIndex,
    NodeCoordinate,
    NodeHash,
    RootHash,
    TreeSize,
    hash_children,
)
from ledger.notes import MAX_NOTE_BYTES, VerifierKey, decode_base64

MAX_PATH_HASHES: Final = 63
MAX_PROOF_BYTES: Final = 2 * MAX_NOTE_BYTES

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
_EXTRA: Final = "extra "

_Range = tuple[int, int]
"""Leaves from, up to and not including: a subtree of RFC 9162, full or at the right edge."""


# Building


def root_at(reader: HashReader, size: TreeSize) -> RootHash:
    """Compute the root of the tree's first `size` leaves.

    Raises:
        OutOfRangeError: The reader's tree is smaller.
        StorageError: A hash could not be read.
    """
    if size == 0:
        return EMPTY_ROOT
    return RootHash(_read_ranges(reader, [(0, size)])[0])


def prove_inclusion(reader: HashReader, index: LeafIndex, size: TreeSize) -> tuple[NodeHash, ...]:
    """Build the proof that leaf `index` is in the tree of the first `size` leaves, from the leaf's sibling up.

    Raises:
        OutOfRangeError: No such leaf in a tree of that size, or the reader's tree is smaller.
        StorageError: A hash could not be read.
    """
    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise OutOfRangeError(f"a tree of size {size} has no leaf {index}")
    return tuple(_read_ranges(reader, _inclusion_ranges(index, size)))


def prove_consistency(reader: HashReader, old_size: TreeSize, new_size: TreeSize) -> tuple[NodeHash, ...]:
    """Build the proof that the tree of `old_size` is a prefix of that of `new_size`; empty from 0 and between equals.

    Raises:
        OutOfRangeError: The old tree is the larger one, or the reader's tree is smaller than the new one.
        StorageError: A hash could not be read.
    """
    if not 0 <= old_size <= new_size <= MAX_TREE_SIZE:
        raise OutOfRangeError(f"no consistency from size {old_size} to size {new_size}")
    if old_size in (0, new_size):
        return ()
    return tuple(_read_ranges(reader, _consistency_ranges(old_size, new_size)))


def _inclusion_ranges(index: int, size: int) -> list[_Range]:
    """List the siblings of the path from a leaf to the root, from the leaf up."""
    ranges = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def _consistency_ranges(old_size: int, new_size: int) -> list[_Range]:
    """List the subtrees of a consistency proof in its order; 0 < old_size < new_size."""
    ranges = []
    start, end = 0, new_size
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        # Where the old tree is one full subtree of the new one, its root is what the verifier holds already.
        ranges.append((start, end))
    return ranges[::-1]


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def _full_subtrees(start: int, end: int) -> Iterator[NodeCoordinate]:
    """Name the full subtrees that a range consists of, from the left, the largest first."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _read_ranges(reader: HashReader, ranges: Sequence[_Range]) -> list[NodeHash]:
    parts = [list(_full_subtrees(start, end)) for start, end in ranges]
    hashes = iter(reader.read_hashes([node for part in parts for node in part]))
    return [_fold_right([next(hashes) for _ in part]) for part in parts]


def _fold_right(hashes: Sequence[NodeHash]) -> NodeHash:
    root = hashes[-1]
    for left in hashes[-2::-1]:
        root = hash_children(left, root)
    return root


# Verifying


def verify_inclusion(*, index: LeafIndex, size: TreeSize, leaf: LeafHash, proof: Sequence[NodeHash], root: RootHash) -> None:
    """Verify that a leaf is at an index of the tree with this size and root (RFC 9162 section 2.1.3.2).

    Raises:
        InclusionError: The index is outside the tree, the proof has not exactly the hashes it takes, or the root
            differs.
    """

    def refuse(reason: str) -> InclusionError:
        return InclusionError(index, size, reason)

    if not 0 <= index < size <= MAX_TREE_SIZE:
        raise refuse("the tree has no such leaf")
    _check_lengths((leaf, root, *proof), refuse)
    at, last, node = int(index), size - 1, bytes(leaf)
    for sibling in proof:
        if last == 0:
            raise refuse("the proof has more hashes than the path to the root")
        if at & 1 or at == last:
            node = hash_children(sibling, node)
            # A last node without a right sibling passes up unchanged.
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hash_children(node, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise refuse("the proof has fewer hashes than the path to the root")
    if node != root:
        raise refuse("the proof leads to another root")


def verify_consistency(
    *, old_size: TreeSize, new_size: TreeSize, old_root: RootHash, new_root: RootHash, proof: Sequence[NodeHash]
) -> None:
    """Verify that the old tree is a prefix of the new one (RFC 9162 section 2.1.4.2).

    From size 0 only the root of the empty tree and an empty proof are accepted; between equal sizes, equal roots and an
    empty proof.

    Raises:
        ConsistencyError: The tree shrank, the proof has not exactly the hashes it takes, or a root differs.
    """

    def refuse(reason: str) -> ConsistencyError:
        return ConsistencyError(old_size, new_size, reason)

    if not 0 <= old_size <= new_size <= MAX_TREE_SIZE:
        raise refuse("the log shrank, or a size is out of range")
    _check_lengths((old_root, new_root, *proof), refuse)
    if old_size in (0, new_size):
        if proof:
            raise refuse("the proof has to be empty")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise refuse("the tree of size 0 has one root only, the hash of nothing")
        if old_size == new_size and old_root != new_root:
            raise refuse("the roots of one size differ")
        return
    old, new = _walk_consistency(old_size, new_size, old_root, proof, refuse)
    if old != old_root:
        raise refuse("the proof leads to another old root")
    if new != new_root:
        raise refuse("the proof leads to another new root")


def _walk_consistency(
    old_size: int, new_size: int, old_root: bytes, proof: Sequence[bytes], refuse: Callable[[str], ConsistencyError]
) -> tuple[bytes, bytes]:
    """Rebuild both roots from a proof; 0 < old_size < new_size."""
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    # at is 0 where the old tree is one full subtree: the proof then leaves its root out.
    seed, path = (proof[:1], proof[1:]) if at else ((old_root,), proof)
    if not seed:
        raise refuse("the proof is empty")
    old = new = bytes(seed[0])
    for sibling in path:
        if last == 0:
            raise refuse("the proof has more hashes than the path to the root")
        if at & 1 or at == last:
            old, new = hash_children(sibling, old), hash_children(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = hash_children(new, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise refuse("the proof has fewer hashes than the path to the root")
    return old, new


def _check_lengths(hashes: Sequence[bytes], refuse: Callable[[str], Exception]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise refuse(f"a hash is not {HASH_BYTES} bytes long")


# The file form


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An inclusion proof with the checkpoint that it leads to; nothing in it is verified."""

    index: LeafIndex
    """The entry's position in the log."""
    path: tuple[NodeHash, ...]
    """The inclusion proof, from the leaf's sibling up."""
    checkpoint: bytes
    """The log's checkpoint verbatim, a signed note with its cosignatures."""
    extra: bytes | None = None
    """Opaque data for the application, authenticated by nothing."""

    def __post_init__(self) -> None:
        if not 0 <= self.index < MAX_TREE_SIZE:
            raise MalformedProofError("tlog-proof index", f"{self.index} is not between 0 and 2^63 - 2")
        if len(self.path) > MAX_PATH_HASHES or any(len(each) != HASH_BYTES for each in self.path):
            raise MalformedProofError("tlog-proof path", f"more than {MAX_PATH_HASHES} hashes, or one not 32 bytes long")
        if not self.checkpoint:
            raise MalformedProofError("tlog-proof checkpoint", "it is empty")


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Parse a tlog-proof, verifying nothing and leaving the checkpoint as it is.

    Raises:
        MalformedProofError: Not a tlog-proof, not its only spelling, or longer than 2,000,000 bytes.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise MalformedProofError("tlog-proof", f"{len(data)} bytes; {MAX_PROOF_BYTES} is the limit")
    head, gap, checkpoint = data.partition(b"\n\n")
    try:
        header, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedProofError("tlog-proof", f"byte {error.start} is not ASCII") from error
    if header != _HEADER or not gap:
        raise MalformedProofError("tlog-proof", f"it does not start with {_HEADER!r}, or has no checkpoint")
    extra = None
    if lines and lines[0].startswith(_EXTRA):
        extra = _decode(lines.pop(0).removeprefix(_EXTRA), "tlog-proof extra")
    match = _INDEX.fullmatch(lines[0]) if lines else None
    if match is None:
        raise MalformedProofError("tlog-proof index", "not a line 'index' with a decimal number without leading zeros")
    if len(lines) > 1 + MAX_PATH_HASHES:
        raise MalformedProofError("tlog-proof path", f"more than {MAX_PATH_HASHES} hashes")
    path = tuple(NodeHash(_decode(line, "tlog-proof path")) for line in lines[1:])
    return TlogProof(LeafIndex(int(match[1])), path, checkpoint, extra)


def encode_tlog_proof(proof: TlogProof) -> bytes:
    """Encode a tlog-proof."""
    lines = [_HEADER]
    if proof.extra is not None:
        lines.append(_EXTRA + b64encode(proof.extra).decode())
    lines.append(f"index {proof.index}")
    lines += [b64encode(each).decode() for each in proof.path]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint


def verify_tlog_proof(proof: TlogProof, *, leaf: LeafHash, key: VerifierKey, origin: str) -> Checkpoint:
    """Verify that a log signed a tree with this leaf at the proof's index; cosignatures are the caller's to verify.

    Returns:
        The log's checkpoint.

    Raises:
        MalformedNoteError, MalformedCheckpointError: The checkpoint is none.
        SignatureError: The key did not sign it, or its signature fails.
        OriginMismatchError: It is a checkpoint of another log.
        InclusionError: The proof does not lead from the leaf to the signed root.
    """
    checkpoint = open_checkpoint(proof.checkpoint, key, origin)
    verify_inclusion(index=proof.index, size=checkpoint.size, leaf=leaf, proof=proof.path, root=checkpoint.root)
    return checkpoint


def _decode(text: str, place: str) -> bytes:
    data = decode_base64(text)
    if data is None:
        raise MalformedProofError(place, "not canonical base64")
    return data
