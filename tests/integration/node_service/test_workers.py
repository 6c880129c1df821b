"""Worker processes of a node that dies without a word."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.integration.node_service.served import READY_S, Served
from tests.unit.services_records.world import report

pytestmark = [pytest.mark.network, pytest.mark.slow]


def workers_of(pid: int) -> list[int]:
    children = [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_workers_end_when_their_node_is_killed(served: Served) -> None:
    served.start()
    with served.client() as client:
        assert client.post("/v1/records", content=json.dumps(report("1"))).status_code == 201
    assert served._process is not None
    workers = workers_of(served._process.pid)
    assert workers
    served.kill()
    deadline = time.monotonic() + READY_S
    while any(map(lives, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in workers if lives(pid)]
