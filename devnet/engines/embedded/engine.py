"""The embedded chain as an `Engine` of the devnet."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from devnet.engines.protocol import DEFAULT_CHAIN_ID
from devnet.engines.running import EngineProcess, Launch, choose_port, launch, refuse_if_running

SOURCE_ROOT = Path(__file__).resolve().parents[3]
"""Where this distribution's packages are."""


@dataclass(frozen=True, slots=True)
class EmbeddedEngine:
    """Settings of an embedded chain."""

    chain_id: int = DEFAULT_CHAIN_ID
    """EIP-155 chain id."""
    funded: tuple[str, ...] = ()
    """Addresses that own ether at genesis, 0x-prefixed hex; nobody needs any, gas is free."""
    port: int | None = None
    """Port on 127.0.0.1; None for that of the last run, or a free one."""
    allow_reorg: bool = False
    """Fault drill: serve `concord_revertTo(height)`, which drops the blocks above that height."""

    @property
    def name(self) -> str:
        """Name of the engine."""
        return "embedded"

    def start(self, directory: Path) -> EngineProcess:
        """Start it on `directory`, made if absent, or go on with the chain that is there.

        Raises:
            EngineDirectoryError: the directory belongs to another engine, or an engine runs in it already.
            EngineStartError: the process ended (its log says why, such as another chain id) or did not answer in time.
        """
        directory.mkdir(parents=True, exist_ok=True)
        port = choose_port(refuse_if_running(directory, self.name), self.port)
        command = [sys.executable, "-m", "devnet.engines.embedded", "--dir", str(directory.resolve())]
        command += ["--port", str(port), "--chain-id", str(self.chain_id)]
        for address in self.funded:
            command += ["--fund", address]
        if self.allow_reorg:
            command.append("--allow-reorg")
        # The child must import the packages that its parent runs, wherever it is started from.
        path = os.pathsep.join([str(SOURCE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
        return launch(Launch(self.name, directory, self.chain_id, command, environment, port))
