"""The names of refusals, as different nodes pass them on."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from web3.exceptions import ContractLogicError

from contracts.errors import ForkError, UnnamedRevertError
from node.adapters.chain.reverts import revert_name, reverted

FORK = "0x08c379a0" + encode(["string"], ["Fork"]).hex()

CASES = [
    ("geth: message and data", "execution reverted: Fork", FORK, "Fork"),
    ("data alone", "execution reverted", FORK, "Fork"),
    ("message alone", "execution reverted: Fork", None, "Fork"),
    ("bare message", "Fork", None, "Fork"),
    ("another error's data", "execution reverted", "0x4e487b71" + "00" * 32, ""),
    ("data cut off", "execution reverted: Fork", FORK[:50], "Fork"),
    ("data that are no hexadecimal", "execution reverted: Fork", "0xzz", "Fork"),
    ("a length that leads nowhere", "execution reverted", "0x08c379a0" + "ff" * 64, ""),
    ("nothing", None, None, ""),
]


@pytest.mark.parametrize(("message", "data", "name"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_name(message: str | None, data: str | None, name: str) -> None:
    assert revert_name(ContractLogicError(message, data)) == name


def test_a_named_refusal_has_the_contracts_own_error_as_its_cause() -> None:
    error = reverted(ContractLogicError("execution reverted: Fork", FORK))
    assert error.name == "Fork"
    assert isinstance(error.__cause__, ForkError)


def test_a_refusal_without_a_name_says_so() -> None:
    error = reverted(ContractLogicError("execution reverted", "0x"))
    assert error.name == "no reason"
    assert isinstance(error.__cause__, UnnamedRevertError)
