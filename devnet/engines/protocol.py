"""The seam between a devnet and whatever chain it runs on: `Engine` starts one, `RunningEngine` is one that runs.

An engine runs in a session of its own, so that it survives the process that started it (`concord-devnet up --detach`); whoever
comes later takes hold of it again with `devnet.engines.attach(directory)`. Everything else about a chain goes through its JSON-RPC.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

DEFAULT_CHAIN_ID = 20260
"""Chain id of a devnet that names none."""
FUNDED_BALANCE_WEI = 10**24
"""What each account that an engine is told to fund owns at genesis."""


@runtime_checkable
class RunningEngine(Protocol):
    """An engine's process, found ready."""

    @property
    def name(self) -> str:
        """Name of the engine: `embedded` or `geth`."""

    @property
    def directory(self) -> Path:
        """Where its state, its log file and `engine.json` are."""

    @property
    def rpc_url(self) -> str:
        """Its JSON-RPC endpoint, on loopback; the same after a restart on the same directory."""

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""

    @property
    def genesis_hash(self) -> str:
        """Hash of block 0, 0x-prefixed lower-case hex."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes; one for the engines there are now."""

    def is_alive(self) -> bool:
        """Tell whether its process runs, and is the one that was started and not another with a reused pid."""

    def stop(self) -> None:
        """Ask it to end and wait until it has; no error if it has already ended.

        Raises:
            EngineStopError: it did not end, not even when killed.
        """

    def kill(self) -> None:
        """End it at once, as a power cut does to a process (SIGKILL), and wait until it has ended.

        Raises:
            EngineStopError: it did not end.
        """


@runtime_checkable
class Engine(Protocol):
    """A kind of chain and its settings."""

    @property
    def name(self) -> str:
        """Name of the engine: `embedded` or `geth`."""

    def start(self, directory: Path) -> RunningEngine:
        """Start it on `directory`, made if absent; a directory it ran in before goes on with the chain that is there.

        Raises:
            EngineMissingError: the engine's binary is not there.
            EngineDirectoryError: the directory belongs to another engine or chain id, or an engine runs in it already.
            EngineStartError: the process ended, or did not answer in time.
        """
