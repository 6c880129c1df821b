"""What members tell each other of amendments, withdrawals and recalls: bodies of two kinds of messages (docs/spec/notices.md).

`revision` goes to whoever retrieved or recognised what is concerned; `revision-acknowledged` comes back once a person there has
taken notice. No patient and no order: both sides know which records they are about. Left out: the envelope (`message`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from node.domain.entry import LeafReference, Origin
from node.domain.message import MessageId
from node.domain.revision_notice import NoticeChange
from node.errors import MalformedJsonError, UnknownFormatError
from node.wire.header.shapes import HEX
from node.wire.json_strict import check_document

REVISION_KIND: Final = "revision"
ACKNOWLEDGEMENT_KIND: Final = "revision-acknowledged"
FORMAT_VERSION: Final = 1
LIFTED_VERSION: Final = 2
"""Of a notice that a recall was lifted, which names the recall; of no other."""
MAX_CONCERNED: Final = 1_000
"""Entries that one message names; more take several."""

_MAX_DEPTH: Final = 3
_MAX_MS: Final = 2**48


@dataclass(frozen=True, slots=True)
class RevisionMessage:
    """What whoever relies on entries is told."""

    change: NoticeChange
    """What became of them."""
    entry: LeafReference
    """The entry that says so: the newer version, the withdrawal, the recall, the lifting."""
    concerned: tuple[LeafReference, ...]
    """What the recipient retrieved, or told that it recognised."""
    at_ms: int
    """When that entry was staged, unix ms."""
    lifts: LeafReference | None = None
    """The recall that is lifted; None for every other change."""


@dataclass(frozen=True, slots=True)
class AcknowledgementMessage:
    """A person has taken notice."""

    notice: MessageId
    """The message that brought the notice."""
    at_ms: int
    """When, unix ms."""


_Reference = tuple[Annotated[str, Meta(min_length=1, max_length=255)], Annotated[str, Meta(pattern=HEX)]]
_Milliseconds = Annotated[int, Meta(ge=0, lt=_MAX_MS)]


class _Revision(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    change: NoticeChange
    entry: _Reference
    concerned: Annotated[list[_Reference], Meta(min_length=1, max_length=MAX_CONCERNED)]
    at_ms: _Milliseconds


class _Lifted(_Revision, forbid_unknown_fields=True):
    recall: _Reference


class _Acknowledgement(msgspec.Struct, forbid_unknown_fields=True):
    format_version: int
    notice: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    at_ms: _Milliseconds


class _Head(msgspec.Struct):
    format_version: int


def encode_revision_message(message: RevisionMessage) -> bytes:
    """Encode a notice."""
    concerned = [_shown(each) for each in message.concerned]
    entry = _shown(message.entry)
    if message.lifts is None:
        return msgspec.json.encode(_Revision(FORMAT_VERSION, message.change, entry, concerned, message.at_ms))
    recall = _shown(message.lifts)
    return msgspec.json.encode(_Lifted(LIFTED_VERSION, message.change, entry, concerned, message.at_ms, recall))


def parse_revision_message(data: bytes) -> RevisionMessage:
    """Parse a notice.

    Raises:
        MalformedJsonError: It is something else.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _parse(data, {FORMAT_VERSION: _Revision, LIFTED_VERSION: _Lifted}, "no notice of a revision")
    lifts = _read(shape.recall) if isinstance(shape, _Lifted) else None
    if (shape.change is NoticeChange.LIFTED) is (lifts is None):
        raise MalformedJsonError("/change", "a lifting, and nothing else, names a recall, in version 2")
    concerned = tuple(_read(each) for each in shape.concerned)
    if len(set(concerned)) < len(concerned):
        raise MalformedJsonError("/concerned", "an entry is named twice")
    return RevisionMessage(shape.change, _read(shape.entry), concerned, shape.at_ms, lifts)


def encode_acknowledgement_message(message: AcknowledgementMessage) -> bytes:
    """Encode an acknowledgement."""
    return msgspec.json.encode(_Acknowledgement(FORMAT_VERSION, message.notice, message.at_ms))


def parse_acknowledgement_message(data: bytes) -> AcknowledgementMessage:
    """Parse an acknowledgement; raises as `parse_revision_message`."""
    shape = _parse(data, {FORMAT_VERSION: _Acknowledgement}, "no acknowledgement of a notice")
    return AcknowledgementMessage(MessageId(shape.notice), shape.at_ms)


_ShapeT = TypeVar("_ShapeT", _Revision, _Acknowledgement)


def _parse(data: bytes, shapes: Mapping[int, type[_ShapeT]], refusal: str) -> _ShapeT:
    check_document(data, _MAX_DEPTH)
    try:
        version = msgspec.json.decode(data, type=_Head).format_version
        shape = shapes.get(version)
        if shape is None:
            raise UnknownFormatError("revision message version", version)
        return msgspec.json.decode(data, type=shape)
    except msgspec.DecodeError as error:
        raise MalformedJsonError("/", refusal) from error


def _shown(reference: LeafReference) -> tuple[str, str]:
    return str(reference.origin), reference.leaf_hash.hex()


def _read(reference: tuple[str, str]) -> LeafReference:
    origin, leaf_hash = reference
    return LeafReference(Origin(origin), bytes.fromhex(leaf_hash))
