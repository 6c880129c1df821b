from __future__ import annotations

import pytest

from node.errors import DuplicateKeyError, MalformedJsonError, NestingTooDeepError
from node.wire.json_strict import check_document, read_document


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (b'{"a":1,"a":1}', "/a"),
        (b'{"a":1,"\\u0061":2}', "/a"),
        (b'{"x":[0,{"b":{},"b":{}}]}', "/x/1/b"),
        (b'{"a/b~c":1,"a/b~c":2}', "/a~1b~0c"),
        (b'{"":1,"":2}', "/"),
        (b'{"\\u0022":1,"\\"":2}', '/"'),
        # the lost key's quotation marks must not be made good by escaped ones elsewhere
        (b'{"k":"\\u0022\\u0022","a":1,"a":2}', "/a"),
    ],
)
def test_duplicate_keys_are_refused_with_their_place(data: bytes, pointer: str) -> None:
    with pytest.raises(DuplicateKeyError) as caught:
        check_document(data)
    assert caught.value.place == pointer


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":{"a":{"a":[{"a":1},{"a":1}]}}}',
        b'{"a":"\\u0022","b":"\\"\\\\u0022","A":1}',
        '{"姓":"名","emoji":"\U0001f3e5"}'.encode(),
        b' [1, -0, 1.50, 1e3, true, false, null, ""] \n',
        b'"text"',
    ],
)
def test_what_can_be_read_one_way_passes(data: bytes) -> None:
    check_document(data)


def test_reads_values() -> None:
    assert read_document(b'{"a":[1,"\\u0022"]}') == {"a": [1, '"']}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b'{"a":}', "byte 5"),
        (b"[1] x", "byte 4"),
        (b"\xef\xbb\xbf[]", "byte 0"),
        (b'["\xff"]', "byte 2"),
        (b'["a\nb"]', "byte 3"),
        (b"[01]", "byte 2"),
        (b"[NaN]", "byte 1"),
        (b"[1e400]", "document"),
        (b"", "byte 0"),
        (b'["\\ud800"]', "byte 10"),
        (b'{"a":1,}', "byte 7"),
        (b'["\xed\xa0\x80"]', "byte 2"),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(data: bytes, place: str) -> None:
    with pytest.raises(MalformedJsonError) as caught:
        check_document(data)
    assert caught.value.place.startswith(place.split(maxsplit=1)[0])
    assert type(caught.value) is MalformedJsonError


def test_errors_repeat_nothing_of_the_document() -> None:
    for data in (b'{"name":"Zhang San" "x"}', b'["Zhang San', b'{"a":1e999,"n":"Zhang San"}'):
        with pytest.raises(MalformedJsonError) as caught:
            check_document(data)
        assert "Zhang" not in str(caught.value)


def test_nesting_is_limited() -> None:
    check_document(b'{"a":' * 4 + b"[1]" + b"}" * 4, max_depth=5)
    with pytest.raises(NestingTooDeepError):
        check_document(b'{"a":' * 5 + b"[1]" + b"}" * 5, max_depth=5)


def test_brackets_and_line_feeds_in_strings_are_no_nesting() -> None:
    check_document(b'{"a":"[[[[[[[[", "b":"\\n          {{{"}', max_depth=1)


def test_abysses_do_not_reach_the_interpreter() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        for depth in (1_500, 200_000):
            with pytest.raises(NestingTooDeepError):
                check_document(opening * depth + b"1" + closing * depth)
