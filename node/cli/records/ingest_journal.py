"""The journal of `concord ingest`: what the node acknowledged, so that an interrupted run is taken up where it stopped.

One JSON object a line, appended after each answer. A file is known by path, size and time of change, never by a digest of
its content: a digest of a record that lay around could be tried against guesses. A file that changed is sent again whole,
and the node recognises what it has. A last line that a crash cut off counts as not written.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from node.cli.failures import UnreadableFileError
from node.cli.records.ingest_sources import Source

DEFAULT_NAME: Final = ".concord-ingest.journal"
FORMAT: Final = "concord-ingest/1"


@dataclass(slots=True)
class Tally:
    """What became of documents so far."""

    documents: int = 0
    """Documents that the node answered, refused ones included."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Records by `kind/outcome`."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Resources of no record kind, by type."""
    refused: list[dict[str, object]] = field(default_factory=list)
    """Documents that were refused, with place and reasons."""

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.documents += other.documents
        self.outcomes.update(other.outcomes)
        self.ignored.update(other.ignored)
        self.refused += other.refused


class Journal:
    """Appends what was acknowledged to a file."""

    def __init__(self, path: Path, url: str, *, resume: bool) -> None:
        """Open a journal: a new one, or with `resume` the one that is there.

        Raises:
            UnreadableFileError: It is no journal, or one of a run against another node.
        """
        self._path = path
        self._done: dict[tuple[str, int, int], int] = {}
        self.tally = Tally()
        """What earlier runs were told about."""
        kept = self._read(url) if resume and path.exists() else []
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        # written again whole: a line that a crash cut off must not be continued by the next one
        self._file.writelines(f"{line}\n" for line in kept or [json.dumps({"format": FORMAT, "url": url})])
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def lines_done(self, source: Source) -> int:
        """Return how many lines of a source were acknowledged; a file with one document has one line."""
        return self._done.get(_key(source), 0)

    def acknowledge(self, source: Source, line: int, told: Tally) -> None:
        """Note that everything of a source up to a line was answered, and with what since the last note."""
        entry = {
            "file": str(source.path.absolute()),
            "bytes": source.size_bytes,
            "modified_ns": source.modified_ns,
            "line": line,
            "documents": told.documents,
            "outcomes": dict(told.outcomes),
            "ignored": dict(told.ignored),
            "refused": told.refused,
        }
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()

    def remove(self) -> None:
        """Remove the journal: everything was answered."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _read(self, url: str) -> Sequence[str]:
        whole, _, _ = self._path.read_text(encoding="utf-8").rpartition("\n")
        lines = whole.split("\n") if whole else []
        if not lines:
            return []
        try:
            head, *entries = [json.loads(line) for line in lines]
            if head["format"] != FORMAT:
                raise UnreadableFileError(f"{self._path} is no journal of this release; run without --resume")
            if head["url"] != url:
                raise UnreadableFileError(
                    f"{self._path} is of a run against {head['url']}; run without --resume, or use that --url"
                )
            for entry in entries:
                self._take(entry)
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableFileError(f"{self._path} is no journal; run without --resume, or choose another --journal") from error
        return lines

    def _take(self, entry: Mapping[str, Any]) -> None:
        key = (entry["file"], entry["bytes"], entry["modified_ns"])
        self._done[key] = max(entry["line"], self._done.get(key, 0))
        told = Tally(entry["documents"], Counter(entry["outcomes"]), Counter(entry["ignored"]), entry["refused"])
        self.tally.add(told)


def _key(source: Source) -> tuple[str, int, int]:
    return str(source.path.absolute()), source.size_bytes, source.modified_ns
