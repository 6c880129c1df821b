"""An engine's process that was found ready, and the ways to start one and to find it again."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devnet.engines import process
from devnet.engines.errors import EngineDirectoryError, EngineRpcError, EngineStartError
from devnet.engines.ports import free_ports
from devnet.engines.process import ProcessIdentity
from devnet.engines.record import EngineRecord, read_record, write_record

START_TIMEOUT_S = 60.0
"""How long an engine may take to answer; on a busy machine it takes seconds, not milliseconds."""
RPC_TIMEOUT_S = 10.0
PORT_GRACE_S = 5.0
"""How long a port may stay taken by a process that has just ended."""
LOG_NAME = "engine.log"
LOG_TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True)
class EngineProcess:
    """A running engine of any kind: what `Engine.start` and `attach` return (`RunningEngine`)."""

    directory: Path
    """Where its state, its log file and `engine.json` are."""
    record: EngineRecord
    """What `engine.json` holds."""

    @property
    def name(self) -> str:
        """Name of the engine."""
        return self.record.engine

    @property
    def rpc_url(self) -> str:
        """Its JSON-RPC endpoint."""
        return self.record.rpc_url

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self.record.chain_id

    @property
    def genesis_hash(self) -> str:
        """Hash of block 0, 0x-prefixed hex."""
        return self.record.genesis_hash

    @property
    def identity(self) -> ProcessIdentity:
        """Its process."""
        return ProcessIdentity(self.record.pid, self.record.started)

    @property
    def pids(self) -> tuple[int, ...]:
        """Its process's number."""
        return (self.record.pid,)

    def is_alive(self) -> bool:
        """Tell whether its process runs."""
        return self.identity.is_alive()

    def stop(self) -> None:
        """Ask it to end and wait until it has; no error if it has already ended.

        Raises:
            EngineStopError: it did not end, not even when killed.
        """
        process.stop(self.identity)

    def kill(self) -> None:
        """End it at once (SIGKILL) and wait until it has ended.

        Raises:
            EngineStopError: it did not end.
        """
        process.kill(self.identity)


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one engine's process."""

    engine: str
    """Name of the engine."""
    directory: Path
    """Its directory."""
    chain_id: int
    """What it must answer to `eth_chainId`."""
    command: Sequence[str]
    """Program, absolute, and arguments."""
    environment: Mapping[str, str]
    """All of its environment."""
    port: int
    """Where it will listen on 127.0.0.1."""


def attach(directory: Path) -> EngineProcess | None:
    """Find the engine that runs in `directory`, whoever started it; None if none does.

    Raises:
        EngineDirectoryError: `engine.json` is damaged.
    """
    record = read_record(directory)
    if record is None:
        return None
    found = EngineProcess(directory, record)
    return found if found.is_alive() else None


def refuse_if_running(directory: Path, engine: str) -> EngineRecord | None:
    """Return what ran here last.

    Raises:
        EngineDirectoryError: it still runs, or it was another engine.
    """
    record = read_record(directory)
    if record is not None and record.engine != engine:
        raise EngineDirectoryError(directory, f"it holds a chain of {record.engine}, not of {engine}; use another directory")
    if record is not None and attach(directory) is not None:
        raise EngineDirectoryError(directory, f"{engine} runs here already, as process {record.pid}")
    return record


def choose_port(record: EngineRecord | None, wanted: int | None) -> int:
    """Return the port asked for, else the one of the last run, so that what points there stays right, else a free one."""
    if wanted:
        return wanted
    if record is not None:
        return int(urlsplit(record.rpc_url).port or 0)
    return free_ports(1)[0]


def launch(plan: Launch) -> EngineProcess:
    """Start a process, wait until its chain answers, and record it.

    Raises:
        EngineStartError: it ended or did not answer in time; then it is stopped.
    """
    log_path = plan.directory / LOG_NAME
    _require_free(plan, log_path)
    try:
        identity = process.spawn(plan.command, log_path, plan.environment)
    except OSError as error:
        raise EngineStartError(plan.engine, f"{plan.command[0]} cannot be run: {error}", log_path, "") from error
    url = f"http://127.0.0.1:{plan.port}"
    try:
        genesis_hash = _wait_ready(plan, identity, url, log_path)
        started = EngineProcess(
            plan.directory,
            EngineRecord(plan.engine, url, plan.chain_id, genesis_hash, identity.pid, identity.started),
        )
        write_record(plan.directory, started.record)
    except BaseException:
        process.stop(identity)  # or nobody would ever know of it
        raise
    return started


def ask(url: str, method: str, params: Sequence[object] = (), timeout_s: float = RPC_TIMEOUT_S) -> object:
    """Ask an engine one JSON-RPC question on loopback.

    Raises:
        EngineRpcError: it does not answer, or answers an error.
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - a loopback http URL
    # No proxy: an http_proxy of the environment would be asked for loopback too.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as response:
            answer = json.load(response)
    except (OSError, ValueError) as error:
        raise EngineRpcError(url, method, f"no answer: {error}") from error
    if not isinstance(answer, dict) or "result" not in answer:
        raise EngineRpcError(url, method, f"answered {answer!r}")
    result: object = answer["result"]
    return result


def _require_free(plan: Launch, log_path: Path) -> None:
    # Whoever listens there already would answer for the new process, and be taken for it. A process that was killed is
    # gone for its parent a moment before its last thread lets go of the socket.
    if not process.wait_until(lambda: _is_free(plan.port), PORT_GRACE_S):
        raise _failed(plan, f"port {plan.port} of 127.0.0.1 is taken", log_path)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _wait_ready(plan: Launch, identity: ProcessIdentity, url: str, log_path: Path) -> str:
    """Wait until the process answers for its chain; return the genesis hash."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            chain_id = ask(url, "eth_chainId")
            genesis = ask(url, "eth_getBlockByNumber", ("0x0", False))
            break
        except EngineRpcError as error:
            if not identity.is_alive():
                raise _failed(plan, "the process ended", log_path) from error
            if time.monotonic() >= deadline:
                raise _failed(plan, f"no answer in {START_TIMEOUT_S:g} s", log_path) from error
            time.sleep(process.POLL_S)
    if not identity.is_alive():
        raise _failed(plan, f"the process ended, and something else answers at {url}", log_path)
    if chain_id != hex(plan.chain_id) or not isinstance(genesis, dict):
        raise _failed(plan, f"{url} answers for chain {chain_id}, not {hex(plan.chain_id)}", log_path)
    return str(genesis["hash"])


def _failed(plan: Launch, reason: str, log_path: Path) -> EngineStartError:
    try:
        tail = log_path.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", errors="replace")
    except FileNotFoundError:
        tail = "(nothing)"
    return EngineStartError(plan.engine, reason, log_path, tail)
