"""Kill a process that writes a log, again and again: what it acknowledged is in the log, once, and nothing goes back."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import StoreLockedError
from ledger.sequencer import Sequencer
from ledger.store.posix import PosixLogStore
from tests.log_audit import audited_entries, check_history
from tests.log_media import Medium, PosixMedium, SqlMedium, sqlite_engine
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard

ROOT = Path(__file__).parents[3]
ACKNOWLEDGEMENTS_BEFORE_KILL = (1, 6, 13, 30, 47)


def make(kind: str, directory: Path) -> tuple[Medium, Path]:
    if kind == "posix":
        return PosixMedium(directory / "log"), directory / "log"
    return SqlMedium(sqlite_engine(directory / "log.db"), joined=True), directory / "log.db"


@contextlib.contextmanager
def child(kind: str, path: Path, run: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.integration.ledger_log.load_child", kind, str(path), run]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ourselves
        try:
            yield process
        finally:
            process.kill()


def load_and_kill(kind: str, path: Path, run: str, count: int) -> dict[int, bytes]:
    """Run the child until it has acknowledged `count` batches, kill it, and return all entries that it acknowledged."""
    acknowledged: dict[int, bytes] = {}
    with child(kind, path, run) as process:
        assert process.stdout is not None
        for lines, line in enumerate(process.stdout, 1):
            if lines == count:
                process.kill()
            if line.endswith("\n"):
                first, number, size = map(int, line.split())
                acknowledged.update((first + at, f"{run} {number} {at}".encode()) for at in range(size))
    assert process.returncode == -9
    return acknowledged


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["posix", "sql"])
def test_kill_9_in_the_middle_of_a_load(kind: str, tmp_path: Path) -> None:
    medium, path = make(kind, tmp_path)
    acknowledged: dict[int, bytes] = {}
    published: list[bytes] = []
    with contextlib.closing(medium):
        for run, count in enumerate(ACKNOWLEDGEMENTS_BEFORE_KILL):
            fresh = load_and_kill(kind, path, f"run {run}", count)
            assert len(fresh) > 0
            assert not acknowledged.keys() & fresh.keys()
            acknowledged |= fresh
            with medium.open() as store:
                note = store.checkpoint()
                audited_entries(store)
            published += [note] if note is not None else []
        with medium.open() as store:
            grower = Sequencer(SIGNER, ScriptedGuard())
            grower.recover(store)
            while grower.step(store) is not None:
                pass
            entries = audited_entries(store)
    assert {index: entries[index] for index in acknowledged} == acknowledged
    assert len(set(entries)) == len(entries)
    check_history(published, entries)
    assert len(published) >= 2


@pytest.mark.slow
def test_a_directory_has_one_writer_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    medium, path = make("posix", tmp_path)
    with child("posix", path, "run") as process:
        assert process.stdout is not None
        assert process.stdout.readline() != ""
        with pytest.raises(StoreLockedError):
            PosixLogStore(path, ORIGIN)
    with medium.open() as store:
        assert store.staged_range().stop > 0
