"""Verify evidence in a process that has no network, as a stranger would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import node as node_package

UNSHARED = "in a network namespace without interfaces (unshare -rn)"
BLOCKED = "in a child process whose sockets are blocked (unshare -rn is not allowed here)"
_BLOCK = (
    "import socket, sys\n"
    "def refuse(*_args, **_kwargs):\n"
    "    raise OSError('no network in this process')\n"
    "socket.socket = refuse\n"
    "sys.argv = ['concord', *sys.argv[1:]]\n"
    "from node.cli.main import app\n"
    "app()\n"
)


@dataclass(frozen=True, slots=True)
class OfflineVerdict:
    """What `concord verify` said."""

    exit_code: int
    """0 verified, 1 refuted, 2 unreadable."""
    report: dict[str, Any]
    """Its JSON."""
    text: str
    """Its words for people."""
    how: str
    """How the process was kept off the network."""


def verify_offline(evidence: Path, trust_root: Path) -> OfflineVerdict:
    """Run `concord verify` without network, once for its JSON and once for its words."""
    arguments = ["verify", str(evidence), "--trust-root", str(trust_root)]
    prefix, how = _prefix()
    as_json = _run([*prefix, *arguments, "--json"])
    as_text = _run([*prefix, *arguments])
    return OfflineVerdict(as_json.returncode, json.loads(as_json.stdout or "{}"), as_text.stdout + as_text.stderr, how)


def verify_against_chain(evidence: Path, trust_root: Path, rpc_url: str) -> dict[str, Any]:
    """Run `concord verify --rpc`: the anchor is checked against the contract's state."""
    arguments = ["verify", str(evidence), "--trust-root", str(trust_root), "--rpc", rpc_url, "--json"]
    report: dict[str, Any] = json.loads(_run([sys.executable, "-m", "node", *arguments]).stdout or "{}")
    return report


def _prefix() -> tuple[list[str], str]:
    unshare = shutil.which("unshare")
    if unshare is not None and _run([unshare, "-rn", "true"]).returncode == 0:
        return [unshare, "-rn", sys.executable, "-m", "node"], UNSHARED
    return [sys.executable, "-c", _BLOCK], BLOCKED


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(node_package.__file__).parent.parent), "NO_COLOR": "1"}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)  # noqa: S603 - own commands
