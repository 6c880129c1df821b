"""A bound on how deep JSON nests, found without recursion, before anything recursive reads it.

A recursive reader is stopped by the interpreter's recursion limit only, and libraries raise that (py_ecc, which web3
imports, to 100,000): beyond some 20,000 levels the C stack of a thread ends and with it the process.
Left out: whether it is JSON at all (`node.wire.json_strict`).
"""

from __future__ import annotations

import re
from typing import Final

from node.errors import NestingTooDeepError

_HARMLESS: Final = 2000
"""Levels that every reader survives: a document with fewer brackets needs no closer look."""
_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def check_nesting(data: bytes, max_depth: int) -> None:
    """Check that a recursive reader can be let at a document: it nests no deeper than `max_depth`, or harmlessly.

    Raises:
        NestingTooDeepError: It nests too deep, or its brackets do not match.
    """
    if data.count(b"[") + data.count(b"{") < _HARMLESS:
        return
    brackets = _STRING.sub(b"", data).translate(None, _NO_BRACKETS)
    for _ in range(max_depth + 1):
        if not brackets:
            return
        # Each round takes the innermost level away, and with it the brackets that had only those inside.
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets:
        raise NestingTooDeepError("document", f"arrays and objects nest deeper than {max_depth} levels")
