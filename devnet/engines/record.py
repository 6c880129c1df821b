"""What an engine leaves in its directory for those who come later: `engine.json`, and where it listens.

Files appear whole or not at all: a reader never sees half of one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from devnet.engines.errors import EngineDirectoryError

RECORD_NAME = "engine.json"


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """A started engine, as `engine.json` keeps it."""

    engine: str
    """Name of the engine."""
    rpc_url: str
    """Its JSON-RPC endpoint."""
    chain_id: int
    """EIP-155 chain id."""
    genesis_hash: str
    """0x-prefixed hex."""
    pid: int
    """Its process."""
    started: str
    """When that process started, as the operating system tells it: a reused pid has another."""


def write_json(path: Path, content: dict[str, object]) -> None:
    """Replace a file by JSON, atomically."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def write_record(directory: Path, record: EngineRecord) -> None:
    """Keep what was started."""
    write_json(directory / RECORD_NAME, asdict(record))


def read_record(directory: Path) -> EngineRecord | None:
    """Return what was started here last, or None if nothing ever was.

    Raises:
        EngineDirectoryError: the file is damaged.
    """
    path = directory / RECORD_NAME
    try:
        return EngineRecord(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise EngineDirectoryError(directory, f"{RECORD_NAME} is damaged: {error}; stop its process and remove it") from error
