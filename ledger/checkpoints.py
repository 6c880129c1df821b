"""Checkpoints: C2SP tlog-checkpoint, the signed statement of a log's origin, size and root.

Extension lines are kept and covered by signatures, and mean nothing here.
Left out: cosignatures (`ledger.cosignatures`).
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from ledger.errors import MalformedCheckpointError, OriginMismatchError
from ledger.hashing import EMPTY_ROOT, HASH_BYTES, MAX_TREE_SIZE, RootHash, TreeSize
from ledger.notes import Signer, VerifierKey, decode_base64, parse_note, sign_note, verify_note

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_NOT_IN_LINES: Final = re.compile("[\x00-\x1f\ud800-\udfff]")
_MANDATORY_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size."""

    origin: str
    """The log's name, one non-empty line."""
    size: TreeSize
    """Number of leaves, 0 to 2^63 - 1."""
    root: RootHash
    """Root of the tree of that size."""
    extensions: tuple[str, ...] = ()
    """Further lines, opaque, none of them empty."""

    def __post_init__(self) -> None:
        for line in (self.origin, *self.extensions):
            if not line or _NOT_IN_LINES.search(line):
                raise MalformedCheckpointError("checkpoint", "a line is empty or has a forbidden character")
        if not 0 <= self.size <= MAX_TREE_SIZE:
            raise MalformedCheckpointError("checkpoint size", f"{self.size} is not between 0 and {MAX_TREE_SIZE}")
        if len(self.root) != HASH_BYTES:
            raise MalformedCheckpointError("checkpoint root", f"{len(self.root)} bytes instead of {HASH_BYTES}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise MalformedCheckpointError("checkpoint root", "size 0 has only one root, the hash of nothing")


def parse_checkpoint(text: str) -> Checkpoint:
    """Parse a note's text as a checkpoint.

    Raises:
        MalformedCheckpointError: Not a checkpoint, or not its only spelling.
    """
    *lines, end = text.split("\n")
    if end or len(lines) < _MANDATORY_LINES:
        raise MalformedCheckpointError("checkpoint", "fewer than three lines, or no final newline")
    origin, size, root, *extensions = lines
    if _SIZE.fullmatch(size) is None:
        raise MalformedCheckpointError("checkpoint size", "not a decimal number without sign or leading zeros")
    decoded = decode_base64(root)
    if decoded is None:
        raise MalformedCheckpointError("checkpoint root", "not canonical base64")
    return Checkpoint(origin, TreeSize(int(size)), RootHash(decoded), tuple(extensions))


def encode_checkpoint(checkpoint: Checkpoint) -> str:
    """Encode a checkpoint as the text of a note."""
    mandatory = (checkpoint.origin, str(checkpoint.size), b64encode(checkpoint.root).decode())
    return "".join(f"{line}\n" for line in (*mandatory, *checkpoint.extensions))


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Sign a checkpoint as the log and encode the signed note."""
    return sign_note(encode_checkpoint(checkpoint), signer)


def open_checkpoint(note: bytes, key: VerifierKey, origin: str) -> Checkpoint:
    """Parse a signed note, verify the log's signature, and return the checkpoint in it.

    Args:
        note: The encoded note, cosignatures and all; signatures other than the key's are ignored.
        key: The log's key.
        origin: The log whose checkpoint it has to be.

    Raises:
        MalformedNoteError: Not a note.
        SignatureError: The key did not sign it, or its signature fails.
        MalformedCheckpointError: What was signed is no checkpoint.
        OriginMismatchError: It is a checkpoint of another log.
    """
    parsed = parse_note(note)
    verify_note(parsed, (key,))
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != origin:
        raise OriginMismatchError(origin, checkpoint.origin)
    return checkpoint
