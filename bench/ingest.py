"""Measure ingest: real reports into a real `concord serve`, over HTTP, durable and logged; node and client share the machine.

Method: a report is a blood count of Synthea (examples/synthea): a DiagnosticReport and its 11 Observations in one Bundle, 12
resources, 11 KB of compact JSON. The patient is named by number, a performer is added, and every copy has ids of its own, so
that each is a new record. Every tenth report is of a patient whom the node has not seen. Reports are made before the clock
starts. The node is a process of its own with its workers, on a new directory without a chain and with its default settings,
SQLite with synchronous=FULL on the disk of --dir. Without a trust root there are no audit keys: a header is sealed for its reader
only, and each audit key would cost a worker one X25519 more. The client is another process; a batch that is not timed goes first.

- `batch`: one POST /v1/records:batch?wait=logged, read while it is sent; from its first byte to the last result, every result
  checked to say `logged`.
- `closed`: 64 connections, each sends one report, waits for the receipt (durable), and sends the next.
- `open`: reports at a fixed rate, whatever is still under way; latency counts from the moment a report was due.

`…_cpu_us` is the processor time of a report: of the server, of its workers, of the client. With two cores the sum of all has
to stay below two million microseconds a second. The load average says who else was running.

    python bench/ingest.py [--batch N] [--closed N] [--clients N] [--open-s S] [--rate N] [--processes N] [--dir DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import _report

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "examples" / "synthea" / "Stewart672_Rau926.json"
HOST = "127.0.0.1"
PANEL_RESULTS = 11
REPORTS_PER_PATIENT = 10
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


# Reports


def panel() -> bytes:
    """Take a blood count out of a patient's history: its report and observations, as one compact Bundle."""
    history = json.loads(SOURCE.read_bytes())
    by_url = {entry["fullUrl"]: entry["resource"] for entry in history["entry"]}
    report = next(each for each in by_url.values() if len(each.get("result", ())) == PANEL_RESULTS)
    report["performer"] = [{"display": "Laboratory"}]
    chosen = [report, *(by_url[result["reference"]] for result in report["result"])]
    for resource in chosen:
        resource["subject"] = {"reference": "Patient/PATIENT-NUMBER"}
    entries = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in chosen]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(bundle, separators=(",", ":"), ensure_ascii=False).encode()


def reports(count: int) -> list[bytes]:
    """Make reports of which no two share an id."""
    template = panel()
    found = _UUID.findall(template)
    ids = list(dict.fromkeys(found))
    slots = [ids.index(each) for each in found]
    first, *rest = _UUID.split(template)
    run, made = uuid.uuid4().hex[:8], []
    for number in range(count):
        fresh = [str(uuid.uuid4()).encode() for _ in ids]
        text = first + b"".join(fresh[slot] + piece for slot, piece in zip(slots, rest, strict=True))
        made.append(text.replace(b"PATIENT-NUMBER", f"{run}-{number // REPORTS_PER_PATIENT:05}".encode()))
    return made


# The client, a process of its own


@dataclass(frozen=True)
class Target:
    """Where reports go."""

    port: int
    """The node's."""
    api_key: str
    """May write records."""

    def head(self, path: str, length: int) -> bytes:
        """Return a request's head."""
        lines = (
            f"POST {path} HTTP/1.1",
            f"host: {HOST}:{self.port}",
            f"authorization: Bearer {self.api_key}",
            "content-type: application/json",
            f"content-length: {length}",
        )
        return "\r\n".join((*lines, "", "")).encode()


def send_batch(target: Target, count: int) -> dict[str, float]:
    """Send one batch and take its results while it is sent."""
    body = b"".join(report + b"\n" for report in reports(count))
    request = target.head("/v1/records:batch?wait=logged", len(body)) + body
    received: list[bytes] = []
    cpu, started = time.process_time(), time.perf_counter()
    with socket.create_connection((HOST, target.port), timeout=60) as connection:
        sender = threading.Thread(target=connection.sendall, args=(request,))
        sender.start()
        while not (received and received[-1].endswith(b"0\r\n\r\n")):
            received.append(connection.recv(2**18))
            assert received[-1], "the node closed the connection"
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
        sender.join()
    answer = b"".join(received)
    logged = answer.count(b'"level":"logged"')
    assert logged == count, f"{logged} of {count} were logged: {answer[:1000]!r}"
    return {"reports_per_s": count / took, "seconds": took, "report_bytes": len(body) / count, "client_cpu_us": cpu / count * 1e6}


class Connection(asyncio.Protocol):
    """One keep-alive connection: a request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Complete the answer when all of it is there."""
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head) if found else None
        if length is not None and len(body) >= int(length[1]) and self._answer is not None and not self._answer.done():
            self._received = b""
            self._answer.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.is_lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the node closed the connection"))

    async def ask(self, request: bytes) -> bytes:
        """Send a request and return the head of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        assert self._transport is not None
        self._transport.close()


class Latencies:
    """Sends reports and remembers how long each took."""

    def __init__(self, target: Target, count: int) -> None:
        self._port = target.port
        self._requests = [target.head("/v1/records", len(report)) + report for report in reports(count)]
        self._idle: list[Connection] = []
        self._took: list[float] = []

    async def connect(self, count: int) -> None:
        """Open connections."""
        loop = asyncio.get_running_loop()
        self._idle += [(await loop.create_connection(Connection, HOST, self._port))[1] for _ in range(count)]

    async def closed(self, clients: int) -> None:
        """Let each client send one report after the other."""
        await self.connect(clients)
        queue = iter(self._requests)

        async def client(connection: Connection) -> None:
            for request in queue:
                await self._send(connection, request, time.perf_counter())

        await asyncio.gather(*map(client, self._idle))

    async def opened(self, rate: float) -> None:
        """Send at a rate; where all connections are busy another one is opened."""
        await self.connect(64)
        first = time.perf_counter()

        async def one(number: int, request: bytes) -> None:
            due = first + number / rate
            await asyncio.sleep(due - time.perf_counter())
            # the node hangs up on connections that were idle for some seconds
            self._idle = [connection for connection in self._idle if not connection.is_lost]
            if not self._idle:
                await self.connect(1)
            connection = self._idle.pop()
            try:
                await self._send(connection, request, due)
            except ConnectionResetError:
                # it hung up in the same moment: whoever is in earnest sends again, the same content once more does no harm
                await self.connect(1)
                connection = self._idle.pop()
                await self._send(connection, request, due)
            self._idle.append(connection)

        await asyncio.gather(*(one(number, request) for number, request in enumerate(self._requests)))

    async def _send(self, connection: Connection, request: bytes, due: float) -> None:
        head = await connection.ask(request)
        self._took.append(time.perf_counter() - due)
        assert head.startswith(b"HTTP/1.1 201"), head

    def measure(self, work: Coroutine[None, None, None]) -> dict[str, float]:
        """Run and summarize."""
        import uvloop  # noqa: PLC0415 - only this process needs it

        async def run() -> None:
            await work
            for connection in self._idle:
                connection.close()

        cpu, started = time.process_time(), time.perf_counter()
        uvloop.run(run())
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        took, count = sorted(self._took), len(self._took)
        return {
            "reports_per_s": count / seconds,
            "seconds": seconds,
            "p50_ms": took[count // 2] * 1e3,
            "p99_ms": took[count * 99 // 100] * 1e3,
            "max_ms": took[-1] * 1e3,
            "client_cpu_us": cpu / count * 1e6,
        }


def send_closed(target: Target, count: int, clients: int) -> dict[str, float]:
    """Run the closed loop."""
    latencies = Latencies(target, count)
    return latencies.measure(latencies.closed(clients))


def send_open(target: Target, count: int, rate: float) -> dict[str, float]:
    """Run the open loop."""
    latencies = Latencies(target, count)
    return latencies.measure(latencies.opened(rate))


TASKS: dict[str, Callable[..., dict[str, float]]] = {
    "batch": lambda target, count: send_batch(target, int(count)),
    "closed": lambda target, count, clients: send_closed(target, int(count), int(clients)),
    "open": lambda target, count, rate: send_open(target, int(count), float(rate)),
}


# The node


@dataclass(frozen=True)
class ServedNode:
    """A node that is being served."""

    target: Target
    """Where it listens."""
    pid: int
    """Its main process."""

    def cpu_s(self) -> tuple[float, float]:
        """Return the processor time of the main process and of its workers so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        workers = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        return cpu_s_of(self.pid), sum(map(cpu_s_of, workers))

    def run(self, task: str, count: int, *arguments: object) -> dict[str, float]:
        """Let a client process do its task; add what it cost the node."""
        before = self.cpu_s()
        command = [sys.executable, __file__, "--task", task, str(count), *map(str, arguments)]
        environment = {**os.environ, "BENCH_PORT": str(self.target.port), "BENCH_API_KEY": self.target.api_key}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment, timeout=300)
        found: dict[str, float] = json.loads(done.stdout)
        server, workers = (after - then for after, then in zip(self.cpu_s(), before, strict=True))
        costs = {"server_cpu_us": server / count * 1e6, "workers_cpu_us": workers / count * 1e6}
        return {**found, **costs, "peak_mb": _report.peak_mb(self.pid), "load": os.getloadavg()[0]}


def cpu_s_of(pid: int) -> float:
    """Return the processor time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


@contextmanager
def served(directory: Path, processes: int | None) -> Iterator[ServedNode]:
    """Create a node and serve it."""
    concord = [sys.executable, "-m", "node"]
    init = [*concord, "init", "--dir", str(directory), "--institution", "hospital-a=Hospital A", "--json"]
    made = json.loads(subprocess.run(init, check=True, capture_output=True, cwd=ROOT).stdout)
    with socket.create_server((HOST, 0)) as held:
        target = Target(held.getsockname()[1], made["clients"][0]["api_key"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    if processes is not None:
        environment["CONCORD_WORK__PREPARE_PROCESSES"] = str(processes)
    serve = [*concord, "serve", "--dir", str(directory), "--port", str(target.port)]
    with (
        (directory / "serve.log").open("wb") as log,
        subprocess.Popen(serve, env=environment, cwd=ROOT, stdout=log, stderr=log) as process,
    ):
        try:
            wait_for_port(target.port, process)
            yield ServedNode(target, process.pid)
        finally:
            process.terminate()


def wait_for_port(port: int, process: subprocess.Popen[bytes], timeout_s: float = 60) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            assert process.poll() is None, "the node stopped"
            assert time.monotonic() < deadline, "the node did not come up"
            time.sleep(0.1)
        else:
            return


def measure(node: ServedNode, options: argparse.Namespace) -> Iterator[tuple[str, dict[str, float]]]:
    """Run everything, one line of the table after the other."""
    node.run("batch", max(1, options.batch // 5))
    if options.batch:
        yield "batch, logged", node.run("batch", options.batch)
    if options.closed:
        yield f"closed, {options.clients} clients", node.run("closed", options.closed, options.clients)
    if options.open_s:
        yield f"open, {options.rate:g}/s", node.run("open", int(options.rate * options.open_s), options.rate)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batch", type=int, default=20_000, help="reports in the batch")
    parser.add_argument("--closed", type=int, default=10_000, help="reports in the closed loop")
    parser.add_argument("--clients", type=int, default=64, help="clients in the closed loop")
    parser.add_argument("--open-s", type=float, default=10, help="seconds of the open loop")
    parser.add_argument("--rate", type=float, default=200, help="reports per second in the open loop")
    parser.add_argument("--processes", type=int, help="the node's setting work.prepare_processes")
    parser.add_argument("--dir", type=Path, help="where the node keeps its data; the disk to measure")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--task", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        target = Target(int(os.environ["BENCH_PORT"]), os.environ["BENCH_API_KEY"])
        print(json.dumps(TASKS[options.task[0]](target, *options.task[1:])))
        return
    results: dict[str, dict[str, float]] = {}
    with (
        tempfile.TemporaryDirectory(dir=options.dir, prefix="concord-bench-") as directory,
        served(Path(directory) / "node", options.processes) as node,
    ):
        for name, found in measure(node, options):
            results[name] = found
            _report.show(name, found)
    _report.keep(options.json, results, _report.machine(options.dir))


if __name__ == "__main__":
    main()
