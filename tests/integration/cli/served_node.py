"""A node in a process of its own, made by `concord init` and served on a free port."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner, Result

from devnet.engines.ports import free_ports
from ledger.notes import NoteSigner, parse_verifier_key
from node.cli.main import app
from node.domain.entry import InstitutionId, Origin
from node.domain.record import Kind
from node.domain.trust import ChainPin, Finality, LogKey, TrustedInstitution, TrustedLog, TrustRoot
from node.wire.trust_root import sign_trust_root

HOSPITAL = InstitutionId("hospital-a")
ORIGIN = Origin("hospital-a.example/log")
READY_S = 60.0


def concord(*words: object, environment: Mapping[str, str] | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(word) for word in words], env=environment)


def document(result: Result) -> dict[str, Any]:
    """Return the one JSON document that a command printed."""
    loaded = json.loads(result.stdout)
    assert isinstance(loaded, dict)
    return loaded


@dataclass
class ServedNode:
    """A node and the process that serves it."""

    directory: Path
    port: int
    api_key: str
    vkey: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_url(self) -> str:
        return f"{self.url}/log/{HOSPITAL}"

    @property
    def access(self) -> tuple[str, str, str, str]:
        """Options that name the node and its client."""
        return ("--url", self.url, "--api-key", self.api_key)

    def start(self) -> None:
        """Serve, and wait until submissions would be stored."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
        environment |= {"CONCORD_SERVER__PUBLIC_LOG": "true", "CONCORD_WORK__PREPARE_PROCESSES": "0"}
        command = [sys.executable, "-m", "node", "serve", "--dir", str(self.directory), "--port", str(self.port)]
        with (self.directory / "node.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - our own program
        deadline = time.monotonic() + READY_S
        while not self._is_ready():
            assert self.process.poll() is None, (self.directory / "node.log").read_text()
            assert time.monotonic() < deadline, "the node does not get ready"
            time.sleep(0.05)

    def stop(self) -> None:
        """Let it finish, and end it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(timeout=30) == 0, "it did not stop in order"
            self.process = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def make_node(directory: Path) -> ServedNode:
    """Make a node; nothing is served yet."""
    made = concord("init", "--dir", directory, "--institution", f"{HOSPITAL}=第一人民医院", "--json")
    assert made.exit_code == 0, made.output
    answer = json.loads(made.stdout)
    return ServedNode(directory, free_port(), answer["clients"][0]["api_key"], answer["institutions"][0]["log_vkey"])


def free_port() -> int:
    return free_ports(1)[0]


def write_trust_root(path: Path, vkey: str) -> None:
    """Write a trust root that names the node's log."""
    signer = NoteSigner.from_seed("signer.example", b"\x01" * 32)
    root = TrustRoot(
        serial=1,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
        signers=(signer.verifier_key,),
        threshold=1,
        chain=ChainPin(1, b"\x01" * 32, Finality(0), None, {}),
        institutions={HOSPITAL: TrustedInstitution(HOSPITAL, "第一人民医院", ("hospital",))},
        logs={ORIGIN: TrustedLog(ORIGIN, HOSPITAL, "http://node", (LogKey(parse_verifier_key(vkey), 0, None),), None)},
        witnesses=(),
        witness_quorum=0,
        audit_keys=(),
        kinds=(Kind("exam-result"), Kind("prescription"), Kind("referral")),
    )
    path.write_bytes(sign_trust_root(root, [signer]))


def report(identifier: str, status: str = "final") -> bytes:
    """Return a report with one observation, on one line."""
    patient = {"reference": "Patient/p"}
    observation = {
        "resourceType": "Observation",
        "id": f"o-{identifier}",
        "status": "final",
        "code": {"text": "WBC"},
        "subject": patient,
    }
    diagnostic = {
        "resourceType": "DiagnosticReport",
        "id": identifier,
        "status": status,
        "code": {"text": "血常规"},
        "subject": patient,
        "effectiveDateTime": "2026-03-01T08:00:00+08:00",
        "issued": "2026-03-01T08:25:00+08:00",
        "performer": [{"reference": "Organization/lab"}],
        "result": [{"reference": f"Observation/o-{identifier}"}],
    }
    resources = [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Organization", "id": "lab"}, observation, diagnostic]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    return json.dumps(bundle, ensure_ascii=False).encode()
