"""What a clinician could rely on when a decision was taken, as one file (docs/spec/decision-certificate.md).

Media type `application/vnd.concord.decision-certificate+json`, version 1: the decision, the check it cites, the results that
were shown, the receipts of their retrieval and what became of them, each an entry of a log, proved and opened like a line of a
patient's bundle; and the documents that the decision pins, whole. Nothing in a parsed certificate is verified.

Left out: checking it (`verification`), making it (`node.services.recognition.certificates`).
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES, MAX_TREE_SIZE, NodeHash
from ledger.proofs import MAX_PATH_HASHES
from node.domain.entry import Origin
from node.domain.recognition import ReadLog
from node.errors import MalformedBundleError, MalformedCertificateError
from node.wire.evidence.bundle import BundleLine, LineShape, Shape, heads_of, line_shapes, lines_of
from node.wire.file_format import FileFormat
from node.wire.recognition.read_logs import MAX_READ_LOGS

CERTIFICATE_MEDIA_TYPE: Final = "application/vnd.concord.decision-certificate+json"
FORMAT: Final = "concord/decision-certificate"
FORMAT_VERSION: Final = 1
MAX_CERTIFICATE_BYTES: Final = 128 * 1024 * 1024

_MAX_DEPTH: Final = 6
_MAX_CONSISTENCY_HASHES: Final = MAX_PATH_HASHES + 1
_MAX_MS: Final = 2**63 - 1
_Place = Annotated[int, Meta(ge=0)]
_Origin = Annotated[str, Meta(min_length=1, max_length=255)]


@dataclass(frozen=True, slots=True)
class PublishedEntry:
    """A public entry: one that publishes a document, or a tombstone."""

    head: int
    """Which of the certificate's heads proves it."""
    index: int
    """Its place in that log."""
    leaf: bytes
    """The log's bytes."""
    proof: tuple[NodeHash, ...]
    """Inclusion proof under the head, from the sibling up."""
    slot: bytes
    """Its public slot."""


@dataclass(frozen=True, slots=True)
class PinnedDocument:
    """A document that the decision pins: its bytes, or the public entry that holds them."""

    content: bytes | None
    """Its exact bytes; None where it is published."""
    published: PublishedEntry | None
    """The public entry; None where it is not."""


@dataclass(frozen=True, slots=True)
class ReadConsistency:
    """What shows that a head which had been read at the check is of the history that is shown."""

    origin: Origin
    """The log."""
    proof: tuple[NodeHash, ...]
    """Consistency proof from that head to the certificate's."""


@dataclass(frozen=True, slots=True)
class CertifiedRead:
    """How far all logs had been read when the order was checked."""

    logs: tuple[ReadLog, ...]
    """What the check commits to, by origin."""
    consistency: tuple[ReadConsistency, ...]
    """For each log of a result that was shown, if the check holds a head of it."""


@dataclass(frozen=True, slots=True)
class DecisionCertificate:
    """A certificate, parsed."""

    made_at_ms: int
    """When it was made, unix ms: the word of whoever made it."""
    heads: tuple[bytes, ...]
    """Signed heads of the logs, C2SP signed notes with their cosignatures."""
    lines: tuple[BundleLine, ...]
    """All entries but published documents; each has one part to play."""
    decision: int
    """The line of the decision."""
    reversal: int | None
    """The line of what takes it back; None while it stands."""
    check: int | None
    """The line of the check; None where it is not logged yet."""
    check_text: bytes | None
    """The check as the institution asserts it, where it is not logged yet; else None."""
    results: tuple[int, ...]
    """Lines of the results that were shown for the order line, in their order."""
    later: tuple[int, ...]
    """Lines of versions that amend or withdraw one of them."""
    receipts: tuple[int, ...]
    """Lines of access receipts, of both sides."""
    tombstones: tuple[PublishedEntry, ...]
    """What shows that the headers of results were deleted since."""
    documents: tuple[PinnedDocument, ...]
    """What the decision pins."""
    read: CertifiedRead | None = None
    """How far all logs had been read; None for checks that commit to nothing of it."""

    @property
    def parts(self) -> tuple[int, ...]:
        """Return which line plays each part."""
        single = (each for each in (self.decision, self.reversal, self.check) if each is not None)
        return (*single, *self.results, *self.later, *self.receipts)


class _Published(Shape):
    head: _Place
    index: Annotated[int, Meta(ge=0, lt=MAX_TREE_SIZE)]
    leaf: str
    proof: Annotated[list[str], Meta(max_length=MAX_PATH_HASHES)]
    slot: str


class _Document(Shape):
    content: str | None
    published: _Published | None


class _Consistency(Shape):
    origin: _Origin
    proof: Annotated[list[str], Meta(max_length=_MAX_CONSISTENCY_HASHES)]


class _Read(Shape):
    logs: Annotated[list[tuple[_Origin, Annotated[int, Meta(ge=0, lt=MAX_TREE_SIZE)]]], Meta(max_length=MAX_READ_LOGS)]
    consistency: Annotated[list[_Consistency], Meta(max_length=MAX_READ_LOGS)]


class _File(Shape):
    format: str
    version: int
    made_at_ms: Annotated[int, Meta(ge=0, le=_MAX_MS)]
    heads: list[str]
    lines: list[LineShape]
    decision: _Place
    reversal: _Place | None
    check: _Place | None
    check_text: str | None
    results: list[_Place]
    later: list[_Place]
    receipts: list[_Place]
    tombstones: list[_Published]
    documents: list[_Document]
    read: _Read | msgspec.UnsetType = msgspec.UNSET


_FILE: Final = FileFormat("certificate", FORMAT, FORMAT_VERSION, MAX_CERTIFICATE_BYTES, _MAX_DEPTH, MalformedCertificateError)
_DECODER: Final = msgspec.json.Decoder(_File)


def parse_certificate(data: bytes) -> DecisionCertificate:
    """Parse a certificate, verifying nothing.

    Raises:
        MalformedCertificateError: It is none, or longer than 128 MiB.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _FILE.decode(data, _DECODER)
    try:
        certificate = _certificate(shape)
    except MalformedBundleError as error:
        raise MalformedCertificateError(f"certificate: {error}") from error
    _check_parts(certificate)
    return certificate


def encode_certificate(certificate: DecisionCertificate) -> bytes:
    """Encode a certificate."""
    shape = _File(
        format=FORMAT,
        version=FORMAT_VERSION,
        made_at_ms=certificate.made_at_ms,
        heads=[note.decode() for note in certificate.heads],
        lines=line_shapes(certificate.lines),
        decision=certificate.decision,
        reversal=certificate.reversal,
        check=certificate.check,
        check_text=None if certificate.check_text is None else _text(certificate.check_text),
        results=list(certificate.results),
        later=list(certificate.later),
        receipts=list(certificate.receipts),
        tombstones=[_published_shape(each) for each in certificate.tombstones],
        documents=[_document_shape(each) for each in certificate.documents],
        read=msgspec.UNSET if certificate.read is None else _read_shape(certificate.read),
    )
    return msgspec.json.encode(shape)


def _certificate(shape: _File) -> DecisionCertificate:
    heads = heads_of(shape.heads)
    return DecisionCertificate(
        made_at_ms=shape.made_at_ms,
        heads=heads,
        lines=lines_of(shape.lines, len(heads)),
        decision=shape.decision,
        reversal=shape.reversal,
        check=shape.check,
        check_text=None if shape.check_text is None else _FILE.bytes_at("check_text", shape.check_text),
        results=tuple(shape.results),
        later=tuple(shape.later),
        receipts=tuple(shape.receipts),
        tombstones=tuple(_published(each, f"tombstones[{at}]", len(heads)) for at, each in enumerate(shape.tombstones)),
        documents=tuple(_document(each, f"documents[{at}]", len(heads)) for at, each in enumerate(shape.documents)),
        read=None if shape.read is msgspec.UNSET else _read(shape.read),
    )


def _check_parts(certificate: DecisionCertificate) -> None:
    """Let each line play exactly one part: nothing is shown that nobody checks."""
    if sorted(certificate.parts) != list(range(len(certificate.lines))):
        raise MalformedCertificateError("certificate: each line plays exactly one part, and each part is a line")
    if (certificate.check is None) == (certificate.check_text is None):
        raise MalformedCertificateError("certificate: the check is an entry or an asserted text, one of the two")


def _read(shape: _Read) -> CertifiedRead:
    return CertifiedRead(
        logs=tuple(ReadLog(Origin(origin), size) for origin, size in shape.logs),
        consistency=tuple(
            ReadConsistency(
                Origin(each.origin),
                tuple(NodeHash(_FILE.bytes_at(f"read.consistency[{at}]", proof, HASH_BYTES)) for proof in each.proof),
            )
            for at, each in enumerate(shape.consistency)
        ),
    )


def _read_shape(read: CertifiedRead) -> _Read:
    return _Read(
        logs=[(each.origin, each.size) for each in read.logs],
        consistency=[_Consistency(each.origin, [_text(proof) for proof in each.proof]) for each in read.consistency],
    )


def _document(shape: _Document, place: str, heads: int) -> PinnedDocument:
    if (shape.content is None) == (shape.published is None):
        raise MalformedCertificateError(f"{place}: its bytes or the entry that publishes them, one of the two")
    if shape.published is None:
        return PinnedDocument(_FILE.bytes_at(f"{place}.content", shape.content or ""), None)
    return PinnedDocument(None, _published(shape.published, f"{place}.published", heads))


def _published(shape: _Published, place: str, heads: int) -> PublishedEntry:
    if shape.head >= heads:
        raise MalformedCertificateError(f"{place}.head: the certificate has {heads} heads")
    return PublishedEntry(
        head=shape.head,
        index=shape.index,
        leaf=_FILE.bytes_at(f"{place}.leaf", shape.leaf),
        proof=tuple(NodeHash(_FILE.bytes_at(f"{place}.proof", each, HASH_BYTES)) for each in shape.proof),
        slot=_FILE.bytes_at(f"{place}.slot", shape.slot),
    )


def _document_shape(document: PinnedDocument) -> _Document:
    return _Document(
        content=None if document.content is None else _text(document.content),
        published=None if document.published is None else _published_shape(document.published),
    )


def _published_shape(entry: PublishedEntry) -> _Published:
    return _Published(entry.head, entry.index, _text(entry.leaf), [_text(each) for each in entry.proof], _text(entry.slot))


def _text(data: bytes) -> str:
    return b64encode(data).decode()
