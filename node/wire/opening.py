"""Opening a commitment: parts out of a body, and whether parts, manifest and leaf fit together (docs/spec/record.md).

Left out: the file that carries opened parts (`evidence`), the log that the leaf is in (`verification`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from node.domain.entry import EntryType, Origin
from node.errors import MisplacedManifestError, PartNotCommittedError
from node.wire.commitment import DisclosedPart, OpenedBody, PartLike, disclose_parts, verify_parts
from node.wire.evidence import OpenedPart
from node.wire.manifest import MANIFEST_MEDIA_TYPE, Manifest, parse_manifest


def open_parts(secret: bytes, body: OpenedBody, numbers: Collection[int] | None) -> tuple[OpenedPart, tuple[OpenedPart, ...]]:
    """Open chosen parts of a record for evidence; the salts of the others stay closed.

    Args:
        secret: The record secret.
        body: Its opened body.
        numbers: The parts to disclose, the manifest always being; None for all.

    Returns:
        The manifest, and the other parts in order of their numbers.

    Raises:
        UnknownPartError: The record has no such part.
    """
    wanted = range(len(body.parts)) if numbers is None else {0, *numbers}
    manifest, *parts = (
        OpenedPart(part.number, part.full_url, part.salt, part.proof, part.content)
        for part in disclose_parts(secret, body.parts, wanted)
    )
    return manifest, tuple(parts)


def verify_opening(commitment: bytes, disclosed: Sequence[DisclosedPart], *, origin: Origin, entry_type: EntryType) -> Manifest:
    """Verify that disclosed parts, the manifest first, open the commitment of a leaf of this log and type.

    Returns:
        The manifest, now proved.

    Raises:
        MalformedManifestError, UnknownFormatError: Part 0 is no manifest.
        PartNotCommittedError: A part is not what was committed to.
        MisplacedManifestError: The manifest is for another log, another type of leaf or other parts.
    """
    if not disclosed or disclosed[0].number or disclosed[0].full_url:
        raise PartNotCommittedError(0, "the manifest comes first, and has no fullUrl")
    manifest = parse_manifest(disclosed[0].content)
    verify_parts(commitment, manifest.count, disclosed)
    check_manifest(manifest, origin=origin, entry_type=entry_type, parts={part.number: part for part in disclosed})
    return manifest


def check_manifest(manifest: Manifest, *, origin: Origin, entry_type: EntryType, parts: Mapping[int, PartLike]) -> None:
    """Check that a manifest is for this log and type of leaf, and describes these parts.

    Args:
        manifest: Part 0, parsed.
        origin: The log that the leaf is in.
        entry_type: Type of the leaf.
        parts: Disclosed parts by number; the manifest may be among them.

    Raises:
        MisplacedManifestError: The manifest states something else.
    """
    if manifest.origin != origin:
        raise MisplacedManifestError("origin", manifest.origin, origin)
    if manifest.entry_type is not entry_type:
        raise MisplacedManifestError("entry type", int(manifest.entry_type), int(entry_type))
    for number, part in parts.items():
        if not 0 <= number < manifest.count:
            raise MisplacedManifestError("number of parts", manifest.count, f"part {number}")
        stated = manifest.parts[number - 1] if number else None
        media_type = stated.media_type if stated else MANIFEST_MEDIA_TYPE
        if part.media_type != media_type:
            raise MisplacedManifestError(f"media type of part {number}", media_type, part.media_type)
        if stated and len(part.content) != stated.length_bytes:
            raise MisplacedManifestError(f"bytes of part {number}", stated.length_bytes, len(part.content))
