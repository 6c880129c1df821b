"""Contradictions of a log with itself or with an anchor, in a form that a third party can check.

A log that signs one checkpoint and later another that does not extend it has signed the proof: both notes and, for
different sizes, an RFC 9162 consistency proof out of the later tree at the earlier size. That proof reproduces the later
root, and another root at the earlier size than the one that was signed.

A rollback is weaker: two valid checkpoints, the later-seen one smaller. It shows that both were signed and nothing more;
that the smaller one was served after the larger is the word of whoever kept them.

Left out: the file form (`node.wire.evidence.fork_evidence`), who may conclude what from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.errors import ContradictionError, OriginMismatchError, SignatureError, VerificationError
from ledger.hashing import NodeHash, RootHash, TreeSize
from ledger.notes import VerifierKey, parse_note, verify_note
from ledger.proofs import verify_consistency


class SizedKey(Protocol):
    """A log's key and the checkpoints that it may sign; checkpoints carry no time, so sizes bound it."""

    @property
    def key(self) -> VerifierKey:
        """The verifier key."""
        ...

    def covers(self, size: int) -> bool:
        """Tell whether the key may sign a checkpoint of this size."""
        ...


class ContradictionKind(StrEnum):
    """What contradicts what."""

    FORK = "fork"
    """Two checkpoints of the log that cannot be of one history."""
    ROLLBACK = "rollback"
    """A checkpoint smaller than one that was seen before it."""
    ANCHOR = "anchor"
    """A checkpoint that does not extend the head that the chain holds."""


@dataclass(frozen=True, slots=True)
class KnownHead:
    """A head of a log that someone holds, the chain or a witness, against which checkpoints are checked."""

    size: TreeSize
    """Tree size."""
    root: RootHash
    """Its root."""
    note: bytes | None = None
    """The checkpoint that the log signed for it; None where the chain says so."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A log against itself, or against an anchor; `verify_contradiction` checks it."""

    kind: ContradictionKind
    """What contradicts what."""
    earlier: bytes | None
    """The checkpoint that was held before, verbatim; None where an anchor is contradicted."""
    later: bytes
    """The checkpoint that contradicts it, verbatim."""
    anchored: KnownHead | None = None
    """The head that the chain holds, where that is contradicted."""
    prefix_root: RootHash | None = None
    """Root of the later tree at the earlier size; None for a rollback and for equal sizes."""
    consistency: tuple[NodeHash, ...] = ()
    """RFC 9162 proof that `prefix_root` at the earlier size is a prefix of the later tree."""


def open_sized_checkpoint(note: bytes, keys: Iterable[SizedKey], origin: str) -> Checkpoint:
    """Open a checkpoint that is signed by a key which may sign its size.

    Raises:
        MalformedNoteError, MalformedCheckpointError: Not a checkpoint.
        OriginMismatchError: It is a checkpoint of another log.
        SignatureError: No key that may sign this size signed it, or the signature of one fails.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != origin:
        raise OriginMismatchError(origin, checkpoint.origin)
    valid = [each.key for each in keys if each.covers(checkpoint.size)]
    if not valid:
        raise SignatureError(f"no key of log {origin!r} may sign a checkpoint of size {checkpoint.size}")
    verify_note(parsed, valid)
    return checkpoint


def verify_contradiction(
    contradiction: Contradiction, keys: Iterable[SizedKey], origin: str
) -> tuple[Checkpoint | None, Checkpoint]:
    """Verify that a log's own signatures show what is claimed.

    Of an anchor only the log's side is verified: that the chain holds the head is for the caller to look up.

    Returns:
        The earlier checkpoint, None where an anchor is contradicted, and the later one.

    Raises:
        MalformedNoteError, MalformedCheckpointError, SignatureError, OriginMismatchError: A checkpoint is none of this log.
        ContradictionError: They contradict nothing, or the proof does not lead from one to the other.
    """
    known = tuple(keys)
    later = open_sized_checkpoint(contradiction.later, known, origin)
    earlier = None if contradiction.earlier is None else open_sized_checkpoint(contradiction.earlier, known, origin)
    if contradiction.kind is ContradictionKind.ANCHOR:
        if contradiction.anchored is None or earlier is not None:
            raise ContradictionError("an anchor is contradicted by one checkpoint, and has to be named")
        _verify_fork(contradiction, contradiction.anchored.size, contradiction.anchored.root, later)
        return None, later
    if earlier is None or contradiction.anchored is not None:
        raise ContradictionError("two checkpoints have to be given, and no anchor")
    if contradiction.kind is ContradictionKind.ROLLBACK:
        if later.size >= earlier.size or contradiction.prefix_root is not None or contradiction.consistency:
            raise ContradictionError("in a rollback the checkpoint seen later is smaller, and no proof belongs to it")
    else:
        _verify_fork(contradiction, earlier.size, earlier.root, later)
    return earlier, later


def _verify_fork(contradiction: Contradiction, size: TreeSize, root: RootHash, later: Checkpoint) -> None:
    prefix_root = contradiction.prefix_root
    if size == later.size:
        if prefix_root is not None or contradiction.consistency:
            raise ContradictionError("between equal sizes no proof belongs to a fork")
        if root == later.root:
            raise ContradictionError("both heads have the same root: they agree")
        return
    if prefix_root is None:
        raise ContradictionError("it names no root of the later tree at the earlier size")
    if prefix_root == root:
        raise ContradictionError("the later tree has the earlier root at the earlier size: they agree")
    try:
        verify_consistency(
            old_size=size, new_size=later.size, old_root=prefix_root, new_root=later.root, proof=contradiction.consistency
        )
    except VerificationError as error:
        raise ContradictionError(f"the proof does not lead to the later root: {error}") from error
