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
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import ContractLogicError, TransactionNotFound
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import TxParams, TxReceipt

from devnet.errors import GenesisError

TIMEOUT_S: Final = 60.0
"""How long a transaction may take to get into a block."""
POLL_S: Final = 0.02
GAS_MARGIN_PERCENT: Final = 125


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction on its way."""

    what: str
    """What it does, for messages."""
    tx_hash: HexBytes
    """Its hash."""


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
        """Sign and send a call.

        Raises:
            GenesisError: A contract would refuse it; the message names the revert.
        """
        account: LocalAccount = Account.from_key(private_key)
        if account.address not in self._nonces:
            self._nonces[account.address] = self._web3.eth.get_transaction_count(account.address)
        try:
            gas = call.estimate_gas({"from": account.address}) * GAS_MARGIN_PERCENT // 100
        except ContractLogicError as error:
            raise GenesisError(f"{what}: {error.message}") from error
        fields: TxParams = {
            "from": account.address,
            "nonce": self._nonces[account.address],
            "chainId": self._chain_id,
            "gas": gas,
            "gasPrice": self._gas_price,
        }
        transaction: Any = call.build_transaction(fields)
        signed = account.sign_transaction(transaction)
        tx_hash = self._web3.eth.send_raw_transaction(signed.raw_transaction)
        self._nonces[account.address] += 1
        return Sent(what, tx_hash)

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
            except TransactionNotFound as error:
                if time.monotonic() > deadline:
                    reason = f"{sent.what}: transaction {sent.tx_hash.to_0x_hex()} is in no block after {TIMEOUT_S:g} s"
                    raise GenesisError(reason) from error
                time.sleep(POLL_S)
                continue
            if receipt["status"] != 1:
                raise GenesisError(f"{sent.what}: transaction {sent.tx_hash.to_0x_hex()} was reverted")
            return receipt
