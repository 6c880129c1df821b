from __future__ import annotations

from dataclasses import replace

import pytest

from node.errors import DuplicateKeyError, LimitExceededError, MalformedJsonError
from tests.unit.fhir_split.documents import LIMITS, REPORT, bundle, panel, split


@pytest.mark.parametrize(
    ("field", "limit", "enough"),
    [("max_depth", "max_nesting", 7), ("max_parts", "max_parts", 6), ("max_records", "max_records", 1)],
)
def test_each_limit_is_named_when_exceeded(field: str, limit: str, enough: int) -> None:
    document = bundle(panel())
    assert len(split(document, limits=replace(LIMITS, **{field: enough})).drafts) == 1
    with pytest.raises(LimitExceededError) as caught:
        split(document, limits=replace(LIMITS, **{field: enough - 1}))
    assert (caught.value.limit, caught.value.allowed) == (limit, enough - 1)


def test_the_length_of_the_document_is_limited() -> None:
    with pytest.raises(LimitExceededError) as caught:
        split(b" " * 100, limits=replace(LIMITS, max_document_bytes=99))
    assert caught.value.limit == "max_document_bytes"


def test_a_record_and_all_records_together_are_limited() -> None:
    resources = [*panel(), REPORT | {"id": "r2"}]
    size = sum(len(part.content) for part in split(bundle(panel())).drafts[0].parts)
    with pytest.raises(LimitExceededError) as caught:
        split(bundle(resources), limits=replace(LIMITS, max_record_bytes=size - 1))
    assert caught.value.limit == "max_record_bytes"
    with pytest.raises(LimitExceededError) as caught:
        split(bundle(resources), limits=replace(LIMITS, max_record_bytes=size, max_expanded_bytes=2 * size - 1))
    assert caught.value.limit == "max_expanded_bytes"


def test_a_document_that_nests_without_end_is_refused_not_followed() -> None:
    with pytest.raises(LimitExceededError) as caught:
        split(b'{"resourceType":"Patient","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    assert caught.value.limit == "max_nesting"


def test_deep_nesting_is_refused_whatever_surrounds_it() -> None:
    history = b'{"resourceType":"Patient","x":[' + b",".join([b'{"y":["[{\\"]"]}'] * 5000) + b"]"
    assert split(history + b"}").ignored == {"Patient": 1}
    with pytest.raises(LimitExceededError):
        split(history + b',"z":' + b"[" * 100 + b"]" * 100 + b"}")


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(DuplicateKeyError):
        split(b'{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","id":"a","id":"b"}}]}')


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b'{"resourceType":"Patient"} {}', b"\xef\xbb\xbf{}"])
def test_what_is_not_json_is_malformed(document: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        split(document)
