"""Found a consortium on a fresh chain: contracts, members by vote, their keys, and their origins by vote.

Every step looks first whether it was done, so that a run which was cut off is finished by the next one, and a run on a
finished devnet changes nothing. What was deployed where is kept in a file beside the chain.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from eth_account import Account
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address, to_checksum_address
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from contracts.artifacts import artifact
from contracts.terms import Action, KeyKind, Role
from devnet.errors import GenesisError
from devnet.transactions import Sender, Sent, open_web3
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import ChainPin, ContractPin, Finality

ADDRESS_BYTES: Final = 20
WORD_BYTES: Final = 32
ADDRESS_KINDS: Final = (KeyKind.CHAIN, KeyKind.ANCHOR)


@dataclass(frozen=True, slots=True)
class OriginPlan:
    """A log of an institution."""

    origin: Origin
    """The origin line of its checkpoints."""
    endpoint: str
    """URL under which it is served."""


@dataclass(frozen=True, slots=True)
class InstitutionPlan:
    """An institution of the consortium to be."""

    institution: InstitutionId
    """Its identifier on chain."""
    roles: Role
    """Its roles."""
    chain_key: bytes = field(repr=False)
    """Private key of the account that votes for it and administers it, 32 bytes."""
    keys: Mapping[KeyKind, bytes]
    """Public keys that it registers: 20 bytes for an anchor key's address, else 32."""
    origins: tuple[OriginPlan, ...]
    """Its logs."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Contracts on a chain."""

    chain_id: int
    """EIP-155 chain id."""
    genesis_hash: bytes
    """Hash of block 0, 32 bytes."""
    contracts: Mapping[str, ContractPin]
    """By name: address and code hash."""

    def pin(self, finality: Finality) -> ChainPin:
        """Return what a trust root says of this chain."""
        return ChainPin(self.chain_id, self.genesis_hash, finality, None, self.contracts)


class _ContractFile(msgspec.Struct, forbid_unknown_fields=True):
    address: str
    code_hash: str


class _DeploymentFile(msgspec.Struct, forbid_unknown_fields=True):
    chain_id: int
    genesis_hash: str
    contracts: dict[str, _ContractFile]


def address_of(private_key: bytes) -> bytes:
    """Return the account of a private key, 20 bytes."""
    return to_canonical_address(Account.from_key(private_key).address)


def found_consortium(
    rpc_url: str,
    *,
    founders: Sequence[InstitutionPlan],
    members: Sequence[InstitutionPlan],
    threshold: int,
    deployment_file: Path,
) -> Deployment:
    """Deploy the contracts, admit the members, register all keys and add all origins; finish what is missing.

    Args:
        rpc_url: JSON-RPC of the chain; the chain keys' accounts can pay its gas price.
        founders: The first institutions, whom the constructor admits.
        members: The others, admitted by the founders' votes.
        threshold: How many votes carry a proposal.
        deployment_file: Where it is kept what was deployed.

    Returns:
        The contracts, for the trust root.

    Raises:
        GenesisError: The file is of another chain, a contract refused, or the chain takes no transactions.
    """
    with open_web3(rpc_url) as web3:
        founding = _Founding(web3, tuple(founders), tuple(members), threshold, deployment_file)
        deployment = founding.deploy()
        founding.admit_members()
        founding.register_keys()
        founding.add_origins()
        return deployment


def read_deployment(path: Path) -> Deployment | None:
    """Read the file that `found_consortium` wrote; None when there is none.

    Raises:
        GenesisError: It is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        file = msgspec.json.decode(content, type=_DeploymentFile)
        contracts = {
            name: ContractPin(name, bytes.fromhex(each.address), bytes.fromhex(each.code_hash))
            for name, each in file.contracts.items()
        }
        return Deployment(file.chain_id, bytes.fromhex(file.genesis_hash), contracts)
    except (msgspec.MsgspecError, ValueError) as error:
        raise GenesisError(f"{path} is damaged: {error}; found the devnet anew in an empty directory") from error


def _write_deployment(path: Path, deployment: Deployment) -> None:
    contracts = {name: _ContractFile(pin.address.hex(), pin.code_hash.hex()) for name, pin in deployment.contracts.items()}
    file = _DeploymentFile(deployment.chain_id, deployment.genesis_hash.hex(), contracts)
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as output:
        output.write(msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")
        output.flush()
        os.fsync(output.fileno())
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class _Motion:
    """Something to vote on."""

    what: str
    action: Action
    subject: bytes
    call: ContractFunction


class _Founding:
    """One run: each method is a step that finds out what is missing."""

    def __init__(
        self,
        web3: Web3,
        founders: tuple[InstitutionPlan, ...],
        members: tuple[InstitutionPlan, ...],
        threshold: int,
        deployment_file: Path,
    ) -> None:
        if not 1 <= threshold <= len(founders):
            raise GenesisError(f"threshold {threshold} is not 1 to {len(founders)}, the number of founders")
        self._web3 = web3
        self._sender = Sender(web3)
        self._founders = founders
        self._all = (*founders, *members)
        self._members = members
        self._threshold = threshold
        self._file = deployment_file
        self._consortium: Contract

    def deploy(self) -> Deployment:
        """Deploy the contracts, or check those that the file names: an older devnet goes on without `consents`."""
        chain_id = self._web3.eth.chain_id
        genesis_hash = bytes(self._web3.eth.get_block(0)["hash"])
        found = read_deployment(self._file)
        if found is not None:
            self._check(found, chain_id, genesis_hash)
            self._consortium = self._bind("consortium", found.contracts["consortium"].address)
            return found
        founders = [(plan.institution, int(plan.roles), _account(plan.chain_key)) for plan in self._founders]
        consortium = self._deploy("consortium", founders, self._threshold)
        log_anchors = self._deploy("log_anchors", to_checksum_address(consortium.address))
        consents = self._deploy("consents", to_checksum_address(consortium.address))
        self._consortium = self._bind("consortium", consortium.address)
        contracts = {pin.name: pin for pin in (consortium, log_anchors, consents)}
        deployment = Deployment(chain_id, genesis_hash, contracts)
        _write_deployment(self._file, deployment)
        return deployment

    def admit_members(self) -> None:
        """Admit whom the founders did not bring."""
        functions = self._consortium.functions
        known = self._known_institutions()
        self._carry(
            [
                _Motion(
                    f"admit {plan.institution}",
                    Action.ADMIT,
                    keccak(plan.institution.encode()),
                    functions.propose_admit(plan.institution, int(plan.roles), _account(plan.chain_key)),
                )
                for plan in self._members
                if keccak(plan.institution.encode()) not in known
            ]
        )

    def register_keys(self) -> None:
        """Let every institution register the keys that are not its newest ones."""
        sent: list[Sent] = []
        for plan in self._all:
            identity = keccak(plan.institution.encode())
            for kind, key in plan.keys.items():
                word = _word(kind, key)
                if self._newest_key(identity, kind) == word:
                    continue
                call = self._consortium.functions.register_key(int(kind), word, 0)
                sent.append(self._sender.send(f"{plan.institution}: {kind.name} key", plan.chain_key, call))
        self._sender.wait(sent)

    def add_origins(self) -> None:
        """Add the origins that are missing, and let their institutions correct endpoints that have changed."""
        functions = self._consortium.functions
        known = self._ids(functions.origin_count().call(), functions.origin_at)
        wanted = [(plan, each) for plan in self._all for each in plan.origins]
        self._carry(
            [
                _Motion(
                    f"add origin {each.origin}",
                    Action.ADD_ORIGIN,
                    keccak(each.origin.encode()),
                    functions.propose_add_origin(keccak(plan.institution.encode()), each.origin, each.endpoint),
                )
                for plan, each in wanted
                if keccak(each.origin.encode()) not in known
            ]
        )
        sent: list[Sent] = []
        for plan, each in wanted:
            _, found = functions.origin(keccak(each.origin.encode())).call()
            if found[2] != each.endpoint:
                call = functions.change_endpoint(keccak(each.origin.encode()), each.endpoint)
                sent.append(self._sender.send(f"endpoint of {each.origin}", plan.chain_key, call))
        self._sender.wait(sent)

    def _carry(self, motions: Sequence[_Motion]) -> None:
        """Propose what was not proposed yet, then vote in rounds, one institution each, until all are executed."""
        if not motions:
            return
        numbers = self._open_proposals()
        proposer = self._founders[0].chain_key
        self._sender.wait(
            [
                self._sender.send(motion.what, proposer, motion.call)
                for motion in motions
                if (motion.action, motion.subject) not in numbers
            ]
        )
        for voter in self._founders:
            numbers = self._open_proposals()
            if not any((motion.action, motion.subject) in numbers for motion in motions):
                return
            identity = keccak(voter.institution.encode())
            functions = self._consortium.functions
            self._sender.wait(
                [
                    self._sender.send(f"vote to {motion.what}", voter.chain_key, functions.vote(number))
                    for motion in motions
                    if (number := numbers.get((motion.action, motion.subject))) is not None
                    and not functions.has_voted(number, identity).call()
                ]
            )
        missing = [motion.what for motion in motions if (motion.action, motion.subject) in self._open_proposals()]
        if missing:
            raise GenesisError(f"all founders voted and these are not carried: {', '.join(missing)}")

    def _open_proposals(self) -> dict[tuple[int, bytes], int]:
        """Return the numbers of proposals that can be voted for, by action and subject."""
        functions = self._consortium.functions
        now_s = self._web3.eth.get_block("latest")["timestamp"]
        found: dict[tuple[int, bytes], int] = {}
        for number in range(functions.proposal_count().call()):
            proposal = functions.proposal(number).call()
            action, expires_at, is_executed, subject = proposal[0], proposal[2], proposal[3], bytes(proposal[4])
            if not is_executed and expires_at > now_s:
                found[action, subject] = number
        return found

    def _known_institutions(self) -> set[bytes]:
        functions = self._consortium.functions
        return self._ids(functions.institution_count().call(), functions.institution_at)

    def _ids(self, count: int, at: Any) -> set[bytes]:  # noqa: ANN401 - a contract function of web3
        return {bytes(at(number).call()) for number in range(count)}

    def _newest_key(self, identity: bytes, kind: KeyKind) -> bytes | None:
        functions = self._consortium.functions
        count = functions.key_count(identity, int(kind)).call()
        return bytes(functions.key_at(identity, int(kind), count - 1).call()[0]) if count else None

    def _deploy(self, name: str, *arguments: object) -> ContractPin:
        made = artifact(name)
        factory = self._web3.eth.contract(abi=list(made.abi), bytecode=made.creation_code)
        sent = self._sender.send(f"deploy {name}", self._founders[0].chain_key, factory.constructor(*arguments))
        address = self._sender.wait([sent])[0]["contractAddress"]
        if address is None:
            raise GenesisError(f"deploy {name}: the receipt names no contract")
        code = bytes(self._web3.eth.get_code(address))
        return ContractPin(name, to_canonical_address(address), keccak(code))

    def _bind(self, name: str, address: bytes) -> Contract:
        return self._web3.eth.contract(address=to_checksum_address(address), abi=list(artifact(name).abi))

    def _check(self, found: Deployment, chain_id: int, genesis_hash: bytes) -> None:
        if (found.chain_id, found.genesis_hash) != (chain_id, genesis_hash):
            raise GenesisError(f"{self._file} is of another chain; found the devnet anew in an empty directory")
        for pin in found.contracts.values():
            if keccak(bytes(self._web3.eth.get_code(to_checksum_address(pin.address)))) != pin.code_hash:
                raise GenesisError(f"{self._file} names a contract {pin.name} that is not on the chain")


def _account(private_key: bytes) -> str:
    return to_checksum_address(address_of(private_key))


def _word(kind: KeyKind, key: bytes) -> bytes:
    length = ADDRESS_BYTES if kind in ADDRESS_KINDS else WORD_BYTES
    if len(key) != length:
        raise GenesisError(f"a {kind.name} key has {length} bytes, not {len(key)}")
    return key.rjust(WORD_BYTES, b"\0")
