"""Evidence that a log contradicted itself or the chain, as a file (docs/spec/fork-evidence.md).

The log's own signatures carry the proof; what is not signed in the file, when it was seen and what the chain is said to
hold, is marked as stated. Left out: checking it (`fork_verification`).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.forks import Contradiction, ContradictionKind, KnownHead
from ledger.hashing import HASH_BYTES, NodeHash, RootHash, TreeSize
from ledger.notes import decode_base64
from ledger.proofs import MAX_PATH_HASHES
from node.domain.entry import Origin
from node.errors import MalformedForkEvidenceError, MalformedJsonError, UnknownFormatError
from node.wire.json_strict import check_document

FORMAT: Final = "concord/fork-evidence"
VERSION: Final = 1
MAX_FORK_EVIDENCE_BYTES: Final = 4 * 2**20

_MAX_DEPTH: Final = 3
_MAX_SIZE: Final = 2**63 - 1
_Size = Annotated[int, Meta(ge=0, le=_MAX_SIZE)]


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """A contradiction, where it was seen and when; nothing in it is verified."""

    origin: Origin
    """The log."""
    contradiction: Contradiction
    """The checkpoints and the proof."""
    observed_at_ms: int
    """When it was seen, unix ms: the word of whoever wrote the file."""


class _Anchored(msgspec.Struct, forbid_unknown_fields=True):
    size: _Size
    root: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    origin: Annotated[str, Meta(min_length=1)]
    kind: ContradictionKind
    earlier: str | None
    later: str
    anchored: _Anchored | None
    prefix_root: str | None
    consistency: Annotated[list[str], Meta(max_length=MAX_PATH_HASHES)]
    observed_at_ms: Annotated[int, Meta(ge=0, le=_MAX_SIZE)]


class _Head(msgspec.Struct):
    format: str
    version: int


def encode_fork_evidence(evidence: ForkEvidence) -> bytes:
    """Encode evidence as an indented file."""
    found = evidence.contradiction
    anchored = found.anchored
    file = _File(
        format=FORMAT,
        version=VERSION,
        origin=evidence.origin,
        kind=found.kind,
        earlier=None if found.earlier is None else _encode(found.earlier),
        later=_encode(found.later),
        anchored=None if anchored is None else _Anchored(anchored.size, _encode(anchored.root)),
        prefix_root=None if found.prefix_root is None else _encode(found.prefix_root),
        consistency=[_encode(each) for each in found.consistency],
        observed_at_ms=evidence.observed_at_ms,
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def parse_fork_evidence(data: bytes) -> ForkEvidence:
    """Parse a file, verifying nothing.

    Raises:
        MalformedForkEvidenceError: Not one, or not its only spelling.
        UnknownFormatError: A format or version that this release does not know.
    """
    if len(data) > MAX_FORK_EVIDENCE_BYTES:
        raise MalformedForkEvidenceError(f"fork evidence: more than {MAX_FORK_EVIDENCE_BYTES} bytes")
    try:
        check_document(data, _MAX_DEPTH)
        head = msgspec.json.decode(data, type=_Head)
        if (head.format, head.version) != (FORMAT, VERSION):
            raise UnknownFormatError("fork evidence format and version", (head.format, head.version))
        file = msgspec.json.decode(data, type=_File)
    except (MalformedJsonError, msgspec.MsgspecError) as error:
        raise MalformedForkEvidenceError(f"fork evidence: {error}") from error
    contradiction = Contradiction(
        kind=file.kind,
        earlier=None if file.earlier is None else _decode(file.earlier, "earlier"),
        later=_decode(file.later, "later"),
        anchored=None
        if file.anchored is None
        else KnownHead(TreeSize(file.anchored.size), _root(file.anchored.root, "anchored.root")),
        prefix_root=None if file.prefix_root is None else _root(file.prefix_root, "prefix_root"),
        consistency=tuple(NodeHash(_root(each, "consistency")) for each in file.consistency),
    )
    return ForkEvidence(Origin(file.origin), contradiction, file.observed_at_ms)


def _encode(data: bytes) -> str:
    return b64encode(data).decode()


def _decode(text: str, place: str) -> bytes:
    data = decode_base64(text)
    if data is None:
        raise MalformedForkEvidenceError(f"fork evidence {place}: not canonical base64")
    return data


def _root(text: str, place: str) -> RootHash:
    data = _decode(text, place)
    if len(data) != HASH_BYTES:
        raise MalformedForkEvidenceError(f"fork evidence {place}: {len(data)} bytes instead of {HASH_BYTES}")
    return RootHash(data)
