"""The manifest, part 0 of every record: what the record is, for whose log, what its parts are (docs/spec/record.md).

It is always disclosed, and every entry type has one: a commitment lifted into another hospital's log, or under another
type of leaf, is refused by it. JSON, version 1. Left out: whether parts and leaf are what it says (`opening`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin, Version
from node.domain.record import Kind, RecordIdentity, RecordStatus
from node.errors import MalformedJsonError, MalformedManifestError, UnknownFormatError
from node.wire.commitment import MAX_PARTS, BodyPart
from node.wire.json_shape import TimeMs
from node.wire.json_strict import check_document

MANIFEST_MEDIA_TYPE: Final = "application/vnd.concord.manifest+json"
FORMAT: Final = "concord/manifest"
FORMAT_VERSION: Final = 1
MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024

_MAX_DEPTH: Final = 4
_TYPES: Final = {int(entry_type): entry_type for entry_type in EntryType}


class ManifestPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the manifest says of one part; its JSON object besides, as a record has many."""

    media_type: Annotated[str, Meta(min_length=1)]
    """Media type of the part's bytes."""
    role: str
    """What it is in the record, such as `observation`."""
    length_bytes: Annotated[int, Meta(ge=0)]
    """Number of its bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Part 0 of a record. Nothing in a parsed one is verified."""

    origin: Origin
    """The only log in which this record counts."""
    entry_type: EntryType
    """The only type of leaf under which it counts."""
    kind: Kind
    """Kind of record, or of public entry."""
    identity: RecordIdentity | None
    """What makes two documents versions of one record; None for entries that are no record."""
    version: Version
    """From 1; 0 for entries that are no record."""
    status: RecordStatus
    """The document's status, verbatim; empty for entries that are no record."""
    performed_at_ms: int
    """When the examination, request or act took place, unix ms; before 1970 negative."""
    issued_at_ms: int | None
    """When this version was issued, unix ms; None where the document does not say."""
    parts: tuple[ManifestPart, ...]
    """Parts 1…n-1."""
    patient_part: int | None
    """Number of the part that identifies the patient; None where none does."""
    supersedes: LeafReference | None
    """The entry that this one amends or withdraws."""

    @property
    def count(self) -> int:
        """Number of parts, the manifest included."""
        return len(self.parts) + 1


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Every object of the manifest: nothing unknown, nothing missing, hashes in lower-case hex."""


class _Identity(_Shape):
    institution: str
    resource_type: str
    system: str
    value: str


class _Reference(_Shape):
    origin: Annotated[str, Meta(min_length=1)]
    leaf_hash: Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


class _Manifest(_Shape):
    format: str
    format_version: int
    origin: Annotated[str, Meta(min_length=1)]
    entry_type: int
    kind: Annotated[str, Meta(min_length=1)]
    identity: _Identity | None
    version: Annotated[int, Meta(ge=0)]
    status: str
    performed_at_ms: TimeMs
    issued_at_ms: TimeMs | None
    count: Annotated[int, Meta(ge=1, le=MAX_PARTS)]
    parts: tuple[ManifestPart, ...]
    patient_part: Annotated[int, Meta(ge=1)] | None
    supersedes: _Reference | None


class _Head(msgspec.Struct):
    format: str
    format_version: int
    entry_type: int


_HEAD_DECODER: Final = msgspec.json.Decoder(_Head)
_DECODER: Final = msgspec.json.Decoder(_Manifest)
_ENCODER: Final = msgspec.json.Encoder()


def manifest_part(manifest: bytes) -> BodyPart:
    """Return an encoded manifest as part 0."""
    return BodyPart(MANIFEST_MEDIA_TYPE, "", manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode a manifest."""
    identity, supersedes = manifest.identity, manifest.supersedes
    shape = _Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        origin=manifest.origin,
        entry_type=int(manifest.entry_type),
        kind=manifest.kind,
        identity=None
        if identity is None
        else _Identity(identity.institution, identity.resource_type, identity.system, identity.value),
        version=manifest.version,
        status=manifest.status,
        performed_at_ms=manifest.performed_at_ms,
        issued_at_ms=manifest.issued_at_ms,
        count=manifest.count,
        parts=manifest.parts,
        patient_part=manifest.patient_part,
        supersedes=None if supersedes is None else _Reference(supersedes.origin, supersedes.leaf_hash.hex()),
    )
    return _ENCODER.encode(shape)


def parse_manifest(data: bytes) -> Manifest:
    """Parse the bytes of part 0.

    Raises:
        MalformedManifestError: Not a manifest, or one that contradicts itself.
        UnknownFormatError: A version or an entry type that this release does not know.
    """
    if len(data) > MAX_MANIFEST_BYTES:
        raise MalformedManifestError(f"manifest: {len(data)} bytes; {MAX_MANIFEST_BYTES} is the limit")
    try:
        check_document(data, _MAX_DEPTH)
        head = _HEAD_DECODER.decode(data)
        if head.format != FORMAT:
            raise MalformedManifestError(f"manifest: format is not {FORMAT!r}")
        if head.format_version != FORMAT_VERSION:
            raise UnknownFormatError("manifest version", head.format_version)
        if head.entry_type not in _TYPES:
            raise UnknownFormatError("manifest entry type", head.entry_type)
        shape = _DECODER.decode(data)
    except (MalformedJsonError, msgspec.DecodeError) as error:
        raise MalformedManifestError(f"manifest: {error}") from error
    return _manifest(shape)


def _manifest(shape: _Manifest) -> Manifest:
    if shape.count != len(shape.parts) + 1:
        raise MalformedManifestError(f"manifest: count is {shape.count}, but {len(shape.parts)} parts are listed")
    if shape.patient_part is not None and shape.patient_part >= shape.count:
        raise MalformedManifestError(f"manifest: patient_part names part {shape.patient_part} of {shape.count}")
    if (shape.identity is None) != (shape.version == 0):
        raise MalformedManifestError("manifest: a record has an identity and a version from 1, other entries neither")
    return Manifest(
        origin=Origin(shape.origin),
        entry_type=_TYPES[shape.entry_type],
        kind=Kind(shape.kind),
        identity=_identity(shape.identity, Kind(shape.kind)),
        version=Version(shape.version),
        status=RecordStatus(shape.status),
        performed_at_ms=shape.performed_at_ms,
        issued_at_ms=shape.issued_at_ms,
        parts=shape.parts,
        patient_part=shape.patient_part,
        supersedes=_reference(shape.supersedes),
    )


def _identity(shape: _Identity | None, kind: Kind) -> RecordIdentity | None:
    if shape is None:
        return None
    return RecordIdentity(InstitutionId(shape.institution), kind, shape.resource_type, shape.system, shape.value)


def _reference(shape: _Reference | None) -> LeafReference | None:
    return None if shape is None else LeafReference(Origin(shape.origin), bytes.fromhex(shape.leaf_hash))
