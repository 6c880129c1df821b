from __future__ import annotations

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.hashing import hash_leaf
from node.domain.entry import EntryType, Origin
from node.domain.header import AnyContent, Header, HeaderContent
from node.domain.patient import LocatorTag, PatientCode, PatientKeys, PatientPublicKeys
from node.errors import (
    HeaderVerificationError,
    MalformedHeaderError,
    MalformedPatientCodeError,
    NotARecordError,
    UnknownFormatError,
    WireError,
)
from node.identity.code_text import PatientCard, encode_card, parse_card
from node.identity.sealed import encode_patient_keys, parse_patient_keys
from node.wire.header.seal import HeaderPlace, encode_header, open_header_reader, parse_header, prepare_header, seal_header
from node.wire.header.text import encode_content, encode_text, parse_text, text_version
from node.wire.leaf import Leaf, encode_leaf, parse_leaf
from node.wire.manifest import Manifest, encode_manifest, parse_manifest
from node.wire.prepare import unix_ms
from tests.property.wire_formats.strategies import act_contents, hashes, header_contents, leaves, manifests, names, times


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


@given(leaves(), st.integers(0, 106 * 8 - 1))
def test_leaves(leaf: Leaf, bit: int) -> None:
    data = encode_leaf(leaf)
    assert parse_leaf(data) == leaf
    changed = flip(data, bit)
    assert hash_leaf(changed) != hash_leaf(data)
    try:
        assert parse_leaf(changed) != leaf
        assert encode_leaf(parse_leaf(changed)) == changed
    except WireError:
        pass


@given(manifests())
def test_manifests(manifest: Manifest) -> None:
    assert parse_manifest(encode_manifest(manifest)) == manifest


@given(manifests(), st.integers(0, 2**20))
def test_a_changed_manifest_says_something_else_or_is_none(manifest: Manifest, bit: int) -> None:
    data = encode_manifest(manifest)
    with contextlib.suppress(WireError):
        assert parse_manifest(flip(data, bit)) != manifest


@given(header_contents, st.none() | hashes)
def test_header_texts(content: HeaderContent, pseudonym: bytes | None) -> None:
    text = encode_text(encode_content(content), pseudonym)
    assert len(text) % 512 == 0
    assert parse_text(text) == Header(content, pseudonym)


@given(act_contents, st.none() | hashes)
def test_texts_of_acts(content: AnyContent, pseudonym: bytes | None) -> None:
    text = encode_text(encode_content(content), pseudonym, text_version(content))
    assert len(text) % 512 == 0
    assert parse_text(text) == Header(content, pseudonym)
    with pytest.raises(NotARecordError):
        _ = parse_text(text).record


@given(header_contents | act_contents, hashes, hashes, names, st.sampled_from(EntryType))
def test_sealed_headers(content: AnyContent, key: bytes, tag: bytes, origin: str, entry_type: EntryType) -> None:
    place = HeaderPlace(Origin(origin), entry_type, LocatorTag(tag))
    sealed = seal_header(prepare_header(content, ()), place, reader_key=key, reader_key_id=bytes(8))
    assert encode_header(parse_header(sealed)) == sealed
    assert open_header_reader(sealed, place, key) == Header(content, None)
    for other in EntryType:
        if other is not entry_type:
            with pytest.raises(HeaderVerificationError):
                open_header_reader(sealed, HeaderPlace(Origin(origin), other, LocatorTag(tag)), key)


@given(st.binary(max_size=900))
def test_any_bytes_are_one_header_or_none(data: bytes) -> None:
    for candidate in (data, b"\x01" + data):
        with contextlib.suppress(MalformedHeaderError, UnknownFormatError):
            assert encode_header(parse_header(candidate)) == candidate


@given(hashes, hashes, hashes)
def test_cards(code: bytes, exchange: bytes, signing: bytes) -> None:
    card = PatientCard(PatientCode(code), PatientPublicKeys(exchange, signing))
    assert parse_card(encode_card(card)) == card


@given(st.text(max_size=200))
def test_other_texts_are_no_cards(text: str) -> None:
    with pytest.raises((MalformedPatientCodeError, UnknownFormatError)):
        parse_card(text)


@given(
    st.dictionaries(st.integers(0, 2**32 - 1), hashes, min_size=1, max_size=4),
    hashes,
    hashes,
    st.none() | hashes,
    st.none() | hashes,
)
def test_kept_keys(epochs: dict[int, bytes], exchange: bytes, signing: bytes, pseudonym: bytes | None, code: bytes | None) -> None:
    keys = PatientKeys(epochs, exchange, signing, pseudonym, code)
    assert parse_patient_keys(encode_patient_keys(keys)) == keys


@given(st.binary(max_size=250))
def test_any_bytes_are_kept_keys_in_one_way_or_not_at_all(data: bytes) -> None:
    for candidate in (data, b"\x01" + data):
        with contextlib.suppress(WireError):
            assert encode_patient_keys(parse_patient_keys(candidate)) == candidate


@given(times)
def test_times_are_exact(time: datetime) -> None:
    assert 0 <= time.timestamp() * 1000 - unix_ms(time) < 1.001
