"""Processes are known by pid and start; what an engine leaves in its directory is whole or not there."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devnet.engines import Engine, attach, make_engine, process
from devnet.engines.build_geth import binary_path, is_built, main
from devnet.engines.errors import EngineDirectoryError
from devnet.engines.process import ProcessIdentity
from devnet.engines.record import RECORD_NAME, EngineRecord, read_record, write_record

STUBBORN = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
PATIENT = "import signal; print('ready', flush=True); signal.pause()"


def spawned(script: str, log: Path) -> ProcessIdentity:
    identity = process.spawn([sys.executable, "-c", script], log, dict(os.environ))
    assert process.wait_until(lambda: log.exists() and "ready" in log.read_text(encoding="utf-8"), 30)
    return identity


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ProcessIdentity]:
    identity = spawned(PATIENT, tmp_path / "log")
    yield identity
    process.kill(identity)


def test_a_child_lives_until_it_is_stopped(child: ProcessIdentity) -> None:
    assert child.is_alive()
    assert os.getsid(child.pid) == child.pid
    process.stop(child)
    assert not child.is_alive()
    process.stop(child)
    process.kill(child)


def test_a_child_that_ends_by_itself_is_not_alive(child: ProcessIdentity) -> None:
    os.kill(child.pid, signal.SIGKILL)
    assert process.wait_until(lambda: not child.is_alive(), 10)
    assert process.start_of(child.pid) is None


def test_another_start_is_another_process(child: ProcessIdentity) -> None:
    impostor = ProcessIdentity(child.pid, "tick 1")
    assert not impostor.is_alive()
    process.stop(impostor)
    process.kill(impostor)
    assert child.is_alive()


def test_what_does_not_heed_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_GRACE_S", 0.1)
    identity = spawned(STUBBORN, tmp_path / "log")
    process.stop(identity)
    assert not identity.is_alive()


def test_the_log_is_private_and_appended_to(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for _ in range(2):
        process.kill(spawned(PATIENT, log))
    assert log.read_text(encoding="utf-8").startswith("ready\n")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_ps_tells_the_same_start_twice(child: ProcessIdentity) -> None:
    first = process._start_from_ps(child.pid)
    assert first
    assert process._start_from_ps(child.pid) == first
    process.kill(child)
    assert process._start_from_ps(child.pid) is None


RECORD = EngineRecord("embedded", "http://127.0.0.1:1", 5, "0x" + "00" * 32, 1, "tick 0")


def test_a_record_comes_back(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    assert attach(tmp_path) is None
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path) == RECORD
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_NAME]
    assert attach(tmp_path) is None  # process 1 did not start at tick 0


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"engine": "geth"}', '{"what": 1}'])
def test_a_damaged_record_is_said_to_be_damaged(tmp_path: Path, damaged: str) -> None:
    (tmp_path / RECORD_NAME).write_text(damaged, encoding="utf-8")
    with pytest.raises(EngineDirectoryError, match="damaged"):
        read_record(tmp_path)


@pytest.mark.parametrize("name", ["embedded", "geth"])
def test_engines_are_made_by_name(name: str) -> None:
    engine = make_engine(name, chain_id=7)
    assert isinstance(engine, Engine)
    assert engine.name == name


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(ValueError, match="no engine 'besu'; there are embedded, geth"):
        make_engine("besu")


def test_geth_is_looked_for_where_it_is_said_to_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONCORD_GETH", str(tmp_path / "geth"))
    assert binary_path() == tmp_path / "geth"
    monkeypatch.delenv("CONCORD_GETH")
    assert binary_path().parts[-3:] == (".cache", "bin", "geth")


def make_go(directory: Path, exit_code: int) -> str:
    """Write a program that stands where Go would, notes how it was called, and leaves a binary."""
    program = directory / "go"
    program.write_text(
        '#!/bin/sh\necho "$@" > "$GOBIN/called"\nprintf "#!/bin/sh\\n" > "$GOBIN/geth"\nchmod +x "$GOBIN/geth"\n'
        f"exit {exit_code}\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return str(program)


def test_geth_is_built_once_at_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    (tmp_path / "bin").mkdir()
    make_go(tmp_path / "bin", 0)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert not is_built(cache)
    assert main(["--directory", str(cache)]) == 0
    assert is_built(cache)
    called = (cache / "called").read_text(encoding="utf-8")
    assert called == "install -trimpath -ldflags=-s -w -checklinkname=0 github.com/ethereum/go-ethereum/cmd/geth@v1.13.15\n"
    (cache / "called").unlink()
    assert main(["--directory", str(cache)]) == 0
    assert not (cache / "called").exists()


def test_a_build_that_fails_leaves_no_stamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    make_go(tmp_path / "bin", 2)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert main(["--directory", str(tmp_path / "cache")]) == 1
    assert not is_built(tmp_path / "cache")


def test_without_go_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--directory", str(tmp_path / "cache")]) == 1
    assert "install Go" in capsys.readouterr().err
