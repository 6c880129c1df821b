"""The order in which bytes, names and directories reach the disk: what a power cut would show."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ledger.sequencer import Sequencer
from ledger.store.durable import DurableDirectory
from ledger.store.posix import PosixLogStore, create_posix_log
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard


class Disk:
    """Watches the system calls that make things durable; a name is safe once its directory was synced after it changed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: set[int] = set()
        self.unsafe_directories: set[int] = set()
        self.renamed_unsynced: list[str] = []
        self._calls = {"fsync": os.fsync, "fdatasync": os.fdatasync}
        self._rename, self._write, self._mkdir = os.rename, os.write, os.mkdir
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "fdatasync", self.fsync)
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "rename", self.rename)
        monkeypatch.setattr(os, "mkdir", self.mkdir)

    def fsync(self, descriptor: int) -> None:
        inode = os.fstat(descriptor).st_ino
        self.synced.add(inode)
        self.unsafe_directories.discard(inode)

    def write(self, descriptor: int, data: bytes) -> int:
        self.synced.discard(os.fstat(descriptor).st_ino)
        return self._write(descriptor, data)

    def rename(self, source: Path, target: Path) -> None:
        if source.stat().st_ino not in self.synced:
            self.renamed_unsynced.append(target.name)
        self._rename(source, target)
        self.unsafe_directories.add(target.parent.stat().st_ino)

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._mkdir(path, mode)
        self.unsafe_directories.add(Path(path).parent.stat().st_ino)

    def check(self) -> None:
        assert self.renamed_unsynced == []
        assert self.unsafe_directories == set()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_files_are_synced_before_they_get_their_names_and_names_before_it_returns(tmp_path: Path, disk: Disk, count: int) -> None:
    files = DurableDirectory(tmp_path, tmp_path / "temporary")
    disk.unsafe_directories.clear()
    for content in (b"old", b"new"):
        files.write({tmp_path / "a" / str(number % 3) / str(number): content for number in range(count)})
        disk.check()
    assert {path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()} == {b"new"}
    assert list((tmp_path / "temporary").iterdir()) == []


def test_everything_that_a_log_acknowledges_is_on_the_disk(tmp_path: Path, disk: Disk) -> None:
    create_posix_log(tmp_path / "log", ORIGIN)
    disk.check()
    with PosixLogStore(tmp_path / "log", ORIGIN) as store:
        grower = Sequencer(SIGNER, ScriptedGuard())
        for size in (3, 700, 1):
            store.stage([b"%d" % number for number in range(size)])
            for segment in (tmp_path / "log" / "state" / "staged").iterdir():
                assert segment.stat().st_ino in disk.synced
            disk.check()
            grower.step(store)
            disk.check()
            assert all(path.stat().st_ino in disk.synced for path in store.public.rglob("*") if path.is_file())


def test_an_error_of_any_file_is_raised_and_leaves_old_contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = DurableDirectory(tmp_path, tmp_path / "temporary")
    paths = [tmp_path / str(number) for number in range(20)]
    files.write(dict.fromkeys(paths, b"old"))
    budget = [7]

    def fdatasync(descriptor: int) -> None:
        os.fsync(descriptor)
        budget[0] -= 1
        if budget[0] == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    with pytest.raises(OSError, match="Input/output"):
        files.write(dict.fromkeys(paths, b"new"))
    assert {path.read_bytes() for path in paths} == {b"old"}
    files.write(dict.fromkeys(paths, b"new"))
    assert {path.read_bytes() for path in paths} == {b"new"}
