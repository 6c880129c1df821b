"""A patient's bundle: results, consents and who looked, each line with its proof, in one file (docs/spec/bundle.md).

Media type `application/vnd.concord.patient-bundle+json`, version 1. A line is a log entry with its inclusion proof and,
opened by the data key of this one header, what it says; results and consent documents carry their evidence besides. No key
of the patient is in a line: who gets the file learns its lines and can find nothing else. Proofs that entries are
contiguous, which do hold keys, are added only where the patient asks for it. Nothing in a parsed bundle is verified.

Left out: checking it (`bundle_verification`), gathering it (`node.services.patient_view.gathering`).
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
from node.domain.entry import EntryType
from node.errors import MalformedBundleError
from node.wire.file_format import FileFormat

BUNDLE_MEDIA_TYPE: Final = "application/vnd.concord.patient-bundle+json"
FORMAT: Final = "concord/patient-bundle"
FORMAT_VERSION: Final = 1
MAX_BUNDLE_BYTES: Final = 256 * 1024 * 1024

_MAX_DEPTH: Final = 6
_MAX_MS: Final = 2**63 - 1
_KEY_BYTES: Final = 32
_TYPE_AT: Final = 1


@dataclass(frozen=True, slots=True)
class BundleLine:
    """One entry of a log."""

    head: int
    """Which of the bundle's heads proves it."""
    index: int
    """Its place in that log."""
    leaf: bytes
    """The log's bytes."""
    proof: tuple[NodeHash, ...]
    """Inclusion proof under the head, from the sibling up."""
    header: bytes | None
    """Its sealed header, or of a public entry its slot; None where it was deleted, or the patient keeps it to themselves."""
    data_key: bytes | None = field(repr=False)
    """Opens that header and nothing else, 32 bytes; None without a sealed header."""
    evidence: bytes | None
    """An evidence file of the same entry, verbatim; None where only the header is told."""


@dataclass(frozen=True, slots=True)
class PatientBundle:
    """A bundle, parsed."""

    made_at_ms: int
    """When it was gathered, unix ms: the word of whoever gathered it."""
    heads: tuple[bytes, ...]
    """Signed heads of the logs, C2SP signed notes with their cosignatures."""
    lines: tuple[BundleLine, ...]
    """The entries."""
    completeness: tuple[bytes, ...]
    """Completeness files, verbatim; empty unless the patient hands out the keys in them."""


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of the file: nothing unknown, nothing missing. Bytes are canonical base64."""


class LineShape(Shape):
    """A line as it stands in a file."""

    head: Annotated[int, Meta(ge=0)]
    index: Annotated[int, Meta(ge=0, lt=MAX_TREE_SIZE)]
    leaf: str
    proof: Annotated[list[str], Meta(max_length=MAX_PATH_HASHES)]
    header: str | None
    data_key: str | None
    evidence: str | None


class _File(Shape):
    format: str
    version: int
    made_at_ms: Annotated[int, Meta(ge=0, le=_MAX_MS)]
    heads: list[str]
    lines: list[LineShape]
    completeness: list[str]


_FILE: Final = FileFormat("bundle", FORMAT, FORMAT_VERSION, MAX_BUNDLE_BYTES, _MAX_DEPTH, MalformedBundleError)
_DECODER: Final = msgspec.json.Decoder(_File)


def parse_bundle_file(data: bytes) -> PatientBundle:
    """Parse a bundle, verifying nothing.

    Raises:
        MalformedBundleError: It is none, or longer than 256 MiB.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _FILE.decode(data, _DECODER)
    return PatientBundle(
        made_at_ms=shape.made_at_ms,
        heads=heads_of(shape.heads),
        lines=lines_of(shape.lines, len(shape.heads)),
        completeness=tuple(_FILE.utf8_at(f"completeness[{at}]", file) for at, file in enumerate(shape.completeness)),
    )


def encode_bundle_file(bundle: PatientBundle) -> bytes:
    """Encode a bundle."""
    shape = _File(
        format=FORMAT,
        version=FORMAT_VERSION,
        made_at_ms=bundle.made_at_ms,
        heads=[note.decode() for note in bundle.heads],
        lines=line_shapes(bundle.lines),
        completeness=[file.decode() for file in bundle.completeness],
    )
    return msgspec.json.encode(shape)


def heads_of(notes: Sequence[str]) -> tuple[bytes, ...]:
    """Return signed heads out of a file.

    Raises:
        MalformedBundleError: One is no text.
    """
    return tuple(_FILE.utf8_at(f"heads[{at}]", note) for at, note in enumerate(notes))


def lines_of(shapes: Sequence[LineShape], heads: int) -> tuple[BundleLine, ...]:
    """Return the lines of a file that has so many heads.

    Raises:
        MalformedBundleError: One is not what a line has to be.
    """
    return tuple(_line(shape, at, heads) for at, shape in enumerate(shapes))


def line_shapes(lines: Sequence[BundleLine]) -> list[LineShape]:
    """Return what a file holds of lines."""
    return [
        LineShape(
            head=line.head,
            index=line.index,
            leaf=_text(line.leaf),
            proof=[_text(each) for each in line.proof],
            header=None if line.header is None else _text(line.header),
            data_key=None if line.data_key is None else _text(line.data_key),
            evidence=None if line.evidence is None else line.evidence.decode(),
        )
        for line in lines
    ]


def _line(shape: LineShape, at: int, heads: int) -> BundleLine:
    place = f"lines[{at}]"
    if shape.head >= heads:
        raise MalformedBundleError(f"{place}.head: the bundle has {heads} heads")
    leaf = _FILE.bytes_at(f"{place}.leaf", shape.leaf)
    # what is public is sealed to nobody
    needs_key = shape.header is not None and not is_public(leaf)
    if needs_key != (shape.data_key is not None):
        raise MalformedBundleError(f"{place}: a header comes with its data key, and a data key with its header")
    return BundleLine(
        head=shape.head,
        index=shape.index,
        leaf=leaf,
        proof=tuple(NodeHash(_FILE.bytes_at(f"{place}.proof", each, HASH_BYTES)) for each in shape.proof),
        header=None if shape.header is None else _FILE.bytes_at(f"{place}.header", shape.header),
        data_key=None if shape.data_key is None else _FILE.bytes_at(f"{place}.data_key", shape.data_key, _KEY_BYTES),
        evidence=None if shape.evidence is None else _FILE.utf8_at(f"{place}.evidence", shape.evidence),
    )


def is_public(leaf: bytes) -> bool:
    """Tell whether a leaf is of a public entry that may stand open in a line: of a document that somebody published."""
    return leaf[_TYPE_AT : _TYPE_AT + 1] == bytes((EntryType.CATALOGUE,))


def _text(data: bytes) -> str:
    return b64encode(data).decode()
