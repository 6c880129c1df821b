"""Wait for what real nodes answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

AnswerT = TypeVar("AnswerT")

DEADLINE_S = 120.0
"""Long enough for a busy machine."""


def until(ask: Callable[[], AnswerT], holds: Callable[[AnswerT], object] = bool) -> AnswerT:
    """Ask until the answer is as wanted."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer
