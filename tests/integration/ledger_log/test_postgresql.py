"""The SQL store on PostgreSQL: the same contract, and what only a database with several writers can show."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ledger.hashing import LeafIndex
from ledger.sequencer import Sequencer
from ledger.store.sql import SqlLogStore
from ledger.store.sql_engine import EngineLogStore
from tests.log_audit import audited_entries
from tests.log_media import Medium, SqlMedium
from tests.simulators import ORIGIN, SIGNER, FaultPlan, ScriptedGuard
from tests.unit.ledger_store import test_contract as contract
from tests.unit.ledger_store.test_sequencer import run_scenario

pytestmark = [pytest.mark.slow, pytest.mark.network]

CASES = [case for name, case in vars(contract).items() if name.startswith("test_") and not hasattr(case, "pytestmark")]


@pytest.fixture(scope="module")
def server_url() -> Iterator[sa.URL]:
    """Run a PostgreSQL server of our own, on a socket in a directory of our own."""
    pytest.importorskip("psycopg", reason="PostgreSQL: the driver psycopg is not installed")
    found = shutil.which("initdb") or next(iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))), None)
    if found is None:
        pytest.skip("PostgreSQL: no initdb on this machine")
    binaries = Path(found).resolve().parent
    directory = Path(tempfile.mkdtemp(prefix="concord-pg-"))
    # The server refuses to run as root.
    user = server_user() if os.geteuid() == 0 else None
    try:
        if user is not None:
            shutil.chown(directory, user)
        run = [str(binaries / "initdb"), "-D", str(directory / "data"), "-U", "concord", "-A", "trust", "--no-sync"]
        subprocess.run(run, check=True, capture_output=True, user=user, cwd=directory)  # noqa: S603 - found above
        with running(binaries, directory, user):
            yield sa.URL.create("postgresql+psycopg", "concord", host=str(directory), database="postgres")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def server_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def running(binaries: Path, directory: Path, user: str | None, *, durable: bool = False) -> Iterator[None]:
    control = [str(binaries / "pg_ctl"), "-D", str(directory / "data"), "-w", "-s"]
    options = f"-c listen_addresses='' -c unix_socket_directories={directory} -c fsync={'on' if durable else 'off'}"
    log = str(directory / "log")
    subprocess.run([*control, "-l", log, "-o", options, "start"], check=True, user=user, cwd=directory)  # noqa: S603 - found above
    try:
        yield
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, user=user, cwd=directory)  # noqa: S603 - found above


@pytest.fixture
def engine(server_url: sa.URL) -> Iterator[sa.Engine]:
    made = sa.create_engine(server_url)
    yield made
    made.dispose()


@pytest.fixture(params=["joined", "calls"])
def medium(request: pytest.FixtureRequest, engine: sa.Engine) -> SqlMedium:
    return SqlMedium(engine, joined=request.param == "joined")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_contract(case: Callable[[Medium], None], medium: SqlMedium) -> None:
    case(medium)


def test_a_scenario_with_faults(medium: SqlMedium) -> None:
    for failing_call in range(0, 30, 4):
        medium.reset()
        run_scenario(medium, FaultPlan(failing_call, persisted=failing_call % 8 == 0), restart=True)


def test_concurrent_stagers_share_one_sequence(engine: sa.Engine) -> None:
    SqlMedium(engine, joined=True)
    calls, threads = 40, 4
    found: list[tuple[int, int, int]] = []

    def stage(thread: int) -> None:
        for call in range(calls):
            with engine.begin() as connection:
                first = SqlLogStore(connection, ORIGIN).stage([b"%d %d %d" % (thread, call, at) for at in range(3)])
            found.append((first, thread, call))

    workers = [threading.Thread(target=stage, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    grower, store = Sequencer(SIGNER, ScriptedGuard()), EngineLogStore(engine, ORIGIN)
    while any(worker.is_alive() for worker in workers):
        grower.step(store)
    for worker in workers:
        worker.join()
    while grower.step(store) is not None:
        pass
    entries = audited_entries(store)
    assert len(entries) == calls * threads * 3
    for first, thread, call in found:
        assert entries[first : first + 3] == [b"%d %d %d" % (thread, call, at) for at in range(3)]


@pytest.mark.parametrize("after_statement", [1, 2, 3])
def test_a_stager_that_commits_between_two_statements_of_a_reader(engine: sa.Engine, after_statement: int) -> None:
    SqlMedium(engine, joined=True)
    seen = 0

    def stage_meanwhile(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == after_statement:
            EngineLogStore(engine, ORIGIN).stage([b"meanwhile"])

    with engine.connect() as connection:
        sa.event.listen(connection, "after_cursor_execute", stage_meanwhile)
        store = SqlLogStore(connection, ORIGIN)
        assert store.staged(LeafIndex(0), 10) in ([], [b"meanwhile"])
        staged = store.staged_range()
        assert staged.start == 0
        assert staged.stop in (0, 1)
    while seen < after_statement:
        stage_meanwhile()
    assert EngineLogStore(engine, ORIGIN).staged(LeafIndex(0), 10) == [b"meanwhile"]
