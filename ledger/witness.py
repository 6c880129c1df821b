"""A witness: C2SP tlog-witness, `add-checkpoint`, both sides of it, without HTTP.

A witness remembers of each log the largest head that it cosigned, and cosigns a checkpoint only if that head is a prefix
of it. The head is replaced by compare-and-swap before the answer is given: two requests at once cannot roll it back.

Left out: which logs to witness (the caller's), transport, cosignature formats other than `cosignature/v1`.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.cosignatures import Cosigner
from ledger.errors import CheckpointConflictError, ConsistencyError, MalformedError, MalformedWitnessError, SignatureError
from ledger.forks import SizedKey, open_sized_checkpoint
from ledger.hashing import EMPTY_ROOT, HASH_BYTES, NodeHash, RootHash, TreeSize
from ledger.notes import MAX_NOTE_BYTES, NoteSignature, decode_base64, encode_signatures, parse_note, parse_signatures
from ledger.proofs import MAX_PATH_HASHES, verify_consistency

SIZE_MEDIA_TYPE: Final = "text/x.tlog.size"
MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 32 + MAX_PATH_HASHES * 45
"""Bytes of a request: a note, an old size line, 63 proof lines and an empty line."""

_SIZE: Final = "(0|[1-9][0-9]{0,18})"
_OLD: Final = re.compile(f"old {_SIZE}")
_SIZE_LINE: Final = re.compile(f"{_SIZE}\n")


# The request


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """What a log asks of a witness; nothing in it is verified."""

    old_size: TreeSize
    """The size that the witness is thought to have cosigned last; 0 where it is not known."""
    proof: tuple[NodeHash, ...]
    """RFC 9162 consistency proof from there to the checkpoint."""
    note: bytes
    """The checkpoint, a signed note, verbatim."""


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Parse a request.

    Raises:
        MalformedWitnessError: Not one, or not its only spelling.
    """
    head, gap, note = data.partition(b"\n\n")
    if not gap or not note or len(data) > MAX_REQUEST_BYTES:
        raise MalformedWitnessError("add-checkpoint", "no empty line before a checkpoint, or too long")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedWitnessError("add-checkpoint", f"byte {error.start} is not ASCII") from error
    match = _OLD.fullmatch(first)
    if match is None:
        raise MalformedWitnessError("old size", "not 'old' and a decimal number without leading zeros")
    if len(lines) > MAX_PATH_HASHES:
        raise MalformedWitnessError("consistency proof", f"more than {MAX_PATH_HASHES} lines")
    hashes = [decode_base64(line) for line in lines]
    proof = tuple(NodeHash(each) for each in hashes if each is not None and len(each) == HASH_BYTES)
    if len(proof) < len(lines):
        raise MalformedWitnessError("consistency proof", f"a line is not the canonical base64 of {HASH_BYTES} bytes")
    return AddCheckpoint(TreeSize(int(match[1])), proof, note)


def encode_add_checkpoint(request: AddCheckpoint) -> bytes:
    """Encode a request."""
    lines = [f"old {request.old_size}", *(b64encode(each).decode() for each in request.proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + request.note


# The witness's side


@dataclass(frozen=True, slots=True)
class CosignedHead:
    """The largest head of a log that a witness cosigned."""

    size: TreeSize
    """Tree size."""
    root: RootHash
    """Its root."""
    note: bytes
    """The log's checkpoint for it, verbatim."""


class CosignedHeads(Protocol):
    """What a witness remembers, durably."""

    def head(self, origin: str) -> CosignedHead | None:
        """Return the largest head of a log that was cosigned; None before the first."""
        ...

    def replace(self, origin: str, expected: CosignedHead | None, new: CosignedHead) -> None:
        """Replace a head if it still is the expected one; durable when the call returns.

        Raises:
            CheckpointConflictError: Another one is there; nothing is changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers."""

    status: HTTPStatus
    """200, 400, 403, 404, 409 or 422."""
    body: bytes
    """Signature lines, the size that was cosigned last, or the reason for people."""
    media_type: str = "text/plain; charset=utf-8"
    """Of the body."""


class Witness:
    """Cosigns under one key, for the logs that it is told of."""

    def __init__(self, cosigner: Cosigner, heads: CosignedHeads, keys: Callable[[str], Iterable[SizedKey] | None]) -> None:
        """Make a witness.

        Args:
            cosigner: Cosigns.
            heads: What it cosigned before, under this key.
            keys: Returns the keys of a log, or None for one that is not witnessed.
        """
        self._cosigner = cosigner
        self._heads = heads
        self._keys = keys

    def add_checkpoint(self, data: bytes, time_s: int) -> Answer:
        """Answer a request; a cosignature is given only after the head is durable.

        Args:
            data: The body of the request.
            time_s: Now, in seconds since the Unix epoch.
        """
        try:
            request = parse_add_checkpoint(data)
            origin = parse_checkpoint(parse_note(request.note).text).origin
        except MalformedError as error:
            return _refuse(HTTPStatus.BAD_REQUEST, str(error))
        keys = self._keys(origin)
        if keys is None:
            return _refuse(HTTPStatus.NOT_FOUND, "this log is not witnessed here")
        try:
            checkpoint = open_sized_checkpoint(request.note, keys, origin)
        except SignatureError as error:
            return _refuse(HTTPStatus.FORBIDDEN, str(error))
        if request.old_size > checkpoint.size:
            return _refuse(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's")
        return self._cosign(request, checkpoint, time_s)

    def _cosign(self, request: AddCheckpoint, checkpoint: Checkpoint, time_s: int) -> Answer:
        held = self._heads.head(checkpoint.origin)
        held_size, held_root = (TreeSize(0), EMPTY_ROOT) if held is None else (held.size, held.root)
        if request.old_size != held_size or (checkpoint.size == held_size and checkpoint.root != held_root):
            return _conflict(held_size)
        try:
            verify_consistency(
                old_size=held_size, new_size=checkpoint.size, old_root=held_root, new_root=checkpoint.root, proof=request.proof
            )
        except ConsistencyError as error:
            return _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        if held is None or checkpoint.size > held.size:
            try:
                self._heads.replace(checkpoint.origin, held, CosignedHead(checkpoint.size, checkpoint.root, request.note))
            except CheckpointConflictError:
                moved = self._heads.head(checkpoint.origin)
                return _conflict(TreeSize(0) if moved is None else moved.size)
        signature = self._cosigner.cosign(parse_note(request.note).text, time_s)
        return Answer(HTTPStatus.OK, encode_signatures([signature]).encode())


def _conflict(size: TreeSize) -> Answer:
    return Answer(HTTPStatus.CONFLICT, f"{size}\n".encode(), SIZE_MEDIA_TYPE)


def _refuse(status: HTTPStatus, reason: str) -> Answer:
    return Answer(status, f"{reason}\n".encode())


# The log's side


def parse_cosignatures(body: bytes) -> tuple[NoteSignature, ...]:
    """Parse the body of a 200: signature lines, unverified.

    Raises:
        MalformedWitnessError: Not whole signature lines.
    """
    try:
        return parse_signatures(body.decode())
    except (MalformedError, UnicodeDecodeError) as error:
        raise MalformedWitnessError("cosignatures", "not signature lines") from error


def parse_conflict(body: bytes, media_type: str | None) -> TreeSize:
    """Parse the body of a 409: the size that the witness cosigned last.

    Raises:
        MalformedWitnessError: Not a decimal number and a newline, or of another media type.
    """
    match = _SIZE_LINE.fullmatch(body.decode("latin-1"))
    if match is None or (media_type or "").partition(";")[0].strip() != SIZE_MEDIA_TYPE:
        raise MalformedWitnessError("conflict", "not a tree size and a newline, or not of its media type")
    return TreeSize(int(match[1]))
