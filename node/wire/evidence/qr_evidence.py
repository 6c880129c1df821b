"""Evidence as the text of a QR code: tlog-proof, manifest and one small part in CBOR, base45 (docs/spec/slip.md, "QR form").

`CONCORD-E1:` and base45 (RFC 9285) of one CBOR array in the core deterministic encoding (RFC 8949 section 4.2.1): there is one
text for each content, and a reader refuses any other. What it holds is evidence, verified as any other; without an anchor, so
at most level `logged`, with the flag `witnessed` where cosignatures are in it. They are left out where the text is too long.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

import cbor2
import msgspec

from ledger.errors import MalformedError
from ledger.hashing import HASH_BYTES, LeafIndex, NodeHash
from ledger.notes import encode_note, parse_note
from ledger.proofs import TlogProof, encode_tlog_proof, parse_tlog_proof
from node.errors import MalformedEvidenceError, QrTooLargeError, UnknownFormatError
from node.wire.evidence.base45 import decode_base45, encode_base45
from node.wire.evidence.file import Evidence, OpenedPart

PREFIX: Final = "CONCORD-E1:"
FORMAT_VERSION: Final = 1
MAX_CHARS: Final = 4_296
"""Alphanumeric characters of the largest symbol, version 40-L (ISO/IEC 18004 table 7)."""

_ANY_VERSION: Final = "CONCORD-E"
_UNREADABLE: Final = (
    cbor2.CBORError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    EOFError,
    RecursionError,
    AttributeError,
)
"""What the library raises of bytes that are no CBOR, or tagged as what they are not."""


class _Manifest(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    salt: bytes
    proof: list[bytes]
    content: bytes


class _Part(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    number: int
    full_url: str
    salt: bytes
    proof: list[bytes]
    content: bytes


class _Shape(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """The array, in its order."""

    version: int
    leaf: bytes
    manifest: _Manifest
    part: _Part
    index: int
    path: list[bytes]
    checkpoint: bytes


def is_qr_evidence(data: bytes) -> bool:
    """Tell whether bytes are the text of a QR code with evidence, of whatever version."""
    return data.startswith(_ANY_VERSION.encode())


def encode_qr_evidence(evidence: Evidence) -> str:
    """Encode evidence with one part; what it states of an anchor is left out, and cosignatures where there is no room.

    Raises:
        QrTooLargeError: It fits no QR code, even without cosignatures.
        MalformedEvidenceError: It has no part or several.
    """
    try:
        proof = parse_tlog_proof(evidence.proof)
        text = _encode(evidence, proof)
        if len(text) > MAX_CHARS:
            text = _encode(evidence, replace(proof, checkpoint=_without_cosignatures(proof.checkpoint)))
    except MalformedError as error:
        raise MalformedEvidenceError(f"proof: {error}") from error
    if len(text) > MAX_CHARS:
        raise QrTooLargeError(len(text), MAX_CHARS)
    return text


def parse_qr_evidence(data: bytes) -> Evidence:
    """Parse the text of a QR code, verifying nothing; line ends that a scanner adds are passed over.

    Raises:
        MalformedEvidenceError: It is none, was misread, or is not the one spelling of what it holds.
        UnknownFormatError: A version that this release does not know.
    """
    text = data.decode("ascii", errors="replace").rstrip("\r\n")
    if len(text) > MAX_CHARS:
        raise MalformedEvidenceError(f"QR text: {len(text)} characters; {MAX_CHARS} is the limit")
    head, mark, body = text.partition(":")
    if f"{head}{mark}" != PREFIX:
        if not is_qr_evidence(data):
            raise MalformedEvidenceError(f"QR text: it does not start with {PREFIX}")
        raise UnknownFormatError("QR evidence version", head.removeprefix(_ANY_VERSION)[:8])
    packed = decode_base45(body)
    try:
        shape = msgspec.convert(cbor2.loads(packed), type=_Shape)
        again = cbor2.dumps(_plain(shape), canonical=True)
    except (msgspec.ValidationError, *_UNREADABLE) as error:
        raise MalformedEvidenceError(f"QR text: not the CBOR that it has to be ({type(error).__name__}); scan it again") from error
    if again != packed:
        raise MalformedEvidenceError("QR text: not in deterministic CBOR")
    if shape.version != FORMAT_VERSION:
        raise UnknownFormatError("QR evidence version", shape.version)
    return _evidence(shape)


def _encode(evidence: Evidence, proof: TlogProof) -> str:
    if len(evidence.parts) != 1:
        raise MalformedEvidenceError(f"QR form: {len(evidence.parts)} parts; it has one")
    manifest, (part,) = evidence.manifest, evidence.parts
    shape = _Shape(
        version=FORMAT_VERSION,
        leaf=evidence.leaf,
        manifest=_Manifest(manifest.salt, list(manifest.proof), manifest.content),
        part=_Part(part.number, part.full_url, part.salt, list(part.proof), part.content),
        index=proof.index,
        path=[bytes(each) for each in proof.path],
        checkpoint=proof.checkpoint,
    )
    return PREFIX + encode_base45(cbor2.dumps(_plain(shape), canonical=True))


def _plain(shape: _Shape) -> list[Any]:
    """Return arrays, integers, byte and text strings alone: no maps, whose order two specifications see differently."""
    return cast("list[Any]", msgspec.to_builtins(shape, builtin_types=(bytes,)))


def _without_cosignatures(checkpoint: bytes) -> bytes:
    note = parse_note(checkpoint)
    origin = note.text.partition("\n")[0]
    own = tuple(each for each in note.signatures if each.name == origin)
    return encode_note(replace(note, signatures=own))


def _evidence(shape: _Shape) -> Evidence:
    manifest, part = shape.manifest, shape.part
    hashes = (manifest.salt, part.salt, *manifest.proof, *part.proof, *shape.path)
    if any(len(each) != HASH_BYTES for each in hashes) or part.number < 1:
        raise MalformedEvidenceError("QR text: a salt or hash is not 32 bytes long, or the part has no number")
    try:
        proof = TlogProof(LeafIndex(shape.index), tuple(NodeHash(each) for each in shape.path), shape.checkpoint)
    except MalformedError as error:
        raise MalformedEvidenceError(f"QR text: {error}") from error
    return Evidence(
        leaf=shape.leaf,
        manifest=OpenedPart(0, "", manifest.salt, tuple(manifest.proof), manifest.content),
        parts=(OpenedPart(part.number, part.full_url, part.salt, tuple(part.proof), part.content),),
        proof=encode_tlog_proof(proof),
        anchor=None,
    )
