from __future__ import annotations

import pytest

from node.domain.entry import EntryType, LeafReference, Origin
from node.domain.record import Kind, Part
from node.errors import HeaderDigestError, MalformedCatalogueError, MalformedPublicEntryError
from node.wire.catalogue.documents import digest_of, encode_document
from node.wire.catalogue.entry import DOCUMENT_MEDIA_TYPE, document_entry, published_document
from node.wire.leaf import parse_leaf
from node.wire.public_entry import PublicEntry, open_public_entry, public_entry, tombstone_entry
from tests.unit.terminology import world

ORIGIN = Origin("regulator.example/log")
DATA = encode_document(world.CATALOGUE)


def opened(entry: PublicEntry) -> tuple[object, bytes]:
    return published_document(open_public_entry(entry.leaf, entry.header, ORIGIN))


def test_a_published_document_comes_back_with_the_digest_that_pins_it() -> None:
    entry = document_entry(ORIGIN, DATA, world.NOW_MS)
    assert parse_leaf(entry.leaf).entry_type is EntryType.CATALOGUE
    assert opened(entry) == (world.CATALOGUE, digest_of(DATA))


def test_an_altered_document_is_refused() -> None:
    entry = document_entry(ORIGIN, DATA, world.NOW_MS)
    altered = entry.header.replace(b'"days":30', b'"days":90').replace(b"ALT item", b"BLT item")
    with pytest.raises(HeaderDigestError):
        open_public_entry(entry.leaf, altered, ORIGIN)


def test_only_documents_are_published() -> None:
    with pytest.raises(MalformedCatalogueError):
        document_entry(ORIGIN, b"{}", world.NOW_MS)


@pytest.mark.parametrize(
    ("entry_type", "kind", "media_type", "count"),
    [
        (EntryType.CATALOGUE, "prices", DOCUMENT_MEDIA_TYPE, 1),
        (EntryType.CATALOGUE, "menu", DOCUMENT_MEDIA_TYPE, 1),
        (EntryType.CATALOGUE, "catalogue", "application/json", 1),
        (EntryType.CATALOGUE, "catalogue", DOCUMENT_MEDIA_TYPE, 2),
        (EntryType.ADMINISTRATIVE, "catalogue", DOCUMENT_MEDIA_TYPE, 1),
    ],
)
def test_an_entry_that_is_not_what_it_says_is_refused(entry_type: EntryType, kind: str, media_type: str, count: int) -> None:
    parts = [Part(media_type, kind, "", DATA, "")] * count
    with pytest.raises(MalformedPublicEntryError):
        opened(public_entry(ORIGIN, entry_type, Kind(kind), parts, world.NOW_MS))


def test_a_tombstone_publishes_no_document() -> None:
    with pytest.raises(MalformedPublicEntryError):
        opened(tombstone_entry(ORIGIN, LeafReference(ORIGIN, bytes(32)), world.NOW_MS))
