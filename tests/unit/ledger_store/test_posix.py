"""What only the POSIX store has: files, and the ways in which they tear, rot and get mixed up."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ledger.errors import ResourceMissingError, StorageError, StoreLockedError
from ledger.hashing import LeafIndex
from ledger.sequencer import Sequencer
from ledger.store import segments
from ledger.store.posix import DirectoryLogReader, PosixLogStore, create_posix_log
from ledger.tiles import TileAddress
from tests.log_audit import audited_entries
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_posix_log(tmp_path / "log", ORIGIN)
    return tmp_path / "log"


def open_log(root: Path) -> PosixLogStore:
    return PosixLogStore(root, ORIGIN)


def segment(root: Path) -> Path:
    return max((root / "state" / "staged").iterdir())


def stage(root: Path, *calls: list[bytes]) -> None:
    with open_log(root) as store:
        for entries in calls:
            store.stage(entries)


def staged(root: Path) -> list[bytes]:
    with open_log(root) as store:
        return store.staged(LeafIndex(0), 1_000)


def test_a_torn_record_was_never_acknowledged(root: Path) -> None:
    stage(root, [b"a"], [b"b", b"c"])
    whole = segment(root).read_bytes()
    stage(root, [b"torn" * 9])
    torn = segment(root).read_bytes()
    for length in range(len(whole), len(torn)):
        segment(root).write_bytes(torn[:length])
        assert staged(root) == [b"a", b"b", b"c"]
        assert segment(root).read_bytes() == whole
    segment(root).write_bytes(whole + bytes(4096))
    with open_log(root) as store:
        assert store.stage([b"d"]) == 3
    assert staged(root) == [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize("position", [0, 5, 13, 17, 21, 25, 26])
def test_damage_before_the_last_record_is_refused(root: Path, position: int) -> None:
    stage(root, [b"abcdefgh"], [b"b"])
    content = bytearray(segment(root).read_bytes())
    content[position] ^= 0x40
    segment(root).write_bytes(content)
    with pytest.raises(StorageError, match="damaged at byte 0"):
        open_log(root)


def test_a_missing_segment_is_refused(root: Path) -> None:
    large = [b"x" * 65_535] * 140
    stage(root, large, [b"second file"], large, [b"third file"])
    files = sorted((root / "state" / "staged").iterdir())
    assert len(files) == 3
    files[1].unlink()
    with pytest.raises(StorageError, match="staged entries 140 to 280 are missing"):
        open_log(root)


def test_deleted_segments_that_a_power_cut_brings_back_do_no_harm(root: Path) -> None:
    large = [b"x" * 65_535] * 140
    stage(root, large, large, [b"last"])
    first = min((root / "state" / "staged").iterdir())
    content = first.read_bytes()
    with open_log(root) as store:
        assert Sequencer(SIGNER, ScriptedGuard()).step(store, 280) is not None
        assert not first.exists()
    first.write_bytes(content)
    with open_log(root) as store:
        assert store.stage([b"after"]) == 281
        assert store.staged(LeafIndex(280), 10) == [b"last", b"after"]
        assert not first.exists()


def test_staged_files_that_a_recovery_replaced_never_count_again(root: Path) -> None:
    stage(root, [b"a", b"b"])
    replaced, content = segment(root), segment(root).read_bytes()
    with open_log(root) as store:
        store.restage(LeafIndex(1), [b"x"])
    replaced.write_bytes(content)
    with open_log(root) as store:
        assert store.staged(LeafIndex(1), 10) == [b"x"]
        assert not replaced.exists()


def test_staged_files_older_than_the_checkpoint_are_passed_over(root: Path) -> None:
    stage(root, [b"a"])
    older = segment(root).read_bytes()
    with open_log(root) as store:
        store.stage([b"b", b"c"])
        Sequencer(SIGNER, ScriptedGuard()).step(store)
        name = segment(root)
    name.write_bytes(older)
    for index in (3, 4):
        with open_log(root) as store:
            assert store.stage([b"next"]) == index
    with open_log(root) as store:
        assert store.staged(LeafIndex(3), 10) == [b"next", b"next"]


def test_segments_go_when_they_are_logged(root: Path) -> None:
    with open_log(root) as store:
        for _ in range(3):
            store.stage([b"x" * 65_535] * 140)
        assert len(store.staged(LeafIndex(0), 420)) == 420
        grower = Sequencer(SIGNER, ScriptedGuard())
        for limit in (200, 200, 200):
            grower.step(store, limit)
        assert [path.name for path in (root / "state" / "staged").iterdir()] == []
        assert store.stage([b"next"]) == 420
        assert grower.step(store) is not None
    with open_log(root) as store:
        assert store.staged_range().stop == 421


def test_reading_large_entries_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MAX_READ_BYTES", 2**20)
    with open_log(root) as store:
        for _ in range(30):
            store.stage([b"x" * 65_535] * 5)
        assert 15 < len(store.staged(LeafIndex(0), 150)) < 30
        grower = Sequencer(SIGNER, ScriptedGuard())
        while grower.step(store) is not None:
            pass
        assert len(audited_entries(store)) == 150


def test_after_a_failed_sync_nothing_is_acknowledged_until_the_tail_is_written_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [True]

    def fdatasync(descriptor: int) -> None:
        if failing:
            failing.pop()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(descriptor)

    with open_log(root) as store:
        store.stage([b"a"])
        before = segment(root).stat().st_ino
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        with pytest.raises(StorageError, match="not staged"):
            store.stage([b"unknown"])
        first = store.stage([b"b"])
        assert segment(root).stat().st_ino != before
        entries = store.staged(LeafIndex(0), 10)
    assert entries[0] == b"a"
    assert entries[first:] == [b"b"]


def test_a_full_disk_is_a_storage_error_and_the_batch_is_taken_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_log(root) as store:
        store.stage([b"%d" % number for number in range(700)])
        grower = Sequencer(SIGNER, ScriptedGuard())
        write, budget = os.write, [3]

        def full(descriptor: int, data: bytes) -> int:
            budget[0] -= 1
            if budget[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(descriptor, data[:1000])

        with monkeypatch.context() as patched:
            patched.setattr(os, "write", full)
            with pytest.raises(StorageError, match="No space left"):
                grower.step(store)
        grower.step(store)
        assert len(audited_entries(store)) == 700
    assert list((root / "state" / "temporary").iterdir()) != []
    with open_log(root):
        assert list((root / "state" / "temporary").iterdir()) == []


def test_a_directory_is_one_writers_and_one_logs(root: Path, tmp_path: Path) -> None:
    with open_log(root) as store:
        store.stage([b"a"])
        with pytest.raises(StoreLockedError):
            open_log(root)
    with pytest.raises(StorageError, match="not log"):
        PosixLogStore(root, "log.hospital-b.example")
    with pytest.raises(StorageError, match="not empty"):
        create_posix_log(root, ORIGIN)
    with pytest.raises(StorageError, match="create it first"):
        open_log(tmp_path / "missing")
    (tmp_path / "foreign" / "state").mkdir(parents=True)
    with pytest.raises(StorageError, match="holds no log"):
        open_log(tmp_path / "foreign")
    assert staged(root) == [b"a"]


def test_partial_files_go_when_the_full_one_is_there_also_after_a_crash(root: Path) -> None:
    tile = root / "public" / "tile" / "0" / "000"
    grower = Sequencer(SIGNER, ScriptedGuard())
    with open_log(root) as store:
        for size in (10, 20):
            store.stage([b"%d" % number for number in range(size)])
            grower.step(store)
        assert sorted(path.name for path in tile.with_name("000.p").iterdir()) == ["10", "30"]
        store.stage([b"%d" % number for number in range(300)])
        grower.step(store)
        assert not tile.with_name("000.p").exists()
        assert tile.stat().st_size == 8192
    tile.with_name("000.p").mkdir()
    (tile.with_name("000.p") / "10").write_bytes(tile.read_bytes()[:320])
    with open_log(root) as store:
        store.stage([b"one more"])
        Sequencer(SIGNER, ScriptedGuard()).step(store)
        assert not tile.with_name("000.p").exists()
        reader = DirectoryLogReader(store.public, ORIGIN)
        assert reader.origin == ORIGIN
        assert audited_entries(reader) == audited_entries(store)
        assert reader.tile(TileAddress(0, 0, 10)) == tile.read_bytes()[:320]
        with pytest.raises(ResourceMissingError):
            reader.tile(TileAddress(0, 7))


def test_a_published_directory_holds_nothing_else(root: Path) -> None:
    with open_log(root) as store:
        store.stage([b"%d" % number for number in range(300)])
        Sequencer(SIGNER, ScriptedGuard()).step(store)
        public = {str(path.relative_to(store.public)) for path in store.public.rglob("*") if path.is_file()}
    assert public == {
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    }
