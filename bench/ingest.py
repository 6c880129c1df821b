"""Measure ingest: NDJSON and single submissions through a real `concord serve`, client included, on one machine.

Method: the document is a real Synthea panel (a DiagnosticReport, nine of its Observations, Encounter and Patient: 12
resources); every copy has an identity of its own, and the copies belong to 1,000 patients, all unknown at first. The node is a
process of its own with its default settings, SQLite with synchronous=FULL on the disk of --dir, no chain. The client is this
process, with sockets and asyncio only: a line of NDJSON counts when its result has come, which says level `logged`
(?wait=logged). Closed loop: 64 connections, each sends its next document when it has its answer. Open loop: 200 documents a
second are due at fixed times over 64 connections; latency runs from when a document was due, so that a stall counts in full.
Receipts of single submissions mean that the entry is durable. Times of start-up and warm-up are not counted.

    python bench/ingest.py [--lines N] [--seconds S] [--dir DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402 - after the path

from node.bootstrap import init_node, issue_clients  # noqa: E402
from node.settings import InstitutionSettings, load_settings, write_settings  # noqa: E402

SOURCE = ROOT / "examples" / "synthea" / "Brendon_Rath.json"
OBSERVATIONS = 9
PATIENTS = 1_000
CLIENTS = 64
OPEN_RATE = 200
READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """A served node."""

    port: int
    api_key: str
    pid: int


class Documents:
    """Copies of one real panel, each a record of its own."""

    def __init__(self) -> None:
        entries = json.loads(SOURCE.read_bytes())["entry"]
        by_url = {entry["fullUrl"]: entry for entry in entries}
        report = next(entry for entry in entries if len(entry["resource"].get("result", ())) > OBSERVATIONS)
        results = report["resource"]["result"] = report["resource"]["result"][:OBSERVATIONS]
        patient = by_url[report["resource"]["subject"]["reference"]]
        encounter = by_url[report["resource"]["encounter"]["reference"]]
        chosen = [report, *(by_url[each["reference"]] for each in results), encounter, patient]
        for entry in chosen:
            entry.pop("request", None)
        # narrative and demographics of a synthetic person: a hospital's Patient is a name, a number and an address
        for name in ("text", "extension", "communication"):
            patient["resource"].pop(name, None)
        document = {"resourceType": "Bundle", "type": "collection", "entry": chosen}
        self.resources = len(chosen)
        encoded = msgspec.json.encode(document)
        report_id, patient_id = report["resource"]["id"].encode(), patient["resource"]["id"].encode()
        # ids of the same length, so that every copy has the size of the original
        self._pieces = encoded.replace(report_id, b"\0R").replace(patient_id, b"\0P").split(b"\0")
        self._length = len(report_id)
        self.size_bytes = len(self.make(0))

    def make(self, number: int) -> bytes:
        """Return copy `number`."""
        replaced = {ord("R"): f"r-{number:0{self._length - 2}d}", ord("P"): f"p-{number % PATIENTS:0{self._length - 2}d}"}
        head, *rest = self._pieces
        return head + b"".join(replaced[piece[0]].encode() + piece[1:] for piece in rest)


@contextmanager
def served_node(parent: Path) -> Iterator[Target]:
    """Serve a fresh node from a directory that goes away."""
    with tempfile.TemporaryDirectory(dir=parent, prefix="bench-ingest-") as name:
        directory = Path(name)
        write_settings(directory, [InstitutionSettings(id="hospital", name="Hospital", origin="hospital.bench.example/log")])
        settings = load_settings(directory)
        init_node(settings, {1: bytes(32)})
        (issued,) = issue_clients(settings)
        with socket.create_server(("127.0.0.1", 0)) as held:
            port = held.getsockname()[1]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CONCORD_")}
        environment["PYTHONPATH"] = str(ROOT)
        command = [sys.executable, "-m", "node", "serve", "--dir", name, "--port", str(port)]
        with subprocess.Popen(command, env=environment) as process:
            try:
                wait_ready(port)
                yield Target(port, issued.api_key, process.pid)
            finally:
                process.send_signal(signal.SIGTERM)


def wait_ready(port: int) -> None:
    """Wait until the node answers."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise TimeoutError("the node does not get ready")


def head(target: Target, path: str, length: str) -> bytes:
    """Return a request's head."""
    lines = (f"POST {path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {target.api_key}", length)
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def ingest_lines(target: Target, documents: Documents, start: int, count: int) -> float:
    """Send NDJSON and read all results; return the seconds from the first byte to the last result."""
    lines = [documents.make(number) + b"\n" for number in range(start, start + count)]
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=2**20)
    begin = time.perf_counter()

    async def send() -> None:
        writer.write(head(target, "/v1/records:batch?wait=logged", f"Content-Length: {sum(map(len, lines))}"))
        for at in range(0, count, 32):
            writer.write(b"".join(lines[at : at + 32]))
            await writer.drain()

    sending = asyncio.ensure_future(send())
    assert b" 200 " in await reader.readline()
    while await reader.readline() != b"\r\n":
        pass
    results = logged = 0
    while length := int(await reader.readline(), 16):
        chunk = (await reader.readexactly(length + 2))[:-2]
        results += chunk.count(b"\n")
        logged += chunk.count(b'"level":"logged"')
    seconds = time.perf_counter() - begin
    await sending
    writer.close()
    await writer.wait_closed()
    assert results == logged == count, (results, logged, count)
    return seconds


class Connection:
    """One connection that submits single documents."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def open(self) -> Connection:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._target.port)
        return self

    async def submit(self, document: bytes) -> None:
        """Submit a document; its receipt says that it is durable."""
        self._writer.write(head(self._target, "/v1/records", f"Content-Length: {len(document)}") + document)
        status = await self._reader.readline()
        length = 0
        while (line := await self._reader.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        await self._reader.readexactly(length)
        assert b" 201 " in status, status

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


async def closed_loop(target: Target, documents: Documents, start: int, seconds: float) -> dict[str, float]:
    """Let every connection submit one document after the other."""
    connections = [await Connection(target).open() for _ in range(CLIENTS)]
    numbers = iter(range(start, start + 10_000_000))
    latencies: list[float] = []
    begin = time.perf_counter()

    async def work(connection: Connection) -> None:
        while time.perf_counter() < begin + seconds:
            document = documents.make(next(numbers))
            sent = time.perf_counter()
            await connection.submit(document)
            latencies.append(time.perf_counter() - sent)

    await asyncio.gather(*map(work, connections))
    elapsed = time.perf_counter() - begin
    await asyncio.gather(*(connection.close() for connection in connections))
    return {"per_second": len(latencies) / elapsed, **quantiles(latencies)}


async def open_loop(target: Target, documents: Documents, start: int, seconds: float) -> dict[str, float]:
    """Submit at a fixed rate, whatever the answers do."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CLIENTS):
        idle.put_nowait(await Connection(target).open())
    latencies: list[float] = []
    begin = time.perf_counter()

    async def submit(number: int) -> None:
        due = begin + number / OPEN_RATE
        document = documents.make(start + number)
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await idle.get()
        await connection.submit(document)
        idle.put_nowait(connection)
        latencies.append(time.perf_counter() - due)

    await asyncio.gather(*(submit(number) for number in range(int(seconds * OPEN_RATE))))
    while not idle.empty():
        await idle.get_nowait().close()
    return {"per_second": OPEN_RATE, **quantiles(latencies)}


def quantiles(latencies: list[float]) -> dict[str, float]:
    """Return median, p99 and maximum, ms."""
    ordered = sorted(latencies)
    at: Callable[[float], float] = lambda q: ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000  # noqa: E731 - one line
    return {"p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": ordered[-1] * 1000}


def memory_mb(pid: int) -> float:
    """Return the peak resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def measure(target: Target, documents: Documents, lines: int, seconds: float) -> dict[str, Any]:
    """Run everything against one node."""
    await ingest_lines(target, documents, 0, 500)
    elapsed = await ingest_lines(target, documents, 1_000, lines)
    client_s = resource.getrusage(resource.RUSAGE_SELF)
    closed = await closed_loop(target, documents, 10_000_000, seconds)
    opened = await open_loop(target, documents, 50_000_000, seconds)
    return {
        "ndjson": {"lines": lines, "per_second": lines / elapsed},
        "closed_loop": {"clients": CLIENTS, **closed},
        "open_loop": opened,
        "client_cpu_s": client_s.ru_utime + client_s.ru_stime,
        "server_peak_mb": memory_mb(target.pid),
    }


def show(found: dict[str, Any]) -> None:
    """Print the table."""
    print(f"document: {found['document']['resources']} resources, {found['document']['bytes']} bytes; {os.cpu_count()} cores")
    print(f"{'':34}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    print(f"{'NDJSON, to `logged`':34}{found['ndjson']['per_second']:10.0f}")
    for name, label in (("closed_loop", f"single, {CLIENTS} clients"), ("open_loop", "single, open loop")):
        run = found[name]
        print(f"{label:34}{run['per_second']:10.0f}{run['p50_ms']:9.1f}{run['p99_ms']:9.1f}{run['max_ms']:9.1f}")
    print(f"peak memory of the node's main process: {found['server_peak_mb']:.0f} MB")


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description="Measure ingest through a served node.")
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    documents = Documents()
    with served_node(options.dir) as target:
        found = asyncio.run(measure(target, documents, options.lines, options.seconds))
    found["document"] = {"resources": documents.resources, "bytes": documents.size_bytes}
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
