"""Loops of the worker role: one thread each, so that a peer or a chain that hangs holds up its own work only."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import structlog

from node.errors import ConcordError, NodeStoppingError

log = structlog.get_logger(__name__)


class Loop:
    """Does one step again and again: at every interval, and at once when it is woken."""

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        interval_s: float,
        finish: Callable[[], object] = lambda: None,
        *,
        pause_s: float = 0,
    ) -> None:
        """Prepare a thread.

        Args:
            name: Of the thread, and in log lines.
            step: What to do; an error is logged and the next interval tries again.
            interval_s: How long to wait between two steps.
            pause_s: How long to wait at least, whoever wakes it: what comes in that time shares the next step.
            finish: Waits for what steps began in other threads: done by whoever does a step by hand, and at the end.
        """
        self._name = name
        self._step = step
        self._interval_s = interval_s
        self._pause_s = pause_s
        self._goes_on = False
        self._finish = finish
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._last_error: str | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def name(self) -> str:
        """Return its name."""
        return self._name

    def start(self) -> None:
        """Start the thread; the first step is done at once."""
        self._thread.start()

    def once(self) -> None:
        """Do one step in the caller's thread, for whoever drives a node by hand; what fails is raised."""
        self._wake.clear()
        self._step()
        self._finish()

    @property
    def is_woken(self) -> bool:
        """Tell whether somebody wants another step."""
        return self._wake.is_set()

    def wake(self) -> None:
        """Let the next step begin now, or as soon as the one under way has ended."""
        self._wake.set()

    def go_on(self) -> None:
        """Let the next step begin as soon as the one under way has ended, without a pause; for the step itself."""
        self._goes_on = True
        self._wake.set()

    def close(self) -> None:
        """Stop after the step that is under way, and what it began."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        # what fails now was logged where it failed
        with contextlib.suppress(Exception):
            self._finish()

    def _run(self) -> None:
        while not self._stopping.is_set():
            # before the step: who wakes during it wants another one
            self._wake.clear()
            self._goes_on = False
            try:
                self._step()
                self._last_error = None
            except NodeStoppingError:
                return
            except ConcordError as error:
                # a chain or a peer that is away says the same at every interval: once is enough
                if str(error) != self._last_error:
                    log.warning("loop_step_failed", loop=self._name, error=type(error).__name__, reason=str(error))
                self._last_error = str(error)
            except Exception:
                log.exception("loop_step_failed", loop=self._name)
            if self._pause_s and not self._goes_on:
                self._stopping.wait(self._pause_s)
            if not self._stopping.is_set():
                self._wake.wait(max(0, self._interval_s - self._pause_s))
