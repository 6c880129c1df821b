"""Tessera's `fsck`, written by others in Go, reads a log over HTTP and derives its root again."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ledger.notes import encode_verifier_key
from ledger.sequencer import Sequencer
from ledger.store.posix import PosixLogStore, create_posix_log
from ledger.tiles import TileAddress, encode_tile_path
from tests.simulators import ORIGIN, SIGNER, ScriptedGuard

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.go_tools]

SUCCESS = "Successfully fsck'd"
"""The tool exits with 0 whatever it finds: only this line counts."""


@pytest.fixture(scope="module")
def fsck() -> Path:
    folder = os.environ.get("CONCORD_GO_BIN") or Path(__file__).parents[3] / ".cache" / "bin"
    tool = Path(folder) / "fsck"
    if not tool.exists():
        message = f"{tool} is missing: `make go-tools` builds it, with Go on the path"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return tool


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gave it
        del format, args


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """Serve a directory on loopback, as any static file server would."""
    handler = functools.partial(QuietHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Make a log of 66,600 entries over several checkpoints: three tile levels, a partial tile on each."""
    root = tmp_path / "log"
    create_posix_log(root, ORIGIN)
    grower = Sequencer(SIGNER, ScriptedGuard())
    with PosixLogStore(root, ORIGIN) as store:
        for size in (1, 300, 255, 65_000, 1_044):
            store.stage([b"entry %d of %d" % (number, size) for number in range(size)])
            grower.step(store)
    (tmp_path / "vkey").write_text(encode_verifier_key(SIGNER.verifier_key) + "\n")
    return root / "public"


def run_fsck(tool: Path, directory: Path, key: Path) -> str:
    with served(directory) as url:
        command = [str(tool), f"--storage_url={url}", f"--public_key={key}", "--N=2", "--ui=false"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own tool
    return done.stdout + done.stderr


def test_fsck_accepts_the_log(fsck: Path, log: Path, tmp_path: Path) -> None:
    assert SUCCESS in run_fsck(fsck, log, tmp_path / "vkey")


@pytest.mark.parametrize("address", [TileAddress(0, 17), TileAddress(0, 260, 40), TileAddress(1, 0)])
def test_fsck_refuses_a_damaged_tile(fsck: Path, log: Path, tmp_path: Path, address: TileAddress) -> None:
    tile = log / encode_tile_path(address)
    content = bytearray(tile.read_bytes())
    content[5] ^= 1
    tile.write_bytes(content)
    assert SUCCESS not in run_fsck(fsck, log, tmp_path / "vkey")
