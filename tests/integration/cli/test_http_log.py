"""The HTTP reader of a log against servers that do everything wrong."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ledger.errors import ResourceMissingError, StorageError
from ledger.tiles import BundleAddress, TileAddress, encode_entries
from node.adapters.peers.errors import PeerAnswerError, PeerAwayError
from node.adapters.peers.http_log import HttpLogReader
from node.errors import ForbiddenError, UnauthenticatedError
from tests.integration.cli.served_node import free_port

pytestmark = pytest.mark.network

Answer = Callable[[BaseHTTPRequestHandler], None]
TILE = bytes(range(32)) * 256


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_words: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/log/x"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def files(contents: dict[str, bytes]) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = contents.get(handler.path.removeprefix("/log/x/"))
        status(404 if body is None else 200, body or b"")(handler)

    return answer


def test_a_partial_resource_that_is_gone_is_cut_from_the_full_one() -> None:
    entries = [b"%d" % number for number in range(256)]
    with serving(files({"tile/0/000": TILE, "tile/entries/000": encode_entries(entries)})) as url, HttpLogReader(url) as reader:
        assert reader.tile(TileAddress(0, 0, 3)) == TILE[: 3 * 32]
        assert reader.bundle(BundleAddress(0, 2)) == encode_entries(entries[:2])
        assert reader.read_tiles([TileAddress(0, 0), TileAddress(0, 0, 1)]) == [TILE, TILE[:32]]
        assert reader.checkpoint() is None
        with pytest.raises(ResourceMissingError):
            reader.read_tiles([TileAddress(0, 0), TileAddress(0, 7)])


def test_the_key_is_sent_and_a_trailing_slash_does_no_harm() -> None:
    seen: list[tuple[str, str | None]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        status(200, b"note")(handler)

    with serving(answer) as url, HttpLogReader(f"{url}/", api_key="concord_k") as reader:
        assert reader.checkpoint() == b"note"
    assert seen == [("/log/x/checkpoint", "Bearer concord_k")]


def test_compressed_answers_are_read() -> None:
    with serving(status(200, gzip.compress(TILE), Content_Encoding="gzip")) as url, HttpLogReader(url) as reader:
        assert reader.tile(TileAddress(0, 0)) == TILE


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(500), PeerAnswerError),
        (status(301, Location="http://127.0.0.1:1/"), PeerAnswerError),
        (status(200, TILE + b"\0"), PeerAnswerError),
        (status(200, gzip.compress(bytes(10_000_000)), Content_Encoding="gzip"), PeerAnswerError),
        (status(200, b"no gzip at all", Content_Encoding="gzip"), PeerAnswerError),
        (status(401), UnauthenticatedError),
        (status(403), ForbiddenError),
        (lambda handler: handler.connection.close(), PeerAwayError),
    ],
    ids=["500", "redirect", "too-long", "bomb", "encoding", "401", "403", "dropped"],
)
def test_what_no_log_answers_is_refused(answer: Answer, error: type[Exception]) -> None:
    with serving(answer) as url, HttpLogReader(url) as reader, pytest.raises(error):
        reader.tile(TileAddress(0, 0))


def test_nobody_there_is_away_for_programs_and_for_people() -> None:
    with HttpLogReader(f"http://127.0.0.1:{free_port()}") as reader, pytest.raises(PeerAwayError) as raised:
        reader.checkpoint()
    assert isinstance(raised.value, ConnectionError | StorageError)
    with pytest.raises(PeerAnswerError, match="http"):
        HttpLogReader("ftp://node/log")
