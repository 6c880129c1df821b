"""Recalls in the log: public entries of type 9, kind `recall` (docs/spec/recall.md).

An entry names results of its own log by their leaf hashes alone, so that nobody can recall what is another's. No patient is
named, and no record: a leaf hash says nothing to who does not have the record's locator.
"""

from __future__ import annotations

import os
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from node.domain.entry import EntryType, Origin
from node.domain.recall import RecallCriteria, RecallId, RecallPage, RecallReason
from node.domain.record import Kind, Part
from node.errors import MalformedJsonError, MalformedPublicEntryError, UnknownFormatError
from node.wire.commitment import Entropy
from node.wire.header.shapes import HEX
from node.wire.json_strict import check_document
from node.wire.public_entry import STATEMENT_MEDIA_TYPE, OpenedPublicEntry, PublicEntry, public_entry

RECALL: Final = Kind("recall")
MAX_RESULTS: Final = 1_000
"""Results that one entry names."""
MAX_PAGES: Final = 1_000
MAX_TEXT: Final = 128
"""Characters of an item, a device, a lot."""

_VERSION: Final = 1
_MAX_DEPTH: Final = 2
_MAX_MS: Final = 2**48
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Milliseconds = Annotated[int, Meta(ge=0, lt=_MAX_MS)]
_Page = Annotated[int, Meta(ge=1, le=MAX_PAGES)]


class _Recall(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    recall_id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    item: _Text
    device: _Text
    lot: _Text
    from_ms: _Milliseconds
    to_ms: _Milliseconds
    reason: RecallReason
    total: Annotated[int, Meta(ge=1, le=MAX_PAGES * MAX_RESULTS)]
    page: _Page
    pages: _Page
    leaf_hashes: Annotated[list[Annotated[str, Meta(pattern=HEX)]], Meta(min_length=1, max_length=MAX_RESULTS)]


class _Head(msgspec.Struct):
    statement_version: int


def recall_entry(origin: Origin, page: RecallPage, now_ms: int, entropy: Entropy = os.urandom) -> PublicEntry:
    """Make an entry of a recall."""
    part = Part(STATEMENT_MEDIA_TYPE, RECALL, "", encode_recall(page), "")
    return public_entry(origin, EntryType.ADMINISTRATIVE, RECALL, [part], now_ms, entropy)


def recalled_by(entry: OpenedPublicEntry) -> RecallPage:
    """Return what an opened entry recalls.

    Raises:
        MalformedPublicEntryError: It is no recall.
        UnknownFormatError: A version or reason that this release does not know.
    """
    if entry.manifest.kind != RECALL or len(entry.parts) != 1 or entry.parts[0].media_type != STATEMENT_MEDIA_TYPE:
        raise MalformedPublicEntryError("public entry: not a recall with one statement")
    try:
        return parse_recall(entry.parts[0].content)
    except MalformedJsonError as error:
        raise MalformedPublicEntryError(f"public entry: recall: {error}") from error


def encode_recall(page: RecallPage) -> bytes:
    """Encode the statement of a recall."""
    criteria = page.criteria
    return msgspec.json.encode(
        _Recall(
            statement_version=_VERSION,
            recall_id=page.recall_id,
            item=criteria.item,
            device=criteria.device,
            lot=criteria.lot,
            from_ms=criteria.from_ms,
            to_ms=criteria.to_ms,
            reason=page.reason,
            total=page.total,
            page=page.page,
            pages=page.pages,
            leaf_hashes=[each.hex() for each in page.leaf_hashes],
        )
    )


def parse_recall(data: bytes) -> RecallPage:
    """Parse the statement of a recall.

    Raises:
        MalformedJsonError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    check_document(data, _MAX_DEPTH)
    try:
        version = msgspec.json.decode(data, type=_Head).statement_version
        if version != _VERSION:
            raise UnknownFormatError("recall version", version)
        shape = msgspec.json.decode(data, type=_Recall)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", "no statement of a recall") from error
    _check(shape)
    return RecallPage(
        recall_id=RecallId(shape.recall_id),
        criteria=RecallCriteria(shape.item, shape.device, shape.lot, shape.from_ms, shape.to_ms),
        reason=shape.reason,
        total=shape.total,
        page=shape.page,
        pages=shape.pages,
        leaf_hashes=tuple(bytes.fromhex(each) for each in shape.leaf_hashes),
    )


def _check(shape: _Recall) -> None:
    if not (shape.item or shape.device or shape.lot):
        raise MalformedJsonError("/", "a recall names an item, a device or a lot")
    if not all(text.isprintable() for text in (shape.item, shape.device, shape.lot)):
        raise MalformedJsonError("/", "item, device and lot are printable")
    if shape.from_ms >= shape.to_ms:
        raise MalformedJsonError("/to_ms", "the period ends before it begins")
    if shape.page > shape.pages or not len(shape.leaf_hashes) <= shape.total <= shape.pages * MAX_RESULTS:
        raise MalformedJsonError("/total", "page, pages and total do not fit")
    if len(set(shape.leaf_hashes)) < len(shape.leaf_hashes):
        raise MalformedJsonError("/leaf_hashes", "a result is named twice")
