"""Keys that sign transactions: what signs is handed out, never what it signs with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_canonical_address, to_checksum_address

KEY_BYTES: Final = 32
_ACCESS_LIST_TYPE: Final = 1


AccessList = tuple[tuple[bytes, tuple[int, ...]], ...]
"""Addresses, 20 bytes, and the storage slots of each that a transaction names ahead (EIP-2930)."""


@dataclass(frozen=True, slots=True)
class UnsignedCall:
    """A call of a contract, before it is signed: as type 1 with an access list, else as a legacy transaction."""

    chain_id: int
    """EIP-155 chain id: no other chain accepts the transaction."""
    nonce: int
    """The sender's nonce."""
    to: bytes
    """The contract, 20 bytes."""
    data: bytes
    """ABI-encoded call."""
    gas: int
    """Gas limit."""
    gas_price_wei: int
    """Price of a unit of gas."""
    access_list: AccessList = ()
    """What it reads outside the contract that it calls."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """What is sent, byte for byte the same every time."""

    raw: bytes
    """The signed transaction."""
    tx_hash: bytes
    """Its hash, 32 bytes."""


class TransactionSigner(Protocol):
    """Signs for one account."""

    @property
    def address(self) -> bytes:
        """The account, 20 bytes."""

    def sign(self, call: UnsignedCall) -> SignedTransaction:
        """Sign a call; the same call gives the same bytes (RFC 6979)."""


class LocalSigner:
    """Signs with a secp256k1 key held in memory."""

    def __init__(self, private_key: bytes) -> None:
        """Take the 32 bytes of the key.

        Raises:
            ValueError: They are no secp256k1 key.
        """
        self._account: LocalAccount = Account.from_key(private_key)

    @property
    def address(self) -> bytes:
        """The account, 20 bytes."""
        return to_canonical_address(self._account.address)

    def sign(self, call: UnsignedCall) -> SignedTransaction:
        """Sign a call; the same call gives the same bytes (RFC 6979)."""
        transaction: dict[str, Any] = {
            "chainId": call.chain_id,
            "nonce": call.nonce,
            "to": to_checksum_address(call.to),
            "value": 0,
            "data": call.data,
            "gas": call.gas,
            "gasPrice": call.gas_price_wei,
        }
        if call.access_list:
            transaction["type"] = _ACCESS_LIST_TYPE
            transaction["accessList"] = [
                {"address": to_checksum_address(address), "storageKeys": [f"0x{slot:064x}" for slot in slots]}
                for address, slots in call.access_list
            ]
        signed = self._account.sign_transaction(transaction)
        return SignedTransaction(bytes(signed.raw_transaction), bytes(signed.hash))
