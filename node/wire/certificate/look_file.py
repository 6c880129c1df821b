"""What was found of a patient when logs were read again for a decision certificate, as one file (docs/spec/look-again.md).

Media type `application/vnd.concord.look-again+json`, version 1: the certificate, the patient's epoch keys, and of each log that
was looked through a signed head and all entries that the keys find below the size up to which whoever checked had read it.
The file hands out these keys; who has it can find and read what they find. Nothing in a parsed file is verified.

Left out: checking it (`look_verification`), making it (`node.services.patient_view.look_again`).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE, NodeHash
from ledger.proofs import MAX_PATH_HASHES
from node.errors import MalformedLookError
from node.wire.evidence.bundle import MAX_BUNDLE_BYTES
from node.wire.file_format import FileFormat
from node.wire.recognition.read_logs import MAX_READ_LOGS

LOOK_MEDIA_TYPE: Final = "application/vnd.concord.look-again+json"
FORMAT: Final = "concord/look-again"
FORMAT_VERSION: Final = 1
MAX_LOOKED_MAPS: Final = 4_096

_MAX_DEPTH: Final = 6
_MAX_EPOCH: Final = 2**32 - 1
_MAX_WINDOW: Final = 2**32 - 1
_MAX_MS: Final = 2**63 - 1
_KEY_BYTES: Final = 32
_Serial = Annotated[int, Meta(ge=0, le=_MAX_EPOCH)]
_Proof = Annotated[list[str], Meta(max_length=MAX_PATH_HASHES + 1)]


@dataclass(frozen=True, slots=True)
class LookedEntry:
    """An entry of the patient; its counter is its position among those of its epoch."""

    epoch: int
    """The epoch whose key finds it."""
    index: int
    """Its place in the log."""
    leaf: bytes
    """The log's bytes."""
    proof: tuple[NodeHash, ...]
    """Inclusion proof under the head, from the sibling up."""
    header: bytes | None
    """Its sealed header; None where it was deleted since, or is not handed out."""


@dataclass(frozen=True, slots=True)
class LookedLog:
    """A log that was looked through."""

    head: bytes
    """A signed head, a C2SP signed note with its cosignatures."""
    consistency: tuple[NodeHash, ...]
    """Consistency proof between this head and the certificate's of this log, from the smaller to the larger; else empty."""
    entries: tuple[LookedEntry, ...]
    """Those below the size that had been read: by epoch, and in order of counters."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """A file, parsed."""

    made_at_ms: int
    """When the logs were read again, unix ms: the word of whoever did."""
    window: int
    """How many counters beyond the last were looked for among all leaves: likewise."""
    certificate: bytes
    """The decision certificate, verbatim."""
    epoch_keys: Mapping[int, bytes] = field(repr=False)
    """Epoch serial -> K_e, 32 bytes: all under which it was looked."""
    logs: tuple[LookedLog, ...] = ()
    """The logs that were looked through."""
    maps: tuple[bytes, ...] = ()
    """Maps of institutions that the decision does not pin: an entry of theirs is judged by them."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of the file: nothing unknown, nothing missing. Bytes are canonical base64."""


class _Key(_Shape):
    epoch: _Serial
    key: str


class _Entry(_Shape):
    epoch: _Serial
    index: Annotated[int, Meta(ge=0, lt=MAX_TREE_SIZE)]
    leaf: str
    proof: _Proof
    header: str | None


class _Log(_Shape):
    head: str
    consistency: _Proof
    entries: list[_Entry]


class _File(_Shape):
    format: str
    version: int
    made_at_ms: Annotated[int, Meta(ge=0, le=_MAX_MS)]
    window: Annotated[int, Meta(ge=1, le=_MAX_WINDOW)]
    certificate: str
    epoch_keys: Annotated[list[_Key], Meta(min_length=1)]
    logs: Annotated[list[_Log], Meta(max_length=MAX_READ_LOGS)]
    maps: Annotated[list[str], Meta(max_length=MAX_LOOKED_MAPS)]


_FILE: Final = FileFormat("look-again", FORMAT, FORMAT_VERSION, MAX_BUNDLE_BYTES, _MAX_DEPTH, MalformedLookError)
_DECODER: Final = msgspec.json.Decoder(_File)


def parse_look(data: bytes) -> LookAgain:
    """Parse a file, verifying nothing.

    Raises:
        MalformedLookError: It is none, or longer than 256 MiB.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _FILE.decode(data, _DECODER)
    serials = [each.epoch for each in shape.epoch_keys]
    if serials != sorted(set(serials)):
        raise MalformedLookError("epoch_keys: each epoch once, in order")
    return LookAgain(
        made_at_ms=shape.made_at_ms,
        window=shape.window,
        certificate=_FILE.bytes_at("certificate", shape.certificate),
        epoch_keys={each.epoch: _FILE.bytes_at("epoch_keys", each.key, _KEY_BYTES) for each in shape.epoch_keys},
        logs=tuple(_log(each, f"logs[{at}]") for at, each in enumerate(shape.logs)),
        maps=tuple(_FILE.bytes_at(f"maps[{at}]", each) for at, each in enumerate(shape.maps)),
    )


def encode_look(look: LookAgain) -> bytes:
    """Encode a file; to be written readable by its owner alone."""
    shape = _File(
        format=FORMAT,
        version=FORMAT_VERSION,
        made_at_ms=look.made_at_ms,
        window=look.window,
        certificate=_text(look.certificate),
        epoch_keys=[_Key(epoch, _text(key)) for epoch, key in sorted(look.epoch_keys.items())],
        logs=[_log_shape(each) for each in look.logs],
        maps=[_text(each) for each in look.maps],
    )
    return msgspec.json.encode(shape)


def _log(shape: _Log, place: str) -> LookedLog:
    return LookedLog(
        head=_FILE.utf8_at(f"{place}.head", shape.head),
        consistency=_hashes(shape.consistency, f"{place}.consistency"),
        entries=tuple(_entry(each, f"{place}.entries[{at}]") for at, each in enumerate(shape.entries)),
    )


def _entry(shape: _Entry, place: str) -> LookedEntry:
    return LookedEntry(
        epoch=shape.epoch,
        index=shape.index,
        leaf=_FILE.bytes_at(f"{place}.leaf", shape.leaf),
        proof=_hashes(shape.proof, f"{place}.proof"),
        header=None if shape.header is None else _FILE.bytes_at(f"{place}.header", shape.header),
    )


def _hashes(texts: list[str], place: str) -> tuple[NodeHash, ...]:
    return tuple(NodeHash(_FILE.bytes_at(place, each, HASH_BYTES)) for each in texts)


def _log_shape(log: LookedLog) -> _Log:
    return _Log(
        head=log.head.decode(),
        consistency=[_text(each) for each in log.consistency],
        entries=[
            _Entry(
                entry.epoch,
                entry.index,
                _text(entry.leaf),
                [_text(each) for each in entry.proof],
                None if entry.header is None else _text(entry.header),
            )
            for entry in log.entries
        ],
    )


def _text(data: bytes) -> str:
    return b64encode(data).decode()
