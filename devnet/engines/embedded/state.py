"""Accounts and storage after a block, and Merkle-Patricia proofs of them (`eth_getProof`, EIP-1186)."""

from __future__ import annotations

from collections.abc import Sequence

import rlp
from eth.abc import BlockHeaderAPI
from eth.db.account import AccountDB
from eth.rlp.accounts import Account
from eth_typing import Address
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from devnet.engines.embedded.errors import InvalidParamsError
from devnet.engines.embedded.nodes import NodeDatabase, atomic
from devnet.engines.embedded.params import HEX_DIGITS
from devnet.engines.embedded.views import Json, data, quantity

WORD_DIGITS = 64


def address(value: bytes) -> Address:
    """Take 20 bytes for an address."""
    return Address(value)


def parse_slot(value: object, place: str) -> int:
    """Return a storage slot of 0x-prefixed hex: up to 32 bytes, with or without leading zeros, as clients write it both ways.

    Raises:
        InvalidParamsError: it is not one.
    """
    digits = value[2:] if isinstance(value, str) and value.startswith("0x") else ""
    if not digits or len(digits) > WORD_DIGITS or not HEX_DIGITS.issuperset(digits):
        raise InvalidParamsError(f"invalid {place}: unable to decode storage key")
    return int(digits, 16)


def accounts_at(nodes: NodeDatabase, header: BlockHeaderAPI) -> AccountDB:
    """Open the accounts as they were after a block."""
    return AccountDB(atomic(nodes), header.state_root)


def prove(nodes: NodeDatabase, header: BlockHeaderAPI, account_address: bytes, slots: Sequence[int]) -> Json:
    """Prove an account, and slots of its storage, against a block's state root."""
    trie = HexaryTrie(nodes, header.state_root)
    key = keccak(account_address)
    encoded = trie[key]
    account = rlp.decode(encoded, sedes=Account) if encoded else Account()
    storage = HexaryTrie(nodes, account.storage_root)
    return {
        "address": data(account_address),
        "accountProof": _encode_proof(trie, key),
        "balance": quantity(account.balance),
        "nonce": quantity(account.nonce),
        "codeHash": data(account.code_hash),
        "storageHash": data(account.storage_root),
        "storageProof": [_prove_slot(storage, slot) for slot in slots],
    }


def _prove_slot(storage: HexaryTrie, slot: int) -> Json:
    key = keccak(slot.to_bytes(32, "big"))
    encoded = storage[key]
    value = int.from_bytes(rlp.decode(encoded), "big") if encoded else 0
    return {"key": quantity(slot), "value": quantity(value), "proof": _encode_proof(storage, key)}


def _encode_proof(trie: HexaryTrie, key: bytes) -> list[str]:
    # An empty trie has no node to show.
    return [data(rlp.encode(node)) for node in trie.get_proof(key) if node]  # type: ignore[no-untyped-call] # trie leaves it untyped
