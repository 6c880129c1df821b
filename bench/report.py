"""Measure a regulator's monthly report: figures, form, time to anchor and findings of a region, as CSV, XLSX and HTML.

Method: a regulator's node holds what it has read of `--entries` entries of 86 hospitals in two years, as it keeps it: events of a
step each, sealed, in `records.db`. They are made here in the node's own format, without the entries that they came from: a node
opens no entry a second time, and the report does not either. `cold` starts `concord serve` in a new process, and ends when `concord
audit report` has written its files: interpreter, documents of 86 institutions, every batch opened and parsed, every unit counted.
`again` is the next report of the same process. `new` is the same node with `--new` more entries (checks, decisions, receipts,
really sealed for supervision and logged by institutions of the same node): `read_s` until they are opened, kept and counted,
`report_s` from then to the files.

    python bench/report.py [--entries N] [--new N] [--json FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402 - after the path

from bench._checked_world import documents, institution_of, write_documents  # noqa: E402
from bench._report import Figures, keep, machine, peak_mb, resident_mb, show  # noqa: E402
from node.adapters.clock import SystemClock  # noqa: E402
from node.adapters.database.supervision.figures import SqlFigureStore  # noqa: E402
from node.adapters.keys.files import FileNodeKeys  # noqa: E402
from node.bootstrap.maintenance import issue_clients  # noqa: E402
from node.bootstrap.stores import exclusive_stores  # noqa: E402
from node.cli.audit.report import ReportFiles, ReportQuery, report  # noqa: E402
from node.cli.operator.serve import listen, serve_node  # noqa: E402
from node.cli.options import Language  # noqa: E402
from node.domain.access import Actor  # noqa: E402
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin  # noqa: E402
from node.domain.header import AnyContent  # noqa: E402
from node.domain.recognition import DecisionOutcome, ItemCode, OrderableCode, OrderLine, Reason  # noqa: E402
from node.domain.recognition_acts import (  # noqa: E402
    CheckContent,
    CheckedLine,
    CheckedOrder,
    CheckId,
    DecisionContent,
    DecisionId,
    OfferedResult,
)
from node.domain.record import Kind, Part  # noqa: E402
from node.ports.supervision.figures import FiguresUpdate  # noqa: E402
from node.services.records.entries import ActEntry  # noqa: E402
from node.supervision.batches import AnchoredRun, encode_batch  # noqa: E402
from node.supervision.events import (  # noqa: E402
    EventId,
    FiguredItem,
    FigureEvent,
    LineChecked,
    LineDecided,
    OrderedLine,
    Performed,
    Person,
    Retrieved,
    figured,
)
from node.terminology.bundle import Terminology  # noqa: E402
from tests.unit.services_records.world import World  # noqa: E402
from tests.unit.services_supervision.consortium import PATIENT, REGULATOR, A, B, make_consortium  # noqa: E402

HOSPITALS = 86
STEP_ENTRIES = 500
MONTH = "2026-10"
PERSONS_PER_ENTRY = 1 / 10
READY_S = 300.0
DAY_MS = 86_400_000
_START_MS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
_DAYS = 700
_SEED = 5


@dataclass(frozen=True, slots=True)
class Ordered:
    """Something that is ordered in the region."""

    orderable: OrderableCode
    items: tuple[FiguredItem, ...]
    saving_fen: int


class Region:
    """A region's visits: at each, an order is checked, and decided on or not."""

    def __init__(self, terminology: Terminology, entries: int) -> None:
        self._chance = random.Random(_SEED)  # noqa: S311 - a workload, not a key
        self._persons = [Person(self._chance.randbytes(32)) for _ in range(max(1, int(entries * PERSONS_PER_ENTRY)))]
        items = {each.code: figured(each, 15 * DAY_MS) for each in terminology.catalogue.items}
        orderables = next(iter(terminology.maps.values())).orderables
        self._orderables = [
            Ordered(each.code, tuple(items[code] for code in each.items), 500 * (1 + at % 40)) for at, each in enumerate(orderables)
        ]
        self._visits = 0

    def visit(self) -> tuple[list[FigureEvent], int]:
        """Return what a visit says to figures, and how many entries said it."""
        chance, at_ms = self._chance, _START_MS + self._chance.randrange(_DAYS * DAY_MS)
        who, where = chance.choice(self._persons), institution_of(chance.randrange(HOSPITALS))
        self._visits += 1
        events: list[FigureEvent] = []
        entries, leaf = 1, self._name(where)
        for number in range(chance.choice((1, 1, 2, 3))):
            ordered = chance.choice(self._orderables)
            line = OrderedLine(who, where, "", f"v-{self._visits}", f"o-{self._visits}-{number}", ordered.orderable)
            events.append(LineChecked(EventId(f"{leaf} {number}"), line, ordered.items, (), at_ms))
            decided, count = self._decided(line, ordered, at_ms + 60_000)
            events += decided
            entries += count
        return events, entries

    def _decided(self, line: OrderedLine, ordered: Ordered, at_ms: int) -> tuple[list[FigureEvent], int]:
        chance, name, where = self._chance, self._name, line.institution
        fate, recognised = chance.random(), DecisionOutcome.RECOGNISED
        if fate < 1 / 2:
            used = LineDecided(name(where), line, recognised, True, ordered.items, None, None, ordered.saving_fen, at_ms)  # noqa: FBT003
            # both sides of the retrieval logged a receipt; that of the holder says nothing to figures
            return [used, Retrieved(name(where), where, at_ms - 30_000)], 3
        if fate < 9 / 10:
            reason = chance.choice(list(Reason))
            again = LineDecided(name(where), line, DecisionOutcome.REORDERED, False, (), reason, None, 0, at_ms)  # noqa: FBT003
            codes = tuple(item.code for item in ordered.items)
            return [again, Performed(name(where), line.person, where, codes, at_ms + DAY_MS // 4)], 2
        return [], 0

    def _name(self, where: InstitutionId) -> EventId:
        return EventId(f"{where} {self._chance.randbytes(32).hex()}")


def create(directory: Path, entries: int) -> tuple[World, dict[str, float]]:
    """Create the regulator's node with what it has read."""
    world = make_consortium(directory, recognition={"directory": "documents"}, supervision={"interval_s": 0.1})
    terminology = documents(HOSPITALS)
    write_documents(directory / "documents", terminology)
    region, keys, made = Region(terminology, entries), FileNodeKeys(world.settings.keys), 0
    told = {"entries": 0.0, "events": 0.0, "steps": 0.0, "sealed_mb": 0.0}
    with exclusive_stores(world.settings, SystemClock()) as stores:
        store = SqlFigureStore(stores.readers)
        while made < entries:
            events: list[FigureEvent] = []
            read = 0
            while read < STEP_ENTRIES:
                more, count = region.visit()
                events += more
                read += count
            runs = [
                AnchoredRun(institution_of(each), _at(made, entries), _at(made, entries) + 31_000, 25) for each in range(0, 80, 4)
            ]
            sealed = keys.seal("figures", encode_batch(events, runs))
            update = FiguresUpdate({}, (), (), sealed)
            stores.writer.submit(lambda transaction, update=update: store.keep(transaction, update)).result()  # type: ignore[misc]
            made += read
            told["events"] += len(events)
            told["steps"] += 1
            told["sealed_mb"] += len(sealed) / 2**20
    return world, {**told, "entries": float(made)}


def _at(made: int, entries: int) -> int:
    return _START_MS + _DAYS * DAY_MS * made // (entries + STEP_ENTRIES)


def write_report(port: int, key: str, directory: Path) -> int:
    """Do what `concord audit report` does; return how many bytes it wrote."""
    directory.mkdir()
    files = ReportFiles(directory / "csv", directory / "report.xlsx", directory / "report.html")
    query = ReportQuery("institution", MONTH, MONTH)
    with contextlib.redirect_stdout(io.StringIO()):
        report(f"http://127.0.0.1:{port}", key, query, files, Language.ZH, as_json=False)
    return sum(path.stat().st_size for path in directory.rglob("*.*") if path.is_file())


def cold(world: World, key: str, directory: Path) -> dict[str, Figures]:
    """Start the node as a process and report twice."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    command = [sys.executable, "-m", "node", "serve", "--dir", str(world.directory), "--port", str(port)]
    started = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_ready(port)
            ready = time.perf_counter()
            size = write_report(port, key, directory / "cold")
            first = time.perf_counter()
            write_report(port, key, directory / "again")
            again = time.perf_counter()
            memory = {"rss_mb": resident_mb(server.pid), "peak_mb": peak_mb(server.pid)}
        finally:
            server.terminate()
    parts = {"ready_s": ready - started, "report_s": first - ready, "files_kb": size / 1024}
    return {"cold": {"s": first - started, **parts, **memory}, "again": {"s": again - first}}


def wait_ready(port: int) -> None:
    """Wait until the node answers."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(port)
        time.sleep(0.01)


@contextmanager
def serving(world: World) -> Iterator[int]:
    """Serve the node from this process, which also logs entries."""
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=lambda: serve_node(world.running, listening), daemon=True)
    thread.start()
    yield listening.getsockname()[1]


def newer(world: World, key: str, directory: Path, count: int) -> Figures:
    """Log more entries, and report."""
    world.clock.time = datetime.now(UTC)
    world.start()
    with serving(world) as port:
        wait_ready(port)
        write_report(port, key, directory / "before")
        entries = [_entry(number) for number in range(count)]
        sharing, query = world.running.sharing, "SELECT coalesce(sum(next_index), 0) FROM figure_cursors"
        before = world.rows(query)[0][0]
        sharing.writer.submit(lambda transaction: sharing.composer.stage(transaction, B, entries)).result(READY_S)
        started = time.perf_counter()
        world.running.sequencing.staged(world.origin(B))
        while world.rows(query)[0][0] < before + count:
            time.sleep(0.01)
        read = time.perf_counter()
        write_report(port, key, directory / "new")
        return {"entries": float(count), "read_s": read - started, "report_s": time.perf_counter() - read}


_ACTOR = Actor(B, "0301", "4711", "L-1", "password+token", "physician")


def _entry(number: int) -> ActEntry:
    """Return a check or the decision on it, in turn."""
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    leaf = LeafReference(Origin(f"{A}.example/log"), number.to_bytes(32, "big"))
    offer, line = OfferedResult(leaf, A, (ItemCode("LAB-ALT"),)), OrderLine(f"n-{number // 2}", OrderableCode("LIVER"))
    check_id, encounter = CheckId(f"{number // 2:032x}"), f"n-{number // 2}"
    check = CheckContent(_ACTOR, (CheckedOrder(check_id, encounter, now_ms, (CheckedLine(line, (offer,)),), ()),))
    decision = DecisionContent(
        decision_id=DecisionId(f"{number:032x}"),
        check_id=check_id,
        actor=_ACTOR,
        encounter=encounter,
        line=line,
        outcome=DecisionOutcome.RECOGNISED,
        results=(offer,),
        items=offer.items,
        reason=None,
        sub_reason=None,
        saving_fen=2_000,
        warned=False,
        pins=(),
        decided_at_ms=now_ms,
    )
    content: AnyContent = check if number % 2 == 0 else decision
    return ActEntry(
        entry_type=EntryType.CHECK_OUTCOME if number % 2 == 0 else EntryType.RECOGNITION_DECISION,
        kind=Kind("order-checks"),
        content=content,
        parts=(Part("application/json", "checks", "", b"{}", ""),),
        performed_at_ms=now_ms,
        patient=replace(PATIENT, pseudonym=number.to_bytes(32, "big")),
        tag_class=1,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--new", type=int, default=1_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="concord-bench-") as where:
        about = machine(Path(where))
        world, told = create(Path(where) / "node", options.entries)
        results: dict[str, Figures] = {"read_before": told}
        issued = issue_clients(world.settings, "bench")
        key = next(each.api_key for each in issued if each.client.institution == REGULATOR)
        results |= cold(world, key, Path(where))
        try:
            results["new"] = newer(world, key, Path(where), options.new)
        finally:
            world.stop()
    for name, figures in results.items():
        show(name, figures)
    keep(options.json, results, about)


if __name__ == "__main__":
    main()
