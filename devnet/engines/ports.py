"""Free ports that nobody takes by accident while a server is down.

The system gives outgoing connections ports of its own choice. A server whose port lies among those may find it taken after a
restart: by a stranger, or by its own clients, whose attempts to reach it end in a connection to themselves.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

_LOWEST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_EPHEMERAL_FROM = 32_768
"""Where outgoing ports begin on Linux, unless the system says otherwise."""


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that are free now and that no outgoing connection is given; all different.

    Raises:
        OSError: There are not so many.
    """
    with ExitStack() as held:
        found: list[int] = []
        for port in _candidates():
            probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"there are no {count} free ports between {_LOWEST} and {_ephemeral_from()}")


def _candidates() -> Iterator[int]:
    """Yield all ports of the range, from a random one on: several devnets start at the same time."""
    width = _ephemeral_from() - _LOWEST
    start = secrets.randbelow(width)
    return (_LOWEST + (start + offset) % width for offset in range(width))


def _ephemeral_from() -> int:
    try:
        lowest = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _EPHEMERAL_FROM
    # a system that gives out almost all ports leaves no choice
    return lowest if lowest > _LOWEST + 1_000 else 65_536
