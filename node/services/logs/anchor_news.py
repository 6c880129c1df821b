"""Learn from the chain's events which logs have news, so that they are followed at once instead of at the next poll."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from node.domain.entry import Origin
from node.ports.chain.anchoring import ChainEvents
from node.ports.logs.index import EventCursors

_CONTRACT = "log_anchors"
_EVENT = "Anchored"


class AnchorNews:
    """Reads events; `step` is a loop's."""

    def __init__(
        self, events: ChainEvents, origins: Mapping[bytes, Origin], cursors: EventCursors, told: Callable[[Iterable[Origin]], None]
    ) -> None:
        """Read nothing yet.

        Args:
            events: The chain's events.
            origins: The followed logs by their ids on chain.
            cursors: Keeps how far events were read.
            told: Called with the logs whose heads were anchored; an anchor may be told twice.
        """
        self._events = events
        self._origins = origins
        self._cursors = cursors
        self._told = told

    def step(self) -> None:
        """Read all events that are new.

        Raises:
            ChainError: The chain does not answer; what was told stays told.
        """
        cursor = self._cursors.event_cursor()
        while True:
            page = self._events.poll(cursor)
            anchored = (event.fields["origin"] for event in page.events if (event.contract, event.name) == (_CONTRACT, _EVENT))
            self._told({self._origins[origin] for origin in anchored if isinstance(origin, bytes) and origin in self._origins})
            if page.cursor != cursor:
                self._cursors.keep_event_cursor(page.cursor)
            cursor = page.cursor
            if page.is_last:
                return
