"""Whether a record's manifest fits the log and leaf that it came with, and the parts beside it (docs/spec/record.md).

Left out: whether the parts open the commitment (`commitment`), whether the leaf is in the log (`verification`).
"""

from __future__ import annotations

from collections.abc import Mapping

from node.domain.entry import EntryType, Origin
from node.errors import MisplacedManifestError
from node.wire.commitment import PartLike
from node.wire.manifest import MANIFEST_MEDIA_TYPE, Manifest


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
