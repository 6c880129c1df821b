"""Execution that changes nothing: `eth_call`, and the search for the gas that a transaction needs.

Both run in the context of the block that is asked about: its number, its time, its state after its last transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from eth.abc import BlockHeaderAPI, ComputationAPI, SignedTransactionAPI, StateAPI
from eth.exceptions import OutOfGas, Revert, VMError
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_typing import Address
from eth_utils.exceptions import ValidationError

from devnet.engines.embedded import rules
from devnet.engines.embedded.admission import intrinsic_gas
from devnet.engines.embedded.errors import ExecutionRevertedError, RpcError, ServerError
from devnet.engines.embedded.nodes import NodeDatabase, atomic
from devnet.engines.embedded.params import CallRequest

ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""`Error(string)`."""
PANIC_SELECTOR = bytes.fromhex("4e487b71")
"""`Panic(uint256)`."""
CALL_STIPEND = 2300
ESTIMATE_TOLERANCE = 0.015
"""The search ends when its bounds are this close, as in geth."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What a successful execution left."""

    output: bytes
    """What it returned."""
    gas_used: int
    """After refunds."""
    gas_refund: int
    """What was given back for cleared storage."""


@dataclass(frozen=True, slots=True)
class After:
    """The end of a block, where calls are executed."""

    nodes: NodeDatabase
    """This thread's view of the state."""
    header: BlockHeaderAPI
    """The block."""
    chain_id: int
    """EIP-155 chain id."""

    def state(self) -> StateAPI:
        """Open the state anew: what an earlier execution changed or made warm is not in it."""
        return rules.open_vm(atomic(self.nodes), self.header, self.chain_id).state


def call(after: After, request: CallRequest) -> bytes:
    """Execute a call on the state after a block and return its output.

    Raises:
        ExecutionRevertedError: the contract refused.
        ServerError: it ran out of gas, or could not start.
    """
    return _execute(after, request, _gas_cap(request)).output


def estimate_gas(after: After, request: CallRequest) -> int:
    """Find a gas limit that suffices, within 1.5 % of the least.

    Raises:
        ExecutionRevertedError: no gas would suffice, the contract refuses.
        ServerError: it needs more gas than it may have.
    """
    highest = _gas_cap(request)
    tried = _execute(after, request, highest)
    lowest = tried.gas_used - 1
    # Most transactions need what they used, and the part that EIP-150 withholds from calls: try that before bisecting.
    guess = (tried.gas_used + tried.gas_refund + CALL_STIPEND) * 64 // 63
    for optimistic in (tried.gas_used, guess):
        if lowest < optimistic < highest:
            if _suffices(after, request, optimistic):
                highest = optimistic
                break
            lowest = optimistic
    while lowest + 1 < highest and (highest - lowest) / highest > ESTIMATE_TOLERANCE:
        # Skewed towards the low end: most searches end there.
        middle = min((highest + lowest) // 2, lowest * 2)
        if _suffices(after, request, middle):
            highest = middle
        else:
            lowest = middle
    return highest


def _gas_cap(request: CallRequest) -> int:
    return min(request.gas or rules.GAS_LIMIT, rules.GAS_LIMIT)


def _suffices(after: After, request: CallRequest, gas: int) -> bool:
    try:
        _execute(after, request, gas)
    except RpcError:
        return False
    return True


def _execute(after: After, request: CallRequest, gas: int) -> Executed:
    state = after.state()
    transaction = _transaction(state, request, gas)
    needed = intrinsic_gas(transaction)
    if gas < needed:
        raise ServerError(f"intrinsic gas too low: gas {gas}, minimum needed {needed}")
    try:
        computation = state.costless_execute_transaction(transaction)
    except ValidationError as error:
        raise ServerError(f"err: {error} (supplied gas {gas})") from error
    if computation.is_error:
        raise _failure(computation)
    gas_used = rules.EmbeddedVM.finalize_gas_used(transaction, computation)
    return Executed(computation.output, gas_used, computation.get_gas_refund())


def _transaction(state: StateAPI, request: CallRequest, gas: int) -> SignedTransactionAPI:
    sender = Address(request.sender)
    balance = state.get_balance(sender)
    if request.value_wei > balance:
        raise ServerError(
            f"insufficient funds for gas * price + value: address 0x{request.sender.hex()} have {balance} want {request.value_wei}"
        )
    unsigned = PragueTransactionBuilder.create_unsigned_transaction(
        nonce=state.get_nonce(sender),
        gas_price=request.gas_price_wei,
        gas=gas,
        to=Address(request.to),
        value=request.value_wei,
        data=request.data,
    )
    # It answers for every attribute of a signed transaction, without inheriting from it.
    return cast("SignedTransactionAPI", SpoofTransaction(unsigned, from_=sender))


def _failure(computation: ComputationAPI) -> RpcError:
    error: VMError = computation.error
    if isinstance(error, Revert):
        reason = _reason(computation.output)
        message = "execution reverted" if reason is None else f"execution reverted: {reason}"
        return ExecutionRevertedError(message, "0x" + computation.output.hex())
    if isinstance(error, OutOfGas):
        return ServerError("out of gas")
    return ServerError(f"{_words(type(error).__name__)}: {error}")


def _reason(output: bytes) -> str | None:
    """Decode `Error(string)` and `Panic(uint256)`; None for custom errors, which only the caller's ABI can name."""
    try:
        if output[:4] == ERROR_SELECTOR:
            return str(decode(["string"], output[4:])[0])
        if output[:4] == PANIC_SELECTOR:
            return f"panic code {decode(['uint256'], output[4:])[0]:#x}"
    except (DecodingError, UnicodeDecodeError, OverflowError):
        return None
    return None


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
