"""`concord log recover`: what a restored backup lacks of its log, fetched back from a mirror. Signs nothing.

The header export is the binary of `GET /v1/headers/<origin>`: leaf index u64, length u32 (0: deleted), header, and so on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ledger.ports import LogReader
from ledger.store.posix import DirectoryLogReader
from node.bootstrap.commands import open_served_log
from node.bootstrap.hosting import hosted_institutions
from node.bootstrap.maintenance import recover_node
from node.cli.api_client import ApiClient
from node.cli.failures import UnreadableFileError
from node.cli.output import show
from node.domain.entry import InstitutionId
from node.errors import UnknownOriginError
from node.settings import load_settings

_FRAME: Final = struct.Struct(">QI")
_PAGE: Final = 1000
_SCHEMES: Final = ("http://", "https://")


def run(directory: Path, institution: str, mirror: str, headers: str | None, api_key: str | None, *, as_json: bool) -> None:
    """Recover one log.

    Raises:
        DirectoryInUseError: The node is running.
        UnknownOriginError: It does not host the institution.
        LedgerError: The mirror does not prove what it holds, or contradicts this log; nothing was changed.
        UnreadableFileError: The header export is cut off.
    """
    settings = load_settings(directory)
    hosted = hosted_institutions(settings).get(InstitutionId(institution))
    if hosted is None:
        raise UnknownOriginError(institution)
    export = {} if headers is None else _headers(headers, hosted.origin, api_key)
    with _mirror(mirror, hosted.origin, api_key) as reader:
        report = recover_node(settings, hosted.institution, reader, export)
    show(
        {
            "institution": institution,
            "origin": hosted.origin,
            "old_size": report.old_size,
            "new_size": report.new_size,
            "recovered_entries": report.new_size - report.old_size,
            "recovered_headers": report.headers,
            "joined_to_records": report.records,
            "moved_behind": report.moved,
        },
        as_json=as_json,
    )


@contextmanager
def _mirror(place: str, origin: str, api_key: str | None) -> Iterator[LogReader]:
    if place.startswith(_SCHEMES):
        with open_served_log(place, api_key) as reader:
            yield reader
        return
    public = Path(place) / "public"
    yield DirectoryLogReader(public if public.is_dir() else Path(place), origin)


def _headers(place: str, origin: str, api_key: str | None) -> Mapping[int, bytes]:
    if not place.startswith(_SCHEMES):
        return dict(parse_header_frames(Path(place).read_bytes(), place))
    found: dict[int, bytes] = {}
    with ApiClient(place, api_key or "") as client:
        start = 0
        while True:
            page = client.get_bytes(f"/v1/headers/{quote(origin)}", {"from": start, "count": _PAGE})
            if not page:
                return found
            frames = list(parse_header_frames(page, place, deleted=True))
            found |= {index: header for index, header in frames if header}
            start = frames[-1][0] + 1


def parse_header_frames(data: bytes, place: str, *, deleted: bool = False) -> Iterator[tuple[int, bytes]]:
    """Parse a header export.

    Args:
        data: The frames.
        place: Where they come from, for the message.
        deleted: Whether to yield deleted headers too, as empty bytes.

    Raises:
        UnreadableFileError: The last frame is cut off.
    """
    at = 0
    while at < len(data):
        if at + _FRAME.size > len(data):
            raise UnreadableFileError(f"{place}: the header export is cut off at byte {at}")
        index, length = _FRAME.unpack_from(data, at)
        at += _FRAME.size
        if at + length > len(data):
            raise UnreadableFileError(f"{place}: the header of entry {index} is cut off")
        if length or deleted:
            yield index, data[at : at + length]
        at += length
