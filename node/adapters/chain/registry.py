"""Reads the consortium contract: members, keys, origins and proposals (`ports.chain.consortium`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from contracts.terms import Action, KeyKind, Role, Status
from ledger.hashing import RootHash, TreeSize
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.finality import final_block
from node.domain.entry import InstitutionId, Origin
from node.ports.chain.consortium import Member, Proposal, ProposalNumber, RegisteredKey, RegisteredOrigin, Registry

CONSORTIUM: Final = "consortium"
NOTHING: Final = bytes(32)
ADDRESS_KINDS: Final = (KeyKind.CHAIN, KeyKind.ANCHOR)
_ADDRESS_BYTES: Final = 20


def role_names(mask: int) -> tuple[str, ...]:
    """Return the roles of a bit mask as they are written elsewhere: `primary-care`."""
    return tuple((role.name or "").lower().replace("_", "-") for role in Role if role & mask)


def role_mask(names: tuple[str, ...]) -> int:
    """Return the bit mask of roles.

    Raises:
        ValueError: There is no role of a name.
    """
    known = {role_names(role)[0]: role for role in Role}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(f"no role {unknown[0]!r}; there are {', '.join(known)}")
    return int(sum(known[name] for name in set(names)))


def account_of(word: bytes) -> bytes:
    """Return the account in a left-padded word."""
    return word[-_ADDRESS_BYTES:]


class RegistryReader:
    """Reads the registry through a connection."""

    def __init__(self, connection: ChainConnection) -> None:
        self._connection = connection

    def registry(self) -> Registry:
        """Return the consortium at the final block."""
        final = final_block(self._connection)
        at = final.number
        identities = [bytes(each) for each in self._listed("institution_count", "institution_at", at)]
        members = tuple(self._member(identity, at) for identity in identities)
        names = {identity: member.institution for identity, member in zip(identities, members, strict=True)}
        origin_ids = [bytes(each) for each in self._listed("origin_count", "origin_at", at)]
        found = {identity: self._read("origin", identity, at=at) for identity in origin_ids}
        origins = tuple(
            _origin(names[bytes(owner)], origin, {key: Origin(other[1]) for key, (_, other) in found.items()})
            for owner, origin in found.values()
        )
        return Registry(at, int(self._read("threshold", at=at)), members, origins)

    def proposals(self) -> list[Proposal]:
        """Return all proposals by the newest block, oldest first."""
        count = self._read("proposal_count")
        members = {bytes(each): self._name(bytes(each)) for each in self._listed("institution_count", "institution_at")}
        return [_proposal(number, self._read("proposal", number), self._read("tally", number), members) for number in range(count)]

    def proposal_count(self) -> int:
        """Return how many proposals were ever made, by the newest block."""
        return int(self._read("proposal_count"))

    def is_executed(self, number: ProposalNumber) -> bool:
        """Tell whether a proposal was carried, by the newest block."""
        return bool(self._read("proposal", number)[3])

    def _member(self, identity: bytes, at: int) -> Member:
        _, identifier, roles, status, chain_account, _ = self._read("institution", identity, at=at)
        keys = tuple(key for kind in KeyKind for key in self._keys(identity, kind, at))
        account = bytes.fromhex(chain_account[2:])
        return Member(InstitutionId(identifier), role_names(roles), status == Status.ACTIVE, account, keys)

    def _keys(self, identity: bytes, kind: KeyKind, at: int) -> Iterator[RegisteredKey]:
        for index in range(self._read("key_count", identity, int(kind), at=at)):
            value, valid_from, valid_until = self._read("key_at", identity, int(kind), index, at=at)
            shown = account_of(bytes(value)) if kind in ADDRESS_KINDS else bytes(value)
            yield RegisteredKey(kind.name.lower(), shown, valid_from, valid_until or None)

    def _name(self, identity: bytes) -> InstitutionId:
        return InstitutionId(self._read("institution", identity)[1])

    def _listed(self, counter: str, at_index: str, at: int | None = None) -> Iterator[Any]:
        for index in range(self._read(counter, at=at)):
            yield self._read(at_index, index, at=at)

    def _read(self, name: str, *arguments: object, at: int | None = None) -> Any:  # noqa: ANN401 - as the ABI says
        function = self._connection.contract(CONSORTIUM).functions[name]
        with self._connection.calling(f"consortium.{name}"):
            return function(*arguments).call(block_identifier="latest" if at is None else at)


def _origin(owner: InstitutionId, found: Any, names: dict[bytes, Origin]) -> RegisteredOrigin:  # noqa: ANN401 - a struct
    _, name, endpoint, is_closed, final_size, final_root, successor = found
    closed_at = (TreeSize(final_size), RootHash(bytes(final_root))) if is_closed else None
    return RegisteredOrigin(Origin(name), owner, endpoint, closed_at, names.get(bytes(successor)))


def _proposal(number: int, found: Any, votes: int, members: dict[bytes, InstitutionId]) -> Proposal:  # noqa: ANN401 - a struct
    action, proposer, expires_at, is_executed = found[:4]
    return Proposal(
        ProposalNumber(number),
        Action(action).name.lower(),
        _summary(Action(action), found, members),
        members.get(bytes(proposer), InstitutionId(f"0x{bytes(proposer).hex()}")),
        votes,
        expires_at,
        is_executed,
    )


def _summary(action: Action, found: Any, members: dict[bytes, InstitutionId]) -> str:  # noqa: ANN401 - a struct
    """Say in words what a proposal does, from its own fields."""
    _, _, _, _, subject, amount, value, successor, name, origin, endpoint = found
    who = members.get(bytes(subject), f"0x{bytes(subject).hex()}")
    roles = ", ".join(role_names(amount))
    account = f"0x{account_of(bytes(value)).hex()}"
    digest = f"0x{bytes(value).hex()}"
    owner = members.get(bytes(value), digest)
    after = f", succeeded by 0x{bytes(successor).hex()}" if bytes(successor) != NOTHING else ""
    words = {
        Action.ADMIT: f"admit {name} as {roles}, voting with {account}",
        Action.SUSPEND: f"suspend {who}",
        Action.REINSTATE: f"reinstate {who}",
        Action.CHANGE_ROLES: f"let {who} be {roles}",
        Action.ADD_ORIGIN: f"add {origin} of {owner} at {endpoint}",
        Action.CLOSE_ORIGIN: f"close origin 0x{bytes(subject).hex()} at size {amount}, root {digest}{after}",
        Action.REGISTER_KIND: f"register kind {name}, SHA-256 {digest}",
        Action.REGISTER_CATALOGUE: f"register catalogue {name}, SHA-256 {digest}",
        Action.CHANGE_THRESHOLD: f"let {amount} votes carry a proposal",
        Action.REPLACE_CHAIN_KEY: f"replace the chain key of {who} by {account}",
    }
    return words[action]
