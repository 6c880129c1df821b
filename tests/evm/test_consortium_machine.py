"""A Hypothesis state machine: the consortium contract against the plain model, call by call, then view by view."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from contracts.errors import RevertError
from contracts.terms import MAX_OVERLAP_S, PROPOSAL_LIFETIME_S, KeyKind, Role, Status
from tests.evm.model import ADDRESS_KINDS, Key, Member, Model
from tests.evm.world import World, account, as_key, id_of

FOUNDERS = ("alpha", "beta", "gamma")
NAMES = (*FOUNDERS, "delta", "epsilon")
LOGS = ("one.example", "two.example", "three.example")
SENDERS = (*NAMES, *(f"{name}2" for name in FOUNDERS), "stranger")

names = st.sampled_from(NAMES)
logs = st.sampled_from(LOGS)
accounts = st.sampled_from(SENDERS)
# mostly a key that may vote, by its position; else any account
senders = st.one_of(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), accounts)
digests = st.sampled_from([bytes([1]) * 32, bytes([2]) * 32])
roles = st.sampled_from([0, 1, int(Role.REGULATOR), int(Role.REGULATOR | Role.HOSPITAL), 511, 512])


class ConsortiumMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(FOUNDERS, threshold=2)
        self.model = Model(self.world.now_s, threshold=2)
        for name in FOUNDERS:
            member = Member(int(Role.HOSPITAL))
            member.keys[KeyKind.CHAIN] = [Key(as_key(account(name)), self.world.now_s)]
            self.model.members[name] = member

    def compare(self, on_chain: Callable[[], object], in_model: Callable[[], object]) -> None:
        """Both do it with the same result, or both refuse it by the same name."""
        try:
            expected = in_model()
        except RevertError as refused:
            with pytest.raises(type(refused)):
                on_chain()
        else:
            assert on_chain() == expected

    def voters(self) -> list[bytes]:
        keys = [key[12:] for member in self.model.members.values() for key in member.valid_keys(KeyKind.CHAIN, self.model.now_s)]
        return [key for name in SENDERS if (key := account(name)) in keys]

    def account(self, sender: int | str) -> bytes:
        if isinstance(sender, str):
            return account(sender)
        voters = self.voters()
        return voters[sender % len(voters)]

    def propose(self, sender: int | str, action: str, chain: tuple[object, ...], model: tuple[object, ...]) -> None:
        key = self.account(sender)
        self.compare(
            lambda: self.world.consortium.send(key, f"propose_{action}", *chain),
            lambda: self.model.propose(key, action, *model),
        )
        # an odd draw leaves it open: random votes alone seldom carry anything
        if isinstance(sender, int) and sender % 2 == 0:
            self.everyone_votes_for_the_newest()

    @rule(sender=senders, name=names, roles=roles, key=accounts)
    def propose_admit(self, sender: int | str, name: str, roles: int, key: str) -> None:
        arguments = (name, roles, account(key))
        self.propose(sender, "admit", arguments, arguments)

    @rule(sender=senders, name=names, action=st.sampled_from(["suspend", "reinstate"]))
    def propose_status(self, sender: int | str, name: str, action: str) -> None:
        self.propose(sender, action, (id_of(name),), (name,))

    @rule(sender=senders, name=names, roles=roles)
    def propose_change_roles(self, sender: int | str, name: str, roles: int) -> None:
        self.propose(sender, "change_roles", (id_of(name), roles), (name, roles))

    @rule(sender=senders, name=names, log=logs)
    def propose_add_origin(self, sender: int | str, name: str, log: str) -> None:
        self.propose(sender, "add_origin", (id_of(name), log, "https://a"), (name, log, "https://a"))

    @rule(sender=senders, log=logs, root=digests, successor=st.sampled_from(["", *LOGS]))
    def propose_close_origin(self, sender: int | str, log: str, root: bytes, successor: str) -> None:
        successor_id = id_of(successor) if successor else bytes(32)
        self.propose(sender, "close_origin", (id_of(log), 9, root, successor_id), (log, 9, root, successor))

    @rule(sender=senders, which=st.sampled_from(["register_kind", "register_catalogue"]), digest=digests)
    def propose_register(self, sender: int | str, which: str, digest: bytes) -> None:
        self.propose(sender, which, ("exam", digest), ("exam", digest))

    @rule(sender=senders, threshold=st.integers(0, 4))
    def propose_change_threshold(self, sender: int | str, threshold: int) -> None:
        self.propose(sender, "change_threshold", (threshold,), (threshold,))

    @rule(sender=senders, name=names, key=accounts)
    def propose_replace_chain_key(self, sender: int | str, name: str, key: str) -> None:
        self.propose(sender, "replace_chain_key", (id_of(name), account(key)), (name, account(key)))

    @rule(sender=senders, back=st.integers(-1, 3))
    def vote(self, sender: int | str, back: int) -> None:
        address = self.account(sender)
        number = max(len(self.model.motions) - 1 - back, 0)
        self.compare(
            lambda: self.world.consortium.send(address, "vote", number),
            lambda: self.model.vote(address, number),
        )

    @rule()
    @precondition(lambda self: self.model.motions)
    def everyone_votes_for_the_newest(self) -> None:
        for position in range(len(self.voters())):
            self.vote(position, 0)

    @rule(sender=senders, back=st.integers(-1, 3))
    def execute(self, sender: int | str, back: int) -> None:
        address = self.account(sender)
        number = max(len(self.model.motions) - 1 - back, 0)
        self.compare(
            lambda: self.world.consortium.send(address, "execute", number) or None,
            lambda: self.model.execute(address, number),
        )

    @rule(
        sender=senders,
        kind=st.sampled_from([*KeyKind, KeyKind.CHAIN, KeyKind.ANCHOR]),
        key=accounts,
        overlap_s=st.sampled_from([0, 50, MAX_OVERLAP_S, MAX_OVERLAP_S + 1]),
    )
    def register_key(self, sender: int | str, kind: KeyKind, key: str, overlap_s: int) -> None:
        address = self.account(sender)
        value = as_key(account(key)) if kind in ADDRESS_KINDS else id_of(key)
        self.compare(
            lambda: self.world.consortium.send(address, "register_key", kind, value, overlap_s) or None,
            lambda: self.model.register_key(address, kind, value, overlap_s),
        )

    @rule(sender=senders, kind=st.sampled_from(list(KeyKind)))
    def end_overlap(self, sender: int | str, kind: KeyKind) -> None:
        address = self.account(sender)
        self.compare(
            lambda: self.world.consortium.send(address, "end_overlap", kind) or None,
            lambda: self.model.end_overlap(address, kind),
        )

    @rule(sender=senders, log=logs, endpoint=st.sampled_from(["", "https://b"]))
    def change_endpoint(self, sender: int | str, log: str, endpoint: str) -> None:
        address = self.account(sender)
        self.compare(
            lambda: self.world.consortium.send(address, "change_endpoint", id_of(log), endpoint) or None,
            lambda: self.model.change_endpoint(address, log, endpoint),
        )

    @rule(seconds=st.sampled_from([1, 49, 50, 86_400, PROPOSAL_LIFETIME_S, MAX_OVERLAP_S]))
    def travel(self, seconds: int) -> None:
        self.world.travel(seconds)
        self.model.now_s += seconds

    @rule(log=logs, sender=senders)
    def authorise(self, log: str, sender: int | str) -> None:
        address = self.account(sender)
        self.compare(
            lambda: self.world.consortium.read("authorise", id_of(log), address) and None,
            lambda: self.model.authorise(log, address),
        )

    @invariant()
    def counts_agree(self) -> None:
        read = self.world.consortium.read
        assert read("threshold") == self.model.threshold <= read("active_count") == len(self.model.active)
        assert read("proposal_count") == len(self.model.motions)

    def teardown(self) -> None:
        read = self.world.consortium.read
        for number, (name, member) in enumerate(self.model.members.items()):
            status = Status.ACTIVE if member.active else Status.SUSPENDED
            chain_key = "0x" + member.keys[KeyKind.CHAIN][-1].value[12:].hex()
            origins = sum(log.owner == name for log in self.model.logs.values())
            assert read("institution", id_of(name)) == (number, name, member.roles, status, chain_key, origins)
            for kind in KeyKind:
                assert read("key_count", id_of(name), kind) == len(member.keys.get(kind, []))
                for index, key in enumerate(member.keys.get(kind, [])):
                    assert read("key_at", id_of(name), kind, index) == (key.value, key.valid_from, key.valid_until)
        for name, log in self.model.logs.items():
            owner, (_, text, endpoint, closed, size, root, successor) = read("origin", id_of(name))
            assert (owner, text, endpoint, closed) == (id_of(log.owner), name, log.endpoint, log.closed)
            assert (size, root, successor) == (*log.final[:2], id_of(log.final[2]) if log.final[2] else bytes(32))
        for number, motion in enumerate(self.model.motions):
            assert read("tally", number) == self.model.tally(motion)
            assert read("proposal", number)[2:4] == (motion.expires_at, motion.executed)
        for which, entries in self.model.registers.items():
            assert read(f"{which}_count") == len(entries)
            assert [read(f"{which}_at", index)[:2] for index in range(len(entries))] == entries


@pytest.mark.slow
def test_contract_and_model_agree_on_every_call() -> None:
    run_state_machine_as_test(
        ConsortiumMachine,
        settings=settings(max_examples=20, stateful_step_count=50, suppress_health_check=list(HealthCheck)),
    )
