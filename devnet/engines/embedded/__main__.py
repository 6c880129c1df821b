"""`python -m devnet.engines.embedded`: serve a directory's chain as JSON-RPC on loopback until SIGTERM.

When it is ready it writes `rpc.json` into the directory: `{"url", "pid", "chain_id", "genesis_hash"}`.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import uvicorn

from devnet.engines.embedded.chain import Chain
from devnet.engines.embedded.http import Application
from devnet.engines.embedded.jsonrpc import Dispatcher
from devnet.engines.embedded.methods import Methods
from devnet.engines.errors import EngineDirectoryError
from devnet.engines.protocol import DEFAULT_CHAIN_ID
from devnet.engines.record import write_json

READY_NAME = "rpc.json"
THREADS = 32
"""Requests served at once; most of them wait for the writer's commit."""
SHUTDOWN_GRACE_S = 3
STACK_BYTES = 64 * 1024 * 1024
"""Stack of each thread, reserved and not used."""


class ReadyServer(uvicorn.Server):
    """Uvicorn that says in a file when it accepts connections."""

    def __init__(self, config: uvicorn.Config, ready_path: Path, ready: dict[str, object]) -> None:
        super().__init__(config)
        self._ready_path = ready_path
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then write the file."""
        await super().startup(sockets)
        if self.started:
            write_json(self._ready_path, self._ready)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the process's exit code."""
    options = _parse(arguments)
    directory: Path = options.dir
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    # py-evm lifts the interpreter's recursion limit to 10,240. Without as much stack under it, deep JSON or a contract that
    # calls itself would end the process by a fault instead of an exception.
    threading.stack_size(STACK_BYTES)
    try:
        with closing(Chain(directory, options.chain_id, options.fund)) as chain, _listen(options.port) as listener:
            _serve(chain, listener, directory / READY_NAME, allow_reorg=options.allow_reorg)
    except (EngineDirectoryError, OSError) as error:
        logging.getLogger(__name__).error("cannot start: %s", error)  # noqa: TRY400 - the message says it all
        return 1
    return 0


def _serve(chain: Chain, listener: socket.socket, ready_path: Path, *, allow_reorg: bool) -> None:
    # Only now: the chain's lock says that no other server's file is there.
    ready_path.unlink(missing_ok=True)
    ready: dict[str, object] = {
        "url": f"http://127.0.0.1:{listener.getsockname()[1]}",
        "pid": os.getpid(),
        "chain_id": chain.chain_id,
        "genesis_hash": "0x" + chain.genesis().hash.hex(),
    }
    # Leaving the block waits for the threads: nothing reads the chain when its owner closes it.
    with ThreadPoolExecutor(THREADS, thread_name_prefix="rpc") as executor:
        config = uvicorn.Config(
            Application(Dispatcher(Methods(chain, allow_reorg=allow_reorg)), executor),
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        ReadyServer(config, ready_path, ready).run(sockets=[listener])
    ready_path.unlink(missing_ok=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devnet.engines.embedded", description="Serve a chain on loopback.")
    parser.add_argument("--dir", type=Path, required=True, help="the chain's directory, made if absent")
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--chain-id", type=int, default=DEFAULT_CHAIN_ID, help="EIP-155 chain id")
    parser.add_argument(
        "--fund", type=_address, action="append", default=[], metavar="ADDRESS", help="own ether at genesis; repeatable"
    )
    parser.add_argument("--allow-reorg", action="store_true", help="fault drill: serve concord_revertTo(height)")
    return parser.parse_args(arguments)


def _address(text: str) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != 20:  # noqa: PLR2004 - an address
        raise argparse.ArgumentTypeError(f"{text} is not an address of 20 bytes")
    return value


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A restart on the same port must not wait for the old connections to time out.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"port {port} of 127.0.0.1 is taken: {error.strerror}") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
