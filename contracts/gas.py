"""Measure what the contracts cost: real signed transactions, one a block, on an in-memory py-evm chain of London rules.

Execution gas is what the receipt says, less the intrinsic gas of the transaction (base, creation, data, access list). It
is exact, and the same under the rules of every later fork so far; the price of data is not.
Only tests and benches import this: it needs py-evm, which an operator's node does not. What is measured is theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth.chains.base import MiningChain
from eth.consensus.noproof import NoProofConsensus
from eth.db.atomic import AtomicDB
from eth.vm.forks.london import LondonVM
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from contracts.artifacts import artifact
from contracts.errors import RevertError, revert_error

TRANSACTION_GAS: Final = 8_000_000
BLOCK_GAS: Final = 30_000_000
WEI: Final = 10**30
BASE_GAS: Final = 21_000
CREATE_GAS: Final = 32_000
ZERO_BYTE_GAS: Final = 4
OTHER_BYTE_GAS: Final = 16
LISTED_ADDRESS_GAS: Final = 2_400
LISTED_SLOT_GAS: Final = 1_900
ERROR_SELECTOR: Final = bytes.fromhex("08c379a0")


AccessList = Sequence[tuple[bytes, Sequence[int]]]
"""Addresses, each with its storage slots, that a transaction pays for in advance (EIP-2930)."""


@dataclass(frozen=True, slots=True)
class Gas:
    """What one transaction cost."""

    execution: int
    """Gas of the contract's code."""
    transaction: int
    """Gas of the whole transaction, as its receipt says."""


def intrinsic_gas(data: bytes, access_list: AccessList, *, creates: bool) -> int:
    """Return the gas that a transaction costs before any code runs."""
    zeros = data.count(0)
    listed = sum(LISTED_ADDRESS_GAS + LISTED_SLOT_GAS * len(slots) for _, slots in access_list)
    return BASE_GAS + CREATE_GAS * creates + ZERO_BYTE_GAS * zeros + OTHER_BYTE_GAS * (len(data) - zeros) + listed


def encode_call(signature: str, values: Sequence[Any]) -> bytes:
    """Encode the call of a function by its signature, such as `vote(uint256)`; no argument is a tuple."""
    types = signature.partition("(")[2].removesuffix(")")
    return keccak(signature.encode())[:4] + encode(types.split(",") if types else [], values)


def decode_revert(output: bytes) -> RevertError:
    """Return the error of what a call returned that reverted, with `Error(string)` or without a reason."""
    if output[:4] != ERROR_SELECTOR:
        return revert_error("")
    length = int.from_bytes(output[36:68], "big")
    return revert_error(output[68 : 68 + length].decode("utf-8", "replace"))


class MeasuredChain:
    """A chain in memory that mines every transaction in a block of its own."""

    def __init__(self, accounts: Sequence[PrivateKey]) -> None:
        vm = LondonVM.configure(consensus_class=NoProofConsensus)
        chain_class = MiningChain.configure("MeasuredChain", vm_configuration=((0, vm),), chain_id=1)
        state: Any = {
            key.public_key.to_canonical_address(): {"balance": WEI, "nonce": 0, "code": b"", "storage": {}} for key in accounts
        }
        parameters: Any = {"difficulty": 1, "gas_limit": BLOCK_GAS, "timestamp": 1_700_000_000}
        self._chain: Any = chain_class.from_genesis(AtomicDB(), parameters, state)

    def deploy(self, sender: PrivateKey, name: str, types: Sequence[str], values: Sequence[Any]) -> tuple[bytes, Gas]:
        """Deploy an artifact; return its address and what that cost.

        Raises:
            RevertError: The constructor refused.
        """
        computation, gas = self._send(sender, b"", artifact(name).creation_code + encode(types, values))
        return computation.msg.storage_address, gas

    def call(self, sender: PrivateKey, to: bytes, signature: str, values: Sequence[Any], access_list: AccessList = ()) -> Gas:
        """Send a transaction that calls a function; return what it cost.

        Raises:
            RevertError: The contract refused.
        """
        return self._send(sender, to, encode_call(signature, values), access_list)[1]

    def _send(self, sender: PrivateKey, to: bytes, data: bytes, access_list: AccessList = ()) -> tuple[Any, Gas]:
        vm = self._chain.get_vm()
        builder = vm.get_transaction_builder()
        transaction = builder.new_unsigned_access_list_transaction(
            chain_id=1,
            nonce=vm.state.get_nonce(sender.public_key.to_canonical_address()),
            gas_price=self._chain.header.base_fee_per_gas,
            gas=TRANSACTION_GAS,
            to=to,
            value=0,
            data=data,
            access_list=access_list,
        ).as_signed_transaction(sender)
        _, receipt, computation = self._chain.apply_transaction(transaction)
        self._chain.mine_block()
        if computation.is_error:
            raise decode_revert(computation.output)
        intrinsic = intrinsic_gas(data, access_list, creates=not to)
        return computation, Gas(receipt.gas_used - intrinsic, receipt.gas_used)
