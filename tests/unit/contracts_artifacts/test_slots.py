"""Slots and packed words, against values worked out by hand."""

from __future__ import annotations

from eth_hash.auto import keccak

from contracts import artifact
from contracts.slots import HeadWord, anchor_access_list, head_slots, member_slot, parse_head_word


def test_a_head_word_unpacks() -> None:
    word = 1000 | 7 << 48 | 1_750_000_000 << 96 | (3 * 256 + 5) << 144
    assert parse_head_word(word) == HeadWord(size=1000, block_number=7, timestamp_s=1_750_000_000, place=3 * 256 + 5)
    unpacked = parse_head_word(word)
    assert unpacked is not None
    assert unpacked.institution_number == 2
    assert parse_head_word(0) is None


def test_slots_are_those_of_a_vyper_map() -> None:
    origin = keccak(b"log.example")
    base = artifact("log_anchors").storage_layout["heads"]["slot"]
    first = int.from_bytes(keccak(base.to_bytes(32, "big") + origin), "big")
    assert head_slots(origin) == (first, first + 1)
    assert anchor_access_list(bytes(20), 9) == [(bytes(20), [member_slot(9)])]
    assert member_slot(9) != member_slot(10)
