from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.entry import EntryType
from node.domain.patient import LocatorTag
from node.errors import MalformedLeafError, UnknownFormatError
from node.wire.leaf import LEAF_BYTES, Leaf, encode_leaf, parse_leaf, round_claimed_time

LEAF = Leaf(EntryType.RECORD, 1_760_000_012_345, b"c" * 32, LocatorTag(b"t" * 32), b"d" * 32)


def test_a_leaf_has_106_bytes() -> None:
    assert len(encode_leaf(LEAF)) == LEAF_BYTES == 106


@pytest.mark.parametrize("length", [1, 105, 107, 212])
def test_other_lengths_are_refused(length: int) -> None:
    with pytest.raises(MalformedLeafError):
        parse_leaf((encode_leaf(LEAF) * 2)[:length])


def test_an_empty_leaf_is_refused() -> None:
    with pytest.raises(MalformedLeafError):
        parse_leaf(b"")


@pytest.mark.parametrize("version", [0, 2, 255])
def test_unknown_versions_are_refused_by_name(version: int) -> None:
    with pytest.raises(UnknownFormatError, match="leaf version") as caught:
        parse_leaf(bytes([version]) + encode_leaf(LEAF)[1:] + b"more")
    assert caught.value.value == version


@pytest.mark.parametrize("code", [0, 13, 255])
def test_unknown_types_are_refused_by_name(code: int) -> None:
    with pytest.raises(UnknownFormatError, match="leaf type") as caught:
        parse_leaf(bytes([1, code]) + encode_leaf(LEAF)[2:])
    assert caught.value.value == code


@pytest.mark.parametrize("entry_type", list(EntryType))
def test_types_that_would_tell_too_much_claim_the_minute(entry_type: EntryType) -> None:
    rounded = round_claimed_time(entry_type, LEAF.claimed_time_ms)
    coarse = int(entry_type) in {3, 4, 5, 6, 7, 10, 12}
    assert rounded == (1_759_999_980_000 if coarse else LEAF.claimed_time_ms)
    encoded = encode_leaf(replace(LEAF, entry_type=entry_type, claimed_time_ms=rounded))
    assert parse_leaf(encoded).claimed_time_ms == rounded
    fine = bytes([1, entry_type]) + encode_leaf(LEAF)[2:]
    if coarse:
        with pytest.raises(MalformedLeafError, match="whole minute"):
            parse_leaf(fine)
        with pytest.raises(ValueError, match="whole minute"):
            encode_leaf(replace(LEAF, entry_type=entry_type))
    else:
        assert parse_leaf(fine).entry_type is entry_type


@pytest.mark.parametrize(
    "leaf",
    [
        replace(LEAF, commitment=b"short"),
        replace(LEAF, tag=LocatorTag(b"t" * 33)),
        replace(LEAF, header_digest=b""),
        replace(LEAF, claimed_time_ms=-1),
        replace(LEAF, claimed_time_ms=2**64),
    ],
)
def test_what_does_not_fit_is_not_encoded(leaf: Leaf) -> None:
    with pytest.raises(ValueError, match=r"bytes|64-bit"):
        encode_leaf(leaf)
