"""Measure a find: all entries of one patient in all followed logs, from one node's own index, calling nobody.

Method: `--logs` followed logs hold `--headers` entries in all, written into `index.db` as the following loop writes
them, each with a header of `--header-bytes`; `--patients` patients have eight entries each in four of the logs, half of
them under a second epoch, with headers that are really sealed. A find probes every log for every epoch that it is
given, reads the hits, and opens their headers. One find is measured at a time. Over HTTP (`--http`) the finder answers
behind a minimal route of the same web framework as the node's, on one core with the client; the node's own route does
more than that: it authenticates and logs.

Beside it: PostgreSQL with one table of the same rows and the patient's number in clear, one SQL query that returns the same
headers, over a socket. That is what a central index costs; it knows every patient of every hospital.

    python bench/find.py [--logs N] [--headers N] [--patients N] [--header-bytes N] [--http] [--alone] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - after the path
import sqlalchemy as sa  # noqa: E402
import uvicorn  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import Response  # noqa: E402

from bench._central import postgresql  # noqa: E402
from bench._grown_index import ENTRIES, Patient, Row, Size, fill, make_rows  # noqa: E402
from bench._latency import measure  # noqa: E402
from bench._report import Figures, keep, machine, resident_mb, show  # noqa: E402
from devnet.engines.ports import free_ports  # noqa: E402
from node.adapters.database.logs.index import SqlFollowedIndex  # noqa: E402
from node.adapters.database.schema import INDEX, create_databases, open_database  # noqa: E402
from node.services.reading.finding import Finder, Found, PatientProbe  # noqa: E402
from tests.unit.services_following.world import content, origin_of  # noqa: E402


def probe_of(patient: Patient, epochs: int) -> PatientProbe:
    """Return what a find is given."""
    return PatientProbe(dict(enumerate(patient.keys[:epochs], 1)))


@contextmanager
def web_server(finder: Finder, patients: Sequence[Patient]) -> Iterator[str]:
    """Serve finds behind one route, in a thread of this process."""
    app = FastAPI()

    @app.post("/find")
    async def find(request: Request) -> Response:
        epochs, number = map(int, (await request.body()).split())
        return Response(_shown(finder.find(probe_of(patients[number], epochs))))

    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/find"
    finally:
        server.should_exit = True
        thread.join()


def _shown(found: Found) -> bytes:
    return b"\n".join(entry.reference.leaf_hash.hex().encode() for entry in found.entries)


class Central:
    """The same rows in one table, by patient."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        metadata = sa.MetaData()
        self._table = sa.Table(
            "entries",
            metadata,
            sa.Column("patient", sa.Integer, index=True),
            sa.Column("origin", sa.String),
            sa.Column("leaf_index", sa.Integer),
            sa.Column("header", sa.LargeBinary),
        )
        metadata.create_all(engine)
        self._query = sa.select(self._table).where(self._table.c.patient == sa.bindparam("patient"))

    def fill(self, rows: Sequence[Row]) -> None:
        """Insert a log's rows."""
        values = [
            {
                "patient": row.patient if row.patient >= 0 else -1 - random.getrandbits(20),
                "origin": row.origin,
                "leaf_index": at,
                "header": row.header,
            }
            for at, row in enumerate(rows)
        ]
        with self._engine.begin() as connection:
            connection.execute(self._table.insert(), values)

    def analyse(self) -> None:
        """Let the planner know the table."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE entries"))

    def figures(self, patients: int) -> Figures:
        """Measure the query."""
        with self._engine.connect() as connection:
            return measure(lambda number: connection.execute(self._query, {"patient": number % patients}).all())


def find_figures(finder: Finder, patients: Sequence[Patient], url: str | None) -> dict[str, Figures]:
    """Measure finds with one and two epochs."""
    results: dict[str, Figures] = {}
    for epochs in (1, 2):
        found = finder.find(probe_of(patients[0], epochs))
        assert len(found.entries) == ENTRIES * epochs // 2
        assert all(entry.header is not None for entry in found.entries)
        results[f"find_{epochs}_epochs"] = measure(lambda n, e=epochs: finder.find(probe_of(patients[n % len(patients)], e)))  # type: ignore[misc]
        if url is not None:
            with httpx.Client(trust_env=False) as client:
                results[f"find_{epochs}_epochs_http"] = measure(
                    lambda n, e=epochs, c=client: c.post(url, content=f"{e} {n % len(patients)}").raise_for_status()  # type: ignore[misc]
                )
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--logs", type=int, default=500)
    parser.add_argument("--headers", type=int, default=1_000_000)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--header-bytes", type=int, default=700)
    parser.add_argument("--alone", action="store_true", help="without PostgreSQL beside it")
    parser.add_argument("--http", action="store_true", help="also behind a minimal route")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    patients = [Patient(number, (os.urandom(32), os.urandom(32))) for number in range(options.patients)]
    with tempfile.TemporaryDirectory(prefix="concord-bench-") as where, postgresql(alone=options.alone) as engine:
        about = machine(Path(where))
        create_databases(Path(where), [])
        engines = [open_database(Path(where), INDEX, writer=True), open_database(Path(where), INDEX, writer=False)]
        index, central = SqlFollowedIndex(engines[0], engines[1]), None if engine is None else Central(engine)
        before_mb = resident_mb()
        size = Size(options.logs, options.headers, options.header_bytes)
        origins = [origin_of(number) for number in range(options.logs)]
        for origin, rows in make_rows(size, origins, patients, lambda patient, entry: content(patient.number * 100 + entry)):
            fill(index, origin, rows)
            if central is not None:
                central.fill(rows)
        results: dict[str, Figures] = {"index": {"headers": options.headers, "grown_mb": resident_mb() - before_mb}}
        finder = Finder(index)
        if options.http:
            with web_server(finder, patients) as url:
                results |= find_figures(finder, patients, url)
        else:
            results |= find_figures(finder, patients, None)
        if central is not None:
            central.analyse()
            results["postgresql"] = central.figures(len(patients))
        for name, figures in results.items():
            show(name, figures)
        for each in engines:
            each.dispose()
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
