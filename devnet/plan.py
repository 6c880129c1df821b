"""What a devnet consists of, and the file that remembers it: `devnet.json`, mode 0600, for it holds API keys."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from devnet.engines.ports import free_ports
from devnet.errors import DevnetError

FILE_NAME: Final = "devnet.json"
_EXTRA_NAMES: Final = "cdefghijklmnopqrstuvwxyz"
MAX_EXTRA: Final = len(_EXTRA_NAMES)
BASE: Final = 5
"""Institutions that every devnet has."""


class InstitutionState(msgspec.Struct):
    """An institution of the devnet."""

    name: str
    """Its id in the consortium."""
    label: str
    """For people."""
    role: str
    """DESIGN section 2."""
    founder: bool
    """Whether the constructor admits it; the others are admitted by vote."""
    api_key: str = ""
    """With every scope."""

    @property
    def origin(self) -> str:
        """The origin line of its log."""
        return f"{self.name}.example/log"


class NodeState(msgspec.Struct):
    """A node of the devnet."""

    name: str
    """Also its directory's name."""
    port: int
    """On loopback; chosen once, so that URLs survive restarts."""
    institutions: list[InstitutionState]
    """Whom it hosts."""
    pid: int = 0
    """Its process; 0 while it does not run."""
    started: str = ""
    """When the process started: a pid alone names nothing once it has ended."""

    @property
    def url(self) -> str:
        """Its API."""
        return f"http://127.0.0.1:{self.port}"


class DevnetState(msgspec.Struct):
    """All of it."""

    engine: str
    """Chain engine."""
    anchor_interval_s: float
    """How often news are anchored."""
    nodes: list[NodeState]
    """The nodes."""


def plan_devnet(engine: str, institutions: int, anchor_interval_s: float) -> DevnetState:
    """Plan a devnet: two hospitals, a primary-care centre on the first one's node, a regulator with the code service, then more.

    Args:
        engine: Chain engine.
        institutions: How many institutions in all, from 5; beyond those they are hospitals.
        anchor_interval_s: How often news are anchored.

    Raises:
        DevnetError: A number of institutions that cannot be planned.
    """
    base = [
        [
            InstitutionState("hospital-a", "第一人民医院 First People's Hospital", "hospital", founder=True),
            InstitutionState("primary-care-a", "荔湾社区卫生服务中心 Liwan Health Centre", "primary-care", founder=False),
        ],
        [InstitutionState("hospital-b", "第二人民医院 Second People's Hospital", "hospital", founder=True)],
        [
            InstitutionState("regulator", "卫生健康委员会 Health Commission", "regulator", founder=True),
            InstitutionState("code-service", "居民健康码中心 Code Service", "code-service", founder=True),
        ],
    ]
    extra = institutions - sum(map(len, base))
    if not 0 <= extra <= MAX_EXTRA:
        raise DevnetError(f"a devnet has {BASE} to {BASE + MAX_EXTRA} institutions, not {institutions}")
    base += [[InstitutionState(f"hospital-{x}", f"Hospital {x.upper()}", "hospital", founder=False)] for x in _EXTRA_NAMES[:extra]]
    ports = free_ports(len(base))
    nodes = [NodeState(hosted[0].name, port, hosted) for hosted, port in zip(base, ports, strict=True)]
    return DevnetState(engine, anchor_interval_s, nodes)


def read_state(directory: Path) -> DevnetState | None:
    """Read a directory's devnet; None where there is none.

    Raises:
        DevnetError: The file is damaged.
    """
    path = directory / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=DevnetState)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DevnetError(f"{path} is damaged; start a devnet in an empty directory") from error


def write_state(directory: Path, state: DevnetState) -> None:
    """Replace a directory's devnet file."""
    temporary = directory / f"{FILE_NAME}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")
    temporary.replace(directory / FILE_NAME)
