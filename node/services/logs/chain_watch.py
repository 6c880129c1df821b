"""What the worker last learned of the chain, for whoever shows it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from node.domain.entry import Origin
from node.telemetry import CHAIN_UP


class ChainReport(msgspec.Struct, frozen=True):
    """The chain, as the worker saw it last."""

    state: str
    reason: str | None
    block_number: int | None
    seen_at: str | None


class ChainWatch:
    """What the worker last learned of the chain; written by its thread, read by all."""

    def __init__(self, *, configured: bool) -> None:
        self._refusals: dict[Origin, str | None] = {}
        self._report = ChainReport("unknown" if configured else "none", None, None, None)

    def up(self, block_number: int, now: datetime) -> None:
        """Note that the chain answered."""
        self._report = ChainReport("up", None, block_number, show_time(now))
        CHAIN_UP.set(1)

    def down(self, reason: str) -> None:
        """Note that it did not, and why."""
        seen_at = self._report.seen_at
        self._report = ChainReport("away", reason, self._report.block_number, seen_at)
        CHAIN_UP.set(0)

    def refused(self, origin: Origin, reason: str | None) -> None:
        """Note that the contract refused a log's anchor, by the revert's name, or that it no longer does."""
        self._refusals[origin] = reason

    def refusal(self, origin: Origin) -> str | None:
        """Return why the contract refused a log's last anchor; None when it did not."""
        return self._refusals.get(origin)

    def report(self) -> ChainReport:
        """Return what is known."""
        return self._report


def show_time(moment: datetime) -> str:
    """Return a time as reports show it, in milliseconds."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
