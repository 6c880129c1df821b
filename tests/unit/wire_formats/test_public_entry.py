from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.hashing import TreeSize, hash_leaf
from node.domain.entry import EntryType, LeafReference
from node.domain.record import Kind, Part
from node.errors import (
    HeaderDigestError,
    MalformedBodyError,
    MalformedPublicEntryError,
    MisplacedManifestError,
    PartNotCommittedError,
    UnknownFormatError,
)
from node.wire.commitment import BodyPart, commit, encode_parts, parse_parts
from node.wire.header.seal import header_digest
from node.wire.leaf import Leaf, encode_leaf, parse_leaf
from node.wire.public_entry import (
    STATEMENT_MEDIA_TYPE,
    TOMBSTONE,
    OpenedPublicEntry,
    PublicEntry,
    Succession,
    open_public_entry,
    predecessor_of,
    public_entry,
    succession_entry,
    tombstone_entry,
    tombstone_target,
)
from tests.unit.wire_formats.samples import NOW_MS, ORIGIN, OTHER_ORIGIN

TARGET = LeafReference(ORIGIN, b"h" * 32)
ENTRY = tombstone_entry(ORIGIN, TARGET, NOW_MS)


def opened(entry: PublicEntry) -> OpenedPublicEntry:
    return open_public_entry(entry.leaf, entry.header, ORIGIN)


def with_slot(header: bytes) -> bytes:
    """A leaf that names another slot: what a dishonest log could write."""
    return encode_leaf(replace(parse_leaf(ENTRY.leaf), header_digest=header_digest(header)))


def test_a_tombstone_names_what_was_deleted() -> None:
    entry = opened(ENTRY)
    assert tombstone_target(entry) == TARGET
    assert (entry.manifest.entry_type, entry.manifest.kind) == (EntryType.ADMINISTRATIVE, TOMBSTONE)
    assert ENTRY.leaf_hash == hash_leaf(ENTRY.leaf)
    assert parse_leaf(ENTRY.leaf).claimed_time_ms == NOW_MS


def test_a_succession_names_the_closed_logs_head() -> None:
    predecessor = Succession(OTHER_ORIGIN, TreeSize(2**40), b"r" * 32)
    entry = opened(succession_entry(ORIGIN, predecessor, NOW_MS))
    assert predecessor_of(entry) == predecessor
    with pytest.raises(MalformedPublicEntryError, match="tombstone"):
        tombstone_target(entry)
    with pytest.raises(MalformedPublicEntryError, match="succession"):
        predecessor_of(opened(ENTRY))


def test_tags_are_random() -> None:
    again = tombstone_entry(ORIGIN, TARGET, NOW_MS)
    assert parse_leaf(again.leaf).tag != parse_leaf(ENTRY.leaf).tag


def test_it_counts_in_its_own_log_only() -> None:
    with pytest.raises(MisplacedManifestError, match="origin"):
        open_public_entry(ENTRY.leaf, ENTRY.header, OTHER_ORIGIN)


def test_every_changed_byte_of_the_slot_is_noticed() -> None:
    for at in range(len(ENTRY.header)):
        changed = bytearray(ENTRY.header)
        changed[at] ^= 1
        with pytest.raises(HeaderDigestError):
            open_public_entry(ENTRY.leaf, bytes(changed), ORIGIN)


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (b"", UnknownFormatError),
        (b"\x02" + ENTRY.header[1:], UnknownFormatError),
        (ENTRY.header[:20], MalformedPublicEntryError),
        (ENTRY.header[:40], MalformedBodyError),
        (ENTRY.header[:-1], MalformedBodyError),
        (ENTRY.header + b"\0", MalformedBodyError),
        (ENTRY.header[:1] + bytes(32) + ENTRY.header[33:], PartNotCommittedError),
    ],
    # the entry is drawn anew by each worker: its bytes would be another name each time
    ids=range(7),
)
def test_a_slot_that_the_leaf_names_and_that_is_none_is_refused(header: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        open_public_entry(with_slot(header), header, ORIGIN)


def test_the_type_of_the_leaf_counts() -> None:
    leaf = parse_leaf(ENTRY.leaf)
    with pytest.raises(MisplacedManifestError, match="entry type"):
        open_public_entry(encode_leaf(replace(leaf, entry_type=EntryType.CATALOGUE)), ENTRY.header, ORIGIN)
    with pytest.raises(MalformedPublicEntryError, match="not public"):
        open_public_entry(encode_leaf(replace(leaf, entry_type=EntryType.RECORD)), ENTRY.header, ORIGIN)


def test_other_types_are_not_made() -> None:
    with pytest.raises(ValueError, match="not public"):
        public_entry(ORIGIN, EntryType.RECORD, Kind("x"), [], NOW_MS)


def test_a_catalogue_is_public() -> None:
    part = Part("text/csv", "catalogue", "", "item,价格\n".encode(), "")
    entry = opened(public_entry(ORIGIN, EntryType.CATALOGUE, Kind("catalogue"), [part], NOW_MS))
    assert entry.parts[0].content == part.content


@pytest.mark.parametrize(
    "statement",
    [
        b"",
        b"[]",
        b'{"statement_version":1}',
        b'{"statement_version":1,"origin":"o","leaf_hash":"00"}',
        b'{"statement_version":1,"origin":"o","leaf_hash":"' + b"0" * 64 + b'","more":1}',
        b'{"statement_version":1,"origin":"o","origin":"p","leaf_hash":"' + b"0" * 64 + b'"}',
    ],
)
def test_what_states_nothing_is_refused(statement: bytes) -> None:
    part = Part(STATEMENT_MEDIA_TYPE, TOMBSTONE, "", statement, "")
    entry = opened(public_entry(ORIGIN, EntryType.ADMINISTRATIVE, TOMBSTONE, [part], NOW_MS))
    with pytest.raises(MalformedPublicEntryError):
        tombstone_target(entry)


def test_unknown_statements_are_refused_by_name() -> None:
    part = Part(STATEMENT_MEDIA_TYPE, TOMBSTONE, "", b'{"statement_version":2}', "")
    entry = opened(public_entry(ORIGIN, EntryType.ADMINISTRATIVE, TOMBSTONE, [part], NOW_MS))
    with pytest.raises(UnknownFormatError, match="tombstone version"):
        tombstone_target(entry)


def test_a_slot_with_other_parts_than_its_manifest_lists_is_refused() -> None:
    secret, parts = ENTRY.header[1:33], parse_parts(ENTRY.header[33:])
    leaf = parse_leaf(ENTRY.leaf)
    for others in ((*parts, BodyPart("text/plain", "", b"smuggled")), parts[:1]):
        header = b"\x01" + secret + encode_parts(others)
        value = commit(secret, others).value
        forged = Leaf(leaf.entry_type, leaf.claimed_time_ms, value, leaf.tag, header_digest(header))
        with pytest.raises(MisplacedManifestError, match="number of parts"):
            open_public_entry(encode_leaf(forged), header, ORIGIN)
