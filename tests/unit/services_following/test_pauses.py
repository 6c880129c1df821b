"""A loop that pauses: what comes in the meantime shares a step, unless the step itself has more to do."""

from __future__ import annotations

import threading
from contextlib import closing

from node.services.loops import Loop

LONG_S = 3600.0
"""A pause that no test sits out."""
PATIENCE_S = 30.0


class Steps:
    """Counts steps; the first ones have more to do."""

    def __init__(self, *, going_on: int) -> None:
        self.loop = Loop("pausing", self.step, LONG_S, pause_s=LONG_S)
        self.count = 0
        self.last = threading.Event()
        self._going_on = going_on

    def step(self) -> None:
        self.count += 1
        if self.count <= self._going_on:
            self.loop.go_on()
        else:
            self.last.set()


def test_a_loop_that_is_woken_in_its_pause_stays_there_until_it_is_stopped() -> None:
    steps = Steps(going_on=0)
    steps.loop.start()
    with closing(steps.loop):
        assert steps.last.wait(PATIENCE_S)
        steps.loop.wake()
    assert steps.count == 1


def test_a_step_that_has_more_to_do_goes_on_without_a_pause() -> None:
    steps = Steps(going_on=3)
    steps.loop.start()
    with closing(steps.loop):
        assert steps.last.wait(PATIENCE_S)
    assert steps.count == 4
