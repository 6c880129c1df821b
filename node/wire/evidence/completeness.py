"""Proof that a patient's entries in a log are contiguous, as a file (docs/spec/completeness.md).

Media type `application/vnd.concord.completeness+json`, version 1: the entries of one patient in one log, each with its
inclusion proof under one signed head, and the keys by which their locator tags are computed again: counters 0, 1, 2 … of
each key, none left out. The file hands out these keys; who has it can find and read what they find. Nothing in a parsed
file is verified. Left out: checking it (`completeness_verification`), making it (`node.services.patient_view.completeness`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE, NodeHash
from ledger.proofs import MAX_PATH_HASHES
from node.errors import MalformedCompletenessError
from node.wire.file_format import FileFormat

COMPLETENESS_MEDIA_TYPE: Final = "application/vnd.concord.completeness+json"
FORMAT: Final = "concord/completeness"
FORMAT_VERSION: Final = 1
MAX_COMPLETENESS_BYTES: Final = 64 * 1024 * 1024

_MAX_DEPTH: Final = 6
_MAX_EPOCH: Final = 2**32 - 1
_MAX_WINDOW: Final = 2**32 - 1
_KEY_BYTES: Final = 32
_RECORDS, _PRIVATE = 0, 1


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """A key under which a log numbers a patient's entries. Holds the key."""

    tag_class: int
    """0: with an epoch key, found by any treating hospital; 1: with a pairwise key, found by writer and patient only."""
    epoch: int | None
    """Class 0: the epoch's serial."""
    exchange_key: bytes | None
    """Class 1: the institution's exchange key, X25519, 32 bytes."""
    key: bytes = field(repr=False)
    """K_e or K_r, 32 bytes."""

    def __post_init__(self) -> None:
        by_epoch = self.tag_class == _RECORDS and self.epoch is not None and self.exchange_key is None
        pairwise = self.tag_class == _PRIVATE and self.epoch is None and self.exchange_key is not None
        if not (by_epoch or pairwise) or len(self.key) != _KEY_BYTES:
            raise ValueError("a series has an epoch in class 0, an exchange key in class 1, and a key of 32 bytes")


@dataclass(frozen=True, slots=True)
class SeriesEntry:
    """An entry of a series; its counter is its position."""

    index: int
    """Its place in the log."""
    leaf: bytes
    """The log's bytes."""
    proof: tuple[NodeHash, ...]
    """Inclusion proof under the head, from the sibling up."""


@dataclass(frozen=True, slots=True)
class Series:
    """What a log holds under one key: counters from 0, none left out."""

    key: SeriesKey
    """The key."""
    entries: tuple[SeriesEntry, ...]
    """In order of counters."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """A file, parsed."""

    checkpoint: bytes
    """The signed head, a C2SP signed note with its cosignatures."""
    window: int
    """How many counters beyond the last were looked for among all leaves: the word of whoever wrote the file."""
    series: tuple[Series, ...]
    """At least one; no key twice."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of the file: nothing unknown, nothing missing. Bytes are canonical base64."""


class _Entry(_Shape):
    index: Annotated[int, Meta(ge=0, lt=MAX_TREE_SIZE)]
    leaf: str
    proof: Annotated[list[str], Meta(max_length=MAX_PATH_HASHES)]


class _Series(_Shape):
    tag_class: Annotated[int, Meta(ge=_RECORDS, le=_PRIVATE)]
    epoch: Annotated[int, Meta(ge=0, le=_MAX_EPOCH)] | None
    exchange_key: str | None
    key: str
    entries: list[_Entry]


class _File(_Shape):
    format: str
    version: int
    checkpoint: str
    window: Annotated[int, Meta(ge=1, le=_MAX_WINDOW)]
    series: Annotated[list[_Series], Meta(min_length=1)]


_FILE: Final = FileFormat("completeness", FORMAT, FORMAT_VERSION, MAX_COMPLETENESS_BYTES, _MAX_DEPTH, MalformedCompletenessError)
_DECODER: Final = msgspec.json.Decoder(_File)


def parse_completeness(data: bytes) -> Completeness:
    """Parse a file, verifying nothing.

    Raises:
        MalformedCompletenessError: It is none, or longer than 64 MiB.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _FILE.decode(data, _DECODER)
    series = tuple(_series(each, f"series[{at}]") for at, each in enumerate(shape.series))
    if len({(each.key.tag_class, each.key.key) for each in series}) < len(series):
        raise MalformedCompletenessError("series: a key stands twice")
    return Completeness(_FILE.utf8_at("checkpoint", shape.checkpoint), shape.window, series)


def encode_completeness(completeness: Completeness) -> bytes:
    """Encode a file."""
    shape = _File(
        format=FORMAT,
        version=FORMAT_VERSION,
        checkpoint=completeness.checkpoint.decode(),
        window=completeness.window,
        series=[_series_shape(each) for each in completeness.series],
    )
    return msgspec.json.encode(shape)


def _series(shape: _Series, place: str) -> Series:
    key = _FILE.bytes_at(f"{place}.key", shape.key, _KEY_BYTES)
    exchange_key = None if shape.exchange_key is None else _FILE.bytes_at(f"{place}.exchange_key", shape.exchange_key, _KEY_BYTES)
    try:
        named = SeriesKey(shape.tag_class, shape.epoch, exchange_key, key)
    except ValueError as error:
        raise MalformedCompletenessError(f"{place}: {error}") from error
    entries = [
        SeriesEntry(
            index=entry.index,
            leaf=_FILE.bytes_at(f"{place}.entries[{at}].leaf", entry.leaf),
            proof=tuple(NodeHash(_FILE.bytes_at(f"{place}.entries[{at}].proof", each, HASH_BYTES)) for each in entry.proof),
        )
        for at, entry in enumerate(shape.entries)
    ]
    return Series(named, tuple(entries))


def _series_shape(series: Series) -> _Series:
    key = series.key
    return _Series(
        tag_class=key.tag_class,
        epoch=key.epoch,
        exchange_key=None if key.exchange_key is None else _text(key.exchange_key),
        key=_text(key.key),
        entries=[_Entry(entry.index, _text(entry.leaf), _texts(entry.proof)) for entry in series.entries],
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _texts(each: Sequence[bytes]) -> list[str]:
    return [_text(data) for data in each]
