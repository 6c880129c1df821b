"""Evidence: one file that proves a record, or chosen parts of it, to whoever holds the trust root.

Implements FORMATS "Evidence", docs/spec/evidence.md: media type `application/vnd.concord.evidence+json`, version 1.
Nothing in a parsed `Evidence` is verified; that is `node.wire.evidence.verification`. Keys are never in it: whoever writes
evidence could write keys. Left out: the QR form; what header, seals and state proofs of an anchor mean.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec

from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE
from ledger.notes import decode_base64
from node.errors import MalformedEvidenceError
from node.wire.file_format import FileFormat

EVIDENCE_MEDIA_TYPE: Final = "application/vnd.concord.evidence+json"
FORMAT: Final = "concord/evidence"
FORMAT_VERSION: Final = 1
MAX_EVIDENCE_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 8

_ADDRESS_BYTES: Final = 20
_MAX_U64: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class OpenedPart:
    """The bytes of a part and what opens them in the commitment."""

    number: int
    """0 for the manifest."""
    full_url: str
    """The Bundle entry's fullUrl, or empty. Media type and role are in the manifest."""
    salt: bytes
    """32 bytes."""
    proof: tuple[bytes, ...]
    """Inclusion proof of the part in the commitment, from the sibling up; 32 bytes each."""
    content: bytes
    """Its bytes."""


@dataclass(frozen=True, slots=True)
class StatedAnchor:
    """What the evidence says of its anchor; true only where the chain says so too."""

    chain_id: int
    """EIP-155 chain id."""
    contract: bytes
    """Address of `log_anchors`, 20 bytes."""
    size: int
    """Tree size of the accepted head: that of the checkpoint, or larger."""
    root: bytes
    """Its root, 32 bytes."""
    consistency: tuple[bytes, ...]
    """Consistency proof from the checkpoint to that head; empty where they are equal."""
    block_number: int
    """The block in which the contract accepted it."""
    block_hash: bytes
    """That block's hash, 32 bytes."""
    timestamp_s: int
    """That block's time, unix s."""
    header: bytes | None = None
    """The block's header, for offline checks; not yet made or read."""
    seals: tuple[bytes, ...] = ()
    """The validators' seals of that block; not yet made or read."""
    account_proof: tuple[bytes, ...] = ()
    """Proof of the contract's account in the block's state; not yet made or read."""
    storage_proof: tuple[bytes, ...] = ()
    """Proof of the head in the contract's storage; not yet made or read."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An evidence file, parsed."""

    leaf: bytes
    """The log's entry, 106 bytes."""
    manifest: OpenedPart
    """Part 0."""
    parts: tuple[OpenedPart, ...]
    """The disclosed parts, in order of their numbers."""
    proof: bytes
    """C2SP tlog-proof, verbatim: inclusion of the leaf, checkpoint, cosignatures."""
    anchor: StatedAnchor | None
    """The anchor, or None where the entry is not anchored."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of the file: nothing unknown, nothing missing. Bytes are canonical base64."""


class _Opened(_Shape):
    number: int
    full_url: str
    salt: str
    proof: list[str]
    content: str


class _Anchor(_Shape):
    chain_id: int
    contract: str
    size: int
    root: str
    consistency: list[str]
    block_number: int
    block_hash: str
    timestamp_s: int
    header: str | None
    seals: list[str]
    account_proof: list[str]
    storage_proof: list[str]


class _Evidence(_Shape):
    format: str
    version: int
    leaf: str
    manifest: _Opened
    parts: list[_Opened]
    proof: str
    anchor: _Anchor | None


_FILE: Final = FileFormat("evidence", FORMAT, FORMAT_VERSION, MAX_EVIDENCE_BYTES, MAX_DEPTH, MalformedEvidenceError)
_EVIDENCE_DECODER: Final = msgspec.json.Decoder(_Evidence)


def parse_evidence(data: bytes) -> Evidence:
    """Parse an evidence file, verifying nothing.

    Raises:
        MalformedEvidenceError: Not an evidence file, or longer than 64 MiB.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _FILE.decode(data, _EVIDENCE_DECODER)
    return _evidence(shape)


def encode_evidence(evidence: Evidence) -> bytes:
    """Encode an evidence file."""
    shape = _Evidence(
        format=FORMAT,
        version=FORMAT_VERSION,
        leaf=_text(evidence.leaf),
        manifest=_opened_shape(evidence.manifest),
        parts=[_opened_shape(part) for part in evidence.parts],
        proof=evidence.proof.decode(),
        anchor=None if evidence.anchor is None else _anchor_shape(evidence.anchor),
    )
    return msgspec.json.encode(shape)


# From the file


def _evidence(shape: _Evidence) -> Evidence:
    manifest = _opened(shape.manifest, "manifest")
    parts = tuple(_opened(part, f"parts[{at}]") for at, part in enumerate(shape.parts))
    if manifest.number or manifest.full_url:
        raise MalformedEvidenceError("manifest: it is part 0 and has no full_url")
    numbers = [manifest.number, *(part.number for part in parts)]
    if any(after <= before for before, after in pairwise(numbers)):
        raise MalformedEvidenceError("parts: numbers do not rise from 1")
    return Evidence(
        leaf=_bytes(shape.leaf, "leaf"),
        manifest=manifest,
        parts=parts,
        proof=_utf8(shape.proof, "proof"),
        anchor=None if shape.anchor is None else _anchor(shape.anchor),
    )


def _opened(shape: _Opened, place: str) -> OpenedPart:
    _utf8(shape.full_url, f"{place}.full_url")
    return OpenedPart(
        number=shape.number,
        full_url=shape.full_url,
        salt=_bytes(shape.salt, f"{place}.salt", HASH_BYTES),
        proof=_hashes(shape.proof, f"{place}.proof"),
        content=_bytes(shape.content, f"{place}.content"),
    )


def _anchor(shape: _Anchor) -> StatedAnchor:
    if not 0 <= shape.size <= MAX_TREE_SIZE:
        raise MalformedEvidenceError("anchor.size: no size of a tree")
    if not all(0 <= number <= _MAX_U64 for number in (shape.chain_id, shape.block_number, shape.timestamp_s)):
        raise MalformedEvidenceError("anchor: a number is negative or above 2^64 - 1")
    return StatedAnchor(
        chain_id=shape.chain_id,
        contract=_bytes(shape.contract, "anchor.contract", _ADDRESS_BYTES),
        size=shape.size,
        root=_bytes(shape.root, "anchor.root", HASH_BYTES),
        consistency=_hashes(shape.consistency, "anchor.consistency"),
        block_number=shape.block_number,
        block_hash=_bytes(shape.block_hash, "anchor.block_hash", HASH_BYTES),
        timestamp_s=shape.timestamp_s,
        header=None if shape.header is None else _bytes(shape.header, "anchor.header"),
        seals=tuple(_bytes(each, "anchor.seals") for each in shape.seals),
        account_proof=tuple(_bytes(each, "anchor.account_proof") for each in shape.account_proof),
        storage_proof=tuple(_bytes(each, "anchor.storage_proof") for each in shape.storage_proof),
    )


def _hashes(texts: Sequence[str], place: str) -> tuple[bytes, ...]:
    return tuple(_bytes(text, place, HASH_BYTES) for text in texts)


def _bytes(text: str, place: str, length: int | None = None) -> bytes:
    data = decode_base64(text)
    if data is None:
        raise MalformedEvidenceError(f"{place}: not canonical base64")
    if length is not None and len(data) != length:
        raise MalformedEvidenceError(f"{place}: {len(data)} bytes instead of {length}")
    return data


def _utf8(text: str, place: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedEvidenceError(f"{place}: it has a lone surrogate, which UTF-8 cannot carry") from error


# To the file


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _texts(each: Sequence[bytes]) -> list[str]:
    return [_text(data) for data in each]


def _opened_shape(part: OpenedPart) -> _Opened:
    return _Opened(part.number, part.full_url, _text(part.salt), _texts(part.proof), _text(part.content))


def _anchor_shape(anchor: StatedAnchor) -> _Anchor:
    return _Anchor(
        chain_id=anchor.chain_id,
        contract=_text(anchor.contract),
        size=anchor.size,
        root=_text(anchor.root),
        consistency=_texts(anchor.consistency),
        block_number=anchor.block_number,
        block_hash=_text(anchor.block_hash),
        timestamp_s=anchor.timestamp_s,
        header=None if anchor.header is None else _text(anchor.header),
        seals=_texts(anchor.seals),
        account_proof=_texts(anchor.account_proof),
        storage_proof=_texts(anchor.storage_proof),
    )
