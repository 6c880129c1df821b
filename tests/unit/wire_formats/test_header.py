from __future__ import annotations

from dataclasses import replace

import pytest
from nacl.bindings import crypto_box_keypair

from node.domain.entry import EntryType
from node.domain.header import HeaderContent
from node.domain.patient import LocatorTag
from node.domain.record import Kind
from node.errors import (
    HeaderDigestError,
    HeaderKeyError,
    HeaderSealError,
    HeaderVerificationError,
    HeaderWrapError,
    MalformedHeaderError,
    UnknownFormatError,
)
from node.wire.header.seal import (
    READER_WRAP,
    HeaderPlace,
    audit_key_id,
    encode_header,
    header_digest,
    open_header_reader,
    open_header_supervision,
    parse_header,
    prepare_header,
    seal_header,
    verify_header_digest,
)
from node.wire.header.text import encode_content, encode_text, parse_text
from node.wire.locator import locator_tag
from node.wire.prepare import FinishedEntry, finish_record
from tests.unit.wire_formats.samples import ORIGIN, OTHER_ORIGIN, draft, prepared

EPOCH_KEY, PAIRWISE_KEY = b"e" * 32, b"p" * 32
KEY_ID = (7).to_bytes(8, "big")
PSEUDONYM = b"\xab" * 32
AUDIT_PUBLIC, AUDIT_KEY = crypto_box_keypair()
OTHER_PUBLIC, OTHER_KEY = crypto_box_keypair()
RECORD = prepared(audit_keys=(AUDIT_PUBLIC, OTHER_PUBLIC))
TAG = locator_tag(EPOCH_KEY, ORIGIN, 0, 0)
PLACE = HeaderPlace(ORIGIN, EntryType.RECORD, TAG)


def finished(key: bytes = EPOCH_KEY, tag_class: int = 0, pseudonym: bytes | None = PSEUDONYM) -> FinishedEntry:
    return finish_record(
        RECORD,
        origin=ORIGIN,
        tag=locator_tag(key, ORIGIN, tag_class, 0),
        reader_key=key,
        reader_key_id=KEY_ID,
        pseudonym=pseudonym,
    )


HEADER = finished().header


def test_readers_and_supervision_see_the_same() -> None:
    opened = open_header_reader(HEADER, PLACE, EPOCH_KEY)
    assert opened.pseudonym == PSEUDONYM
    assert opened.record.kind == "exam-result"
    assert [part.role for part in opened.record.parts] == ["patient", "report", "observation", "performer"]
    for public, private in ((AUDIT_PUBLIC, AUDIT_KEY), (OTHER_PUBLIC, OTHER_KEY)):
        assert open_header_supervision(HEADER, PLACE, audit_public_key=public, audit_key=private) == opened


def test_others_see_nothing() -> None:
    with pytest.raises(HeaderWrapError, match="reader"):
        open_header_reader(HEADER, PLACE, bytes(32))
    stranger, key = crypto_box_keypair()
    with pytest.raises(HeaderWrapError, match="audit"):
        open_header_supervision(HEADER, PLACE, audit_public_key=stranger, audit_key=key)
    with pytest.raises(HeaderWrapError, match="audit"):
        open_header_supervision(HEADER, PLACE, audit_public_key=AUDIT_PUBLIC, audit_key=key)


@pytest.mark.parametrize(
    "place",
    [PLACE._replace(origin=OTHER_ORIGIN), PLACE._replace(entry_type=EntryType.AMENDMENT)],
    ids=["another log", "another type"],
)
def test_a_header_opens_in_its_place_only(place: HeaderPlace) -> None:
    with pytest.raises(HeaderSealError):
        open_header_reader(HEADER, place, EPOCH_KEY)
    with pytest.raises(HeaderSealError):
        open_header_supervision(HEADER, place, audit_public_key=AUDIT_PUBLIC, audit_key=AUDIT_KEY)


def test_a_header_opens_at_its_tag_only() -> None:
    place = PLACE._replace(tag=LocatorTag(bytes(32)))
    with pytest.raises(HeaderWrapError):
        open_header_reader(HEADER, place, EPOCH_KEY)
    with pytest.raises(HeaderSealError):
        open_header_supervision(HEADER, place, audit_public_key=AUDIT_PUBLIC, audit_key=AUDIT_KEY)


def test_nothing_of_log_patient_or_record_shows() -> None:
    shown = [b"hospital-a", b"exam-result", b"ACC-1", b"MRN-77", b"718", b"mzxw6ytboi", PSEUDONYM, EPOCH_KEY, TAG]
    shown += [PSEUDONYM.hex().encode(), RECORD.header.data_key]
    assert not [text for text in shown if text in HEADER]


def test_a_sensitive_record_looks_like_any_other() -> None:
    ordinary, sensitive = (parse_header(finished(key, c).header) for key, c in ((EPOCH_KEY, 0), (PAIRWISE_KEY, 1)))
    assert len(ordinary.ciphertext) == len(sensitive.ciphertext)
    assert [wrap.kind for wrap in ordinary.wraps] == [wrap.kind for wrap in sensitive.wraps]
    assert [wrap.key_id for wrap in ordinary.wraps] == [wrap.key_id for wrap in sensitive.wraps]


def test_a_missing_pseudonym_does_not_show() -> None:
    without = finished(pseudonym=None)
    assert len(without.header) == len(HEADER)
    assert open_header_reader(without.header, PLACE, EPOCH_KEY).pseudonym is None


def test_two_headers_share_nothing_but_names_of_keys() -> None:
    one, other = parse_header(HEADER), parse_header(finished().header)
    assert one.nonce != other.nonce
    assert one.wraps[0].content != other.wraps[0].content
    again = parse_header(seal_header(prepare_header(content(), ()), PLACE, reader_key=EPOCH_KEY, reader_key_id=KEY_ID))
    assert again.key_commitment != one.key_commitment


@pytest.mark.parametrize("items", [0, 1, 5, 9, 30, 200])
def test_headers_come_in_steps_of_512_bytes(items: int) -> None:
    sealed = finish_record(prepared(draft(items=items)), origin=ORIGIN, tag=TAG, reader_key=EPOCH_KEY, reader_key_id=KEY_ID)
    header = parse_header(sealed.header)
    assert (len(header.ciphertext) - 16) % 512 == 0
    assert len(open_header_reader(sealed.header, PLACE, EPOCH_KEY).record.items) == items


def test_every_changed_byte_is_noticed_by_its_reader() -> None:
    wraps_end = 58 + 83 + 2 * 91
    for at in range(len(HEADER)):
        changed = bytearray(HEADER)
        changed[at] ^= 1
        supervision_only = 58 + 83 <= at < wraps_end
        try:
            open_header_reader(bytes(changed), PLACE, EPOCH_KEY)
        except (HeaderVerificationError, MalformedHeaderError, UnknownFormatError):
            continue
        # nothing a reader uses: the name of its own key, and what is sealed to supervision
        assert supervision_only or 59 <= at < 67, at
        with pytest.raises(HeaderDigestError):
            verify_header_digest(bytes(changed), header_digest(HEADER))


def test_a_header_that_shows_supervision_something_else_is_noticed() -> None:
    """A writer with two data keys: one wrap each, and a header that commits to the reader's."""
    honest, other = parse_header(HEADER), prepare_header(content(), (AUDIT_PUBLIC,))
    lying = encode_header(honest._replace(wraps=(honest.wraps[0], *other.supervision_wraps)))
    assert open_header_reader(lying, PLACE, EPOCH_KEY).pseudonym == PSEUDONYM
    with pytest.raises(HeaderKeyError):
        open_header_supervision(lying, PLACE, audit_public_key=AUDIT_PUBLIC, audit_key=AUDIT_KEY)


def test_a_wrap_under_another_audit_keys_name_counts_as_missing() -> None:
    header = parse_header(HEADER)
    misnamed = header.wraps[1]._replace(key_id=audit_key_id(OTHER_PUBLIC))
    renamed = encode_header(header._replace(wraps=(header.wraps[0], misnamed)))
    with pytest.raises(HeaderWrapError, match="audit"):
        open_header_supervision(renamed, PLACE, audit_public_key=AUDIT_PUBLIC, audit_key=AUDIT_KEY)


def test_the_key_that_is_committed_to_has_to_open() -> None:
    header = parse_header(HEADER)
    with pytest.raises(HeaderKeyError):
        open_header_reader(encode_header(header._replace(key_commitment=bytes(32))), PLACE, EPOCH_KEY)


def test_a_second_wrap_for_the_reader_is_tried_too() -> None:
    header = parse_header(HEADER)
    stale = header.wraps[0]._replace(content=bytes(72))
    both = encode_header(header._replace(wraps=(stale, *header.wraps)))
    assert open_header_reader(both, PLACE, EPOCH_KEY) == open_header_reader(HEADER, PLACE, EPOCH_KEY)


def test_pieces_are_encoded_as_they_were_parsed() -> None:
    assert encode_header(parse_header(HEADER)) == HEADER
    header = parse_header(HEADER)
    assert header.wraps[0].kind == READER_WRAP
    assert header.wraps[1].key_id == audit_key_id(AUDIT_PUBLIC)


@pytest.mark.parametrize(
    "data",
    [
        HEADER[:1],
        HEADER[:57],
        HEADER[:57] + b"\0" + HEADER[58:],
        HEADER[:60],
        HEADER[:100],
        HEADER[:141],
        HEADER[: 58 + 83 + 2 * 91],
        HEADER[: 58 + 83 + 2 * 91 + 16],
        HEADER[:-1],
        HEADER + b"\0",
        HEADER[:67] + b"\0\x47" + HEADER[69:],
    ],
    # the header is drawn anew by each worker: its bytes would be another name each time
    ids=range(11),
)
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedHeaderError):
        parse_header(data)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "header version"),
        (b"\x02" + HEADER[1:], "header version"),
        (HEADER[:58] + b"\x03" + HEADER[59:], "header wrap kind"),
    ],
)
def test_the_unknown_is_refused_by_name(data: bytes, name: str) -> None:
    with pytest.raises(UnknownFormatError, match=name):
        parse_header(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]".ljust(512),
        encode_text(encode_content(open_header_reader(HEADER, PLACE, EPOCH_KEY).content), None)[:-1],
        encode_text(encode_content(open_header_reader(HEADER, PLACE, EPOCH_KEY).content), None)[:-1] + b"\n",
        b'{"format_version":1,"format_version":1}'.ljust(512),
        b'{"format_version":1,"pseudonym":null}'.ljust(512),
    ],
)
def test_what_is_no_headers_text_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedHeaderError):
        parse_text(text)


def test_unknown_texts_are_refused_by_name() -> None:
    with pytest.raises(UnknownFormatError, match="header text version"):
        parse_text(b'{"format_version":3}'.ljust(512))


def test_fields_of_other_lengths_are_not_sealed() -> None:
    half = prepare_header(content(), ())
    for key, key_id, place in (
        (b"short", KEY_ID, PLACE),
        (EPOCH_KEY, b"short", PLACE),
        (EPOCH_KEY, KEY_ID, PLACE._replace(tag=LocatorTag(b"short"))),
    ):
        with pytest.raises(ValueError, match="32 bytes"):
            seal_header(half, place, reader_key=key, reader_key_id=key_id)
    with pytest.raises(ValueError, match="1 to 255 wraps"):
        encode_header(parse_header(HEADER)._replace(wraps=()))
    with pytest.raises(ValueError, match="pseudonym"):
        seal_header(half, PLACE, reader_key=EPOCH_KEY, reader_key_id=KEY_ID, pseudonym=b"short")


def content() -> HeaderContent:
    return replace(open_header_reader(HEADER, PLACE, EPOCH_KEY).record, kind=Kind("referral"))


@pytest.mark.parametrize(
    ("member", "number"),
    [
        (b'"performed_at_ms":', b"253402300800000"),
        (b'"performed_at_ms":', b"-62135596800001"),
        (b'"performed_at_ms":', b"1" + b"0" * 40),
        (b'"version":', b"9007199254740993"),
        (b'"version":', b"0"),
    ],
    ids=["year 10000", "before year 1", "forty digits", "no version", "version 0"],
)
def test_numbers_that_nobody_could_work_with_are_refused(member: bytes, number: bytes) -> None:
    record = open_header_reader(HEADER, PLACE, EPOCH_KEY).record
    text = encode_text(encode_content(record), PSEUDONYM).rstrip()
    before, _, after = text.partition(member)
    rest = after.partition(b",")[2]

    def with_number(written: bytes) -> bytes:
        whole = before + member + written + b"," + rest
        return whole + b" " * (-len(whole) % 512)

    assert parse_text(with_number(b"1")).record.items == record.items
    with pytest.raises(MalformedHeaderError):
        parse_text(with_number(number))
