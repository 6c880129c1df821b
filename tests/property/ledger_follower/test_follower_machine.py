"""A follower of a log that grows, forks, rolls back and lies, restarted at any point: it trusts one history, whole and once."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.errors import LedgerError
from ledger.follower import Contradicted, Event, Follower, FollowerState, HeadTrusted, LeavesVerified, encode_state, parse_state
from ledger.forks import KnownHead, verify_contradiction
from tests.served_logs import KEYS, ServedLog, drive, flipped
from tests.simulators import ORIGIN

pytestmark = pytest.mark.slow

growth = st.sampled_from([1, 2, 40, 255, 256, 257, 700])


class FollowerMachine(RuleBasedStateMachine):
    """The model: the log that the follower trusts, and what it released. Durable is what events told, event by event."""

    def __init__(self) -> None:
        super().__init__()
        self.log = ServedLog()
        self.counter = 0
        self.note: bytes | None = None
        self.released: list[bytes] = []
        self.anchored: KnownHead | None = None
        self.follower = Follower(ORIGIN, KEYS, window_bundles=2)

    def fresh(self, count: int) -> list[bytes]:
        self.counter += 1
        return [b"%d %d" % (self.counter, number) for number in range(count)]

    def keep(self, events: list[Event]) -> list[Event]:
        """Make durable what a node makes durable."""
        for event in events:
            if isinstance(event, HeadTrusted):
                self.note = event.note
            elif isinstance(event, LeavesVerified):
                assert event.first == len(self.released), "skipped or repeated"
                self.released += event.entries
            elif isinstance(event, Contradicted):
                verify_contradiction(event.contradiction, KEYS, ORIGIN)
        return events

    def known(self) -> list[KnownHead]:
        return [] if self.anchored is None else [self.anchored]

    @rule(count=growth)
    def grow(self, count: int) -> None:
        self.log.grow(self.fresh(count))

    @rule()
    def anchor(self) -> None:
        if self.log.size:
            self.anchored = self.log.head(self.log.size)

    @rule()
    def poll(self) -> None:
        self.keep(drive(self.follower, self.log, known=self.known()))
        assert self.released == self.log.entries

    @rule(steps=st.integers(0, 6), restart=st.booleans())
    def poll_and_stop(self, steps: int, *, restart: bool) -> None:
        self.keep(self.follower.offer(self.log.note(), self.known()))
        for _ in range(steps):
            self.keep(self.follower.receive(self.log.contents(self.follower.wanted())))
        if restart:
            self.restart()

    @rule(steps=st.integers(0, 4), number=st.integers(0, 40))
    def poll_and_be_lied_to(self, steps: int, number: int) -> None:
        self.keep(self.follower.offer(self.log.note(), self.known()))
        with contextlib.suppress(LedgerError):
            for _ in range(steps):
                self.keep(self.follower.receive(self.log.contents(self.follower.wanted())))
            if wanted := self.follower.wanted():
                self.keep(self.follower.receive(flipped(self.log.contents(wanted), number)))
                raise AssertionError("it believed a tile or bundle that does not fit")

    @rule()
    def restart(self) -> None:
        """What was released may be known from elsewhere than what was trusted: the two are not made durable together."""
        state = FollowerState(self.note, type(self.follower.state.released)(len(self.released)))
        self.follower = Follower(ORIGIN, KEYS, parse_state(encode_state(state)), window_bundles=2)

    @rule(back=st.integers(1, 400), count=st.integers(0, 600))
    def fork(self, back: int, count: int) -> None:
        """A second history that shares a part only with what is trusted."""
        trusted = self.follower.trusted
        if trusted is None or not trusted.size:
            return
        at = max(0, trusted.size - back)
        other = self.log.fork(at, self.fresh(trusted.size - at + count))
        events = self.keep(drive(self.follower, other, known=[]))
        assert [type(event) for event in events] == [Contradicted]
        assert self.follower.trusted == trusted

    @rule(size=st.integers(0, 2_000))
    def roll_back(self, size: int) -> None:
        trusted = self.follower.trusted
        if trusted is not None and size < trusted.size:
            (event,) = self.keep(drive(self.follower, self.log, size))
            assert isinstance(event, Contradicted)

    @rule(at=st.integers(0, 2_000))
    def contradict_the_chain(self, at: int) -> None:
        if self.log.size:
            at = min(at, self.log.size - 1)
            other = self.log.fork(at, self.fresh(self.log.size - at))
            (event,) = self.keep(drive(self.follower, self.log, known=[other.head(other.size)]))
            assert isinstance(event, Contradicted)

    @invariant()
    def what_was_released_is_the_logs(self) -> None:
        assert self.released == self.log.entries[: len(self.released)]
        assert self.follower.state.released == len(self.released)


TestFollower = FollowerMachine.TestCase
TestFollower.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
