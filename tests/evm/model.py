"""The consortium again, in Python and as plainly as it can be said: what the contract is compared with.

It shares no structure with the contract: votes are sets of names, keys are lists, status is a field. Refusals are raised
as the classes of `contracts.errors`, in the contract's order of checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from contracts.errors import revert_error
from contracts.terms import MAX_OVERLAP_S, PROPOSAL_LIFETIME_S, KeyKind, Role
from tests.evm.world import as_key

ADDRESS_KINDS = (KeyKind.CHAIN, KeyKind.ANCHOR)


def require(condition: object, reason: str) -> None:
    if not condition:
        raise revert_error(reason)


@dataclass
class Key:
    value: bytes
    valid_from: int
    valid_until: int = 0

    def valid_at(self, now_s: int) -> bool:
        return self.valid_until == 0 or now_s < self.valid_until

    def end(self, at_s: int) -> None:
        if self.valid_until == 0 or at_s < self.valid_until:
            self.valid_until = at_s


@dataclass
class Member:
    roles: int
    active: bool = True
    keys: dict[int, list[Key]] = field(default_factory=dict)

    def valid_keys(self, kind: int, now_s: int) -> list[bytes]:
        return [key.value for key in self.keys.get(kind, []) if key.valid_at(now_s)]

    def add_key(self, kind: int, value: bytes, now_s: int, overlap_s: int) -> None:
        series = self.keys.setdefault(kind, [])
        for older in series[:-1]:
            older.end(now_s)
        if series:
            series[-1].end(now_s + overlap_s)
        series.append(Key(value, now_s))


@dataclass
class Log:
    owner: str
    endpoint: str
    closed: bool = False
    final: tuple[int, bytes, str] = (0, bytes(32), "")


@dataclass
class Motion:
    action: str
    arguments: tuple[object, ...]
    check: Callable[[], None]
    apply: Callable[[], None]
    expires_at: int
    voters: set[str] = field(default_factory=set)
    executed: bool = False


@dataclass
class Model:
    now_s: int
    threshold: int
    members: dict[str, Member] = field(default_factory=dict)
    logs: dict[str, Log] = field(default_factory=dict)
    motions: list[Motion] = field(default_factory=list)
    registers: dict[str, list[tuple[str, bytes]]] = field(default_factory=lambda: {"kind": [], "catalogue": []})

    # who is calling

    def caller(self, sender: bytes, *, administers: bool = False) -> str:
        key = as_key(sender)
        for name, member in self.members.items():
            if key in member.valid_keys(KeyKind.CHAIN, self.now_s):
                require(member.active, "Suspended")
                require(not administers or member.keys[KeyKind.CHAIN][-1].value == key, "FormerKey")
                return name
        raise revert_error("NotMember")

    @property
    def active(self) -> set[str]:
        return {name for name, member in self.members.items() if member.active}

    def tally(self, motion: Motion) -> int:
        return len(motion.voters & self.active)

    # votes

    def propose(self, sender: bytes, action: str, *arguments: object) -> int:
        proposer = self.caller(sender)
        check, apply = self.actions[action](*arguments)
        check()
        self.motions.append(Motion(action, arguments, check, apply, self.now_s + PROPOSAL_LIFETIME_S))
        self.cast(self.motions[-1], proposer)
        return len(self.motions) - 1

    def vote(self, sender: bytes, number: int) -> bool:
        voter = self.caller(sender)
        motion = self.open_motion(number)
        require(voter not in motion.voters, "AlreadyVoted")
        return self.cast(motion, voter)

    def execute(self, sender: bytes, number: int) -> None:
        self.caller(sender)
        motion = self.open_motion(number)
        require(self.tally(motion) >= self.threshold, "NotEnoughVotes")
        self.carry(motion)

    def open_motion(self, number: int) -> Motion:
        require(number < len(self.motions), "UnknownProposal")
        motion = self.motions[number]
        require(not motion.executed, "ProposalClosed")
        require(self.now_s < motion.expires_at, "ProposalExpired")
        return motion

    def cast(self, motion: Motion, voter: str) -> bool:
        carried = len((motion.voters | {voter}) & self.active) >= self.threshold
        if carried:
            self.carry(motion)
        motion.voters.add(voter)
        return carried

    def carry(self, motion: Motion) -> None:
        motion.check()
        motion.executed = True
        motion.apply()

    # what proposals do: a check and an effect each

    @property
    def actions(self) -> dict[str, Callable[..., tuple[Callable[[], None], Callable[[], None]]]]:
        return {
            "admit": self.admit,
            "suspend": self.suspend,
            "reinstate": self.reinstate,
            "change_roles": self.change_roles,
            "add_origin": self.add_origin,
            "close_origin": self.close_origin,
            "register_kind": self.register_kind,
            "register_catalogue": self.register_catalogue,
            "change_threshold": self.change_threshold,
            "replace_chain_key": self.replace_chain_key,
        }

    def admit(self, name: str, roles: int, chain_key: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(name, "EmptyText")
            require(name not in self.members, "InstitutionExists")
            require(0 < roles < 2 * Role.REGULATOR, "BadRoles")
            self.check_chain_key(chain_key)

        def apply() -> None:
            self.members[name] = Member(roles)
            self.members[name].add_key(KeyKind.CHAIN, as_key(chain_key), self.now_s, 0)

        return check, apply

    def suspend(self, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(name in self.members, "UnknownInstitution")
            require(self.members[name].active, "Suspended")
            require(len(self.active) > self.threshold, "BelowThreshold")

        return check, lambda: setattr(self.members[name], "active", False)

    def reinstate(self, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(name in self.members, "UnknownInstitution")
            require(not self.members[name].active, "NotSuspended")

        return check, lambda: setattr(self.members[name], "active", True)

    def change_roles(self, name: str, roles: int) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(name in self.members, "UnknownInstitution")
            require(0 < roles < 2 * Role.REGULATOR, "BadRoles")

        def apply() -> None:
            self.members[name].roles = roles
            if not roles & Role.REGULATOR:
                for key in self.members[name].keys.get(KeyKind.AUDIT, []):
                    key.end(self.now_s)

        return check, apply

    def add_origin(self, owner: str, name: str, endpoint: str) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(name, "EmptyText")
            require(endpoint, "EmptyText")
            require(name not in self.logs, "OriginExists")
            require(owner in self.members, "UnknownInstitution")

        def apply() -> None:
            self.logs[name] = Log(owner, endpoint)

        return check, apply

    def close_origin(self, name: str, size: int, root: bytes, successor: str) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            self.check_open(name)
            if successor:
                require(successor != name, "BadSuccessor")
                self.check_open(successor)

        def apply() -> None:
            self.logs[name].closed = True
            self.logs[name].final = (size, root, successor)

        return check, apply

    def register_kind(self, name: str, digest: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
        return self._register("kind", name, digest)

    def register_catalogue(self, name: str, digest: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
        return self._register("catalogue", name, digest)

    def _register(self, which: str, name: str, digest: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            newest = [known for entry, known in self.registers[which] if entry == name][-1:]
            require(newest != [digest], "AlreadyRegistered")

        return check, lambda: self.registers[which].append((name, digest))

    def change_threshold(self, threshold: int) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(1 <= threshold <= len(self.active), "BadThreshold")

        return check, lambda: setattr(self, "threshold", threshold)

    def replace_chain_key(self, name: str, chain_key: bytes) -> tuple[Callable[[], None], Callable[[], None]]:
        def check() -> None:
            require(name in self.members, "UnknownInstitution")
            self.check_chain_key(chain_key)

        return check, lambda: self.members[name].add_key(KeyKind.CHAIN, as_key(chain_key), self.now_s, 0)

    # what a member does alone

    def register_key(self, sender: bytes, kind: int, value: bytes, overlap_s: int) -> None:
        member = self.members[self.caller(sender, administers=True)]
        require(overlap_s <= MAX_OVERLAP_S, "OverlapTooLong")
        require(kind != KeyKind.AUDIT or member.roles & Role.REGULATOR, "NotRegulator")
        require(any(value), "BadKey")
        require(kind not in ADDRESS_KINDS or not any(value[:12]), "BadKey")
        if kind == KeyKind.CHAIN:
            self.check_chain_key(value[12:])
        series = member.keys.get(kind, [])
        require(not series or series[-1].value != value or series[-1].valid_until, "RepeatedKey")
        member.add_key(kind, value, self.now_s, overlap_s)

    def end_overlap(self, sender: bytes, kind: int) -> None:
        series = self.members[self.caller(sender, administers=True)].keys.get(kind, [])
        require(len(series) > 1 and series[-2].valid_at(self.now_s), "NoOverlap")
        series[-2].end(self.now_s)

    def change_endpoint(self, sender: bytes, name: str, endpoint: str) -> None:
        caller = self.caller(sender, administers=True)
        require(name in self.logs, "UnknownOrigin")
        require(self.logs[name].owner == caller, "NotOwner")
        require(not self.logs[name].closed, "OriginClosed")
        require(endpoint, "EmptyText")
        self.logs[name].endpoint = endpoint

    def authorise(self, name: str, sender: bytes) -> None:
        require(name in self.logs, "UnknownOrigin")
        member = self.members[self.logs[name].owner]
        require(not self.logs[name].closed, "OriginClosed")
        require(member.active, "Suspended")
        require(as_key(sender) in member.valid_keys(KeyKind.ANCHOR, self.now_s), "NotAnchorKey")

    # bounds

    def check_chain_key(self, chain_key: bytes) -> None:
        require(any(chain_key), "BadKey")
        ever = {key.value for member in self.members.values() for key in member.keys[KeyKind.CHAIN]}
        require(as_key(chain_key) not in ever, "KeyInUse")

    def check_open(self, name: str) -> None:
        require(name in self.logs, "UnknownOrigin")
        require(not self.logs[name].closed, "OriginClosed")
