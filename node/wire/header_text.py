"""The plaintext of a header: one JSON, padded with spaces to 512-byte steps (docs/spec/header.md).

Padding hides the exact size; the pseudonym has a slot of fixed width, so that its absence does not show either. Left
out: the seal (`header`); the fields that entry types 4, 5 and 12 will add.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.entry import LeafReference, Origin, RecordId, Version
from node.domain.header import Header, HeaderContent, PartSummary
from node.domain.record import Item, Kind, RecordStatus
from node.errors import MalformedHeaderError, MalformedJsonError, UnknownFormatError
from node.wire.json_strict import check_document

STEP_BYTES: Final = 512
FORMAT_VERSION: Final = 1

_MAX_DEPTH: Final = 4
_HEX: Final = rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z"
_BEFORE: Final = b'{"format_version":1,"pseudonym":'
_NO_PSEUDONYM: Final = b"null".ljust(2 * HASH_BYTES + 2)


class _Item(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    system: str
    code: str
    specimen: str
    unit: str


class _Part(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    media_type: str
    role: str
    length_bytes: Annotated[int, Meta(ge=0)]


class _Reference(msgspec.Struct, forbid_unknown_fields=True):
    origin: str
    leaf_hash: Annotated[str, Meta(pattern=_HEX)]


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    record_id: str
    version: Annotated[int, Meta(ge=1)]
    status: str
    performed_at_ms: int
    items: list[_Item]
    study: str
    parts: list[_Part]
    supersedes: _Reference | None
    mark: str
    certificate: str
    device: str
    lot: str


class _Text(_Content, kw_only=True, forbid_unknown_fields=True):
    format_version: int
    pseudonym: Annotated[str, Meta(pattern=_HEX)] | None


class _Version(msgspec.Struct):
    format_version: int


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Text)
_VERSION_DECODER: Final = msgspec.json.Decoder(_Version)


def encode_content(content: HeaderContent) -> bytes:
    """Encode the fields after the pseudonym, with the padding of the whole text."""
    supersedes = content.supersedes
    shape = _Content(
        kind=content.kind,
        record_id=content.record_id,
        version=content.version,
        status=content.status,
        performed_at_ms=content.performed_at_ms,
        items=[_Item(item.system, item.code, item.specimen, item.unit) for item in content.items],
        study=content.study,
        parts=[_Part(part.media_type, part.role, part.length_bytes) for part in content.parts],
        supersedes=None if supersedes is None else _Reference(supersedes.origin, supersedes.leaf_hash.hex()),
        mark=content.mark,
        certificate=content.certificate,
        device=content.device,
        lot=content.lot,
    )
    rest = b"," + _ENCODER.encode(shape)[1:]
    return rest + b" " * (-(len(_BEFORE) + len(_NO_PSEUDONYM) + len(rest)) % STEP_BYTES)


def encode_text(encoded_content: bytes, pseudonym: bytes | None) -> bytes:
    """Put the pseudonym before encoded content; a multiple of 512 bytes, the same with and without one."""
    slot = _NO_PSEUDONYM if pseudonym is None else b'"' + pseudonym.hex().encode() + b'"'
    if len(slot) != len(_NO_PSEUDONYM):
        raise ValueError(f"a pseudonym has {HASH_BYTES} bytes")
    return _BEFORE + slot + encoded_content


def parse_text(data: bytes) -> Header:
    """Parse the plaintext of a header.

    Raises:
        MalformedHeaderError: Not a header's text, or not padded as one.
        UnknownFormatError: A version that this release does not know.
    """
    if not data or len(data) % STEP_BYTES or not data.rstrip(b" ").endswith(b"}"):
        raise MalformedHeaderError(f"header: the text is not padded with spaces to a multiple of {STEP_BYTES} bytes")
    try:
        check_document(data, _MAX_DEPTH)
        version = _VERSION_DECODER.decode(data).format_version
        if version != FORMAT_VERSION:
            raise UnknownFormatError("header text version", version)
        shape = _DECODER.decode(data)
    except (MalformedJsonError, msgspec.DecodeError) as error:
        raise MalformedHeaderError(f"header: {error}") from error
    return Header(_content(shape), None if shape.pseudonym is None else bytes.fromhex(shape.pseudonym))


def _content(shape: _Text) -> HeaderContent:
    supersedes = shape.supersedes
    return HeaderContent(
        kind=Kind(shape.kind),
        record_id=RecordId(shape.record_id),
        version=Version(shape.version),
        status=RecordStatus(shape.status),
        performed_at_ms=shape.performed_at_ms,
        items=tuple(Item(item.system, item.code, item.specimen, item.unit) for item in shape.items),
        study=shape.study,
        parts=tuple(PartSummary(part.media_type, part.role, part.length_bytes) for part in shape.parts),
        supersedes=None if supersedes is None else LeafReference(Origin(supersedes.origin), bytes.fromhex(supersedes.leaf_hash)),
        mark=shape.mark,
        certificate=shape.certificate,
        device=shape.device,
        lot=shape.lot,
    )
