"""Sends the devnet's own transactions: many at a time from many accounts, each waited for.

Left out: durability. Whoever founds a devnet starts again after a crash, and finds what is there already; a node's
anchors go through `node.adapters.chain`, which forgets nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import BlockNumber, ChecksumAddress
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import ContractLogicError, TransactionIndexingInProgress, TransactionNotFound
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import Nonce, TxParams, TxReceipt

from devnet.errors import GenesisError

TIMEOUT_S: Final = 60.0
"""How long a transaction may take to get into a block."""
POLL_S: Final = 0.02
GAS: Final = 8_000_000
"""Limit of every transaction, of a block's 30 million: a deployment takes 5. An estimate would run each one twice."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction on its way."""

    what: str
    """What it does, for messages."""
    tx_hash: HexBytes
    """Its hash."""
    sender: ChecksumAddress
    """Who sent it."""
    call: ContractFunction | ContractConstructor
    """What it calls."""


@contextmanager
def open_web3(rpc_url: str) -> Iterator[Web3]:
    """Open a chain's JSON-RPC for a while, and close its connections."""
    with requests.Session() as session:
        session.trust_env = False  # loopback: no proxy of the environment stands between
        provider = HTTPProvider(rpc_url, request_kwargs={"timeout": 30}, session=session)
        yield Web3(provider, middleware=[ExtraDataToPOAMiddleware])


class Sender:
    """Sends from any account; its nonces are counted here between two waits."""

    def __init__(self, web3: Web3) -> None:
        self._web3 = web3
        self._nonces: dict[str, int] = {}
        self._chain_id = web3.eth.chain_id
        self._gas_price = web3.eth.gas_price

    def send(self, what: str, private_key: bytes, call: ContractFunction | ContractConstructor) -> Sent:
        """Sign and send a call."""
        account: LocalAccount = Account.from_key(private_key)
        if account.address not in self._nonces:
            self._nonces[account.address] = self._web3.eth.get_transaction_count(account.address)
        fields: TxParams = {
            "from": account.address,
            "nonce": Nonce(self._nonces[account.address]),
            "chainId": self._chain_id,
            "gas": GAS,
            "gasPrice": self._gas_price,
        }
        transaction: Any = call.build_transaction(fields)
        signed = account.sign_transaction(transaction)
        tx_hash = self._web3.eth.send_raw_transaction(signed.raw_transaction)
        self._nonces[account.address] += 1
        return Sent(what, tx_hash, account.address, call)

    def wait(self, sent: Iterable[Sent]) -> list[TxReceipt]:
        """Wait until transactions are in blocks and succeeded.

        Raises:
            GenesisError: One was reverted, or is in no block in time.
        """
        deadline = time.monotonic() + TIMEOUT_S
        return [self._wait(each, deadline) for each in sent]

    def _wait(self, sent: Sent, deadline: float) -> TxReceipt:
        while True:
            try:
                receipt = self._web3.eth.get_transaction_receipt(sent.tx_hash)
            except (TransactionNotFound, TransactionIndexingInProgress) as error:
                if time.monotonic() > deadline:
                    reason = f"{sent.what}: transaction {sent.tx_hash.to_0x_hex()} is in no block after {TIMEOUT_S:g} s"
                    raise GenesisError(reason) from error
                time.sleep(POLL_S)
                continue
            if receipt["status"] != 1:
                raise GenesisError(f"{sent.what}: {_reason(sent, receipt)}")
            return receipt


def _reason(sent: Sent, receipt: TxReceipt) -> str:
    """Run a reverted call again on the state before its block: receipts hold no reason."""
    try:
        sent.call.estimate_gas({"from": sent.sender}, BlockNumber(receipt["blockNumber"] - 1))
    except ContractLogicError as error:
        return str(error.message)
    return "it was reverted"
