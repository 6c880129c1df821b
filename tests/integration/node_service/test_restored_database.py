"""A node whose database was restored from an older backup: it refuses to sign against the chain's head, and is mended."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet.engines.process import stop
from devnet.topology import Devnet, identity_of, running_devnet
from ledger.checkpoints import parse_checkpoint
from ledger.hashing import LeafIndex, TreeSize, hash_leaf
from ledger.mirror import fetch_entries, open_log_checkpoint
from ledger.notes import NoteSigner, parse_note
from ledger.ports import LogReader
from ledger.store.sql import SqlLogReader
from node.adapters.database.engines import Durability, open_sqlite
from node.adapters.database.records.reader import SqlRecordsReader
from node.adapters.keys.files import InstitutionKeys
from node.bootstrap.maintenance import recover_node
from node.domain.entry import InstitutionId, Origin
from node.settings import load_settings
from node.wire.leaf import parse_leaf
from tests.unit.services_records.world import report

pytestmark = [pytest.mark.network, pytest.mark.slow]

NAME = "hospital-b"
ORIGIN = Origin("hospital-b.example/log")
DEADLINE_S = 60.0


@dataclass
class Hospital:
    """One node of a devnet that has a chain."""

    devnet: Devnet

    def __post_init__(self) -> None:
        self.node, self.institution = self.devnet.institutions[NAME]
        self.directory = self.devnet.node_directory(self.node)

    def start(self) -> None:
        self.devnet.start_node(self.node)
        self.devnet.wait_ready(self.node)

    def stop(self) -> None:
        stop(identity_of(self.node))

    def ask(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.institution.api_key}"}
        url = f"{self.node.url}{path}"
        return httpx.request(method, url, content=content, headers=headers, timeout=DEADLINE_S, trust_env=False)

    def submit(self, number: str, wait: str) -> dict[str, Any]:
        answer = self.ask("POST", f"/v1/records?wait={wait}", json.dumps(report(number, id=number)).encode())
        assert answer.status_code in {200, 201, 202}, answer.text
        return dict(answer.json()["receipts"][0])

    def log(self) -> dict[str, Any]:
        (log,) = self.ask("GET", "/v1/status").json()["logs"]
        return dict(log)

    def wait_for_state(self, state: str) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            log = self.log()
            if log["state"] == state and (log["reason"] is not None or state == "signing"):
                return log
            time.sleep(0.05)
        raise AssertionError(f"the log is not {state}: {self.log()}")

    def head_on_disk(self) -> int:
        engine = open_sqlite(self.directory / "records.db", Durability.FULL, writer=False)
        note = SqlLogReader(engine, ORIGIN).checkpoint()
        engine.dispose()
        assert note is not None
        return parse_checkpoint(parse_note(note).text).size

    def copy(self, target: Path) -> Path:
        target.mkdir()
        for path in self.directory.glob("*.db*"):
            shutil.copyfile(path, target / path.name)
        return target

    def restore(self, source: Path) -> None:
        for path in self.directory.glob("records.db*"):
            path.unlink()
        for path in source.glob("records.db*"):
            shutil.copyfile(path, self.directory / path.name)

    def leaves(self, reader: LogReader) -> list[bytes]:
        note = reader.checkpoint()
        assert note is not None
        signer = NoteSigner.from_seed(ORIGIN, InstitutionKeys(self.directory / "keys", NAME).read("log.seed"))
        checkpoint = open_log_checkpoint(note, [signer.verifier_key], ORIGIN)
        bundles = fetch_entries(reader, checkpoint, LeafIndex(0), TreeSize(checkpoint.size))
        return [leaf for entries in bundles for leaf in entries]


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """One devnet for all tests here: each takes up the log as it finds it."""
    with running_devnet(tmp_path_factory.mktemp("devnet"), anchor_interval_s=0.2) as devnet:
        yield Hospital(devnet)


def test_a_chain_that_is_away_keeps_nothing_from_being_stored_and_logged(hospital: Hospital) -> None:
    first = hospital.submit("1", "anchored")
    assert first["level"] == "anchored"
    hospital.devnet.stop_chain()
    logged = hospital.submit("2", "logged")
    assert logged["level"] == "logged"
    assert hospital.log()["anchored"] == first["leaf_index"] + 1
    hospital.devnet.start_chain()
    shown = hospital.ask("GET", f"/v1/records/{logged['record_id']}?wait=anchored").json()
    assert shown["level"] == "anchored"
    evidence = hospital.ask("GET", f"/v1/records/{logged['record_id']}/evidence").content
    verdict = hospital.ask("POST", "/v1/verify", evidence).json()
    assert verdict["verdict"] == "verified"


def test_a_node_that_starts_alone_signs_nothing_before_a_quorum_of_the_others_or_the_chain_is_back(hospital: Hospital) -> None:
    assert hospital.submit("3", "anchored")["level"] == "anchored"
    others = [node for node in hospital.devnet.state.nodes if node is not hospital.node]
    hospital.stop()
    hospital.devnet.stop_chain()
    for node in others:
        stop(identity_of(node))
    hospital.start()
    waiting = hospital.submit("4", "stored")
    assert waiting["level"] == "stored"
    assert hospital.wait_for_state("waiting")["reason"]
    assert hospital.ask("GET", f"/log/{NAME}/checkpoint").status_code == 503
    for node in others:
        hospital.devnet.start_node(node)
        hospital.devnet.wait_ready(node)
    shown = hospital.ask("GET", f"/v1/records/{waiting['record_id']}?wait=logged").json()
    assert shown["level"] == "logged", "their witnesses have seen no larger head"
    hospital.devnet.start_chain()
    shown = hospital.ask("GET", f"/v1/records/{waiting['record_id']}?wait=anchored").json()
    assert shown["level"] == "anchored"


def test_a_restored_database_refuses_to_sign_until_it_is_recovered(hospital: Hospital, tmp_path: Path) -> None:
    before = [hospital.submit(f"before-{n}", "anchored") for n in range(3)]
    size = before[-1]["leaf_index"] + 1
    assert {one["level"] for one in before} == {"anchored"}
    hospital.stop()
    backup = hospital.copy(tmp_path / "backup")
    hospital.start()
    after = [hospital.submit(f"after-{n}", "anchored") for n in range(3)]
    assert {one["level"] for one in after} == {"anchored"}
    hospital.stop()
    newer = hospital.copy(tmp_path / "newer")

    hospital.restore(backup)
    hospital.start()
    halted = hospital.wait_for_state("halted")
    assert str(size + 3) in halted["reason"]
    staged = hospital.submit("meanwhile", "stored")
    assert (staged["level"], staged["witnessed"]) == ("stored", False)
    assert hospital.ask("GET", f"/v1/records/{staged['record_id']}/evidence").status_code == 409
    assert hospital.ask("GET", f"/log/{NAME}/checkpoint").status_code == 503, "an older head would look like a rollback"
    hospital.stop()
    assert hospital.head_on_disk() == size, "nothing new was signed"

    engine = open_sqlite(newer / "records.db", Durability.FULL, writer=False)
    mirror = SqlLogReader(engine, ORIGIN)
    headers = {index: header for index, header in SqlRecordsReader(engine).headers(ORIGIN, 0, 100) if header is not None}
    mirrored = hospital.leaves(mirror)
    done = recover_node(load_settings(hospital.directory), InstitutionId(NAME), mirror, headers)
    engine.dispose()
    assert (done.old_size, done.new_size, done.headers, done.moved) == (size, size + 3, 3, 1)

    hospital.start()
    last = hospital.submit("last", "anchored")
    assert (last["level"], last["leaf_index"]) == ("anchored", size + 4)
    moved = hospital.ask("GET", f"/v1/records/{staged['record_id']}").json()
    assert (moved["level"], moved["versions"][0]["leaf_index"]) == ("anchored", size + 3)
    for one in before:
        again = hospital.submit(f"before-{before.index(one)}", "anchored")
        assert (again["outcome"], again["leaf_hash"]) == ("same", one["leaf_hash"])
    assert hospital.ask("GET", f"/v1/records/{staged['record_id']}/evidence").status_code == 200
    hospital.stop()
    engine = open_sqlite(hospital.directory / "records.db", Durability.FULL, writer=False)
    leaves = hospital.leaves(SqlLogReader(engine, ORIGIN))
    engine.dispose()
    assert leaves[: size + 3] == mirrored
    assert [hash_leaf(leaf).hex() for leaf in mirrored[size - 3 :]] == [one["leaf_hash"] for one in [*before, *after]]
    assert len({parse_leaf(leaf).tag for leaf in leaves}) == len(leaves) == size + 5
