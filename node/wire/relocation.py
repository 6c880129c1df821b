"""Relocations, leaf type 10: a fresh commitment whose manifest and one part name the old leaf (docs/spec/relocation.md).

The reference is sealed in the body and in the header: nothing public joins the two entries. Dummies have headers of the same
size and random tags. Left out: when they are staged (`services.relocation`), what followers make of them.
"""

from __future__ import annotations

import os
from base64 import b32encode
from dataclasses import replace
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.access import ConsentId
from node.domain.entry import EntryType, LeafReference, Origin, RecordId, Version
from node.domain.header import HeaderContent, RelocationContent
from node.domain.record import Kind, Part, RecordStatus
from node.domain.relocation import RelocationReason
from node.errors import MalformedJsonError, MalformedRelocationError, UnknownFormatError
from node.wire.commitment import Entropy
from node.wire.header.text import encode_content
from node.wire.json_strict import check_document
from node.wire.public_entry import STATEMENT_MEDIA_TYPE

RELOCATION: Final = Kind("relocation")

_STATEMENT_VERSION: Final = 1
_MAX_DEPTH: Final = 2
_RECORD_ID_BYTES: Final = 15
_Hex = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


class _Statement(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    origin: Annotated[str, Meta(min_length=1)]
    leaf_hash: _Hex
    target_type: Annotated[int, Meta(ge=1, le=255)]
    reason: str
    consent_id: _Hex | None


class _Head(msgspec.Struct):
    statement_version: int


def relocation_part(content: RelocationContent) -> Part:
    """Return the part that says what was relocated and why."""
    statement = _Statement(
        _STATEMENT_VERSION,
        content.target.origin,
        content.target.leaf_hash.hex(),
        content.target_type,
        content.reason,
        None if content.consent_id is None else content.consent_id.hex(),
    )
    return Part(STATEMENT_MEDIA_TYPE, RELOCATION, "", msgspec.json.encode(statement), "")


def parse_relocation_part(part: bytes) -> tuple[LeafReference, EntryType, RelocationReason, ConsentId | None]:
    """Parse the part of a relocation: target, its type, reason, consent.

    Raises:
        MalformedRelocationError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    try:
        check_document(part, _MAX_DEPTH)
        version = msgspec.json.decode(part, type=_Head).statement_version
        if version != _STATEMENT_VERSION:
            raise UnknownFormatError("relocation version", version)
        statement = msgspec.json.decode(part, type=_Statement)
        target = LeafReference(Origin(statement.origin), bytes.fromhex(statement.leaf_hash))
        consent_id = None if statement.consent_id is None else ConsentId(bytes.fromhex(statement.consent_id))
        return target, EntryType(statement.target_type), RelocationReason(statement.reason), consent_id
    except (MalformedJsonError, msgspec.DecodeError, ValueError) as error:
        raise MalformedRelocationError(str(error)) from error


def content_bytes(content: RelocationContent) -> int:
    """Return how much of a header's text a relocation takes up: what a dummy has to have too."""
    return len(encode_content(content))


def dummy_content(origin: Origin, length_bytes: int, performed_at_ms: int, entropy: Entropy = os.urandom) -> RelocationContent:
    """Return the content of a dummy, which says nothing of any record.

    Args:
        origin: The log.
        length_bytes: `content_bytes` of the relocation that it is to look like.
        performed_at_ms: Now, unix ms.
        entropy: Draws what a reader of supervision sees in place of names.
    """
    filler = HeaderContent(
        kind=RELOCATION,
        record_id=RecordId(b32encode(entropy(_RECORD_ID_BYTES)).decode().lower()),
        version=Version(1),
        status=RecordStatus(""),
        performed_at_ms=performed_at_ms,
        items=(),
        study="",
        parts=(),
        supersedes=None,
    )
    target = LeafReference(origin, entropy(HASH_BYTES))
    bare = RelocationContent(target, int(EntryType.RECORD), RelocationReason.DUMMY, None, filler)
    # texts are padded to whole steps: as many characters as are missing fill exactly those steps
    missing = max(0, length_bytes - content_bytes(bare))
    return replace(bare, record=replace(filler, study="0" * missing))
