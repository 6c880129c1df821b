"""What shows a finding of supervision to others, as a file (docs/spec/finding.md).

Media type `application/vnd.concord.finding+json`, version 1: what was found, and the entries that show it, each proved and
opened like a line of a patient's bundle; what is public, such as the list of certificates that a claim was judged by, stands
open. That entries are there and what they say is proved; what makes a finding of it, above all that something else is *not*
there, is the word of whoever wrote the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from node.domain.entry import InstitutionId
from node.domain.trust import TrustRoot
from node.domain.verdict import Finding, FindingVerdict, ProvedLine
from node.errors import MalformedBundleError, MalformedFindingError, PinMismatchError
from node.wire.evidence.bundle import MAX_BUNDLE_BYTES, BundleLine, LineShape, Shape, heads_of, is_public, line_shapes, lines_of
from node.wire.evidence.bundle_verification import verify_lines
from node.wire.evidence.findings import show_time, time_of
from node.wire.file_format import FileFormat
from node.wire.public_entry import open_public_entry
from node.wire.trust_root import verify_trust_root

FINDING_MEDIA_TYPE: Final = "application/vnd.concord.finding+json"
FORMAT: Final = "concord/finding"
FORMAT_VERSION: Final = 1
LIST_DIGEST: Final = "list_digest"
"""Names the value that says by which list of certificates a claim was judged: its SHA-256, in hex."""

_MAX_DEPTH: Final = 6
_MAX_MS: Final = 2**63 - 1
_Code = Annotated[str, Meta(pattern=r"\A[a-z_]{1,63}\Z")]


@dataclass(frozen=True, slots=True)
class FindingEvidence:
    """A file, parsed; nothing in it is verified."""

    code: str
    """What was found; the key of its words."""
    institutions: tuple[InstitutionId, ...]
    """Who has to answer for it."""
    subject: str
    """What it is about."""
    values: tuple[tuple[str, str], ...]
    """What its words name, as (placeholder, value)."""
    raised_at_ms: int
    """When it was found, unix ms."""
    heads: tuple[bytes, ...]
    """Signed heads of the logs, with their cosignatures."""
    lines: tuple[BundleLine, ...]
    """The entries that show it."""


class _Finding(Shape):
    code: _Code
    institutions: list[str]
    subject: str
    values: dict[str, str]
    raised_at_ms: Annotated[int, Meta(ge=0, le=_MAX_MS)]


class _File(Shape):
    format: str
    version: int
    finding: _Finding
    heads: list[str]
    lines: list[LineShape]


_DECODER: Final = msgspec.json.Decoder(_File)
_FILE: Final = FileFormat("finding", FORMAT, FORMAT_VERSION, MAX_BUNDLE_BYTES, _MAX_DEPTH, MalformedFindingError)


def parse_finding(data: bytes) -> FindingEvidence:
    """Parse a file, verifying nothing.

    Raises:
        MalformedFindingError: It is none.
        UnknownFormatError: A version that this release does not know.
    """
    shape = _FILE.decode(data, _DECODER)
    try:
        heads, lines = heads_of(shape.heads), lines_of(shape.lines, len(shape.heads))
    except MalformedBundleError as error:
        raise MalformedFindingError(f"finding: {error}") from error
    return FindingEvidence(
        code=shape.finding.code,
        institutions=tuple(InstitutionId(each) for each in shape.finding.institutions),
        subject=shape.finding.subject,
        values=tuple(sorted(shape.finding.values.items())),
        raised_at_ms=shape.finding.raised_at_ms,
        heads=heads,
        lines=lines,
    )


def encode_finding(evidence: FindingEvidence) -> bytes:
    """Encode a file."""
    finding = _Finding(
        code=evidence.code,
        institutions=list(evidence.institutions),
        subject=evidence.subject,
        values=dict(evidence.values),
        raised_at_ms=evidence.raised_at_ms,
    )
    heads = [note.decode() for note in evidence.heads]
    return msgspec.json.encode(_File(FORMAT, FORMAT_VERSION, finding, heads, line_shapes(evidence.lines)))


def verify_finding(evidence: FindingEvidence, trust_root: TrustRoot, *, now: datetime) -> FindingVerdict:
    """Verify the entries that show a finding, against a trust root.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It claims what is not so; the subclass says what.
    """
    verify_trust_root(trust_root, now)
    heads, lines = verify_lines(evidence.heads, evidence.lines, trust_root, now)
    documents = tuple(_documents(evidence, lines))
    _verify_list(evidence, documents)
    raised_at = show_time(time_of(evidence.raised_at_ms / 1000, "raised_at_ms"))
    return FindingVerdict(
        code=evidence.code,
        institutions=evidence.institutions,
        subject=evidence.subject,
        values=evidence.values,
        heads=heads,
        lines=lines,
        trust_root_serial=trust_root.serial,
        proved=(
            _finding("lines_included", len(lines)),
            _finding("lines_opened", _opened(evidence.lines)),
            *(Finding("document_included", (("digest", each),)) for each in documents),
        ),
        not_proved=(Finding("judgement"), Finding("absence"), Finding("raised_at", (("time", raised_at),))),
    )


def _opened(lines: Sequence[BundleLine]) -> int:
    return sum(line.data_key is not None for line in lines)


def _documents(evidence: FindingEvidence, proved: Sequence[ProvedLine]) -> Iterator[str]:
    """Yield the digests of the documents that lines publish; the lines are verified."""
    for line, place in zip(evidence.lines, proved, strict=True):
        if line.header is not None and is_public(line.leaf):
            opened = open_public_entry(line.leaf, line.header, place.origin)
            yield from (sha256(part.content).hexdigest() for part in opened.parts)


def _verify_list(evidence: FindingEvidence, documents: Sequence[str]) -> None:
    """Refuse a finding that names another list than the one that it brings."""
    named = dict(evidence.values).get(LIST_DIGEST)
    if named is not None and documents and named not in documents:
        raise PinMismatchError("certificates", "", "the finding was judged by another list than the one that its entries publish")


def _finding(code: str, count: int) -> Finding:
    return Finding(code, (("count", str(count)),))
