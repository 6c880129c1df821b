"""The staged entries of the POSIX store: append-only segment files, durable when `append` returns.

A segment is a run of records; a record is what one call staged: magic "CSR1", u64 index of its first entry, u32 number
of entries, u32 length, u32 CRC-32 of the twenty bytes before it and of the payload, then the payload, encoded as in an
entry bundle. A file's name is a generation and its first index; replacing staged entries (log recovery) writes one file
of the next generation, and files of older ones no longer count from the moment that it has its name. Only the newest
file grows. A torn record can only be the last one of the newest file, was never acknowledged, and is dropped when the
log is opened; damage anywhere else is refused by name.
"""

from __future__ import annotations

import bisect
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import StorageError
from ledger.hashing import LeafIndex
from ledger.store.durable import DurableDirectory, sync_directories, write_all
from ledger.tiles import encode_entries, parse_entries

_HEADER = struct.Struct(">4sQIII")
_MAGIC = b"CSR1"
_CHECKED_BYTES = 20
"""The bytes of a header that its CRC covers: all but the CRC itself."""
_SEGMENT_BYTES = 8 * 2**20
"""A segment that has grown beyond this is closed: discarding works by whole files."""
_RECORD_ENTRIES = 4096
"""Entries a record at the most, so that reading from the middle of a large call skips little."""
MAX_READ_BYTES = 64 * 2**20
"""One read returns at most one record more than this: memory stays flat with the largest entries."""


@dataclass(frozen=True, slots=True)
class _Record:
    first: int
    """Index of the first entry."""
    count: int
    """Number of entries."""
    offset: int
    """Where the payload starts in its file."""
    length: int
    """Length of the payload, in bytes."""

    @property
    def end(self) -> int:
        return self.first + self.count


@dataclass(slots=True)
class _Segment:
    path: Path
    records: list[_Record]
    size: int
    """Bytes in the file."""

    @property
    def start(self) -> int:
        return int(self.path.name.partition("-")[2])

    @property
    def end(self) -> int:
        return self.records[-1].end if self.records else self.start


class SegmentLog:
    """The staged entries from some index on; not safe for concurrent writers."""

    def __init__(self, directory: Path, files: DurableDirectory, committed: int) -> None:
        """Open the segments, drop what the log has already committed, and mend a torn tail.

        Args:
            directory: Holds the segment files and nothing else; made when missing.
            files: Writes whole files.
            committed: Size of the committed tree: staged entries start there, or before it after a crash.

        Raises:
            StorageError: A segment is damaged, or the segments do not join on to the committed tree.
        """
        self._directory = directory
        self._files = files
        self._committed = committed
        self._descriptor: int | None = None
        self._segments: list[_Segment] = []
        self._broken = False
        self._generation = 0
        self._open()

    @property
    def start(self) -> LeafIndex:
        """The index of the first entry that is here."""
        return LeafIndex(self._segments[0].start if self._segments else self._committed)

    @property
    def end(self) -> LeafIndex:
        """The index that the next entry will get."""
        return LeafIndex(max(self._committed, self._segments[-1].end if self._segments else 0))

    def close(self) -> None:
        """Close the file that is written to."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def append(self, entries: Sequence[bytes]) -> LeafIndex:
        """Append entries and return the index of the first, when they are durable.

        Raises:
            StorageError: Nothing is acknowledged; some of the entries may turn out to have been staged.
        """
        if self._broken:
            self._reopen()
        first = self.end
        data, records = _encode_records(first, entries)
        try:
            segment, descriptor = self._writable(first)
            write_all(descriptor, data)
            os.fdatasync(descriptor)
        except OSError as error:
            # After a failed write or sync nobody knows what the disk holds, and a second sync of the same pages may
            # succeed without having written them. The next append copies the tail to a new file first.
            self._broken = True
            raise StorageError(f"{self._directory}: entries were not staged: {error}") from error
        segment.records.extend(_Record(r.first, r.count, segment.size + r.offset, r.length) for r in records)
        segment.size += len(data)
        return first

    def read(self, start: LeafIndex, limit: int) -> list[bytes]:
        """Return up to `limit` staged entries from index `start` on; fewer when they are large.

        Raises:
            StorageError: They start after `start`: a recovery was interrupted, or files are missing.
        """
        if start < self.start:
            missing = f"staged entries {start} to {self.start - 1} are missing"
            raise StorageError(f"{self._directory}: {missing}: recover the log")
        entries: list[bytes] = []
        budget_bytes = MAX_READ_BYTES
        for segment in self._segments:
            position = bisect.bisect_right(segment.records, int(start), key=_end_of)
            if position == len(segment.records):
                continue
            with segment.path.open("rb") as file:
                for record in segment.records[position:]:
                    if len(entries) >= limit or budget_bytes < 0:
                        return entries
                    file.seek(record.offset)
                    wanted = start + len(entries) - record.first
                    packed = parse_entries(file.read(record.length))
                    entries.extend(packed[wanted : wanted + limit - len(entries)])
                    budget_bytes -= record.length
        return entries

    def discard(self, committed: int) -> None:
        """Forget the entries below the committed size; whole segments only, so that nothing is rewritten."""
        self._committed = max(self._committed, committed)
        while self._segments and self._segments[0].end <= committed:
            last = len(self._segments) == 1 and self._segments[0].end == self._committed
            if last and self._segments[0].size < _SEGMENT_BYTES:
                return  # it is still being filled: keeping it saves making a new file for every batch
            segment = self._segments.pop(0)
            if not self._segments:
                self.close()
            segment.path.unlink(missing_ok=True)

    def replace(self, first: LeafIndex, entries: Sequence[bytes]) -> None:
        """Put other entries, from index `first` on, in the place of all; a crash leaves the old ones or the new."""
        self._generation += 1
        data, _ = _encode_records(first, entries)
        self._files.write({self._path(first): data})
        self._reopen()

    def _writable(self, first: int) -> tuple[_Segment, int]:
        if self._segments and self._descriptor is not None and self._segments[-1].size < _SEGMENT_BYTES:
            return self._segments[-1], self._descriptor
        self.close()
        path = self._path(first)
        self._files.write({path: b""})
        segment = _Segment(path, [], 0)
        self._descriptor = _open_append(path)
        self._segments.append(segment)
        return segment, self._descriptor

    def _reopen(self) -> None:
        self.close()
        self._open()
        self._broken = False

    def _open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        paths = self._live_paths()
        self._segments = [self._load(path, newest=path == paths[-1]) for path in paths]
        # First, as a power cut may bring some of the deleted files back, and not their neighbours.
        self.discard(self._committed)
        self._check_joined()
        if self._segments:
            self._renew_newest()

    def _load(self, path: Path, *, newest: bool) -> _Segment:
        content = path.read_bytes()
        records, size = _parse_records(content)
        torn = content[size:]
        if torn and (not newest or _holds_record(torn)):
            raise StorageError(f"{path}: the staged entries are damaged at byte {size}: restore this file from a copy")
        return _Segment(path, records, size)

    def _check_joined(self) -> None:
        expected: int | None = None
        for segment in self._segments:
            for record in segment.records:
                if expected is not None and record.first != expected:
                    raise StorageError(f"{segment.path}: staged entries {expected} to {record.first - 1} are missing")
                expected = record.end

    def _renew_newest(self) -> None:
        """Copy the newest segment to a new file, without a torn tail: an earlier sync may have lost pages."""
        newest = self._segments[-1]
        content = newest.path.read_bytes()[: newest.size]
        self._files.write({newest.path: content})
        self._descriptor = _open_append(newest.path)

    def _path(self, first: int) -> Path:
        return self._directory / f"{self._generation:06d}-{first:020d}"

    def _live_paths(self) -> list[Path]:
        paths = sorted(self._directory.iterdir())
        self._generation = max((_generation(path) for path in paths), default=0)
        replaced = [path for path in paths if _generation(path) < self._generation]
        for path in replaced:
            path.unlink()
        if replaced:
            # They must not come back alone once the newer generation is gone too.
            sync_directories([self._directory])
        return [path for path in paths if path not in replaced]


def _encode_records(first: int, entries: Sequence[bytes]) -> tuple[bytes, list[_Record]]:
    pieces: list[bytes] = []
    records: list[_Record] = []
    offset = 0
    for begin in range(0, len(entries), _RECORD_ENTRIES):
        chunk = entries[begin : begin + _RECORD_ENTRIES]
        payload = encode_entries(chunk)
        header = _HEADER.pack(_MAGIC, first + begin, len(chunk), len(payload), 0)[:_CHECKED_BYTES]
        crc = zlib.crc32(payload, zlib.crc32(header))
        pieces += (header, crc.to_bytes(4, "big"), payload)
        records.append(_Record(first + begin, len(chunk), offset + _HEADER.size, len(payload)))
        offset += _HEADER.size + len(payload)
    return b"".join(pieces), records


def _parse_records(content: bytes) -> tuple[list[_Record], int]:
    """Return the whole records at the start of the content, and where they end."""
    records: list[_Record] = []
    position = 0
    while (record := _parse_record(content, position)) is not None:
        records.append(record)
        position = record.offset + record.length
    return records, position


def _parse_record(content: bytes, position: int) -> _Record | None:
    payload_at = position + _HEADER.size
    if payload_at > len(content):
        return None
    magic, first, count, length, crc = _HEADER.unpack_from(content, position)
    header = content[position : position + _CHECKED_BYTES]
    payload = content[payload_at : payload_at + length]
    if magic != _MAGIC or len(payload) != length or zlib.crc32(payload, zlib.crc32(header)) != crc:
        return None
    return _Record(first, count, payload_at, length)


def _holds_record(content: bytes) -> bool:
    """Tell whether a whole record lies anywhere in the content: then what precedes it is damage, not a torn tail."""
    position = content.find(_MAGIC)
    while position >= 0:
        if _parse_record(content, position) is not None:
            return True
        position = content.find(_MAGIC, position + 1)
    return False


def _open_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _generation(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _end_of(record: _Record) -> int:
    return record.end
