"""A disclosure as a stream sealed to the requester: written by the holder, read and verified by the requester.

Frame 0 says what the disclosure rests on, frame 1 is evidence without parts, every further frame one part
(docs/spec/retrieval.md "Stream"). The stream goes through a
file, for its digest is signed before its first byte; what lies there is sealed. The requester verifies the entry before it
looks at a part, and every part before it keeps it. Left out: who may ask, and what becomes of it.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Final, cast

from node.domain.access import RequestId
from node.domain.trust import TrustRoot
from node.domain.verdict import Verdict
from node.errors import ForeignDisclosureError, MalformedDisclosureError, OpeningRefutedError, PartNotCommittedError
from node.ports.clock import Clock
from node.wire.commitment import DisclosedPart, verify_parts
from node.wire.evidence.file import Evidence, OpenedPart, encode_evidence, parse_evidence
from node.wire.evidence.opened_part import decode_opened_part, encode_opened_part
from node.wire.evidence.verification import verify_evidence
from node.wire.leaf import Leaf, parse_leaf
from node.wire.manifest import Manifest, parse_manifest
from node.wire.members.disclosure import DisclosureBasis, encode_basis, parse_basis
from node.wire.members.sealed_stream import Unseal, open_frames, seal_frames
from node.wire.opening import check_manifest

IN_MEMORY_BYTES: Final = 1 << 20
"""A report stays in memory, an imaging study goes through a file."""


@dataclass(frozen=True, slots=True)
class SealedDisclosure:
    """A stream that is ready to be sent."""

    stream: BinaryIO
    """At its start; whoever sends it closes it."""
    sha256: bytes
    """Of all of it, 32 bytes."""
    length_bytes: int
    """Of all of it."""


@dataclass(frozen=True, slots=True)
class VerifiedHead:
    """A verified entry, no part of which was read yet."""

    basis: DisclosureBasis
    """What the holder says that it rests on."""
    evidence: Evidence
    """Without parts."""
    leaf: Leaf
    """The entry."""
    manifest: Manifest
    """Part 0."""
    verdict: Verdict
    """What was proved."""


def seal_disclosure(basis: DisclosureBasis, evidence: Evidence, recipient: bytes, request_id: RequestId) -> SealedDisclosure:
    """Seal evidence to a requester.

    Args:
        basis: What the disclosure rests on.
        evidence: What is disclosed.
        recipient: X25519 public key of the requester, from the registry.
        request_id: The request that it answers.
    """
    spool = spooled()
    digest, length = hashlib.sha256(), 0
    for piece in seal_frames(_frames(basis, evidence), recipient, request_id.encode()):
        spool.write(piece)
        digest.update(piece)
        length += len(piece)
    spool.seek(0)
    return SealedDisclosure(spool, digest.digest(), length)


def spooled() -> BinaryIO:
    """Return a file that is in memory while it is short, and is gone when it is closed."""
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))


class DisclosureReader:
    """Reads a sealed disclosure, verifying as it goes."""

    def __init__(self, stream: BinaryIO, unseal: Unseal, request_id: RequestId) -> None:
        """Take a stream; nothing is read yet.

        Args:
            stream: What came.
            unseal: Opens with the requester's exchange key.
            request_id: The request that it answers.
        """
        self._frames = open_frames(stream, unseal, request_id.encode())

    def head(self, trust_root: TrustRoot, clock: Clock) -> VerifiedHead:
        """Read and verify the entry.

        Raises:
            WireError: It is none.
            EvidenceRefutedError: It claims what is not so.
            DisclosureRefutedError: It does not open.
        """
        basis = parse_basis(self._next())
        evidence = parse_evidence(self._next())
        if evidence.parts:
            raise MalformedDisclosureError("its head holds parts")
        verdict = verify_evidence(evidence, trust_root, now=clock.now())
        return VerifiedHead(basis, evidence, parse_leaf(evidence.leaf), parse_manifest(evidence.manifest.content), verdict)

    def _next(self) -> bytes:
        frame = next(self._frames, None)
        if frame is None:
            raise MalformedDisclosureError("it ends before its head does")
        return frame

    def parts(self, head: VerifiedHead) -> Iterator[OpenedPart]:
        """Read the parts, each verified; the stream is whole when this ends.

        Raises:
            WireError: A frame is no part, or the stream is cut off.
            OpeningRefutedError: A part is not what was committed to.
            DisclosureRefutedError: A frame does not open.
        """
        last = 0
        for frame in self._frames:
            part = decode_opened_part(frame)
            if part.number <= last or part.number >= head.manifest.count:
                raise ForeignDisclosureError("part numbers that do not rise, or that the manifest does not have")
            last = part.number
            _verify_part(part, head)
            yield part


def _frames(basis: DisclosureBasis, evidence: Evidence) -> Iterator[bytes]:
    yield encode_basis(basis)
    yield encode_evidence(replace(evidence, parts=()))
    for part in evidence.parts:
        yield encode_opened_part(part)


def _verify_part(part: OpenedPart, head: VerifiedHead) -> None:
    stated = head.manifest.parts[part.number - 1]
    disclosed = DisclosedPart(part.number, stated.media_type, part.full_url, part.content, part.salt, part.proof)
    try:
        verify_parts(head.leaf.commitment, head.manifest.count, [disclosed])
    except PartNotCommittedError as error:
        raise OpeningRefutedError(error.number, error.reason) from error
    check_manifest(head.manifest, origin=head.manifest.origin, entry_type=head.leaf.entry_type, parts={part.number: disclosed})
