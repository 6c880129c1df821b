"""A real `concord serve` process on a loopback port, with SQLite files that survive it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from devnet.engines.ports import free_ports
from node.bootstrap.maintenance import issue_clients
from node.domain.entry import InstitutionId
from tests.unit.services_records.world import HOSPITAL, World, make_world

ROOT = Path(__file__).parents[3]
READY_S = 60.0


class Served:
    """A node's directory, and the process that serves it when it does."""

    def __init__(self, directory: Path, **sections: Any) -> None:  # noqa: ANN401 - sections of settings
        self.world: World = make_world(directory, **{"work": {"prepare_processes": 1}, "server": {"port": 0}, **sections})
        self.directory = directory
        issued = issue_clients(self.world.settings)
        self.keys = {one.client.institution: one.api_key for one in issued}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def authorization(self, institution: InstitutionId = HOSPITAL) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[institution]}"}

    def start(self) -> None:
        self.port = _free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        with (self.directory / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "node", "serve", "--dir", str(self.directory), "--port", str(self.port)],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", trust_env=False).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(f"it does not serve: {(self.directory / 'serve.log').read_text()[-2000:]}")

    def kill(self) -> None:
        """End it as a power cut ends a process."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(READY_S)
            self._process = None

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.authorization(), timeout=READY_S, trust_env=False)

    @contextmanager
    def batch(self, lines: Iterator[bytes], path: str = "/v1/records:batch") -> Iterator[Iterator[dict[str, Any]]]:
        """Send lines chunked, as slowly as the iterator gives them, then read results as they come."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=READY_S)) as connection:
            connection.request("POST", path, body=lines, headers=self.authorization(), encode_chunked=True)
            with closing(connection.getresponse()) as response:
                assert response.status == httpx.codes.OK
                yield (json.loads(line) for line in _whole_lines(response))


def _whole_lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Give the lines that arrived whole; a connection that is cut ends them."""
    try:
        while line := response.readline():
            if not line.endswith(b"\n"):
                return
            yield line
    except (ConnectionError, http.client.HTTPException):
        return


def _free_port() -> int:
    return free_ports(1)[0]


def children_of(pid: int) -> list[int]:
    """Return the children of a process: a worker is the child of the thread that leads it."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        # a thread that has just ended leaves no children behind
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, (task / "children").read_text().split())
    return found


def patient_words(log: Path) -> list[str]:
    """Return what a served node's log says that a test's patients said."""
    # a number of its own: the fraction of a second may have these digits
    return re.findall(r"\b00042\b|liver|欧阳", log.read_text())
