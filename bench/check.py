"""Measure the check at order time: five orderables of one patient, asked of a node that follows many logs, over HTTP.

Method: one process serves a node (real keys, SQLite, the API as `concord serve` has it) on one core of its own; the client asks
from another one, one request at a time over one connection. The node's index holds `--logs` logs with `--headers` entries in
all, written as the following loop writes them, and documents (catalogue, certificates, maps) for an institution behind each log.
Each of `--patients` patients has eight results in four of the logs, under two epochs: panels that answer three of the five
orderables, one of them too old. Each answer is whole (offers, refusals, marks, prices, words in two languages), and durable
before it is given. Nothing else is asked of the node meanwhile, and no log is polled. `durable` is a row of that size alone.

Beside it: PostgreSQL with the results of all hospitals in one table (an index by patient, item and time), the orderables in
another; one round trip by a prepared statement over a socket returns what can be offered. `and_kept` also commits a row that says
so, as a node does. It knows every patient of every hospital, finds no words and no prices, and nobody can check it.

    python bench/check.py [--logs N] [--headers N] [--patients N] [--asked N] [--alone] [--json FILE]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - after the path
import sqlalchemy as sa  # noqa: E402

from bench._central import postgresql  # noqa: E402
from bench._central_check import Central  # noqa: E402
from bench._checked_world import (  # noqa: E402
    ORDERED,
    PANELS,
    Results,
    documents,
    institution_of,
    origin_of,
    write_documents,
)
from bench._grown_index import Patient, Size, fill, make_rows  # noqa: E402
from bench._latency import measure  # noqa: E402
from bench._report import Figures, keep, machine, peak_mb, show  # noqa: E402
from node.adapters.database.logs.index import SqlFollowedIndex  # noqa: E402
from node.adapters.database.records.transaction import connection_of  # noqa: E402
from node.adapters.database.schema import INDEX, open_database  # noqa: E402
from node.bootstrap.maintenance import init_node  # noqa: E402
from node.bootstrap.operation import Outside, RunningNode, open_node  # noqa: E402
from node.cli.operator.serve import listen, serve_node  # noqa: E402
from node.domain.patient import PatientKeys  # noqa: E402
from node.domain.record import PatientNumber  # noqa: E402
from node.ports.chain.consortium import RegisteredOrigin, Registry  # noqa: E402
from node.services.clients import Scope  # noqa: E402
from node.services.patients.index import Registration  # noqa: E402
from node.settings import InstitutionSettings, load_settings, write_settings  # noqa: E402

LOCATOR_SECRETS = {1: b"\x01" * 32, 2: b"\x02" * 32}
READY_S = 120.0


def create(directory: Path, options: argparse.Namespace) -> list[Patient]:
    """Create the node, its documents and its index; return the patients."""
    terminology = documents(options.logs)
    write_documents(directory / "documents", terminology)
    first = InstitutionSettings(id=institution_of(0), name="Hospital", origin=origin_of(0), patient_systems=("urn:mrn",))
    sections: dict[str, dict[str, object]] = {
        "work": {"prepare_processes": 0},
        "recognition": {"directory": "documents"},
        "following": {"poll_interval_s": 86_400},
    }
    write_settings(directory, [first], **sections)
    init_node(load_settings(directory), LOCATOR_SECRETS)
    patients = [Patient(number, (os.urandom(32), os.urandom(32))) for number in range(options.patients)]
    results = Results(terminology)
    engines = [open_database(directory, INDEX, writer=True), open_database(directory, INDEX, writer=False)]
    index = SqlFollowedIndex(engines[0], engines[1])
    size = Size(options.logs, options.headers, options.header_bytes)
    for origin, rows in make_rows(size, [origin_of(number) for number in range(options.logs)], patients, results.content):
        fill(index, origin, rows)
    for engine in engines:
        engine.dispose()
    return patients


# The serving process


class Away(httpx.BaseTransport):
    """A network in which nobody answers."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Refuse."""
        raise httpx.ConnectError("nobody listens", request=request)


def serve(directory: Path, logs: int, keys: Sequence[tuple[str, str]]) -> None:
    """Serve the node on one core, with a registry that names every log; say where, and with which API key."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    origins = tuple(
        RegisteredOrigin(origin_of(each), institution_of(each), "https://away.example", None, None) for each in range(logs)
    )
    registry = Registry(block_number=1, threshold=1, members=(), origins=origins)
    listening = listen("127.0.0.1", 0)
    running = open_node(load_settings(directory), None, Outside(lambda: registry, Away()))
    try:
        for number, pair in enumerate(keys):
            running.node.patients.register(institution_of(0), Registration(PatientNumber("urn:mrn", f"p-{number}"), _keys(pair)))
        recognition, membership = running.node.recognition, running.sharing.membership
        if recognition is None or membership is None:
            raise AssertionError
        membership.refresh()
        recognition.rules.ordering(institution_of(0))
        key = running.node.clients.issue(institution_of(0), "bench", [Scope.CHECK_ORDERS]).api_key
        durable = measure(lambda _: commit(running), 200)
        print(json.dumps({"port": listening.getsockname()[1], "key": key, "durable": durable}), flush=True)
        serve_node(running, listening)
    finally:
        running.close()


def _keys(pair: tuple[str, str]) -> PatientKeys:
    return PatientKeys(
        epoch_keys={epoch: bytes.fromhex(key) for epoch, key in enumerate(pair, 1)},
        exchange_public_key=b"\x09" + bytes(31),
        signing_public_key=os.urandom(32),
        pseudonym=os.urandom(32),
        provisional_code=None,
    )


_ROW = sa.table("bench", sa.column("row"))


def commit(running: RunningNode) -> None:
    """Commit a row as large as a kept check, alone."""
    row = os.urandom(8_000)

    def work(transaction: Any) -> None:  # noqa: ANN401 - the adapter's own
        connection = connection_of(transaction)
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS bench (row BLOB)"))
        connection.execute(_ROW.insert().values(row=row))

    running.sharing.writer.submit(work).result()


@contextmanager
def serving(directory: Path, logs: int, patients: Sequence[Patient]) -> Iterator[tuple[dict[str, Any], int]]:
    """Run the serving process; yield what it says, and its process id."""
    command = [sys.executable, __file__, "--serve", str(directory), "--logs", str(logs)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        if server.stdin is None or server.stdout is None:
            raise AssertionError
        server.stdin.write(json.dumps([[key.hex() for key in patient.keys] for patient in patients]) + "\n")
        server.stdin.close()
        try:
            yield json.loads(server.stdout.readline()), server.pid
        finally:
            server.terminate()


def cpu_s(pid: int) -> float:
    """Return what a process has used of the cores, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Asking:
    """A clinician's system with one connection."""

    def __init__(self, told: dict[str, Any], patients: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", told["port"], timeout=READY_S)
        self._headers = {"Authorization": f"Bearer {told['key']}", "Content-Type": "application/json"}
        self._patients = patients

    def check(self, number: int) -> dict[str, Any]:
        """Ask about a patient's order."""
        body = {
            "patient": {"system": "urn:mrn", "number": f"p-{number % self._patients}"},
            "actor": {"department": "03.04", "staff_number": "b-17", "authentication": "password+token", "role": "physician"},
            "encounter": f"encounter-{number}",
            "lines": [{"order_id": f"o-{at}", "orderable": orderable} for at, orderable in enumerate(ORDERED)],
        }
        self._connection.request("POST", "/v1/recognition/check", json.dumps(body), self._headers)
        response = self._connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        assert response.status == http.HTTPStatus.OK, answer
        return answer


def run(options: argparse.Namespace) -> None:
    """Measure and print."""
    results: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as where:
        about = machine(Path(where))
        started = time.perf_counter()
        patients = create(Path(where) / "node", options)
        show("prepared", {"s": time.perf_counter() - started})
        with serving(Path(where) / "node", options.logs, patients) as (told, server):
            asking = Asking(told, len(patients))
            answer = asking.check(0)
            offers = [len(line["offers"]) for line in answer["lines"]]
            assert sum(offers) >= len(PANELS) - 1, answer
            for number in range(len(patients)):
                asking.check(number)
            results["durable"] = told["durable"]
            before_s = cpu_s(server)
            results["check_http"] = measure(asking.check, options.asked)
            results["server"] = {"cpu_ms_a_check": (cpu_s(server) - before_s) * 1e3 / options.asked}
            results["answer"] = {
                "bytes": float(len(json.dumps(answer))),
                "offers": float(sum(offers)),
                "refused": float(sum(len(line["unrecognisable"]) for line in answer["lines"])),
                "peak_mb": peak_mb(server),
            }
    for name, figures in results.items():
        show(name, figures)
    with postgresql(alone=options.alone) as engine:
        if engine is not None:
            central = Central(engine, options)
            central.fill(options)
            results |= central.figures(options.asked)
            ratio = results["check_http"]["p50_ms"] / results["postgresql_and_kept"]["p50_ms"]
            results["beside"] = {"check_over_postgresql_and_kept_p50": ratio}
            for name in ("postgresql", "postgresql_and_kept", "beside"):
                show(name, results[name])
    keep(options.json, results, about)


def main() -> None:
    """Read the options; measure, or serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--logs", type=int, default=500)
    parser.add_argument("--headers", type=int, default=1_000_000)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--header-bytes", type=int, default=700)
    parser.add_argument("--asked", type=int, default=2_000)
    parser.add_argument("--alone", action="store_true", help="without PostgreSQL beside it")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve, options.logs, json.loads(sys.stdin.readline()))
    else:
        run(options)


if __name__ == "__main__":
    main()
