"""Texts of QR codes and summaries: what is written is read again, and whatever else comes is refused by name."""

from __future__ import annotations

from dataclasses import replace

import cbor2
from hypothesis import example, given
from hypothesis import strategies as st

from node.domain.recognition import OrderableCode, OrderLine
from node.errors import ConcordError, MalformedEvidenceError
from node.wire.evidence.base45 import decode_base45, encode_base45
from node.wire.evidence.qr_evidence import PREFIX, encode_qr_evidence, parse_qr_evidence
from node.wire.recognition.cds_feedback import parse_feedback
from node.wire.recognition.decision_summary import encode_summary, parse_summary
from tests.conformance.slips.samples import make_decision, make_summary

WHOLE = encode_qr_evidence(make_decision(make_summary()))
PACKED = decode_base45(WHOLE.removeprefix(PREFIX))


@given(st.binary(max_size=300))
def test_base45_is_read_as_it_was_written(data: bytes) -> None:
    assert decode_base45(encode_base45(data)) == data


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=60))
def test_every_base45_text_has_one_spelling(text: str) -> None:
    try:
        data = decode_base45(text)
    except MalformedEvidenceError:
        return
    assert encode_base45(data) == text


@given(st.binary(max_size=400))
@example(b"\xc4\x82\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x01")
@example(b"\xd8\x1e\x82\x01\x00")
@example(b"\xd8\x23\x61(")
@example(b"\xd8\x1c\x81\xd8\x1d\x00")
@example(b"\x81" * 400)
@example(b"\xff")
def test_any_bytes_in_a_qr_code_are_refused_by_name(data: bytes) -> None:
    try:
        parse_qr_evidence((PREFIX + encode_base45(data)).encode())
    except ConcordError:
        return
    raise AssertionError("taken for evidence")


@given(at=st.integers(0, len(PACKED) - 1), byte=st.integers(0, 255))
def test_what_is_read_is_written_again_alike(at: int, byte: int) -> None:
    altered = PACKED[:at] + bytes([byte]) + PACKED[at + 1 :]
    text = PREFIX + encode_base45(altered)
    try:
        evidence = parse_qr_evidence(text.encode())
    except ConcordError:
        return
    try:
        assert encode_qr_evidence(evidence) == text
    except ConcordError:
        return  # what its proof holds is for the verification to refuse


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.binary(max_size=40) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=8),
        max_leaves=20,
    )
)
def test_any_cbor_is_refused_by_name(value: object) -> None:
    test_any_bytes = PREFIX + encode_base45(cbor2.dumps(value, canonical=True))
    try:
        parse_qr_evidence(test_any_bytes.encode())
    except ConcordError:
        return
    raise AssertionError("taken for evidence")


@given(
    staff=st.text(max_size=20),
    order=st.text(max_size=20),
    items=st.integers(0, 5),
    saving=st.integers(0, 2**40),
    at=st.integers(0, 2**42),
)
def test_a_summary_is_read_as_it_was_written(staff: str, order: str, items: int, saving: int, at: int) -> None:
    line = OrderLine(order, OrderableCode("X"))
    summary = replace(make_summary(items), staff_number=staff, line=line, saving_fen=saving, decided_at_ms=at)
    try:
        data = encode_summary(summary)
    except UnicodeEncodeError:
        return
    assert parse_summary(data) == summary


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_are_no_summary_and_no_feedback(data: bytes) -> None:
    for parse in (parse_summary, parse_feedback):
        try:
            parse(data)
        except ConcordError:
            continue
