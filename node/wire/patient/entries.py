"""What a patient's tool asks a node, and what it is answered: entries by their tags (docs/spec/patient-view.md).

A tag is 256 bits that only the patient and those who wrote the entry can compute: who names it may have the entry's leaf,
its sealed header and its proof, which a member may read anyway. Tags that no entry has are answered by nothing, hidden
ones likewise. Nothing that is parsed here is verified.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE, NodeHash
from ledger.notes import decode_base64
from ledger.proofs import MAX_PATH_HASHES
from node.domain.access import RequestId
from node.domain.entry import Origin
from node.domain.patient import LocatorTag
from node.errors import LimitExceededError, MalformedJsonError, MalformedPatientEntriesError
from node.wire.json_strict import check_document

MAX_TAGS: Final = 512
"""Tags that one request may name, over all logs."""
MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024

_MAX_DEPTH: Final = 6
_TAG_BYTES: Final = 32
_Tag = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]

TagsByLog = Mapping[Origin, Sequence[LocatorTag]]
"""What is asked for."""


@dataclass(frozen=True, slots=True)
class OwnRecordRequest:
    """A patient asks for one record in full; signed with the patient's key."""

    origin: Origin
    """The log."""
    tag: LocatorTag
    """The entry's."""
    request_id: RequestId
    """Names the request in the receipt."""


@dataclass(frozen=True, slots=True)
class AnsweredEntry:
    """An entry that has one of the tags."""

    index: int
    """Its place in the log."""
    leaf: bytes
    """The log's bytes."""
    proof: tuple[NodeHash, ...]
    """Inclusion proof under the head of its log, from the sibling up."""
    header: bytes | None
    """Its sealed header; None where it was deleted, or has not come yet."""


@dataclass(frozen=True, slots=True)
class AnsweredLog:
    """What a node holds of one log."""

    head: bytes
    """A signed head, with the cosignatures that it came with."""
    entries: tuple[AnsweredEntry, ...]
    """Those that were asked for and are there, by place."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object: nothing unknown, nothing missing."""


class _Request(_Shape):
    tags: dict[str, list[_Tag]]


class _OwnRecord(_Shape):
    origin: str
    tag: _Tag
    request_id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]


class _Entry(_Shape):
    index: Annotated[int, Meta(ge=0, lt=MAX_TREE_SIZE)]
    leaf: str
    proof: Annotated[list[str], Meta(max_length=MAX_PATH_HASHES)]
    header: str | None


class _Log(_Shape):
    head: str
    entries: list[_Entry]


class _Answer(_Shape):
    logs: dict[str, _Log]


def encode_request(tags: TagsByLog) -> bytes:
    """Encode what is asked for."""
    return msgspec.json.encode(_Request({origin: [tag.hex() for tag in each] for origin, each in tags.items()}))


def parse_request(data: bytes) -> TagsByLog:
    """Parse what is asked for.

    Raises:
        MalformedPatientEntriesError: It is no such request.
        LimitExceededError: It names more than 512 tags.
    """
    shape = _parse(data, _Request)
    if sum(map(len, shape.tags.values())) > MAX_TAGS:
        raise LimitExceededError("tags of one request", MAX_TAGS)
    return {Origin(origin): [LocatorTag(bytes.fromhex(tag)) for tag in tags] for origin, tags in shape.tags.items()}


def encode_own_record(asked: OwnRecordRequest) -> bytes:
    """Encode what a patient asks for in full."""
    return msgspec.json.encode(_OwnRecord(asked.origin, asked.tag.hex(), asked.request_id))


def parse_own_record(data: bytes) -> OwnRecordRequest:
    """Parse what a patient asks for in full.

    Raises:
        MalformedPatientEntriesError: It is no such request.
    """
    shape = _parse(data, _OwnRecord)
    return OwnRecordRequest(Origin(shape.origin), LocatorTag(bytes.fromhex(shape.tag)), RequestId(shape.request_id))


def encode_answer(logs: Mapping[Origin, AnsweredLog]) -> bytes:
    """Encode what was found."""
    shapes = {
        str(origin): _Log(
            log.head.decode(),
            [
                _Entry(
                    entry.index,
                    _text(entry.leaf),
                    [_text(each) for each in entry.proof],
                    None if entry.header is None else _text(entry.header),
                )
                for entry in log.entries
            ],
        )
        for origin, log in logs.items()
    }
    return msgspec.json.encode(_Answer(shapes))


def parse_answer(data: bytes) -> dict[Origin, AnsweredLog]:
    """Parse an answer, verifying nothing.

    Raises:
        MalformedPatientEntriesError: It is none.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise MalformedPatientEntriesError(f"{len(data)} bytes; {MAX_ANSWER_BYTES} is the limit")
    shape = _parse(data, _Answer)
    return {Origin(origin): AnsweredLog(_utf8(log.head), tuple(_entries(log.entries))) for origin, log in shape.logs.items()}


def _entries(shapes: Iterable[_Entry]) -> Iterable[AnsweredEntry]:
    for shape in shapes:
        yield AnsweredEntry(
            index=shape.index,
            leaf=_bytes(shape.leaf),
            proof=tuple(NodeHash(_bytes(each, HASH_BYTES)) for each in shape.proof),
            header=None if shape.header is None else _bytes(shape.header),
        )


def _parse(data: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 - the struct that is asked for
    try:
        check_document(data, _MAX_DEPTH)
        return msgspec.json.decode(data, type=kind)
    except (MalformedJsonError, msgspec.MsgspecError) as error:
        raise MalformedPatientEntriesError(str(error)) from error


def _bytes(text: str, length: int | None = None) -> bytes:
    data = decode_base64(text)
    if data is None or (length is not None and len(data) != length):
        raise MalformedPatientEntriesError("not canonical base64")
    return data


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedPatientEntriesError("a head has a lone surrogate") from error


def _text(data: bytes) -> str:
    return b64encode(data).decode()
