"""From raw bytes to a transaction that may be executed: everything that can be checked without the chain's state.

The wording of refusals is geth's (`core/txpool/validation.go`), for clients match on it. Accepted are EIP-155 legacy transactions,
EIP-2930 and EIP-1559; blob (EIP-4844) and set-code (EIP-7702) transactions are refused, for nothing here serves them.
"""

from __future__ import annotations

from dataclasses import dataclass

import rlp
from eth.abc import SignedTransactionAPI
from eth.constants import CREATE_CONTRACT_ADDRESS, GAS_TX, SECPK1_N
from eth.exceptions import UnrecognizedTransactionType
from eth.vm.forks.prague.constants import STANDARD_TOKEN_COST, TOTAL_COST_FLOOR_PER_TOKEN
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.forks.shanghai.constants import INITCODE_WORD_COST, MAX_INITCODE_SIZE
from eth_keys.exceptions import BadSignature
from eth_typing import Address
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from devnet.engines.embedded.errors import TransactionRefusedError
from devnet.engines.embedded.rules import GAS_LIMIT

MAX_TRANSACTION_BYTES = 131_072
"""Largest raw transaction, as in geth."""
SUPPORTED_TYPES = frozenset({None, 0, 1, 2})
"""Legacy, EIP-2930, EIP-1559."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A transaction whose form, signature and chain id are right."""

    raw: bytes
    """The bytes that were submitted."""
    hash: bytes
    """Their keccak-256, 32 bytes."""
    sender: Address
    """Recovered from the signature, 20 bytes."""
    transaction: SignedTransactionAPI
    """Decoded, as py-evm executes it."""

    @property
    def nonce(self) -> int:
        """Position among its sender's transactions."""
        return self.transaction.nonce

    @property
    def worst_cost_wei(self) -> int:
        """What the sender must own: value, and all gas at the highest price it offers."""
        return self.transaction.value + self.transaction.gas * self.transaction.max_fee_per_gas


def admit(raw: bytes, chain_id: int) -> Admitted:
    """Decode a raw transaction and check all that needs no state.

    Raises:
        TransactionRefusedError: with geth's words for what is wrong.
    """
    if len(raw) > MAX_TRANSACTION_BYTES:
        raise TransactionRefusedError(f"oversized data: transaction size {len(raw)}, limit {MAX_TRANSACTION_BYTES}")
    transaction = decode_transaction(raw)
    _check_chain_id(transaction, chain_id)
    _check_numbers(transaction)
    _check_gas(transaction)
    return Admitted(raw, keccak(raw), _recover_sender(transaction), transaction)


def decode_transaction(raw: bytes) -> SignedTransactionAPI:
    """Decode a raw transaction of a supported type.

    Raises:
        TransactionRefusedError: it is none.
    """
    if not raw:
        raise TransactionRefusedError("typed transaction too short")
    try:
        transaction: SignedTransactionAPI = PragueTransactionBuilder.decode(raw)
        canonical = transaction.encode()
    except (UnrecognizedTransactionType, ValidationError) as error:
        raise TransactionRefusedError("transaction type not supported") from error
    except (rlp.exceptions.RLPException, ValueError, TypeError, IndexError, OverflowError) as error:
        raise TransactionRefusedError(f"rlp: not a transaction: {error}") from error
    if transaction.type_id not in SUPPORTED_TYPES:
        raise TransactionRefusedError("transaction type not supported")
    if canonical != raw:
        raise TransactionRefusedError("rlp: not the canonical encoding of a transaction")
    return transaction


def intrinsic_gas(transaction: SignedTransactionAPI) -> int:
    """Return the least gas limit that a transaction may have: intrinsic gas (EIP-3860) or calldata floor (EIP-7623)."""
    initcode_gas = 0
    if transaction.to == CREATE_CONTRACT_ADDRESS:
        initcode_gas = INITCODE_WORD_COST * ((len(transaction.data) + 31) // 32)
    zeros = transaction.data.count(b"\x00")
    tokens = zeros + (len(transaction.data) - zeros) * STANDARD_TOKEN_COST
    return max(transaction.get_intrinsic_gas() + initcode_gas, GAS_TX + TOTAL_COST_FLOOR_PER_TOKEN * tokens)


def _check_chain_id(transaction: SignedTransactionAPI, chain_id: int) -> None:
    found = transaction.chain_id
    if found is None:
        raise TransactionRefusedError("only replay-protected (EIP-155) transactions allowed over RPC")
    if found != chain_id:
        raise TransactionRefusedError(f"invalid sender: invalid chain id for signer: have {found} want {chain_id}")


def _check_numbers(transaction: SignedTransactionAPI) -> None:
    if transaction.nonce >= 2**64 - 1:
        raise TransactionRefusedError("nonce has max value")
    fees = (transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas)
    if transaction.gas >= 2**64 or max(transaction.value, *fees) >= 2**256:
        raise TransactionRefusedError("rlp: input string too long for an integer of its field")
    if fees[1] > fees[0]:
        raise TransactionRefusedError(
            f"max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {fees[1]}, maxFeePerGas: {fees[0]}"
        )


def _check_gas(transaction: SignedTransactionAPI) -> None:
    if transaction.gas > GAS_LIMIT:
        raise TransactionRefusedError(f"exceeds block gas limit: have {transaction.gas}, limit {GAS_LIMIT}")
    if transaction.to == CREATE_CONTRACT_ADDRESS and len(transaction.data) > MAX_INITCODE_SIZE:
        raise TransactionRefusedError(f"max initcode size exceeded: code size {len(transaction.data)}, limit {MAX_INITCODE_SIZE}")
    needed = intrinsic_gas(transaction)
    if transaction.gas < needed:
        raise TransactionRefusedError(f"intrinsic gas too low: gas {transaction.gas}, minimum needed {needed}")


def _recover_sender(transaction: SignedTransactionAPI) -> Address:
    # Homestead's low-s rule: without it anybody could change a transaction's hash.
    if not (0 < transaction.r < SECPK1_N and 0 < transaction.s <= SECPK1_N // 2 and transaction.y_parity in (0, 1)):
        raise TransactionRefusedError("invalid sender: invalid transaction v, r, s values")
    try:
        return transaction.sender
    except (BadSignature, ValidationError, ValueError) as error:
        raise TransactionRefusedError(f"invalid sender: {error}") from error
