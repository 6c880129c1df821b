"""What `concord ingest` sends: documents in files, folders and NDJSON, in an order that does not change from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.cli.failures import UsageError

NDJSON_SUFFIXES: Final = frozenset({".ndjson", ".jsonl"})
DOCUMENT_SUFFIXES: Final = frozenset({".json"})
BATCH_BYTES: Final = 16 * 1024 * 1024
"""A batch ends with the line that reaches it: what an interruption makes one send twice is bounded."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that holds one document, or one a line."""

    path: Path
    """The file."""
    is_lines: bool
    """Whether it is NDJSON."""
    size_bytes: int
    """Its size when it was found."""
    modified_ns: int
    """Its modification time when it was found."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive lines of an NDJSON file."""

    first_line: int
    """Number of the first one, from 1."""
    last_line: int
    """Number of the last one."""
    documents: int
    """How many of them are not blank: so many are answered."""
    content: bytes
    """The lines."""


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """Find what is to be sent: files as they are named, then what folders hold, sorted by path.

    Raises:
        UsageError: A path is not there, or a folder holds no document.
    """
    sources: list[Source] = []
    for path in paths:
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.suffix.lower() in DOCUMENT_SUFFIXES | NDJSON_SUFFIXES)
            if not found:
                raise UsageError(f"{path} holds no .json, .ndjson or .jsonl file")
            sources += [_source(each) for each in found if each.is_file()]
        elif path.is_file():
            sources.append(_source(path))
        else:
            raise UsageError(f"{path}: there is no such file or folder")
    return sources


def read_batches(source: Source, after_line: int, batch_lines: int) -> Iterator[Batch]:
    """Read an NDJSON file in batches of whole lines, leaving out the first `after_line` lines."""
    lines: list[bytes] = []
    held = number = 0
    with source.path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if number <= after_line:
                continue
            lines.append(line if line.endswith(b"\n") else line + b"\n")
            held += len(line)
            if len(lines) == batch_lines or held >= BATCH_BYTES:
                yield _batch(number, lines)
                lines, held = [], 0
    if lines:
        yield _batch(number, lines)


def _batch(last_line: int, lines: Sequence[bytes]) -> Batch:
    documents = sum(not line.isspace() for line in lines)
    return Batch(last_line - len(lines) + 1, last_line, documents, b"".join(lines))


def _source(path: Path) -> Source:
    status = path.stat()
    return Source(path, path.suffix.lower() in NDJSON_SUFFIXES, status.st_size, status.st_mtime_ns)
