"""A real node in a directory of its own: real keys, real SQLite files, real threads; no chain and no socket."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from ledger.hashing import LeafIndex, TreeSize, hash_leaf, root_of_leaves
from ledger.mirror import fetch_entries, open_log_checkpoint
from ledger.notes import NoteSigner
from node.adapters.keys.files import InstitutionKeys
from node.api.app import create_app
from node.bootstrap.maintenance import init_node
from node.bootstrap.operation import Outside, RunningNode, open_node
from node.domain.entry import InstitutionId, LeafReference, Level, Origin
from node.domain.receipt import Receipt
from node.policy.decision import Permit, permit_own
from node.policy.facts import RecordState
from node.ports.records.transaction import EntryRow
from node.services.clients import Scope
from node.services.records.ingest import Submission
from node.settings import InstitutionSettings, NodeSettings, load_settings, write_settings
from tests.unit.fhir_split.documents import PATIENT, REPORT, Json, bundle

HOSPITAL = InstitutionId("hospital-a")
CLINIC = InstitutionId("clinic-a")
LOCATOR_SECRETS = {1: b"\x01" * 32}
WAIT_S = 30.0


class MovingClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class World:
    """A node that can be stopped and started."""

    directory: Path
    sections: Mapping[str, Mapping[str, object]]
    versioned_kinds: tuple[str, ...] = ()
    clock: MovingClock = field(default_factory=MovingClock)
    keys: dict[tuple[InstitutionId, frozenset[str]], str] = field(default_factory=dict)
    outside: Outside | None = None
    _running: RunningNode | None = None
    _app: FastAPI | None = None
    _visits: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def running(self) -> RunningNode:
        if self._running is None:
            raise AssertionError("the node is stopped")
        return self._running

    @property
    def app(self) -> FastAPI:
        """The running node's application; one, as when it is served."""
        with self._changed:
            node = self.running.node
            if self._app is None or self._app.state.node is not node:
                self._app = create_app(node)
            return self._app

    @property
    def settings(self) -> NodeSettings:
        return load_settings(self.directory)

    def start(self) -> World:
        self._running = open_node(self.settings, self.clock, self.outside)
        return self

    def stop(self) -> None:
        """Let no new visitor in, wait until those inside have left, as a server does, and close the node."""
        with self._changed:
            running, self._running = self._running, None
            assert self._changed.wait_for(lambda: self._visits == 0, WAIT_S)
        if running is not None:
            running.close()

    @contextlib.contextmanager
    def visit(self) -> Iterator[FastAPI | None]:
        """Hold the node open for a request from elsewhere to its application; None when it is stopped or stops."""
        with self._changed:
            app = None if self._running is None else self.app
            self._visits += 1
        try:
            yield app
        finally:
            with self._changed:
                self._visits -= 1
                self._changed.notify_all()

    def restart(self) -> None:
        self.stop()
        self.start()

    def submit(self, document: Json | bytes, institution: InstitutionId = HOSPITAL) -> Submission:
        return self.send(document, institution).result(WAIT_S)

    def send(self, document: Json | bytes, institution: InstitutionId = HOSPITAL) -> Future[Submission]:
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.running.node.ingest.submit(institution, data)

    def receipt(self, document: Json | bytes, institution: InstitutionId = HOSPITAL) -> Receipt:
        (receipt,) = self.submit(document, institution).receipts
        return receipt

    def wait_logged(self, receipt: Receipt) -> None:
        assert receipt.leaf_index is not None
        self.running.node.progress.reached(receipt.origin, receipt.leaf_index, Level.LOGGED).result(WAIT_S)

    def follow(self, *origins: Origin) -> None:
        """Tell the node that logs grew, as the chain would."""
        self.running.node.following.told(origins)
        self.running.loops["following"].wake()

    def api_key(self, institution: InstitutionId = HOSPITAL, scopes: Sequence[str] = tuple(Scope)) -> str:
        place = institution, frozenset(scopes)
        if place not in self.keys:
            self.keys[place] = self.running.node.clients.issue(institution, "test", scopes).api_key
        return self.keys[place]

    def origin(self, institution: InstitutionId = HOSPITAL) -> Origin:
        return self.running.node.institutions[institution].origin

    def leaves(self, institution: InstitutionId = HOSPITAL) -> list[bytes]:
        """Return the logged entries, verified under the signed checkpoint as a stranger would."""
        origin = self.origin(institution)
        reader = self.running.node.reader.log(origin)
        note = reader.checkpoint()
        if note is None:
            return []
        signer = NoteSigner.from_seed(origin, InstitutionKeys(self.settings.keys, institution).read("log.seed"))
        checkpoint = open_log_checkpoint(note, [signer.verifier_key], origin)
        bundles = fetch_entries(reader, checkpoint, LeafIndex(0), TreeSize(checkpoint.size))
        leaves = [leaf for entries in bundles for leaf in entries]
        assert root_of_leaves([hash_leaf(leaf) for leaf in leaves]) == checkpoint.root
        return leaves

    def rows(self, query: str, *values: object, database: str = "records.db") -> list[tuple[Any, ...]]:
        """Ask a database file; what a statement changes is committed."""
        with contextlib.closing(sqlite3.connect(self.directory / database, timeout=WAIT_S)) as connection, connection:
            return connection.execute(query, values).fetchall()

    def file_bytes(self) -> bytes:
        """Return all bytes of all database files."""
        return b"".join(path.read_bytes() for path in sorted(self.directory.glob("*.db*")))


def make_world(
    directory: Path,
    *,
    versioned_kinds: tuple[str, ...] = (),
    names: Sequence[InstitutionId] = (HOSPITAL, CLINIC),
    **sections: Mapping[str, object],
) -> World:
    """Create a node of two institutions, or of those that are named, not started yet."""
    directory.mkdir(parents=True, exist_ok=True)
    given: dict[str, Mapping[str, object]] = {
        "work": {"prepare_processes": 0},
        "log": {"checkpoint_interval_ms": 0},
        **sections,
    }
    hosted = [
        InstitutionSettings(
            id=name,
            name=f"第一医院 {name}",
            origin=f"{name}.example/log",
            record_systems=("urn:filler",),
            patient_systems=("urn:mrn",),
            versioned_kinds=versioned_kinds,
        )
        for name in names
    ]
    write_settings(directory, hosted, **given)
    world = World(directory, given, versioned_kinds)
    init_node(world.settings, LOCATOR_SECRETS)
    return world


def own_permit(entry: EntryRow) -> Permit:
    """Return the permit with which an institution reads its own entry."""
    reference = LeafReference(entry.origin, entry.leaf_hash)
    decision = permit_own(entry.institution, entry.institution, reference, RecordState.AVAILABLE)
    assert isinstance(decision, Permit)
    return decision


def report(number: str = "F-7", *, value: str = "a", status: str = "final", patient: str = "00042", **changes: object) -> Json:
    """Return a report as a document of its own; `value` is its content, `number` its identity."""
    filed: Json = {
        **REPORT,
        "identifier": [{"system": "urn:filler", "value": number}],
        "status": status,
        "conclusion": value,
        "subject": {"reference": "Patient/p1"},
        "result": [],
        "performer": [{"display": "Laboratory"}],
        **changes,
    }
    person = {**PATIENT, "identifier": [{"system": "urn:mrn", "value": patient}]}
    return bundle([filed, person])
