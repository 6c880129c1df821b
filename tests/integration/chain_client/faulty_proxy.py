"""A JSON-RPC proxy that loses chosen requests or answers, and remembers the transactions that went through it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

SEND = "eth_sendRawTransaction"


class FaultyProxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target_url)
        self.lost_requests: set[str] = set()
        self.lost_answers: set[str] = set()
        self.canned: dict[str, object] = {}
        """Results that are given in place of the chain's."""
        self.most_log_blocks: int | None = None
        """Blocks that `eth_getLogs` may ask for at once."""
        self.raw: list[str] = []
        """Signed transactions that were sent, lost or not, in order."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def point_to(self, target_url: str) -> None:
        self.target = urlsplit(target_url)

    def forward(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.target.hostname or "", self.target.port, timeout=30)
        try:
            connection.request("POST", self.target.path or "/", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = json.loads(body)
        method = request["method"]
        if method == SEND:
            self.server.raw.append(request["params"][0])
        if method in self.server.lost_requests:
            self.close_connection = True
            return
        status, answer = self._own_answer(request) or self.server.forward(body)
        if method in self.server.lost_answers:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _own_answer(self, request: dict[str, Any]) -> tuple[int, bytes] | None:
        own: dict[str, object] = {"jsonrpc": "2.0", "id": request["id"]}
        if request["method"] in self.server.canned:
            own["result"] = self.server.canned[request["method"]]
        elif request["method"] == "eth_getLogs" and self.server.most_log_blocks is not None:
            wanted = request["params"][0]
            if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) < self.server.most_log_blocks:
                return None
            own["error"] = {"code": -32005, "message": "query returned more than 10000 results"}
        else:
            return None
        return 200, json.dumps(own).encode()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - the base class's signature
        """Say nothing."""


@contextmanager
def running_proxy(target_url: str) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(target_url)
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
