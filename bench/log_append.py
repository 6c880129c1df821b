"""Measure the log: durable appends with signed checkpoints, proofs, opening, memory; Tessera's POSIX driver beside it.

Method: entries of 106 bytes, the size of a leaf. An append stages a batch (durable when the call returns), then one step of
the sequencer integrates it, writes tiles, signs, commits by compare-and-swap and publishes, all of it durable. POSIX files and
directories are synced; SQLite runs in WAL mode with synchronous=FULL. Each measurement has a process of its own. Proofs are
made for entries all over the tree, with a cache of 1,024 tiles that starts empty. The peer runs on the same disk in the same
run: `posix` and `hammer` of Tessera v1.0.4 with 512 writers, the best setting seen; it is timed from its first to its last
integrated entry, by the sizes of the checkpoints that it serves.

    python bench/log_append.py [--entries N] [--memory-entries N] [--skip-peer] [--dir DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import sqlalchemy as sa  # noqa: E402 - after the path

from ledger.checkpoints import Checkpoint, open_checkpoint  # noqa: E402
from ledger.hashing import (  # noqa: E402
    HashReader,
    LeafIndex,
    TreeSize,
    hash_leaf,
)
from ledger.mirror import CachedHashReader, TileCache  # noqa: E402
from ledger.notes import NoteSigner, encode_verifier_key  # noqa: E402
from ledger.ports import LogReader, LogStore  # noqa: E402
from ledger.proofs import prove_inclusion, verify_inclusion  # noqa: E402
from ledger.sequencer import Sequencer  # noqa: E402
from ledger.store.memory import MemoryLogStore  # noqa: E402
from ledger.store.posix import DirectoryLogReader, PosixLogStore, create_posix_log  # noqa: E402
from ledger.store.sql import SqlLogReader, SqlLogStore, create_sql_log, tables  # noqa: E402

ENTRY_BYTES = 106
ORIGIN = "log.bench.example"
SIGNER = NoteSigner.from_seed(ORIGIN, bytes(32))
BATCHES = (65_536, 4_096, 256)
PROOFS = 2_000


class OpenGuard:
    """Lets everything pass: there is no chain here."""

    def check(self, committed: Checkpoint | None, reader: HashReader) -> None:
        """Pass."""


def open_sqlite(path: Path) -> sa.Engine:
    """Open SQLite as the node does."""
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)

    @sa.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


@contextmanager
def sql_transactions(path: Path) -> Iterator[Callable[[], Any]]:
    """Open a log in SQLite, creating it if need be; yields what opens a transaction's store."""
    new = not path.exists()
    engine = open_sqlite(path)
    metadata = sa.MetaData()
    tables(metadata)
    if new:
        metadata.create_all(engine)
        with engine.begin() as connection:
            create_sql_log(connection, ORIGIN)

    @contextmanager
    def transaction() -> Iterator[LogStore]:
        with engine.begin() as connection:
            yield SqlLogStore(connection, ORIGIN)

    try:
        yield transaction
    finally:
        engine.dispose()


@contextmanager
def posix_transactions(path: Path) -> Iterator[Callable[[], Any]]:
    """Open a log in a directory, creating it if need be."""
    if not path.exists():
        create_posix_log(path, ORIGIN)
    with PosixLogStore(path, ORIGIN) as store:

        @contextmanager
        def transaction() -> Iterator[LogStore]:
            yield store

        yield transaction


@contextmanager
def memory_transactions(_path: Path) -> Iterator[Callable[[], Any]]:
    """Make a log in memory: the speed of everything but the disk."""
    store = MemoryLogStore(ORIGIN)

    @contextmanager
    def transaction() -> Iterator[LogStore]:
        yield store

    yield transaction


OPENERS = {"memory": memory_transactions, "posix": posix_transactions, "sqlite": sql_transactions}


def distinct_entries(count: int) -> list[bytes]:
    """Make entries of which no two are alike."""
    blob = os.urandom(ENTRY_BYTES * count)
    return [blob[at : at + ENTRY_BYTES] for at in range(0, len(blob), ENTRY_BYTES)]


def append(kind: str, path: Path, total: int, batch: int) -> dict[str, float]:
    """Append entries in batches; return entries per second, and seconds a batch took, staging included."""
    grower = Sequencer(SIGNER, OpenGuard())
    took: list[float] = []
    with OPENERS[kind](path) as transaction:
        for at in range(0, total, batch):
            entries = distinct_entries(min(batch, total - at))
            started = time.perf_counter()
            with transaction() as store:
                store.stage(entries)
            with transaction() as store:
                grower.step(store, batch)
            took.append(time.perf_counter() - started)
    return {
        "entries_per_s": total / sum(took),
        "batch_median_ms": statistics.median(took) * 1e3,
        "batch_max_ms": max(took) * 1e3,
    }


def rss_mb() -> float:
    """Return the resident memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def memory(kind: str, path: Path, total: int) -> dict[str, float]:
    """Grow one log by powers of ten; return the memory after each, and the peak."""
    found: dict[str, float] = {}
    size = 0
    for target in [10**power for power in range(5, 9) if 10**power <= total]:
        append(kind, path, target - size, 65_536)
        size = target
        found[f"rss_mb_at_{target}"] = rss_mb()
    found["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def reader_of(kind: str, path: Path) -> LogReader:
    """Open a published log for reading."""
    if kind == "posix":
        return DirectoryLogReader(path / "public", ORIGIN)
    return SqlLogReader(sa.create_engine(f"sqlite:///{path}"), ORIGIN)


def proofs(kind: str, path: Path) -> dict[str, float]:
    """Prove the inclusion of entries all over a log, and verify each proof."""
    reader = reader_of(kind, path)
    note = reader.checkpoint()
    assert note is not None
    checkpoint = open_checkpoint(note, SIGNER.verifier_key, ORIGIN)
    cached = CachedHashReader(reader, checkpoint.size, TileCache())
    took: list[float] = []
    for number in range(PROOFS):
        index = LeafIndex(number * 7_919_317 % checkpoint.size)
        started = time.perf_counter()
        proof = prove_inclusion(cached, index, checkpoint.size)
        took.append(time.perf_counter() - started)
        bundle_index, position = divmod(index, 256)
        entry = entry_at(reader, bundle_index, position, checkpoint.size)
        verify_inclusion(index=index, size=checkpoint.size, leaf=hash_leaf(entry), proof=proof, root=checkpoint.root)
    took.sort()
    return {
        "tree_size": checkpoint.size,
        "proof_median_ms": took[PROOFS // 2] * 1e3,
        "proof_p99_ms": took[PROOFS * 99 // 100] * 1e3,
    }


def entry_at(reader: LogReader, bundle_index: int, position: int, size: TreeSize) -> bytes:
    """Read one entry."""
    from ledger.tiles import BundleAddress, parse_bundle  # noqa: PLC0415 - used here only

    address = BundleAddress(bundle_index, min(256, size - bundle_index * 256))
    return parse_bundle(reader.bundle(address), address)[position]


def opening(kind: str, path: Path) -> dict[str, float]:
    """Open a log and get its sequencer ready to sign."""
    started = time.perf_counter()
    with OPENERS[kind](path) as transaction, transaction() as store:
        checkpoint = Sequencer(SIGNER, OpenGuard()).recover(store)
        took = time.perf_counter() - started
    assert checkpoint is not None
    return {"tree_size": checkpoint.size, "open_ms": took * 1e3}


def served_size(url: str) -> int:
    """Return the size of the checkpoint that the peer serves, 0 before the first."""
    try:
        with urllib.request.urlopen(f"{url}checkpoint", timeout=5) as answer:  # noqa: S310 - our own loopback
            return int(answer.read().split(b"\n")[1])
    except (urllib.error.URLError, IndexError, ValueError, ConnectionError):
        return 0


def peer(tools: Path, directory: Path, goal: int) -> dict[str, float]:
    """Let Tessera's load generator fill Tessera's POSIX log; return entries per second from first to last checkpoint."""
    directory.mkdir()
    signer_key, verifier_key = go_key()
    key_file = directory / "key"
    key_file.write_text(signer_key)
    port = 20_000 + os.getpid() % 20_000
    url = f"http://127.0.0.1:{port}/"
    log = [str(tools / "posix"), f"--storage_dir={directory / 'log'}", f"--private_key={key_file}", f"--listen=127.0.0.1:{port}"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(log, **quiet) as server:
        try:
            wait_until(lambda: reachable(url))
            writers = [
                str(tools / "hammer"), f"--log_url={url}", f"--log_public_key={verifier_key}", "--num_writers=512",
                "--max_write_ops=100000", "--num_readers_full=0", "--num_readers_random=0", "--max_read_ops=0",
                f"--leaf_write_goal={goal}", f"--leaf_min_size={ENTRY_BYTES}", "--dup_chance=0", "--show_ui=false",
            ]  # fmt: skip
            with subprocess.Popen(writers, **quiet) as hammer:
                try:
                    wait_until(lambda: served_size(url) > 0)
                    first, started = served_size(url), time.perf_counter()
                    last, ended = first, started
                    while last < goal and time.perf_counter() - ended < 20:
                        time.sleep(0.05)
                        size = served_size(url)
                        if size > last:
                            last, ended = size, time.perf_counter()
                finally:
                    hammer.kill()
        finally:
            server.kill()
    return {"entries": last, "entries_per_s": (last - first) / (ended - started)}


def go_key() -> tuple[str, str]:
    """Make a key pair in the text forms that Go's note package reads."""
    from base64 import b64encode  # noqa: PLC0415 - used here only

    seed = os.urandom(32)
    signer = NoteSigner.from_seed(ORIGIN, seed)
    vkey = encode_verifier_key(signer.verifier_key)
    key_id = signer.verifier_key.key_id.hex()
    return f"PRIVATE+KEY+{ORIGIN}+{key_id}+{b64encode(bytes([1]) + seed).decode()}", vkey


def reachable(url: str) -> bool:
    """Tell whether something answers there, be it with an error."""
    try:
        urllib.request.urlopen(f"{url}checkpoint", timeout=5).close()  # noqa: S310 - our own loopback
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the peer did not come up"
        time.sleep(0.05)


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    "append": lambda kind, path, total, batch: append(kind, Path(path), int(total), int(batch)),
    "memory": lambda kind, path, total: memory(kind, Path(path), int(total)),
    "proofs": lambda kind, path: proofs(kind, Path(path)),
    "opening": lambda kind, path: opening(kind, Path(path)),
}


def in_process(task: str, *arguments: object) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, __file__, "--task", task, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(options: argparse.Namespace, directory: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Run everything, one line of the table after the other."""
    for kind in OPENERS:
        for batch in BATCHES:
            total = max(batch, min(options.entries, batch * 200))
            yield f"append {kind} in {batch}", in_process("append", kind, directory / f"{kind}-{batch}", total, batch)
        shutil.rmtree(directory / f"{kind}-{BATCHES[0]}", ignore_errors=True)
    tools = Path(os.environ.get("CONCORD_GO_BIN") or ROOT / ".cache" / "bin")
    if not options.skip_peer and (tools / "posix").exists() and (tools / "hammer").exists():
        yield "append tessera-posix", peer(tools, directory / "tessera", options.peer_entries)
    for kind in ("posix", "sqlite"):
        path = directory / f"grown-{kind}"
        yield f"memory {kind}", in_process("memory", kind, path, options.memory_entries)
        yield f"open {kind}", in_process("opening", kind, path)
        yield f"proofs {kind}", in_process("proofs", kind, path)
        shutil.rmtree(path, ignore_errors=True)
        for left_over in directory.glob(f"grown-{kind}*"):
            left_over.unlink()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000, help="entries an append measurement writes at the most")
    parser.add_argument("--memory-entries", type=int, default=10_000_000, help="size that the memory measurement grows to")
    parser.add_argument("--peer-entries", type=int, default=60_000, help="entries that the peer writes")
    parser.add_argument("--skip-peer", action="store_true", help="leave Tessera out")
    parser.add_argument("--dir", type=Path, help="where to write; the disk to measure")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--task", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(TASKS[options.task[0]](*options.task[1:])))
        return
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="concord-bench-") as directory:
        for name, found in measure(options, Path(directory)):
            results[name] = found
            print(
                f"{name:26}",
                "  ".join(f"{key} {value:,.4g}" if value < 100 else f"{key} {value:,.0f}" for key, value in found.items()),
                flush=True,
            )
    if "append tessera-posix" in results:
        theirs = results["append tessera-posix"]["entries_per_s"]
        results["ratio to tessera-posix"] = {
            kind: results[f"append {kind} in {BATCHES[0]}"]["entries_per_s"] / theirs for kind in ("posix", "sqlite")
        }
        print("ratio to tessera-posix    ", results["ratio to tessera-posix"])
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
