"""Messages between the node's process and a worker: each is its length, u64 big-endian, and that many bytes, over a socket.

What `multiprocessing.Connection` does too, in two system calls a message instead of five: around each of them a busy process
gives up the interpreter's lock and has to wait for it. A channel keeps one buffer for what it receives, since a fresh one for
every message would be mapped and cleared anew.
"""

from __future__ import annotations

import socket
from typing import Final

_LENGTH_BYTES: Final = 8
_SOCKET_BYTES: Final = 2**20
"""Asked of the system as a socket's buffer: a message that fits crosses without the two sides waiting for each other in between."""
_KEPT_BYTES: Final = 2**21
"""A larger buffer is let go of after its message."""


def connected_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets, which no process inherits unless they are passed to it."""
    pair = socket.socketpair()
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
    return pair


class Channel:
    """One end of a connection; for one thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._buffer = bytearray(_SOCKET_BYTES)

    def send(self, message: bytes) -> None:
        """Send a message.

        Raises:
            OSError: The other end is closed.
        """
        length = len(message).to_bytes(_LENGTH_BYTES, "big")
        sent = self._end.sendmsg((length, message))
        if sent < _LENGTH_BYTES + len(message):
            self._end.sendall(memoryview(length + message)[sent:])

    def receive(self) -> memoryview:
        """Receive a message; it stands until the next one is received.

        Raises:
            EOFError: The other end was closed.
            OSError: It was closed in the middle of a message.
        """
        length = int.from_bytes(self._fill(_LENGTH_BYTES), "big")
        if len(self._buffer) > _KEPT_BYTES >= length or length > len(self._buffer):
            self._buffer = bytearray(max(length, _SOCKET_BYTES))
        return self._fill(length)

    def _fill(self, length: int) -> memoryview:
        view = memoryview(self._buffer)[:length]
        at = 0
        while at < length:
            received = self._end.recv_into(view[at:], 0, socket.MSG_WAITALL)
            if not received:
                raise EOFError
            at += received
        return view

    def close(self) -> None:
        """Close this end."""
        self._end.close()
