"""A hospital that forks its log, on a devnet: the others freeze it, keep the proof, and go on when an operator says so."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from devnet.engines.process import stop
from devnet.topology import Devnet, identity_of, running_devnet
from devnet.trust import log_signer
from ledger.tiles import parse_tile_path
from node.cli.main import app
from tests.served_logs import ServedLog
from tests.unit.services_records.world import report

pytestmark = [pytest.mark.network, pytest.mark.slow]

NAME = "hospital-b"
ORIGIN = "hospital-b.example/log"
DEADLINE_S = 60.0


@contextmanager
def impostor(port: int, log: ServedLog) -> Iterator[None]:
    """Serve a forked log where the hospital's node was."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix(f"/log/{NAME}/")
            if path == "checkpoint":
                return self.answer(200, log.note())
            if path.startswith("tile/"):
                return self.answer(200, log.read(parse_tile_path(path)))
            return self.answer(404, b"")

        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gave it
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def ask(devnet: Devnet, name: str, method: str, path: str, content: bytes | None = None) -> httpx.Response:
    node, institution = devnet.institutions[name]
    headers = {"Authorization": f"Bearer {institution.api_key}"}
    return httpx.request(method, f"{node.url}{path}", content=content, headers=headers, timeout=DEADLINE_S, trust_env=False)


def followed(devnet: Devnet, name: str) -> dict[str, Any]:
    report = ask(devnet, name, "GET", "/v1/status").json()["followed"]
    return next(dict(each) for each in report if each["origin"] == ORIGIN)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_fork_is_frozen_proved_and_cleared(tmp_path: Path) -> None:
    with running_devnet(tmp_path / "devnet", anchor_interval_s=0.3) as devnet:
        for number in range(3):
            document = json.dumps(report(str(number), id=str(number))).encode()
            assert ask(devnet, NAME, "POST", "/v1/records?wait=anchored", document).status_code == 201
        wait_for(lambda: followed(devnet, "hospital-a")["indexed"] == 3)
        assert followed(devnet, "hospital-a")["withheld_headers"] == 0

        node, institution = devnet.institutions[NAME]
        stop(identity_of(node))
        signer = log_signer(devnet.node_directory(node) / "keys", institution)
        forked = ServedLog([b"x" * 106] * 5, origin=ORIGIN, signer=signer)
        with impostor(node.port, forked):
            wait_for(lambda: followed(devnet, "hospital-a")["state"] == "frozen")
        before = followed(devnet, "hospital-a")
        assert (before["reason"], before["trusted_size"], before["indexed"]) == ("fork", 3, 3)
        headers = {"Authorization": f"Bearer {devnet.institutions['hospital-a'][1].api_key}"}
        metrics = httpx.get(
            f"{devnet.institutions['hospital-a'][0].url}/metrics", headers=headers, timeout=DEADLINE_S, trust_env=False
        ).text
        assert "concord_frozen_logs 1.0" in metrics
        directory = devnet.node_directory(devnet.institutions["hospital-a"][0])
        assert '"event": "log_frozen"' in (directory / "node.log").read_text()

        file = tmp_path / "evidence.json"
        run = CliRunner().invoke
        assert run(app, ["log", "fork-evidence", ORIGIN, "--dir", str(directory), "-o", str(file)]).exit_code == 0
        verified = run(app, ["verify", str(file), "--trust-root", str(devnet.trust_root), "--json"])
        assert verified.exit_code == 0
        assert json.loads(verified.stdout)["against"] == "fork"

        devnet.start_node(node)
        devnet.wait_ready(node)
        document = json.dumps(report("more", id="more")).encode()
        submitted = ask(devnet, NAME, "POST", "/v1/records?wait=anchored", document).json()["receipts"][0]
        assert submitted["level"] == "anchored", "everything else goes on"
        assert followed(devnet, "hospital-a")["state"] == "frozen"
        cleared = run(app, ["log", "unfreeze", ORIGIN, "--dir", str(directory), "--reason", "an impostor, gone"])
        assert cleared.exit_code == 0
        wait_for(lambda: followed(devnet, "hospital-a")["indexed"] == 4)
        after = followed(devnet, "hospital-a")
        assert after["state"] == "following", after
