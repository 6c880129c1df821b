"""`concord ingest`: FHIR documents from files, folders and NDJSON to a node; refused ones are listed, the rest is kept.

Documents go out one after the other, in the order of their paths: where a record has no explicit version, the order of
arrival is its history. Exit code 1 if anything was refused.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import typer

from node.cli.api_client import ApiClient, Parameters, ProblemError
from node.cli.failures import REFUSED, RefusedError, UnreachedError
from node.cli.output import progress, show
from node.cli.records.ingest_journal import DEFAULT_NAME, Journal, Tally
from node.cli.records.ingest_sources import Batch, Source, find_sources, read_batches

ABOUT_THE_DOCUMENT: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Problems of one document; any other ends the run, for every further document would meet it too."""
_OF_THE_BATCH: Final = "limits.max_batch_lines"
_NOTED_EVERY: Final = 100
"""Lines of a batch between two notes in the journal."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to ingest."""

    url: str
    """The node."""
    api_key: str
    """For whom."""
    resume: bool
    """Whether to leave out what the journal says was acknowledged."""
    journal: Path | None
    """The journal; None: in the first folder, or beside the first file."""
    wait: str | None
    """Level to wait for."""
    batch_lines: int
    """Lines of NDJSON that one request holds."""
    receipts: Path | None
    """Where to write the receipts, one a line."""


def run(paths: Sequence[Path], options: Options, *, as_json: bool) -> None:
    """Ingest, and show what became of it."""
    sources = find_sources(paths)
    where = options.journal or (paths[0] if paths[0].is_dir() else paths[0].parent) / DEFAULT_NAME
    started_s = time.monotonic()
    with Journal(where, options.url, resume=options.resume) as journal, ApiClient(options.url, options.api_key) as client:
        run_ = _Run(client, journal, options)
        skipped = sum(journal.lines_done(source) > 0 for source in sources)
        try:
            with progress("bytes", sum(source.size_bytes for source in sources), quiet=as_json) as advance:
                for source in sources:
                    run_.send(source, advance)
        except (UnreachedError, RefusedError) as error:
            error.args = (f"{error}; run again with --resume to go on from here",)
            raise
        finally:
            run_.close()
        journal.remove()
    document = _summary(run_.tally, len(sources), skipped, time.monotonic() - started_s)
    show(document if as_json else _for_people(document), as_json=as_json)
    if run_.tally.refused:
        raise typer.Exit(REFUSED)


class _Run:
    """One run: what was sent, and what was said."""

    def __init__(self, client: ApiClient, journal: Journal, options: Options) -> None:
        self._client = client
        self._journal = journal
        self._parameters: Parameters = {} if options.wait is None else {"wait": options.wait}
        mode = "a" if options.resume else "w"
        self._receipts = None if options.receipts is None else options.receipts.open(mode, encoding="utf-8")
        self._batch_lines = options.batch_lines
        self.tally = Tally()
        self.tally.add(journal.tally)

    def close(self) -> None:
        """Close the receipts' file."""
        if self._receipts is not None:
            self._receipts.close()

    def send(self, source: Source, advance: Callable[[int], None]) -> None:
        """Send one file, unless it was acknowledged."""
        done = self._journal.lines_done(source)
        if source.is_lines:
            for batch in read_batches(source, done, self._batch_lines):
                self._send_batch(source, batch)
                advance(len(batch.content))
        elif not done:
            self._send_document(source)
            advance(source.size_bytes)
        else:
            advance(source.size_bytes)

    def _send_document(self, source: Source) -> None:
        try:
            told = self._told(self._client.post("/v1/records", source.path.read_bytes(), self._parameters), source, None)
        except ProblemError as error:
            told = _refusal(error.problem, error.status, source, None, error)
        self._note(source, 1, told)

    def _send_batch(self, source: Source, batch: Batch) -> None:
        """Send lines; what was answered is noted as it comes, so that an interruption loses little."""
        told, line, answered = Tally(), batch.first_line - 1, 0
        try:
            with closing(self._client.post_lines("/v1/records:batch", batch.content, self._parameters)) as answers:
                for text in answers:
                    answer = json.loads(text)
                    number = batch.first_line + answer["line"] - 1
                    told.add(self._told_line(answer, source, number))
                    line, answered = number, answered + 1
                    if answered % _NOTED_EVERY == 0:
                        self._note(source, line, told)
                        told = Tally()
        finally:
            if line >= batch.first_line:
                self._note(source, line, told)
        if answered < batch.documents:
            raise RefusedError(f"the node answered {answered} of {batch.documents} lines; give a smaller --batch-lines")
        # blank lines at the end are answered by nothing
        self._note(source, batch.last_line, Tally())

    def _told_line(self, answer: Mapping[str, Any], source: Source, number: int) -> Tally:
        problem = answer.get("problem")
        if problem is None:
            return self._told(answer, source, number)
        return _refusal(problem, problem["status"], source, number, None)

    def _told(self, answer: Mapping[str, Any], source: Source, line: int | None) -> Tally:
        receipts = answer["receipts"]
        if self._receipts is not None:
            for receipt in receipts:
                self._receipts.write(json.dumps({"file": str(source.path), "line": line, **receipt}, ensure_ascii=False) + "\n")
            # before the journal says that these were acknowledged: after a crash one is there twice, none is missing
            self._receipts.flush()
        outcomes = Counter(f"{receipt['kind']}/{receipt['outcome']}" for receipt in receipts)
        return Tally(1, outcomes, Counter(answer["ignored"]))

    def _note(self, source: Source, line: int, told: Tally) -> None:
        self._journal.acknowledge(source, line, told)
        self.tally.add(told)


def _refusal(problem: Mapping[str, Any], status: int, source: Source, line: int | None, cause: Exception | None) -> Tally:
    """Note a refused document.

    Raises:
        RefusedError: The problem is none of this document's.
        UnreachedError: The node is going away.
    """
    if status not in ABOUT_THE_DOCUMENT or problem.get("limit") == _OF_THE_BATCH:
        kind = UnreachedError if status == HTTPStatus.SERVICE_UNAVAILABLE else RefusedError
        raise kind(f"{problem.get('title')}: {problem.get('detail')}", problem=dict(problem)) from cause
    reasons = problem.get("refusals") or [{"path": "", "reason": problem.get("detail") or problem.get("title")}]
    refused = {"file": str(source.path), "line": line, "problem": problem.get("type"), "refusals": reasons}
    return Tally(documents=1, refused=[refused])


def _summary(tally: Tally, files: int, taken_up: int, seconds: float) -> dict[str, object]:
    outcomes = [
        {"kind": kind, "outcome": outcome, "records": count}
        for (kind, _, outcome), count in sorted((name.rpartition("/"), count) for name, count in tally.outcomes.items())
    ]
    return {
        "files": files,
        "files_taken_up": taken_up,
        "documents": tally.documents,
        "records": sum(tally.outcomes.values()),
        "outcomes": outcomes,
        "ignored": dict(sorted(tally.ignored.items())),
        "refused": tally.refused,
        "seconds": round(seconds, 3),
    }


def _for_people(document: Mapping[str, Any]) -> dict[str, object]:
    """One table row for each refused place instead of nested lists."""
    refused = [
        {"file": each["file"], "line": each["line"], "FHIR path": reason["path"], "reason": reason["reason"]}
        for each in document["refused"]
        for reason in each["refusals"]
    ]
    ignored = sum(document["ignored"].values())
    return {**document, "ignored": f"{ignored} resources of no record kind", "refused": refused or "none"}
