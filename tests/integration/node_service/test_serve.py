"""`concord serve` over real sockets: streaming, kill -9 in the middle of a load, restored backups, recovery."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.hashing import hash_leaf
from node.domain.entry import InstitutionId
from tests.integration.node_service.served import READY_S, Served, children_of, patient_words
from tests.unit.services_records.world import CLINIC, HOSPITAL, report

pytestmark = [pytest.mark.network, pytest.mark.slow]


def line(number: int | str, **changes: Any) -> bytes:  # noqa: ANN401 - as `report`
    return json.dumps(report(str(number), **changes)).encode() + b"\n"


def test_a_body_that_comes_slowly_in_pieces_loses_no_line(served: Served) -> None:
    served.start()
    whole = b"".join(line(n) for n in range(40))

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(whole), 997):
            yield whole[at : at + 997]
            time.sleep(0.002)  # the pace of a slow sender, not a wait for anything

    with served.batch(pieces()) as results:
        found = list(results)
    assert [one["line"] for one in found] == list(range(1, 41))
    assert all(one["receipts"][0]["outcome"] == "new" for one in found)


def test_results_come_while_the_body_is_still_being_sent(served: Served) -> None:
    served.start()
    with httpx.Client(base_url=served.url, headers=served.authorization(), timeout=READY_S, trust_env=False) as client:
        import socket  # noqa: PLC0415 - a raw one: client libraries send all before they read

        with socket.create_connection(("127.0.0.1", served.port), READY_S) as raw:
            head = f"POST /v1/records:batch HTTP/1.1\r\nHost: x\r\nAuthorization: {client.headers['authorization']}\r\n"
            raw.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
            chunk = b"".join(line(n) for n in range(16))
            raw.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            received = b""
            while received.count(b'"line":') < 16:
                more = raw.recv(65536)
                assert more
                received += more
            raw.sendall(b"0\r\n\r\n")
            while not received.endswith(b"0\r\n\r\n"):
                received += raw.recv(65536)
    assert received.count(b'"line":') == 16


def test_a_client_that_leaves_in_the_middle_harms_nobody(served: Served) -> None:
    served.start()
    import socket  # noqa: PLC0415 - as above

    with socket.create_connection(("127.0.0.1", served.port), READY_S) as raw:
        head = f"POST /v1/records:batch HTTP/1.1\r\nHost: x\r\nAuthorization: {served.authorization()['Authorization']}\r\n"
        chunk = b"".join(line(n) for n in range(8))
        raw.sendall(head.encode() + b"Content-Length: 1000000\r\n\r\n" + chunk)
    with served.client() as client:
        assert client.post("/v1/records?wait=logged", content=line("after")).status_code == 201
    served.stop()
    assert "Traceback" not in (served.directory / "serve.log").read_text()


def test_many_clients_at_once_over_real_sockets(served: Served) -> None:
    served.start()

    def submit(number: int) -> int:
        with served.client() as client:
            response = client.post("/v1/records?wait=logged", content=line(number))
            assert response.status_code == 201
            return int(response.json()["receipts"][0]["leaf_index"])

    with ThreadPoolExecutor(16) as pool:
        places = list(pool.map(submit, range(64)))
    assert sorted(places) == list(range(64))


def load_and_kill(served: Served, run: int, after: int) -> dict[str, dict[str, Any]]:
    """Send a batch and kill the node after some receipts; return every receipt that arrived whole, by record number."""
    acknowledged: dict[str, dict[str, Any]] = {}
    numbers = [f"{run}-{n}" for n in range(400)]
    with served.batch(iter([b"".join(line(number) for number in numbers)])) as results:
        for result in results:
            acknowledged[numbers[result["line"] - 1]] = result["receipts"][0]
            if len(acknowledged) == after:
                served.kill()
    return acknowledged


def test_kill_9_in_the_middle_of_a_batch_loses_no_receipt(served: Served) -> None:
    acknowledged: dict[str, dict[str, Any]] = {}
    for run, after in enumerate((1, 60, 170)):
        served.start()
        acknowledged |= load_and_kill(served, run, after)
    assert len(acknowledged) >= 1 + 60 + 170
    served.start()
    with served.client() as client:
        assert client.post("/v1/records?wait=logged", content=line("last")).status_code == 201
        for number, receipt in list(acknowledged.items())[::23]:
            (again,) = client.post("/v1/records", content=line(number)).json()["receipts"]
            assert (again["outcome"], again["leaf_hash"], again["leaf_index"]) == (
                "same",
                receipt["leaf_hash"],
                receipt["leaf_index"],
            )
    served.stop()
    served.world.start()
    leaves = [hash_leaf(leaf).hex() for leaf in served.world.leaves()]
    served.world.stop()
    assert len(set(leaves)) == len(leaves)
    for receipt in acknowledged.values():
        assert leaves[receipt["leaf_index"]] == receipt["leaf_hash"]
    # every entry has its body and secret, and no secret is without an entry but those of a transaction that was cut off
    assert served.world.rows("SELECT count(*) FROM entries") == served.world.rows("SELECT count(*) FROM bodies")
    assert patient_words(served.directory / "serve.log") == []


def test_a_directory_is_served_once(served: Served) -> None:
    served.start()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    command = [sys.executable, "-m", "node", "serve", "--dir", str(served.directory), "--port", "0"]
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=READY_S, check=False)  # noqa: S603 - ourselves
    assert second.returncode != 0
    assert "in use" in second.stderr + second.stdout
    with served.client() as client:
        assert client.get("/v1/status").json()["ready"] is True


def test_a_stopped_node_finishes_what_is_under_way(served: Served) -> None:
    served.start()
    with served.client() as client:
        assert client.post("/v1/records", content=line(1)).status_code == 201
    served.stop()
    served.start()
    with served.client() as client:
        (receipt,) = client.post("/v1/records?wait=logged", content=line(1)).json()["receipts"]
    assert (receipt["outcome"], receipt["level"]) == ("same", "logged")


def test_a_killed_worker_process_is_replaced(served: Served) -> None:
    served.start()
    with served.client() as client:
        assert client.post("/v1/records", content=line(1)).status_code == 201
        assert served._process is not None
        workers = [pid for pid in children_of(served._process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        assert workers
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        statuses: list[int] = []
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and (not statuses or statuses[-1] != 201):
            response = client.post("/v1/records", content=line(len(statuses) + 2))
            statuses.append(response.status_code)
        assert statuses[-1] == 201
        assert set(statuses) <= {201, 503}


def test_workers_end_with_a_node_that_was_killed(served: Served) -> None:
    served.start()
    with served.client() as client:
        assert client.post("/v1/records", content=line(1)).status_code == 201
    assert served._process is not None
    children = [Path(f"/proc/{pid}") for pid in children_of(served._process.pid)]
    assert children
    served.kill()
    deadline = time.monotonic() + READY_S
    while any(_runs(child) for child in children):
        assert time.monotonic() < deadline, "they are still there"
        time.sleep(0.02)


def _runs(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_hosted_institutions_are_apart_over_sockets_too(served: Served) -> None:
    served.start()
    with served.client() as client:
        (receipt,) = client.post("/v1/records", content=line(1)).json()["receipts"]
        path = f"/v1/records/{receipt['record_id']}"
        assert client.get(path).status_code == 200
        assert client.get(path, headers=served.authorization(CLINIC)).status_code == 404
        assert client.get(path, headers={"Authorization": "Bearer x"}).status_code == 401
    assert {HOSPITAL, CLINIC} == set(map(InstitutionId, served.keys))
