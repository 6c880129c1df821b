"""Public entries, leaf types 8 and 9: committed like records, but with their secret published (docs/spec/leaf.md).

The header slot holds version u8 = 1 · secret 32 · all parts, and the leaf's digest is over it; it is never deleted.
Tombstones say that a header was deleted, successions that a log continues a closed one. Left out: the documents of type 8
(`node.wire.catalogue.entry`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from ledger.hashing import HASH_BYTES, LeafHash, TreeSize, hash_leaf
from node.domain.entry import EntryType, LeafReference, Origin, Version
from node.domain.record import Kind, Part, RecordStatus
from node.errors import (
    MalformedJsonError,
    MalformedPublicEntryError,
    MisplacedManifestError,
    PartNotCommittedError,
    UnknownFormatError,
)
from node.wire.commitment import (
    SECRET_BYTES,
    BodyPart,
    Entropy,
    PartLike,
    commit,
    encode_parts,
    parse_parts,
)
from node.wire.header.seal import header_digest, verify_header_digest
from node.wire.json_strict import check_document
from node.wire.leaf import Leaf, encode_leaf, parse_leaf
from node.wire.locator import random_tag
from node.wire.manifest import Manifest, ManifestPart, encode_manifest, manifest_part, parse_manifest
from node.wire.opening import check_manifest

PUBLIC_TYPES: Final = frozenset({EntryType.CATALOGUE, EntryType.ADMINISTRATIVE})
TOMBSTONE: Final = Kind("tombstone")
SUCCESSION: Final = Kind("succession")
STATEMENT_MEDIA_TYPE: Final = "application/vnd.concord.statement+json"

_VERSION: Final = 1
_STATEMENT_VERSION: Final = 1
_MAX_DEPTH: Final = 2
_Hex = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{2 * HASH_BYTES}}}\Z")]


@dataclass(frozen=True, slots=True)
class PublicEntry:
    """What is staged."""

    leaf: bytes
    """The 106 bytes of the log."""
    leaf_hash: LeafHash
    """RFC 9162 leaf hash, 32 bytes."""
    header: bytes
    """The public slot."""


@dataclass(frozen=True, slots=True)
class OpenedPublicEntry:
    """A public entry that opened its leaf's commitment."""

    manifest: Manifest
    """Part 0."""
    parts: tuple[BodyPart, ...]
    """Parts 1…n-1."""


@dataclass(frozen=True, slots=True)
class Succession:
    """The last good head of a closed log that this one continues."""

    origin: Origin
    """The closed log."""
    size: TreeSize
    """Its final size; what lies beyond is void."""
    root: bytes
    """Its root at that size, 32 bytes."""


class _Tombstone(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    origin: Annotated[str, Meta(min_length=1)]
    leaf_hash: _Hex


class _Succession(msgspec.Struct, forbid_unknown_fields=True):
    statement_version: int
    origin: Annotated[str, Meta(min_length=1)]
    size: Annotated[int, Meta(ge=0)]
    root: _Hex


class _Head(msgspec.Struct):
    statement_version: int


def public_entry(
    origin: Origin,
    entry_type: EntryType,
    kind: Kind,
    parts: Sequence[Part],
    claimed_time_ms: int,
    entropy: Entropy = os.urandom,
) -> PublicEntry:
    """Make a public entry.

    Args:
        origin: The log.
        entry_type: 8 or 9.
        kind: What it states.
        parts: Parts 1…n-1.
        claimed_time_ms: Now, unix ms.
        entropy: Draws secret and tag.

    Raises:
        ValueError: Another type, or parts that the formats have no room for.
    """
    if entry_type not in PUBLIC_TYPES:
        raise ValueError(f"entries of type {int(entry_type)} are not public")
    manifest = Manifest(
        origin=origin,
        entry_type=entry_type,
        kind=kind,
        identity=None,
        version=Version(0),
        status=RecordStatus(""),
        performed_at_ms=claimed_time_ms,
        issued_at_ms=None,
        parts=tuple(ManifestPart(part.media_type, part.role, len(part.content)) for part in parts),
        patient_part=None,
        supersedes=None,
    )
    everything: tuple[PartLike, ...] = (manifest_part(encode_manifest(manifest)), *parts)
    secret = entropy(SECRET_BYTES)
    header = bytes((_VERSION,)) + secret + encode_parts(everything)
    leaf = encode_leaf(
        Leaf(
            entry_type=entry_type,
            claimed_time_ms=claimed_time_ms,
            commitment=commit(secret, everything).value,
            tag=random_tag(entropy),
            header_digest=header_digest(header),
        )
    )
    return PublicEntry(leaf, hash_leaf(leaf), header)


def open_public_entry(leaf: bytes, header: bytes, origin: Origin) -> OpenedPublicEntry:
    """Verify a public entry and open it.

    Args:
        leaf: The 106 bytes of the log.
        header: The public slot.
        origin: The log that both came from.

    Raises:
        MalformedLeafError, MalformedPublicEntryError, MalformedBodyError, MalformedManifestError: Not one.
        UnknownFormatError: A version or type that this release does not know.
        HeaderDigestError: The slot is not the one that the leaf names.
        PartNotCommittedError: The parts are not those that were committed to.
        MisplacedManifestError: It was made for another log or another type, or its manifest lists other parts.
    """
    parsed = parse_leaf(leaf)
    if parsed.entry_type not in PUBLIC_TYPES:
        raise MalformedPublicEntryError(f"public entry: a leaf of type {int(parsed.entry_type)} is not public")
    verify_header_digest(header, parsed.header_digest)
    if header[:1] != bytes((_VERSION,)):
        raise UnknownFormatError("public entry version", header[0] if header else None)
    secret, encoded = header[1 : 1 + SECRET_BYTES], header[1 + SECRET_BYTES :]
    if len(secret) != SECRET_BYTES:
        raise MalformedPublicEntryError("public entry: cut off in its secret")
    parts = parse_parts(encoded)
    if commit(secret, parts).value != parsed.commitment:
        raise PartNotCommittedError(0, "the public parts make another commitment")
    manifest = parse_manifest(parts[0].content)
    check_manifest(manifest, origin=origin, entry_type=parsed.entry_type, parts=dict(enumerate(parts)))
    if manifest.count != len(parts):
        raise MisplacedManifestError("number of parts", manifest.count, len(parts))
    return OpenedPublicEntry(manifest, parts[1:])


def tombstone_entry(origin: Origin, target: LeafReference, now_ms: int, entropy: Entropy = os.urandom) -> PublicEntry:
    """Make the entry that says that the header of another entry was deleted."""
    statement = _Tombstone(_STATEMENT_VERSION, target.origin, target.leaf_hash.hex())
    return public_entry(origin, EntryType.ADMINISTRATIVE, TOMBSTONE, [_statement(TOMBSTONE, statement)], now_ms, entropy)


def succession_entry(origin: Origin, predecessor: Succession, now_ms: int, entropy: Entropy = os.urandom) -> PublicEntry:
    """Make entry 0 of a log that continues a closed one."""
    statement = _Succession(_STATEMENT_VERSION, predecessor.origin, predecessor.size, predecessor.root.hex())
    return public_entry(origin, EntryType.ADMINISTRATIVE, SUCCESSION, [_statement(SUCCESSION, statement)], now_ms, entropy)


def tombstone_target(entry: OpenedPublicEntry) -> LeafReference:
    """Return the entry whose header a tombstone says was deleted.

    Raises:
        MalformedPublicEntryError: It is no tombstone.
        UnknownFormatError: A version that this release does not know.
    """
    statement = _parse_statement(entry, TOMBSTONE, _Tombstone)
    return LeafReference(Origin(statement.origin), bytes.fromhex(statement.leaf_hash))


def predecessor_of(entry: OpenedPublicEntry) -> Succession:
    """Return the closed log's head that a succession names.

    Raises:
        MalformedPublicEntryError: It is no succession.
        UnknownFormatError: A version that this release does not know.
    """
    statement = _parse_statement(entry, SUCCESSION, _Succession)
    return Succession(Origin(statement.origin), TreeSize(statement.size), bytes.fromhex(statement.root))


def _statement(kind: Kind, statement: msgspec.Struct) -> Part:
    return Part(STATEMENT_MEDIA_TYPE, kind, "", msgspec.json.encode(statement), "")


_StatementT = TypeVar("_StatementT", bound=msgspec.Struct)


def _parse_statement(entry: OpenedPublicEntry, kind: Kind, shape: type[_StatementT]) -> _StatementT:
    if entry.manifest.kind != kind or len(entry.parts) != 1 or entry.parts[0].media_type != STATEMENT_MEDIA_TYPE:
        raise MalformedPublicEntryError(f"public entry: not a {kind} with one statement")
    content = entry.parts[0].content
    try:
        check_document(content, _MAX_DEPTH)
        version = msgspec.json.decode(content, type=_Head).statement_version
        if version != _STATEMENT_VERSION:
            raise UnknownFormatError(f"{kind} version", version)
        return msgspec.json.decode(content, type=shape)
    except (MalformedJsonError, msgspec.DecodeError) as error:
        raise MalformedPublicEntryError(f"public entry: {kind}: {error}") from error
