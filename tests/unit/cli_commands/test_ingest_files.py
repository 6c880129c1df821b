from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from node.cli.failures import UnreadableFileError, UsageError
from node.cli.records.ingest_journal import Journal, Tally
from node.cli.records.ingest_sources import find_sources, read_batches

URL = "http://node"


def test_folders_are_sent_in_the_order_of_paths(tmp_path: Path) -> None:
    for name in ("b/2.json", "b/10.JSON", "a/x.ndjson", "b/readme.txt", "c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = find_sources([tmp_path / "c.json", tmp_path / "b", tmp_path / "a"])
    assert [source.path.relative_to(tmp_path).as_posix() for source in found] == ["c.json", "b/10.JSON", "b/2.json", "a/x.ndjson"]
    assert [source.is_lines for source in found] == [False, False, False, True]


def test_nothing_to_send_is_wrong_usage(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError):
            find_sources([path])


@pytest.mark.parametrize("after", range(8))
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_batches_hold_every_line_once(tmp_path: Path, after: int, size: int) -> None:
    path = tmp_path / "x.ndjson"
    path.write_bytes(b"1\n2\n\n4\n5\n \n7")
    (source,) = find_sources([path])
    batches = list(read_batches(source, after, size))
    lines = [line for batch in batches for line in batch.content.split(b"\n")[:-1]]
    assert lines == [b"1", b"2", b"", b"4", b"5", b" ", b"7"][after:]
    assert sum(batch.documents for batch in batches) == sum(bool(line.strip()) for line in lines)
    numbers = [number for batch in batches for number in range(batch.first_line, batch.last_line + 1)]
    assert numbers == list(range(after + 1, 8))


def test_a_journal_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path, document = tmp_path / "journal", tmp_path / "x.ndjson"
    document.write_text("1\n2\n3\n")
    (source,) = find_sources([document])
    refused: list[dict[str, object]] = [{"file": "x", "line": 2}]
    with Journal(path, URL, resume=False) as journal:
        assert journal.lines_done(source) == 0
        journal.acknowledge(source, 1, Tally(1, Counter({"exam-result/new": 2}), Counter({"Claim": 1})))
        journal.acknowledge(source, 2, Tally(1, refused=refused))
    assert path.stat().st_mode & 0o077 == 0
    with Journal(path, URL, resume=True) as journal:
        assert journal.lines_done(source) == 2
        assert journal.tally == Tally(2, Counter({"exam-result/new": 2}), Counter({"Claim": 1}), refused)
        journal.acknowledge(source, 3, Tally(1))
    with Journal(path, URL, resume=True) as journal:
        assert (journal.lines_done(source), journal.tally.documents) == (3, 3)


def test_a_file_that_changed_is_sent_again(tmp_path: Path) -> None:
    path, document = tmp_path / "journal", tmp_path / "x.json"
    document.write_text("1")
    (source,) = find_sources([document])
    with Journal(path, URL, resume=False) as journal:
        journal.acknowledge(source, 1, Tally(1))
    document.write_text("22")
    (changed,) = find_sources([document])
    with Journal(path, URL, resume=True) as journal:
        assert (journal.lines_done(source), journal.lines_done(changed)) == (1, 0)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_a_line_that_a_crash_cut_off_counts_as_not_written(tmp_path: Path, kept: int) -> None:
    path, document = tmp_path / "journal", tmp_path / "x.ndjson"
    document.write_text("1\n2\n")
    (source,) = find_sources([document])
    with Journal(path, URL, resume=False) as journal:
        for line in (1, 2):
            journal.acknowledge(source, line, Tally(1))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + kept]) + b"".join(lines[1 + kept :])[:20])
    with Journal(path, URL, resume=True) as journal:
        assert journal.lines_done(source) == kept
        journal.acknowledge(source, 2, Tally(1))
    with Journal(path, URL, resume=True) as journal:
        assert journal.lines_done(source) == 2


@pytest.mark.parametrize(
    "content",
    [
        "nonsense\n",
        "[]\n",
        '{"format": "concord-ingest/9", "url": "http://node"}\n',
        '{"format": "concord-ingest/1", "url": "http://other"}\n',
    ],
)
def test_what_is_no_journal_of_this_run_is_not_taken_for_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "journal"
    path.write_text(content)
    with pytest.raises(UnreadableFileError, match="--resume"):
        Journal(path, URL, resume=True)
    assert path.read_text() == content


def test_without_resume_a_journal_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("nonsense\n")
    with Journal(path, URL, resume=False):
        pass
    assert json.loads(path.read_text())["url"] == URL
