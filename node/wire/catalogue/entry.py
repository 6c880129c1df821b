"""Documents of the catalogue's family in the log: public entries of type 8 (docs/spec/catalogue.md).

One part, the document's exact bytes: its digest is what decisions pin, and anyone who follows the log can have it.
"""

from __future__ import annotations

import os
from typing import Final

from node.domain.entry import EntryType, Origin
from node.domain.recognition import DocumentDigest
from node.domain.record import Kind, Part
from node.errors import MalformedPublicEntryError
from node.terminology.bundle import Document
from node.wire.catalogue.documents import FORMATS, digest_of, kind_of, parse_document
from node.wire.commitment import Entropy
from node.wire.public_entry import OpenedPublicEntry, PublicEntry, public_entry

DOCUMENT_MEDIA_TYPE: Final = "application/vnd.concord.catalogue+json"
MAX_DOCUMENT_BYTES: Final = 4 * 2**20
"""Of a document that is published: every member keeps it for good."""


def document_entry(origin: Origin, data: bytes, now_ms: int, entropy: Entropy = os.urandom) -> PublicEntry:
    """Make the entry that publishes a document.

    Args:
        origin: The log.
        data: The document's exact bytes.
        now_ms: Now, unix ms.
        entropy: Draws secret and tag.

    Raises:
        MalformedCatalogueError: Not a document of this family.
        UnknownFormatError: A kind or version that this release does not know.
    """
    kind = Kind(kind_of(parse_document(data)))
    part = Part(DOCUMENT_MEDIA_TYPE, kind, "", data, "")
    return public_entry(origin, EntryType.CATALOGUE, kind, [part], now_ms, entropy)


def published_document(entry: OpenedPublicEntry) -> tuple[Document, DocumentDigest]:
    """Return the document that an opened entry publishes, and the digest that pins it.

    Raises:
        MalformedPublicEntryError: It publishes none, or another kind than it says.
        MalformedCatalogueError: Its document is malformed.
        UnknownFormatError: A kind or version that this release does not know.
    """
    manifest = entry.manifest
    one = len(entry.parts) == 1 and entry.parts[0].media_type == DOCUMENT_MEDIA_TYPE
    if manifest.entry_type is not EntryType.CATALOGUE or manifest.kind not in FORMATS or not one:
        raise MalformedPublicEntryError("public entry: not one document of the catalogue's family")
    content = entry.parts[0].content
    if len(content) > MAX_DOCUMENT_BYTES:
        raise MalformedPublicEntryError(f"public entry: a document has at most {MAX_DOCUMENT_BYTES} bytes")
    document = parse_document(content)
    if kind_of(document) != manifest.kind:
        raise MalformedPublicEntryError(f"public entry: a {kind_of(document)} published as {manifest.kind}")
    return document, digest_of(content)
