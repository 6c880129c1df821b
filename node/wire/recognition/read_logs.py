"""How far all followed logs had been read when an order was checked: a list, and the digest to which the check commits.

`u16 length · origin · u64 size` for each log, in the order of the origins' bytes; the digest is SHA-256 over
`concord/read-logs/v1` and the list (docs/spec/recognition.md, "Read logs"). The check's text holds the digest alone: some
hundred logs hold nothing of the patient. The node keeps the list with the check, and certificates of decisions open it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from ledger.hashing import MAX_TREE_SIZE
from node.domain.entry import Origin
from node.domain.recognition import ReadLog
from node.errors import MalformedReadLogsError

MAX_READ_LOGS: Final = 4_096
"""Logs in a list; a consortium has some hundred."""

_LABEL: Final = b"concord/read-logs/v1"
_LENGTH_BYTES: Final = 2
_SIZE_BYTES: Final = 8


def encode_read_logs(logs: Iterable[tuple[Origin, int]]) -> bytes:
    """Encode logs and sizes, whatever their order; a clinician waits for it.

    Raises:
        OverflowError: A size below 0 or beyond 64 bits, or an origin beyond 65,535 bytes.
    """
    # text sorts by code points, which is the order of the bytes
    return b"".join([_named(origin) + size.to_bytes(_SIZE_BYTES, "big") for origin, size in sorted(logs)])


@lru_cache(maxsize=MAX_READ_LOGS)
def _named(origin: Origin) -> bytes:
    name = origin.encode()
    return len(name).to_bytes(_LENGTH_BYTES, "big") + name


def parse_read_logs(data: bytes) -> tuple[ReadLog, ...]:
    """Parse a list.

    Raises:
        MalformedReadLogsError: It is none, or not in its order, or longer than 4,096 logs.
    """
    found: list[ReadLog] = []
    at, last = 0, b""
    while at < len(data):
        name_at = at + _LENGTH_BYTES
        size_at = name_at + int.from_bytes(data[at:name_at], "big")
        at = size_at + _SIZE_BYTES
        name, size = data[name_at:size_at], int.from_bytes(data[size_at:at], "big")
        if at > len(data) or name <= last or size >= MAX_TREE_SIZE or len(found) == MAX_READ_LOGS:
            raise MalformedReadLogsError
        try:
            found.append(ReadLog(Origin(name.decode()), size))
        except UnicodeDecodeError as error:
            raise MalformedReadLogsError from error
        last = name
    return tuple(found)


def read_logs_digest(encoded: bytes) -> bytes:
    """Return the digest of an encoded list, 32 bytes: what a check commits to."""
    return hashlib.sha256(_LABEL + encoded).digest()
