"""Processes that outlive whoever started them, and are never mistaken for others.

A pid alone names nothing once its process has ended: the system may have given it to somebody else's. So a process is known by its
pid and the moment it started, and a signal goes to nobody who does not match both.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devnet.engines.errors import EngineStopError

_SPAWNED: set[int] = set()
# Children of this process that `spawn` started and nobody has reaped: other children's exit statuses are not ours to take.
POLL_S = 0.02
STOP_GRACE_S = 15.0
"""How long a process may take to end after SIGTERM before it is killed."""
KILL_GRACE_S = 10.0
"""How long the system may take to end a killed process."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of this machine since it started, for ever."""

    pid: int
    """Its number."""
    started: str
    """When it started, in the words of the operating system."""

    def is_alive(self) -> bool:
        """Tell whether it runs; one that has ended and waits for its parent does not."""
        return start_of(self.pid) == self.started


def spawn(command: Sequence[str], log_path: Path, environment: Mapping[str, str]) -> ProcessIdentity:
    """Start a process in a session of its own; what it prints is appended to `log_path`, and it reads nothing.

    Raises:
        OSError: it could not be started.
    """
    log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # posix_spawn and not Popen: nobody here waits for it, and a collected Popen of a running process is a warning.
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log_path), log_flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    _SPAWNED.add(pid)
    # A child keeps its pid until it is reaped, which only this process can do: what starts under it now is the child.
    return ProcessIdentity(pid, start_of(pid) or "ended")


def start_of(pid: int) -> str | None:
    """Return when a process started, or None if none runs under this pid."""
    reap(pid)
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        return _start_from_proc(stat)
    return _start_from_ps(pid)


def reap(pid: int) -> None:
    """Take the exit status of a child that `spawn` started and that has ended, so that its pid becomes free."""
    if pid not in _SPAWNED:
        return
    try:
        ended = os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        ended = True  # somebody else took it
    if ended:
        _SPAWNED.discard(pid)


def stop(process: ProcessIdentity) -> None:
    """End a process: SIGTERM, and SIGKILL if that does not help.

    Raises:
        EngineStopError: it is still there.
    """
    if _signal(process, signal.SIGTERM) and not wait_until(lambda: not process.is_alive(), STOP_GRACE_S):
        kill(process)


def kill(process: ProcessIdentity) -> None:
    """End a process at once (SIGKILL) and wait until it has ended.

    Raises:
        EngineStopError: it is still there.
    """
    if _signal(process, signal.SIGKILL) and not wait_until(lambda: not process.is_alive(), KILL_GRACE_S):
        raise EngineStopError(process.pid, KILL_GRACE_S)


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition; tell whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_S)
    return True


def _signal(process: ProcessIdentity, number: signal.Signals) -> bool:
    if not process.is_alive():
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _start_from_proc(stat: Path) -> str | None:
    try:
        content = stat.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): the second field is a name in parentheses that may hold anything; state is field 3, start time field 22.
    fields = content.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else f"tick {fields[19]}"


def _start_from_ps(pid: int) -> str | None:
    command = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
    shown = subprocess.run(command, check=False, capture_output=True, text=True).stdout.split()  # noqa: S603 - fixed words and a number
    return None if not shown or shown[0].startswith("Z") else " ".join(shown[1:])
