"""How the chain client reaches its database: through whoever owns the write connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

import sqlalchemy as sa

ResultT = TypeVar("ResultT")


class Transact(Protocol):
    """Runs work in a transaction of its own and returns when that is durable; in a node, the records writer's thread."""

    def __call__(self, work: Callable[[sa.Connection], ResultT]) -> ResultT:
        """Run `work`, commit, and return its result; an exception rolls it back and is passed on."""
