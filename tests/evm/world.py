"""The committed artifacts on a chain of titanoboa's: deploy, send, read, travel in time.

What runs is the committed bytecode, not a fresh compilation. Calls are encoded by the committed ABI; a revert is raised as
its class of `contracts.errors`; logs are decoded by `contracts.events`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from boa.environment import Env
from boa.util.abi import Address
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from contracts.artifacts import artifact
from contracts.events import Event, decode_event
from contracts.gas import decode_revert
from contracts.terms import KeyKind, Role

START_S: Final = 1_750_000_000

AbiValue = Any
"""What the ABI says, decoded at run time."""

Computation = Any
"""What py-evm computed; titanoboa carries no types."""


def account(name: str) -> bytes:
    """Return the address that stands for a name."""
    return keccak(b"account " + name.encode())[12:]


def as_key(address: bytes) -> bytes:
    return bytes(12) + address


def id_of(text: str) -> bytes:
    return keccak(text.encode())


def _type_of(argument: dict[str, Any]) -> str:
    if argument["type"].startswith("tuple"):
        inner = ",".join(_type_of(component) for component in argument["components"])
        return f"({inner}){argument['type'].removeprefix('tuple')}"
    return str(argument["type"])


@cache
def _function(contract: str, name: str) -> tuple[bytes, tuple[str, ...], tuple[str, ...]]:
    for entry in artifact(contract).abi:
        if entry["type"] == "function" and entry["name"] == name:
            inputs = tuple(_type_of(argument) for argument in entry["inputs"])
            outputs = tuple(_type_of(argument) for argument in entry["outputs"])
            return keccak(f"{name}({','.join(inputs)})".encode())[:4], inputs, outputs
    raise AssertionError(f"{contract} has no function {name}")


class Deployed:
    """One deployed contract."""

    def __init__(self, env: Env, name: str, types: Sequence[str], arguments: Sequence[Any]) -> None:
        self._env = env
        self.name = name
        self.logs: list[Event] = []
        code = artifact(name).creation_code + encode(types, arguments)
        self.address, computation = env.deploy(bytecode=code)
        if computation.is_error:
            raise decode_revert(computation.output)
        self._keep_logs(computation)

    @property
    def raw_address(self) -> bytes:
        return bytes(self.address.canonical_address)

    @property
    def code(self) -> bytes:
        return bytes(self._env.get_code(self.address))

    def send(self, sender: bytes, function: str, *arguments: object) -> AbiValue:
        """Call a function for good; return its value."""
        return self._call(sender, function, arguments, simulate=False)

    def read(self, function: str, *arguments: object) -> AbiValue:
        """Call a view."""
        return self._call(account("reader"), function, arguments, simulate=True)

    def raw(self, sender: bytes, data: bytes) -> AbiValue:
        """Send bytes; return what py-evm computed."""
        return self._env.execute_code(to_address=self.address, sender=Address(sender), data=data, simulate=False)

    def _call(self, sender: bytes, function: str, arguments: Sequence[Any], *, simulate: bool) -> AbiValue:
        selector, inputs, outputs = _function(self.name, function)
        computation = self._env.execute_code(
            to_address=self.address,
            sender=Address(sender),
            data=selector + encode(inputs, arguments),
            simulate=simulate,
        )
        if computation.is_error:
            raise decode_revert(computation.output)
        if not simulate:
            self._keep_logs(computation)
        values = decode(outputs, computation.output)
        return values[0] if len(values) == 1 else values

    def _keep_logs(self, computation: Computation) -> None:
        self.logs = [
            decode_event(self.name, [topic.to_bytes(32, "big") for topic in topics], data)
            for _, topics, data in computation.get_log_entries()
        ]


class World:
    """A consortium and its anchors, with named accounts.

    `X` is the chain key of institution X, `X/anchor` its first anchor key.
    """

    def __init__(self, founders: Sequence[str] = ("alpha", "beta", "gamma"), threshold: int = 2) -> None:
        self.env = Env(fast_mode_enabled=True)
        self.env.evm.patch.timestamp = START_S
        self.consortium = Deployed(
            self.env,
            "consortium",
            ["(string,uint256,address)[]", "uint256"],
            [[(name, int(Role.HOSPITAL), account(name)) for name in founders], threshold],
        )
        self.founding_logs = self.consortium.logs
        self.anchors = Deployed(self.env, "log_anchors", ["address"], [self.consortium.raw_address])

    @property
    def now_s(self) -> int:
        return int(self.env.evm.patch.timestamp)

    def travel(self, seconds: int) -> None:
        self.env.evm.patch.timestamp += seconds
        self.env.evm.patch.block_number += 1

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo on exit what happens inside."""
        with self.env.anchor():
            yield

    def carry(self, voters: Sequence[str], function: str, *arguments: object) -> int:
        """Propose as the first voter and let the others vote; return the proposal's number."""
        proposal = int(self.consortium.send(account(voters[0]), f"propose_{function}", *arguments))
        for voter in voters[1:]:
            self.consortium.send(account(voter), "vote", proposal)
        return proposal

    def set_up_log(self, institution: str, origin: str, voters: Sequence[str] = ("alpha", "beta")) -> None:
        """Give an institution its first anchor key and an origin."""
        key = as_key(account(f"{institution}/anchor"))
        self.consortium.send(account(institution), "register_key", int(KeyKind.ANCHOR), key, 0)
        self.carry(voters, "add_origin", id_of(institution), origin, f"https://{institution}.example/log")
