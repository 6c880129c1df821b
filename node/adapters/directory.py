"""A node's directory: one process serves it at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from node.errors import DirectoryInUseError

_LOCK_FILE = "serve.lock"


class DirectoryLock:
    """Held while a process serves the directory; the system lets go of it when the process dies, however it dies."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            DirectoryInUseError: Another process holds it.
        """
        self._descriptor = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise DirectoryInUseError(str(directory)) from error

    def release(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)
