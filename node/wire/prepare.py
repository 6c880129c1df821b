"""From a draft to what is staged: commitment, sealed body and header, leaf (FORMATS "Record"; DESIGN section 3.1).

`prepare_record` does all that needs no place in the log and runs in worker processes; `finish_record` does the rest in
the staging transaction, which allocates the tag. Both are pure but for nonces and keys, which `entropy` draws. Left out:
splitting documents (`fhir`), deciding versions (`services.staging`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.hashing import LeafHash, hash_leaf
from node.domain.entry import EntryType, LeafReference, Origin, RecordId, Version
from node.domain.header import HeaderContent, PartSummary
from node.domain.patient import LocatorTag
from node.domain.record import Kind, Part, RecordDraft, RecordIdentity, RecordStatus
from node.wire.commitment import Entropy, PartLike, commit_and_seal
from node.wire.header.seal import HeaderPlace, PreparedHeader, header_digest, prepare_header, seal_header
from node.wire.leaf import Leaf, encode_leaf, round_claimed_time
from node.wire.manifest import Manifest, ManifestPart, encode_manifest, manifest_part

_IGNORED_BY_SAMENESS: Final = frozenset({"Patient", "Practitioner", "Organization"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Assignment(NamedTuple):
    """What an entry of a record is; staging decides it."""

    version: Version
    """The record's version, from 1."""
    entry_type: EntryType
    """Record, amendment or withdrawal."""
    supersedes: LeafReference | None
    """The entry of the version below."""


@dataclass(frozen=True, slots=True)
class RecordContext:
    """What preparation knows of the institution."""

    origin: Origin
    """Its log."""
    audit_keys: tuple[bytes, ...]
    """X25519 public keys of supervision, 32 bytes each."""


class PreparedRecord(NamedTuple):
    """A record that lacks only its place in the log. The record secret is not in it."""

    origin: Origin
    """The log that its manifest names."""
    identity: RecordIdentity
    """What makes it the same record when it comes again."""
    status: RecordStatus
    """Verbatim."""
    assignment: Assignment
    """Under which it was prepared."""
    claimed_time_ms: int
    """What the leaf will claim, rounded where its type asks for it."""
    manifest: bytes
    """Part 0."""
    commitment: bytes
    """32 bytes."""
    sealed_body: bytes
    """All parts, under the record secret."""
    header: PreparedHeader
    """The half of the header that needs no tag."""
    sameness: bytes
    """Digest of the content, 32 bytes; keyed before it is stored."""

    @property
    def kind(self) -> Kind:
        """Kind of the record."""
        return self.identity.kind


class FinishedEntry(NamedTuple):
    """What is staged."""

    leaf: bytes
    """The 106 bytes of the log."""
    leaf_hash: LeafHash
    """RFC 9162 leaf hash, 32 bytes."""
    header: bytes
    """The sealed header."""


def prepare_record(
    draft: RecordDraft,
    *,
    context: RecordContext,
    record_id: RecordId,
    secret: bytes,
    claimed_time_ms: int,
    assignment: Assignment,
    entropy: Entropy = os.urandom,
) -> PreparedRecord:
    """Commit to a record, seal its body and do what its header needs before it has a tag.

    Args:
        draft: The record.
        context: Its institution.
        record_id: The id that its header names.
        secret: 32 random bytes for this version of this record only.
        claimed_time_ms: Now, unix ms.
        assignment: What the entry is.
        entropy: Draws the body's nonce and the header's data key.

    Raises:
        ValueError: A text or content that the formats have no room for.
    """
    performed_at_ms = unix_ms(draft.performed_at)
    manifest = encode_manifest(_manifest(draft, context.origin, assignment, performed_at_ms))
    parts: tuple[PartLike, ...] = (manifest_part(manifest), *draft.parts)
    commitment, sealed_body = commit_and_seal(secret, parts, entropy)
    return PreparedRecord(
        origin=context.origin,
        identity=draft.identity,
        status=draft.status,
        assignment=assignment,
        claimed_time_ms=round_claimed_time(assignment.entry_type, claimed_time_ms),
        manifest=manifest,
        commitment=commitment.value,
        sealed_body=sealed_body,
        header=prepare_header(_header(draft, record_id, assignment, performed_at_ms), context.audit_keys, entropy),
        sameness=sameness(draft.parts),
    )


def finish_record(
    prepared: PreparedRecord,
    *,
    origin: Origin,
    tag: LocatorTag,
    reader_key: bytes,
    reader_key_id: bytes,
    pseudonym: bytes | None = None,
    entropy: Entropy = os.urandom,
) -> FinishedEntry:
    """Seal the header for its place and make the leaf.

    Args:
        prepared: From `prepare_record`; finished once only.
        origin: The log; the one that it was prepared for.
        tag: Allocated in the staging transaction.
        reader_key: K_e for class 0, K_r for class 1.
        reader_key_id: Serial of the epoch in which it is written, 8 bytes, whatever the class; stands in clear.
        pseudonym: The person's for supervision, 32 bytes, or None.
        entropy: Draws the header's nonces.

    Raises:
        ValueError: Another log than it was prepared for, or a field that is not of its length.
    """
    if origin != prepared.origin:
        raise ValueError(f"the record was prepared for log {prepared.origin!r}, not for {origin!r}")
    header = seal_header(
        prepared.header,
        HeaderPlace(origin, prepared.assignment.entry_type, tag),
        reader_key=reader_key,
        reader_key_id=reader_key_id,
        pseudonym=pseudonym,
        entropy=entropy,
    )
    leaf = encode_leaf(
        Leaf(
            entry_type=prepared.assignment.entry_type,
            claimed_time_ms=prepared.claimed_time_ms,
            commitment=prepared.commitment,
            tag=tag,
            header_digest=header_digest(header),
        )
    )
    return FinishedEntry(leaf, hash_leaf(leaf), header)


def sameness(parts: Iterable[Part]) -> bytes:
    """Digest the content of a record, 32 bytes: equal for the same parts in any order.

    Patient, Practitioner and Organization are left out: a corrected address is no new version of a result. The fullUrl
    counts: the same bytes under exchanged urls say something else.
    """
    digests = [
        sha256(_known(role) + _known(media_type) + _framed(full_url) + content).digest()
        for media_type, role, full_url, content, resource_type in parts
        if resource_type not in _IGNORED_BY_SAMENESS
    ]
    digests.sort()
    return sha256(b"".join(digests)).digest()


def unix_ms(time: datetime) -> int:
    """Return an aware time in unix milliseconds, rounded down, exactly."""
    return (time - _EPOCH) // _MILLISECOND


def _manifest(draft: RecordDraft, origin: Origin, assignment: Assignment, performed_at_ms: int) -> Manifest:
    return Manifest(
        origin=origin,
        entry_type=assignment.entry_type,
        kind=draft.identity.kind,
        identity=draft.identity,
        version=assignment.version,
        status=draft.status,
        performed_at_ms=performed_at_ms,
        issued_at_ms=None if draft.issued_at is None else unix_ms(draft.issued_at),
        parts=tuple([ManifestPart(part.media_type, part.role, len(part.content)) for part in draft.parts]),
        patient_part=draft.patient_part,
        supersedes=assignment.supersedes,
    )


def _header(draft: RecordDraft, record_id: RecordId, assignment: Assignment, performed_at_ms: int) -> HeaderContent:
    return HeaderContent(
        kind=draft.identity.kind,
        record_id=record_id,
        version=assignment.version,
        status=draft.status,
        performed_at_ms=performed_at_ms,
        items=draft.items,
        study=draft.study,
        mark=draft.mark,
        certificate=draft.certificate,
        parts=tuple([PartSummary(part.media_type, part.role, len(part.content)) for part in draft.parts]),
        supersedes=assignment.supersedes,
        device="\n".join(draft.devices),
        lot="\n".join(draft.lots),
    )


def _framed(text: str) -> bytes:
    """Put a text's length before it, so that no two sequences of texts give the same bytes."""
    encoded = text.encode()
    return len(encoded).to_bytes(4, "big") + encoded


_known: Final = lru_cache(maxsize=256)(_framed)
"""For roles and media types, of which there are few."""
