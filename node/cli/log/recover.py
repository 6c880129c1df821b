"""`concord log recover`: what a restored backup lacks of its log, fetched back from a mirror. Signs nothing.

The header export is the binary of `GET /v1/headers/<origin>`: leaf index u64, length u32 (0: deleted), header, and so on.
"""

from __future__ import annotations

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
from node.errors import MalformedHeaderError, UnknownOriginError
from node.settings import load_settings
from node.wire.header.frames import parse_header_frames

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
        return {index: header for index, header in _parse(Path(place).read_bytes(), place) if header is not None}
    found: dict[int, bytes] = {}
    with ApiClient(place, api_key or "") as client:
        start = 0
        while True:
            page = client.get_bytes(f"/v1/headers/{quote(origin)}", {"from": start, "count": _PAGE})
            if not page:
                return found
            frames = _parse(page, place)
            found |= {index: header for index, header in frames if header is not None}
            start = frames[-1][0] + 1


def _parse(data: bytes, place: str) -> list[tuple[int, bytes | None]]:
    try:
        return list(parse_header_frames(data))
    except MalformedHeaderError as error:
        raise UnreadableFileError(f"{place}: {error}") from error
