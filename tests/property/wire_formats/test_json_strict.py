from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from node.errors import DuplicateKeyError, MalformedJsonError, NestingTooDeepError
from node.wire.json_strict import check_document, read_document

keys = st.text(alphabet='ab"\\/~ú\u0000', max_size=3)
scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | keys


class Pairs(list[tuple[str, Any]]):
    """An object with its keys as often as they were drawn."""


trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(keys, inner), max_size=4).map(Pairs),
    max_leaves=12,
)


def write(value: object, *, ascii_only: bool) -> str:
    if isinstance(value, Pairs):
        members = (f"{write(key, ascii_only=ascii_only)}: {write(one, ascii_only=ascii_only)}" for key, one in value)
        return "{" + " ,".join(members) + "}"
    if isinstance(value, list):
        return "[ " + ", ".join(write(one, ascii_only=ascii_only) for one in value) + "]"
    if isinstance(value, str) and ascii_only:
        # the escape that the fast path has to leave to the slow one
        return '"' + "".join("\\u0022" if one == '"' else json.dumps(one)[1:-1] for one in value) + '"'
    return json.dumps(value, ensure_ascii=ascii_only)


def has_duplicates(value: object) -> bool:
    if isinstance(value, Pairs):
        names = [key for key, _ in value]
        return len(set(names)) < len(names) or any(has_duplicates(one) for _, one in value)
    return isinstance(value, list) and any(map(has_duplicates, value))


def depth(value: object) -> int:
    if not isinstance(value, list) or not value:
        return 0
    return 1 + max(depth(one) for one in ([one for _, one in value] if isinstance(value, Pairs) else value))


def plain(value: object) -> object:
    if isinstance(value, Pairs):
        return {key: plain(one) for key, one in value}
    return [plain(one) for one in value] if isinstance(value, list) else value


@given(trees, st.booleans())
def test_exactly_the_documents_with_duplicate_keys_are_refused(tree: object, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    data = write(tree, ascii_only=ascii_only).encode()
    try:
        value = read_document(data)
    except DuplicateKeyError:
        assert has_duplicates(tree)
    else:
        assert not has_duplicates(tree)
        assert value == plain(tree)


@given(trees, st.integers(1, 5))
def test_exactly_the_documents_that_nest_deeper_are_refused(tree: object, limit: int) -> None:
    assume(not has_duplicates(tree))
    try:
        check_document(write(tree, ascii_only=False).encode(), limit)
    except NestingTooDeepError:
        assert depth(tree) > limit
    else:
        assert depth(tree) <= limit


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    with contextlib.suppress(MalformedJsonError):
        check_document(data)
        json.loads(data.decode())
