"""Any order of faults: the journal keeps its promises, and once the faults end the log's last head is anchored."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from node.adapters.chain.journal import HELD
from node.errors import ChainError
from node.ports.chain.anchoring import Outcome
from tests.unit.chain_client_anchors.simulator import PlainSigner, Pooled
from tests.unit.chain_client_anchors.world import KEY, CrashError, World

ELSEWHERE = PlainSigner(b"e" * 20)
DEPTH = 2


class AnchoringMachine(RuleBasedStateMachine):
    """One log, one node that may crash at any commit, one chain that may do anything but accept a fork."""

    @initialize()
    def start(self) -> None:
        self.world = World(depth=DEPTH)
        self.size = 0
        self.told = 0

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.heal()
        finally:
            self.world.close()

    @rule()
    def grow(self) -> None:
        self.size = min(self.size + 3, 60)

    @precondition(lambda self: self.size > 0)
    @rule()
    def submit(self) -> None:
        with suppress(ChainError, CrashError):
            self.world.submit(self.size)

    @rule()
    def settle(self) -> None:
        try:
            news = self.world.news()
        except ChainError:
            return
        except CrashError:
            self.world.start()
            return
        for each in news:
            if each.outcome in (Outcome.ANCHORED, Outcome.VANISHED):
                self.told = 0 if each.head is None else each.head.size

    @rule()
    def restart(self) -> None:
        self.world.start()

    @rule()
    def crash_at_the_next_commit(self) -> None:
        self.world.crashes_after_commit = True

    @rule(empty=st.booleans())
    def mine(self, empty: bool) -> None:  # noqa: FBT001 - drawn
        self.world.chain.mine(empty=empty)

    @rule()
    def drop_pool(self) -> None:
        self.world.chain.drop_pool()

    @rule(dropped=st.integers(1, 6), keeps=st.booleans())
    def reorganise(self, dropped: int, keeps: bool) -> None:  # noqa: FBT001 - drawn
        if len(self.world.chain.blocks) > dropped:
            self.world.chain.reorganise(dropped, keeps_transactions=keeps)

    @rule(away=st.booleans(), loses=st.booleans(), refuses=st.booleans())
    def trouble(self, away: bool, loses: bool, refuses: bool) -> None:  # noqa: FBT001 - drawn
        chain = self.world.chain
        chain.is_away, chain.loses_answers, chain.refusal_of_all = away, loses, "full" if refuses else None

    @precondition(lambda self: self.size > 1)
    @rule(part=st.integers(1, 60))
    def anchor_from_elsewhere(self, part: int) -> None:
        """Another anchor key of the institution anchors a head of the same log."""
        size = min(part, self.size)
        now = self.world.chain.anchored(self.world.log.origin)
        old = 0 if now is None else now[0]
        if size > old:
            proof = self.world.log.proof(old, size) if old else ()
            self.world.chain.anchor_from_elsewhere(ELSEWHERE, self.world.log.origin, size, self.world.log.root(size), *proof)

    @invariant()
    def nonces_are_contiguous_and_one_open_each(self) -> None:
        if not hasattr(self, "world"):
            return
        rows = self.world.journal_rows()
        nonces = sorted({nonce for _, nonce, _ in rows if nonce is not None})
        assert nonces == list(range(len(nonces)))
        open_nonces = [nonce for _, nonce, state in rows if state == "open" and nonce is not None]
        assert len(open_nonces) == len(set(open_nonces))

    @invariant()
    def bytes_change_only_with_the_journal(self) -> None:
        """As many different transactions were sent as the journal holds, and no other."""
        if not hasattr(self, "world"):
            return
        sent = {Pooled(raw).tx_hash for raw in self.world.chain.sent}
        signed = [nonce for _, nonce, _ in self.world.journal_rows() if nonce is not None]
        assert len(sent) <= len(signed)
        assert all(Pooled(raw).sender == KEY.address for raw in self.world.chain.sent)

    def heal(self) -> None:
        """End all trouble; then a node that keeps asking gets its log's last head anchored, and is told."""
        chain = self.world.chain
        chain.is_away, chain.loses_answers, chain.refusal_of_all = False, False, None
        self.world.crashes_after_commit = False
        self.world.start()
        for _ in range(40):
            self.settle()
            with suppress(ChainError):
                head = self.world.anchors.anchored_head(self.world.log.origin)
                if self.size and (head is None or head.size < self.size):
                    self.world.submit(self.size)
            chain.mine()
        self.settle()
        expected = (self.size, self.world.log.root(self.size)) if self.size else None
        head = self.world.anchors.anchored_head(self.world.log.origin)
        assert (None if head is None else (head.size, head.root)) == expected
        assert self.world.anchors.pending(self.world.log.origin) is None
        if any(size == self.size and state in HELD for size, _, state in self.world.journal_rows()):
            assert self.told == self.size, "no news is lost"


@pytest.mark.slow
def test_any_order_of_faults() -> None:
    machine: Any = AnchoringMachine
    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=30))
