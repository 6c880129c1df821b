"""Run `concord` as its users do: evidence is verified in a process that has no network, as a stranger would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import node as node_package
from devnet.demo.report import DemoFailedError
from devnet.demo.words import Said, phrase

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
    """What it printed."""
    how: Said
    """How the process was kept off the network."""


def verify_offline(evidence: Path, trust_root: Path) -> OfflineVerdict:
    """Run `concord verify` without network."""
    prefix, how = _prefix()
    told = _run([*prefix, *_verify(evidence, trust_root), "--json"])
    return OfflineVerdict(told.returncode, json.loads(told.stdout or "{}"), told.stdout + told.stderr, how)


def words_offline(evidence: Path, trust_root: Path) -> list[str]:
    """Return the words of `concord verify`, run without network, line by line."""
    prefix, _ = _prefix()
    told = _run([*prefix, *_verify(evidence, trust_root)])
    return [line for line in told.stdout.splitlines() if line.strip()]


def verify_against_chain(evidence: Path, trust_root: Path, rpc_url: str) -> dict[str, Any]:
    """Run `concord verify --rpc`: the anchor is checked against the contract's state."""
    report: dict[str, Any] = json.loads(run_concord(*_verify(evidence, trust_root), "--rpc", rpc_url, "--json"))
    return report


def run_concord(*arguments: str, api_key: str = "") -> str:
    """Run a command of `concord` as its user would; return what it printed.

    Raises:
        DemoFailedError: It failed.
    """
    told = _run([sys.executable, "-m", "node", *arguments], CONCORD_API_KEY=api_key)
    if told.returncode != 0:
        raise DemoFailedError(f"concord {arguments[0]}: exit code {told.returncode}: {told.stderr or told.stdout}")
    return told.stdout


def _verify(evidence: Path, trust_root: Path) -> list[str]:
    return ["verify", str(evidence), "--trust-root", str(trust_root)]


@cache
def _prefix() -> tuple[list[str], Said]:
    unshare = shutil.which("unshare")
    if unshare is not None and _run([unshare, "-rn", "true"]).returncode == 0:
        return [unshare, "-rn", sys.executable, "-m", "node"], phrase("unshared")
    return [sys.executable, "-c", _BLOCK], phrase("blocked")


def _run(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    path = str(Path(node_package.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": path, "NO_COLOR": "1", **{name: each for name, each in variables.items() if each}}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)  # noqa: S603 - own commands
