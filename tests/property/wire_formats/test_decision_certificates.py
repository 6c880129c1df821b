"""Decision certificates: what is written reads back, and nothing else is read as one."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.hashing import NodeHash
from node.domain.entry import Origin
from node.domain.recognition import ReadLog
from node.errors import MalformedCertificateError, MalformedReadLogsError, UnknownFormatError, WireError
from node.wire.certificate.file import (
    CertifiedRead,
    DecisionCertificate,
    PinnedDocument,
    PublishedEntry,
    ReadConsistency,
    encode_certificate,
    parse_certificate,
)
from node.wire.evidence.bundle import BundleLine
from node.wire.recognition.read_logs import encode_read_logs, parse_read_logs, read_logs_digest
from tests.property.wire_formats.strategies import hashes

pytestmark = pytest.mark.slow

notes = st.text(st.characters(codec="utf-8"), max_size=20).map(str.encode)
some_bytes = st.binary(max_size=24)
paths = st.lists(hashes.map(NodeHash), max_size=3).map(tuple)
indices = st.integers(0, 2**48 - 1)
times = st.integers(0, 2**63 - 1)


@st.composite
def bundle_lines(draw: st.DrawFn, heads: int) -> BundleLine:
    is_open = draw(st.booleans())
    return BundleLine(
        head=draw(st.integers(0, heads - 1)),
        index=draw(indices),
        leaf=draw(some_bytes),
        proof=draw(paths),
        header=draw(some_bytes) if is_open else None,
        data_key=draw(hashes) if is_open else None,
        evidence=draw(st.none() | notes),
    )


@st.composite
def published_entries(draw: st.DrawFn, heads: int) -> PublishedEntry:
    return PublishedEntry(draw(st.integers(0, heads - 1)), draw(indices), draw(some_bytes), draw(paths), draw(some_bytes))


origins = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).map(Origin)
read_logs = st.builds(ReadLog, origins, st.integers(0, 2**48 - 1))
reads = st.builds(
    CertifiedRead,
    logs=st.lists(read_logs, max_size=3).map(tuple),
    consistency=st.lists(st.builds(ReadConsistency, origins, paths), max_size=2).map(tuple),
)


@st.composite
def certificates(draw: st.DrawFn) -> DecisionCertificate:
    heads = draw(st.lists(notes, min_size=1, max_size=3).map(tuple))
    places = draw(st.lists(st.sampled_from(("reversal", "check", "results", "later", "receipts")), max_size=6))
    order = draw(st.permutations(range(len(places) + 1)))
    parts: dict[str, list[int]] = {"reversal": [], "check": [], "results": [], "later": [], "receipts": []}
    for at, part in zip(order[1:], places, strict=True):
        parts["results" if part in ("reversal", "check") and parts[part] else part].append(at)
    contents = some_bytes.map(lambda content: PinnedDocument(content, None))
    published = published_entries(len(heads)).map(lambda entry: PinnedDocument(None, entry))
    return DecisionCertificate(
        made_at_ms=draw(times),
        heads=heads,
        lines=tuple(draw(bundle_lines(len(heads))) for _ in order),
        decision=order[0],
        reversal=next(iter(parts["reversal"]), None),
        check=next(iter(parts["check"]), None),
        check_text=None if parts["check"] else draw(some_bytes),
        results=tuple(parts["results"]),
        later=tuple(parts["later"]),
        receipts=tuple(parts["receipts"]),
        tombstones=tuple(draw(st.lists(published_entries(len(heads)), max_size=2))),
        documents=tuple(draw(st.lists(contents | published, max_size=3))),
        read=draw(st.none() | reads),
    )


@given(certificates())
def test_certificates_read_back(certificate: DecisionCertificate) -> None:
    assert parse_certificate(encode_certificate(certificate)) == certificate


@given(certificates(), st.integers(0, 2**16))
def test_a_changed_certificate_says_something_else_or_is_none(certificate: DecisionCertificate, bit: int) -> None:
    data = bytearray(encode_certificate(certificate))
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    with contextlib.suppress(WireError):
        assert parse_certificate(bytes(data)) != certificate


@given(certificates(), st.data())
def test_each_line_plays_one_part(certificate: DecisionCertificate, data: st.DataObject) -> None:
    members = msgspec.json.decode(encode_certificate(certificate))
    part = data.draw(st.sampled_from(("results", "later", "receipts")))
    members[part].append(data.draw(st.integers(0, len(certificate.lines))))
    with pytest.raises(MalformedCertificateError):
        parse_certificate(msgspec.json.encode(members))


@given(certificates(), st.sampled_from(("heads", "lines", "documents", "tombstones", "check_text", "made_at_ms")))
def test_nothing_is_missing_and_nothing_unknown(certificate: DecisionCertificate, member: str) -> None:
    members = msgspec.json.decode(encode_certificate(certificate))
    with pytest.raises(MalformedCertificateError):
        parse_certificate(msgspec.json.encode({**members, "more": 1}))
    with pytest.raises(UnknownFormatError):
        parse_certificate(msgspec.json.encode({**members, "version": 2}))
    with pytest.raises(MalformedCertificateError):
        parse_certificate(msgspec.json.encode({**members, "format": "concord/evidence"}))
    del members[member]
    with pytest.raises(MalformedCertificateError):
        parse_certificate(msgspec.json.encode(members))


sizes = st.dictionaries(origins, st.integers(0, 2**48 - 1), max_size=6)


@given(sizes)
def test_a_list_of_read_logs_has_one_spelling(logs: dict[Origin, int]) -> None:
    encoded = encode_read_logs(logs.items())
    assert {each.origin: each.size for each in parse_read_logs(encoded)} == logs
    assert encode_read_logs(reversed(logs.items())) == encoded
    assert encode_read_logs((each.origin, each.size) for each in parse_read_logs(encoded)) == encoded


@given(sizes, sizes)
def test_two_lists_have_two_digests(logs: dict[Origin, int], others: dict[Origin, int]) -> None:
    one, two = (read_logs_digest(encode_read_logs(each.items())) for each in (logs, others))
    assert (one == two) == (logs == others)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_list_of_read_logs_in_its_one_spelling_or_none(data: bytes) -> None:
    with contextlib.suppress(MalformedReadLogsError):
        assert encode_read_logs((each.origin, each.size) for each in parse_read_logs(data)) == data
