"""Recalls in the log: public entries of type 9, kinds `recall`, `recall-results` and `recall-lifting` (docs/spec/recall.md).

An entry speaks of results of its own log alone: a recall says which by what they were made with, its lists by their leaf hashes,
and a lifting names a recall; so that nobody can recall, or lift, what is another's. No patient is named, and no record: a leaf
hash says nothing to who does not have the record's locator. Version 1 of a recall, which had its list in itself, is read only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from node.domain.entry import EntryType, Origin
from node.domain.recall import (
    LiftingReason,
    RecallAnnouncement,
    RecallCriteria,
    RecallId,
    RecallLifting,
    RecallListing,
    RecallReason,
    RecallStatement,
)
from node.domain.record import Kind, Part
from node.errors import MalformedJsonError, MalformedPublicEntryError, UnknownFormatError
from node.wire.commitment import Entropy
from node.wire.header.shapes import HEX
from node.wire.json_strict import check_document
from node.wire.public_entry import STATEMENT_MEDIA_TYPE, OpenedPublicEntry, PublicEntry, public_entry

RECALL: Final = Kind("recall")
RESULTS: Final = Kind("recall-results")
LIFTING: Final = Kind("recall-lifting")
RECALL_KINDS: Final = frozenset({RECALL, RESULTS, LIFTING})
MAX_RESULTS: Final = 1_000
"""Results that one entry names."""
MAX_TEXT: Final = 128
"""Characters of an item, a device, a lot."""

_LISTED_VERSION: Final = 1
"""Of a recall that names its results itself, and covers no others."""
_RECALL_VERSION: Final = 2
_VERSION: Final = 1
"""Of lists and liftings."""
_MAX_PAGES: Final = 1_000
"""Entries of a recall of version 1."""
_MAX_DEPTH: Final = 2
_MAX_MS: Final = 2**48
_Id = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Milliseconds = Annotated[int, Meta(ge=0, lt=_MAX_MS)]
_Page = Annotated[int, Meta(ge=1, le=_MAX_PAGES)]
_Hashes = Annotated[list[Annotated[str, Meta(pattern=HEX)]], Meta(min_length=1, max_length=MAX_RESULTS)]


class _Recall(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    recall_id: _Id
    item: _Text
    device: _Text
    lot: _Text
    from_ms: _Milliseconds
    to_ms: _Milliseconds
    reason: RecallReason


class _ListedRecall(_Recall, forbid_unknown_fields=True):
    total: Annotated[int, Meta(ge=1, le=_MAX_PAGES * MAX_RESULTS)]
    page: _Page
    pages: _Page
    leaf_hashes: _Hashes


class _Results(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    recall_id: _Id
    leaf_hashes: _Hashes


class _Lifting(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    recall_id: _Id
    reason: LiftingReason


class _Head(msgspec.Struct):
    statement_version: int


def recall_entry(origin: Origin, statement: RecallStatement, now_ms: int, entropy: Entropy = os.urandom) -> PublicEntry:
    """Make an entry of a recall: its announcement, a list of results, or its lifting."""
    kind = _kind_of(statement)
    part = Part(STATEMENT_MEDIA_TYPE, kind, "", encode_recall(statement), "")
    return public_entry(origin, EntryType.ADMINISTRATIVE, kind, [part], now_ms, entropy)


def recall_statement(entry: OpenedPublicEntry) -> RecallStatement:
    """Return what an opened entry says of a recall.

    Raises:
        MalformedPublicEntryError: It says nothing of any.
        UnknownFormatError: A version or reason that this release does not know.
    """
    kind = entry.manifest.kind
    if kind not in RECALL_KINDS or len(entry.parts) != 1 or entry.parts[0].media_type != STATEMENT_MEDIA_TYPE:
        raise MalformedPublicEntryError("public entry: not one statement about a recall")
    try:
        return parse_recall(kind, entry.parts[0].content)
    except MalformedJsonError as error:
        raise MalformedPublicEntryError(f"public entry: {kind}: {error}") from error


def encode_recall(statement: RecallStatement) -> bytes:
    """Encode a statement."""
    return msgspec.json.encode(_shape_of(statement))


def parse_recall(kind: Kind, data: bytes) -> RecallStatement:
    """Parse the statement of an entry of one of the kinds.

    Raises:
        MalformedJsonError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    if kind == RESULTS:
        results = _parse(kind, data, {_VERSION: _Results})
        return RecallListing(RecallId(results.recall_id), _hashes(results.leaf_hashes))
    if kind == LIFTING:
        lifting = _parse(kind, data, {_VERSION: _Lifting})
        return RecallLifting(RecallId(lifting.recall_id), lifting.reason)
    shape = _parse(kind, data, {_RECALL_VERSION: _Recall, _LISTED_VERSION: _ListedRecall})
    _check(shape)
    recall_id = RecallId(shape.recall_id)
    if isinstance(shape, _ListedRecall):
        _check_page(shape)
        return RecallListing(recall_id, _hashes(shape.leaf_hashes))
    criteria = RecallCriteria(shape.item, shape.device, shape.lot, shape.from_ms, shape.to_ms)
    return RecallAnnouncement(recall_id, criteria, shape.reason)


_ShapeT = TypeVar("_ShapeT", _Recall, _Results, _Lifting)


def _parse(kind: Kind, data: bytes, shapes: Mapping[int, type[_ShapeT]]) -> _ShapeT:
    check_document(data, _MAX_DEPTH)
    try:
        version = msgspec.json.decode(data, type=_Head).statement_version
        shape = shapes.get(version)
        if shape is None:
            raise UnknownFormatError(f"{kind} version", version)
        return msgspec.json.decode(data, type=shape)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", "no statement of a recall") from error


def _kind_of(statement: RecallStatement) -> Kind:
    match statement:
        case RecallAnnouncement():
            return RECALL
        case RecallListing():
            return RESULTS
        case RecallLifting():
            return LIFTING


def _shape_of(statement: RecallStatement) -> msgspec.Struct:
    match statement:
        case RecallAnnouncement(recall_id, criteria, reason):
            names = criteria.item, criteria.device, criteria.lot
            return _Recall(_RECALL_VERSION, recall_id, *names, criteria.from_ms, criteria.to_ms, reason)
        case RecallListing(recall_id, leaf_hashes):
            return _Results(_VERSION, recall_id, [each.hex() for each in leaf_hashes])
        case RecallLifting(recall_id, lifting_reason):
            return _Lifting(_VERSION, recall_id, lifting_reason)


def _hashes(shown: list[str]) -> tuple[bytes, ...]:
    if len(set(shown)) < len(shown):
        raise MalformedJsonError("/leaf_hashes", "a result is named twice")
    return tuple(bytes.fromhex(each) for each in shown)


def _check(shape: _Recall) -> None:
    if not (shape.item or shape.device or shape.lot):
        raise MalformedJsonError("/", "a recall names an item, a device or a lot")
    if not all(text.isprintable() for text in (shape.item, shape.device, shape.lot)):
        raise MalformedJsonError("/", "item, device and lot are printable")
    if shape.from_ms >= shape.to_ms:
        raise MalformedJsonError("/to_ms", "the period ends before it begins")


def _check_page(shape: _ListedRecall) -> None:
    if shape.page > shape.pages or not len(shape.leaf_hashes) <= shape.total <= shape.pages * MAX_RESULTS:
        raise MalformedJsonError("/total", "page, pages and total do not fit")
