"""Measure following: leaves a second caught up over HTTP, verified and indexed; and many logs over an hour of simulated time.

Method, catch-up: a log of `--leaves` leaves of 106 bytes lies in a directory and is served by a static file server, a process
of its own. A following service with real database files starts from nothing and takes steps until everything is indexed: every
bundle is fetched, hashed, proven against tiles, and its leaves are in `index.db` and in the tag index. Peak memory is the
follower's process, the interpreter and its libraries included.

Method, hour: `--logs` logs in memory, of which each grows by a leaf every ten minutes and is polled every minute of a clock that
the bench moves; nothing else is simulated. Growth is the resident memory after the last minute less that after the tenth.

    python bench/following.py [--leaves N] [--logs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench._report import Figures, keep, machine, peak_mb, resident_mb, show  # noqa: E402 - after the path
from devnet.engines.ports import free_ports  # noqa: E402
from ledger.sequencer import Sequencer  # noqa: E402
from ledger.store.posix import PosixLogStore, create_posix_log  # noqa: E402
from node.adapters.database.logs.index import SqlFollowedIndex  # noqa: E402
from node.adapters.database.logs.trust import SqlTrustStore  # noqa: E402
from node.adapters.database.schema import INDEX, TRUST, create_databases, open_database  # noqa: E402
from node.adapters.peers.connections import HttpConnections  # noqa: E402
from node.adapters.peers.http_peers import NodePeers  # noqa: E402
from node.domain.entry import EntryType, InstitutionId, Origin  # noqa: E402
from node.domain.trust import LogKey, TrustedLog  # noqa: E402
from node.ports.records.transaction import RecordsReader  # noqa: E402
from node.services.logs.following import FollowingService  # noqa: E402
from node.services.logs.header_collection import HeaderCollector  # noqa: E402
from node.services.logs.progress import Progress  # noqa: E402
from node.wire.leaf import Leaf, encode_leaf  # noqa: E402
from node.wire.locator import random_tag  # noqa: E402
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard  # noqa: E402
from tests.unit.services_following.world import Follower, Hospital, SimulatedClock  # noqa: E402

_CHUNK = 50_000
_MINUTES = 60
_WARM_MINUTES = 10
_NAME = InstitutionId("hospital")


def make_log(directory: Path, leaves: int) -> None:
    """Make a log in a directory, as a static file server serves it."""
    (directory / "log").mkdir()
    create_posix_log(directory / "store", ORIGIN)
    grower = Sequencer(SIGNER, ScriptedGuard())
    with PosixLogStore(directory / "store", ORIGIN) as store:
        for start in range(0, leaves, _CHUNK):
            store.stage([_leaf() for _ in range(min(_CHUNK, leaves - start))])
            grower.step(store)
    (directory / "log" / _NAME).symlink_to(directory / "store" / "public")


def _leaf() -> bytes:
    return encode_leaf(Leaf(EntryType.RECORD, 0, os.urandom(32), random_tag(), os.urandom(32)))


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory on loopback in a process of its own."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(directory)]
    process = subprocess.Popen([*command, "--protocol", "HTTP/1.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def catch_up(directory: Path, leaves: int) -> Figures:
    """Follow a log from nothing to its end."""
    node = directory / "node"
    node.mkdir()
    create_databases(node, [])
    engines = [
        open_database(node, INDEX, writer=True),
        open_database(node, INDEX, writer=False),
        open_database(node, TRUST, writer=True),
    ]
    index = SqlFollowedIndex(engines[0], engines[1])
    connections = HttpConnections()
    with served(directory) as url:
        log = TrustedLog(Origin(ORIGIN), _NAME, url, (LogKey(SIGNER.verifier_key, 0, None),), None)
        service = FollowingService(
            logs=[log],
            peers=NodePeers(connections, {}, (), cast("RecordsReader", None), Progress()),
            trust=SqlTrustStore(engines[2]),
            index=index,
            headers=HeaderCollector(index, retry_s=60),
            chain=None,
            clock=SimulatedClock(),
            poll_interval_s=60,
            header_grace_s=60,
        )
        _wait_served(service)
        started, cpu = time.perf_counter(), time.process_time()
        while index.size(log.origin) < leaves:
            service.told([log.origin])
            service.step()
        took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    connections.close()
    for engine in engines:
        engine.dispose()
    return {"leaves": leaves, "seconds": took_s, "leaves_per_s": leaves / took_s, "cpu_s": cpu_s, "peak_mb": peak_mb()}


def _wait_served(service: FollowingService) -> None:
    """Wait until the file server answers; the first steps then belong to the time that is measured, or nearly so."""
    deadline = time.monotonic() + 10
    while service.report()[0].state in ("new", "away") and time.monotonic() < deadline:
        service.told([Origin(ORIGIN)])
        service.step()


def follow_many(directory: Path, logs: int) -> Figures:
    """Follow many logs for an hour of simulated time."""
    node = directory / "many"
    node.mkdir()
    hospitals = [Hospital(number) for number in range(logs)]
    for hospital in hospitals:
        hospital.fill(20)
    follower = Follower(node, hospitals)
    warm_mb, busy_s = 0.0, 0.0
    for minute in range(_MINUTES):
        for hospital in hospitals[minute % 10 :: 10]:
            hospital.fill(1)
        started = time.perf_counter()
        follower.poll()
        busy_s += time.perf_counter() - started
        if minute == _WARM_MINUTES:
            gc.collect()
            warm_mb = resident_mb()
    gc.collect()
    grown_mb = resident_mb() - warm_mb
    assert all(follower.index.size(each.origin) == each.log.size for each in hospitals)
    follower.stop()
    return {"logs": logs, "busy_s_per_minute": busy_s / _MINUTES, "grown_mb": grown_mb, "resident_mb": resident_mb()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--leaves", type=int, default=1_000_000)
    parser.add_argument("--logs", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="concord-bench-") as where:
        directory = Path(where)
        about = machine(directory)
        make_log(directory, options.leaves)
        results = {"catch_up": catch_up(directory, options.leaves)}
        show("catch-up over HTTP", results["catch_up"])
        results["hour"] = follow_many(directory, options.logs)
        show("an hour, simulated", results["hour"])
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
