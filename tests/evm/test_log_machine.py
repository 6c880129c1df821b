"""A Hypothesis state machine: logs that grow, fork, shrink, repeat, change keys, are suspended, closed and succeeded.

Whatever happens, the head on chain is the last honest one of a single history, and only its institution's key moves it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from contracts.errors import (
    ForkError,
    NotAnchorKeyError,
    OriginClosedError,
    RepeatedHeadError,
    RevertError,
    ShrunkError,
    SuspendedError,
)
from contracts.events import Anchored
from contracts.slots import head_slots, parse_head_word
from contracts.terms import KeyKind
from ledger.hashing import EMPTY_ROOT, NodeHash
from tests.evm.trees import Tree, prove, root
from tests.evm.world import World, account, as_key, id_of


@dataclass
class Log:
    """A log as its institution keeps it, with what the chain has accepted of it."""

    name: str
    tree: Tree
    anchored: int = 0
    block_number: int = 0
    timestamp_s: int = 0
    closed: bool = False
    branches: list[Tree] = field(default_factory=list)


class LogMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(("alpha", "beta"), threshold=1)
        self.key = account("alpha/anchor")
        self.world.set_up_log("alpha", "log0.example", voters=("beta",))
        self.logs = [Log("log0.example", Tree("log0"))]
        self.suspended = False
        self.keys = 0

    @property
    def log(self) -> Log:
        return self.logs[-1]

    def anchor(self, size: int, new_root: bytes, proof: tuple[bytes, ...], key: bytes | None = None) -> None:
        sender = self.key if key is None else key
        self.world.anchors.send(sender, "anchor", id_of(self.log.name), size, new_root, proof)

    def refused(self, error: type[RevertError], size: int, new_root: bytes, proof: tuple[bytes, ...]) -> None:
        # membership comes before history
        expected = SuspendedError if self.suspended else error
        with pytest.raises(expected):
            self.anchor(size, new_root, proof)

    @rule(count=st.integers(1, 40), honest_key=st.booleans())
    def grow_and_anchor(self, count: int, honest_key: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        self.world.travel(1)
        log = self.log
        log.tree.grow(count)
        head = (log.tree.size, root(log.tree, log.tree.size), prove(log.tree, log.anchored, log.tree.size))
        if self.suspended:
            self.refused(SuspendedError, *head)
        elif honest_key:
            self.anchor(*head)
            log.anchored = log.tree.size
            log.block_number = int(self.world.env.evm.patch.block_number)
            log.timestamp_s = self.world.now_s
            assert self.world.anchors.logs == [Anchored(id_of(log.name), *head[:2])]
        else:
            with pytest.raises(NotAnchorKeyError):
                self.anchor(*head, key=account("beta"))

    @rule()
    def repeat(self) -> None:
        head = root(self.log.tree, self.log.anchored) if self.log.anchored else EMPTY_ROOT
        self.refused(RepeatedHeadError, self.log.anchored, head, ())

    @rule(data=st.data())
    @precondition(lambda self: self.log.anchored > 1)
    def shrink(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(1, self.log.anchored - 1))
        self.refused(ShrunkError, size, root(self.log.tree, size), prove(self.log.tree, size, self.log.anchored))

    @rule(data=st.data(), count=st.integers(0, 20))
    @precondition(lambda self: self.log.anchored > 0)
    def fork(self, data: st.DataObject, count: int) -> None:
        """Anchor a tree that parted from this one before its anchored head, with that tree's own, valid proof."""
        log = self.log
        common = data.draw(st.integers(0, log.anchored - 1))
        branch = Tree(f"{log.name} fork {len(log.branches)}")
        branch.copy_from(log.tree, common)
        branch.grow(log.anchored - common + count)
        log.branches.append(branch)
        size = branch.size
        self.refused(ForkError, size, root(branch, size), prove(branch, log.anchored, size))

    @rule(count=st.integers(1, 20), data=st.data())
    @precondition(lambda self: self.log.anchored > 0)
    def wrong_proof(self, count: int, data: st.DataObject) -> None:
        log = self.log
        tree = Tree(f"{log.name} copy")
        tree.copy_from(log.tree, log.anchored)
        tree.grow(count)
        proof = list(prove(tree, log.anchored, tree.size))
        position = data.draw(st.integers(0, len(proof) - 1))
        proof[position] = NodeHash(bytes([proof[position][0] ^ 1]) + proof[position][1:])
        self.refused(ForkError, tree.size, root(tree, tree.size), tuple(proof))

    @rule(overlap_s=st.sampled_from([0, 10]))
    @precondition(lambda self: not self.suspended)
    def rotate_key(self, overlap_s: int) -> None:
        former, self.keys = self.key, self.keys + 1
        self.key = account(f"alpha/anchor {self.keys}")
        self.world.consortium.send(account("alpha"), "register_key", KeyKind.ANCHOR, as_key(self.key), overlap_s)
        probe = (max(self.log.anchored, 1), bytes(32), ())
        for seconds, valid in ((0, overlap_s > 0), (9, overlap_s > 0), (1, False)):
            self.world.travel(seconds)
            # a valid key gets as far as the history; the first head of a log has none to contradict
            if valid and self.log.anchored:
                with pytest.raises(ForkError):
                    self.anchor(*probe, key=former)
            elif not valid:
                with pytest.raises(NotAnchorKeyError):
                    self.anchor(*probe, key=former)

    @rule()
    def suspend_or_reinstate(self) -> None:
        action = "reinstate" if self.suspended else "suspend"
        self.world.carry(("beta",), action, id_of("alpha"))
        self.suspended = not self.suspended

    @rule()
    @precondition(lambda self: len(self.logs) < 5 and not self.suspended)
    def close_and_succeed(self) -> None:
        old = self.log
        successor = f"log{len(self.logs)}.example"
        self.world.carry(("beta",), "add_origin", id_of("alpha"), successor, "https://alpha.example")
        final = (old.tree.size, root(old.tree, old.tree.size))
        self.world.carry(("beta",), "close_origin", id_of(old.name), *final, id_of(successor))
        old.tree.grow(1)
        head = (old.tree.size, root(old.tree, old.tree.size), prove(old.tree, old.anchored, old.tree.size))
        with pytest.raises(OriginClosedError):
            self.anchor(*head)
        old.closed = True
        self.logs.append(Log(successor, Tree(successor)))

    @invariant()
    def heads_are_the_last_honest_ones(self) -> None:
        for log in self.logs:
            origin = id_of(log.name)
            size, head_root, block_number, timestamp_s = self.world.anchors.read("head", origin)
            assert (size, block_number, timestamp_s) == (log.anchored, log.block_number, log.timestamp_s)
            assert head_root == (root(log.tree, log.anchored) if log.anchored else bytes(32))
            stored = [self.world.env.get_storage(self.world.anchors.address, slot) for slot in head_slots(origin)]
            word = parse_head_word(stored[0])
            assert stored[1] == int.from_bytes(head_root, "big")
            if log.anchored:
                assert word is not None
                assert (word.size, word.block_number, word.timestamp_s) == (size, block_number, timestamp_s)
                assert word.institution_number == 0
                assert word.place == self.world.consortium.read("origin", origin)[1][0]
            else:
                assert word is None


@pytest.mark.slow
def test_no_history_but_one_is_ever_accepted() -> None:
    run_state_machine_as_test(
        LogMachine, settings=settings(max_examples=15, stateful_step_count=30, suppress_health_check=list(HealthCheck))
    )
