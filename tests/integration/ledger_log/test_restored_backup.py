"""A backup put back in place must not sign a second history; recovering it from a mirror may go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ledger.checkpoints import Checkpoint
from ledger.errors import StateBehindError
from ledger.hashing import HashReader
from ledger.sequencer import Sequencer, recover_log
from ledger.store.posix import DirectoryLogReader, PosixLogStore
from ledger.store.sql_engine import EngineLogStore
from tests.log_audit import audited_entries, open_note
from tests.log_media import PosixMedium, SqlMedium, sqlite_engine
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard


class ChainGuard:
    """Knows the largest head that was ever anchored."""

    def __init__(self, head: Checkpoint | None = None) -> None:
        self.head = head

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        del reader
        own = committed.size if committed is not None else 0
        if self.head is not None and own < self.head.size:
            raise StateBehindError(own, self.head.size, "the chain")


def test_an_older_database_refuses_to_sign_until_it_is_recovered(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    SqlMedium(sqlite_engine(path), joined=True).close()
    mirror = tmp_path / "mirror"
    guard = ChainGuard()

    engine = sqlite_engine(path)
    store = EngineLogStore(engine, ORIGIN)
    grower = Sequencer(SIGNER, guard)
    store.stage([b"old %d" % number for number in range(300)])
    grower.step(store)
    store.stage([b"staged before the backup"])
    engine.dispose()
    shutil.copy(path, tmp_path / "backup.db")
    store.stage([b"lost %d" % number for number in range(700)])
    guard.head = grower.step(store)
    lost = audited_entries(store)
    publish(store, mirror)
    engine.dispose()

    for left_over in (*tmp_path.glob("log.db*"),):
        left_over.unlink()
    shutil.copy(tmp_path / "backup.db", path)
    engine = sqlite_engine(path)
    store = EngineLogStore(engine, ORIGIN)
    store.stage([b"new since the restore"])
    before = store.committed()
    restored = Sequencer(SIGNER, guard)
    with pytest.raises(StateBehindError):
        restored.recover(store)
    for _ in range(2):
        with pytest.raises(StateBehindError):
            restored.step(store)
    assert store.committed() == before

    recovery = recover_log(store, DirectoryLogReader(mirror, ORIGIN), [SIGNER.verifier_key])
    assert (recovery.renumbered_from, recovery.renumbered_to, recovery.renumbered_count) == (301, 1001, 1)
    Sequencer(SIGNER, guard).step(store)
    assert audited_entries(store) == [*lost, b"new since the restore"]
    engine.dispose()


def publish(store: EngineLogStore, mirror: Path) -> None:
    """Mirror a log into a directory by the path that recovery takes, and keep what a static server would serve."""
    root = mirror.with_name("mirror-store")
    with PosixMedium(root).open() as copy:
        recover_log(copy, store, [SIGNER.verifier_key])
    shutil.copytree(root / "public", mirror)


def test_an_older_directory_refuses_to_sign(tmp_path: Path) -> None:
    medium = PosixMedium(tmp_path / "log")
    guard = ChainGuard()
    with medium.open() as store:
        store.stage([b"old"])
        Sequencer(SIGNER, guard).step(store)
    shutil.copytree(medium.root, tmp_path / "backup")
    with medium.open() as store:
        store.stage([b"lost"])
        guard.head = Sequencer(SIGNER, guard).step(store)
    shutil.rmtree(medium.root)
    shutil.copytree(tmp_path / "backup", medium.root)
    with PosixLogStore(medium.root, ORIGIN) as restored:
        restored.stage([b"new"])
        with pytest.raises(StateBehindError):
            Sequencer(SIGNER, guard).step(restored)
        note = restored.checkpoint()
        assert note is not None
        assert open_note(note).size == 1


def test_a_guard_sees_the_tree_that_it_judges(tmp_path: Path) -> None:
    medium = PosixMedium(tmp_path / "log")
    guard = ScriptedGuard()
    with medium.open() as store:
        store.stage([b"one"])
        checkpoint = Sequencer(SIGNER, guard).step(store)
        assert Sequencer(SIGNER, guard).recover(store) == checkpoint
    assert guard.asked == [None, checkpoint]
