"""litewitness, written by others in Go, cosigns a log of ours, refuses its forks, and tells its size as the protocol has it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devnet.engines.ports import free_ports
from ledger.cosignatures import verify_cosignature
from ledger.hashing import EMPTY_ROOT
from ledger.notes import COSIGNATURE_V1, add_signatures, encode_verifier_key, make_verifier_key, parse_note
from ledger.witness import AddCheckpoint, encode_add_checkpoint, parse_conflict, parse_cosignatures
from node.domain.entry import InstitutionId
from node.domain.trust import TrustedWitness
from node.errors import WitnessContradictsError
from node.ports.logs.peers import WitnessReply
from node.services.logs.witness_exchange import WitnessExchange
from tests.served_logs import ServedLog
from tests.simulators import ORIGIN, SIGNER

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.go_tools]

NAME = "witness.example/w1"
DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def litewitness() -> Path:
    folder = os.environ.get("CONCORD_GO_BIN") or Path(__file__).parents[3] / ".cache" / "bin"
    tool = Path(folder) / "litewitness"
    if not tool.exists():
        message = f"{tool} is missing: `make go-tools` builds it, with Go on the path"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return tool


class LiteWitness:
    """A running litewitness; a `WitnessPeers`."""

    def __init__(self, port: int, public_key: bytes) -> None:
        self.url = f"http://127.0.0.1:{port}/add-checkpoint"
        self.key = make_verifier_key(NAME, COSIGNATURE_V1, public_key)

    def add_checkpoint(self, institution: InstitutionId, body: bytes) -> WitnessReply:
        del institution
        answer = httpx.post(self.url, content=body, timeout=DEADLINE_S, trust_env=False)
        return WitnessReply(answer.status_code, answer.content, answer.headers.get("content-type"))

    def ask(self, request: AddCheckpoint) -> WitnessReply:
        return self.add_checkpoint(InstitutionId("w"), encode_add_checkpoint(request))


@contextlib.contextmanager
def ssh_agent(directory: Path) -> Iterator[tuple[str, str, bytes]]:
    """Run an ssh-agent with one new key; yield its socket, the key's fingerprint and the public key."""
    socket, key = directory / "agent.sock", directory / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)  # noqa: S603, S607 - wherever it is
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)  # noqa: S603, S607 - as above
    try:
        environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
        # its socket is there a moment before it listens; 2 means that nobody does
        wait_for(lambda: subprocess.run(["ssh-add", "-l"], env=environment, capture_output=True, check=False).returncode != 2)  # noqa: S607 - as above
        subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)  # noqa: S603, S607 - as above
        blob = base64.b64decode(key.with_suffix(".pub").read_text().split()[1])
        fingerprint = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        yield str(socket), f"SHA256:{fingerprint}", blob[-32:]
    finally:
        agent.terminate()
        agent.wait(DEADLINE_S)


@pytest.fixture
def witness(litewitness: Path, tmp_path: Path) -> Iterator[LiteWitness]:
    """A litewitness that knows our log."""
    (port,) = free_ports(1)
    database = tmp_path / "w.db"
    with ssh_agent(tmp_path) as (socket, fingerprint, public_key):
        command = [str(litewitness), f"-ssh-agent={socket}", f"-name={NAME}", f"-key={fingerprint}", f"-db={database}"]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen([*command, f"-listen=127.0.0.1:{port}"], stdout=log, stderr=log)  # noqa: S603 - our own tool
        try:
            made = LiteWitness(port, public_key)
            wait_for(lambda: is_listening(made))
            register(database)
            yield made
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def register(database: Path) -> None:
    empty = base64.b64encode(EMPTY_ROOT).decode()
    with contextlib.closing(sqlite3.connect(database, timeout=DEADLINE_S)) as connection, connection:
        connection.execute("INSERT INTO log VALUES (?, 0, ?)", (ORIGIN, empty))
        connection.execute("INSERT INTO key VALUES (?, ?)", (ORIGIN, encode_verifier_key(SIGNER.verifier_key)))


def is_listening(witness: LiteWitness) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(witness.url, trust_env=False).status_code > 0
    return False


def wait_for(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def log() -> ServedLog:
    return ServedLog(b"entry %d" % number for number in range(600))


def test_it_cosigns_our_log_as_it_grows_and_our_exchange_finds_its_size(witness: LiteWitness, log: ServedLog) -> None:
    trusted = TrustedWitness(InstitutionId("w"), witness.key)
    fresh, knowing = WitnessExchange(witness), WitnessExchange(witness)
    for exchange, size in ((knowing, 300), (knowing, 300), (knowing, 500), (fresh, 600)):
        note = log.note(size)
        signature = exchange.cosign(trusted, log.checkpoint_of(size), note, log.proof)
        assert verify_cosignature(add_signatures(parse_note(note), signature), witness.key) > 0


def test_it_refuses_a_fork_and_our_exchange_says_so(witness: LiteWitness, log: ServedLog) -> None:
    trusted = TrustedWitness(InstitutionId("w"), witness.key)
    WitnessExchange(witness).cosign(trusted, log.checkpoint_of(300), log.note(300), log.proof)
    for fork in (log.fork(5, [b"x"] * 700), log.fork(5, [b"x"] * 295)):
        with pytest.raises(WitnessContradictsError):
            WitnessExchange(witness).cosign(trusted, fork.checkpoint_of(fork.size), fork.note(), fork.proof)


def test_it_tells_its_size_to_who_does_not_know_it(witness: LiteWitness, log: ServedLog) -> None:
    assert parse_cosignatures(witness.ask(AddCheckpoint(log.head(0).size, (), log.note(7))).body)
    conflict = witness.ask(AddCheckpoint(log.head(0).size, (), log.note(9)))
    assert conflict.status == httpx.codes.CONFLICT
    assert parse_conflict(conflict.body, conflict.media_type) == 7
    assert re.fullmatch(rb"7\n", conflict.body)
