"""One call of a contract, sent and watched until it is in a block: for what an operator or a relay sends, without a journal.

A call that would be refused is refused before it is sent, by name. Left out: anchors, whose transactions are persisted
before they are sent (`sending`, `settling`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.contract.contract import ContractFunction
from web3.exceptions import TransactionIndexingInProgress, TransactionNotFound
from web3.types import TxReceipt

from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.signers import TransactionSigner, UnsignedCall
from node.errors import TransactionMissingError, TransactionRevertedError

POLL_S: Final = 0.05
GAS_MARGIN_PERCENT: Final = 130


class WatchedCalls:
    """Sends calls of one account; for one thread at a time."""

    def __init__(
        self,
        connection: ChainConnection,
        signer: TransactionSigner,
        *,
        wait_s: float,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send nothing yet.

        Args:
            connection: The chain.
            signer: The account.
            wait_s: How long a transaction may take to get into a block.
            monotonic_s: Measures that.
        """
        self._connection = connection
        self._signer = signer
        self._wait_s = wait_s
        self._monotonic_s = monotonic_s

    def send(self, contract: str, name: str, *arguments: object) -> TxReceipt:
        """Call a function of a contract, and return the receipt of its block.

        Raises:
            TransactionRevertedError: The contract refuses, by name; nothing was sent, or another call came first.
            TransactionMissingError: It was sent and is in no block yet.
        """
        bound = self._connection.contract(contract)
        function = bound.functions[name](*arguments)
        data = bytes(HexBytes(bound.encode_abi(name, arguments)))
        signed = self._signer.sign(self._prepare(contract, name, function, data))
        with self._connection.calling("eth_sendRawTransaction") as web3:
            web3.eth.send_raw_transaction(HexBytes(signed.raw))
        receipt = self._wait(signed.tx_hash)
        if receipt["status"] != 1:
            # it passed a moment ago: another one came first
            raise TransactionRevertedError(self._reason(function))
        return receipt

    def _prepare(self, contract: str, name: str, function: ContractFunction, data: bytes) -> UnsignedCall:
        account = to_checksum_address(self._signer.address)
        with self._connection.calling(f"{contract}.{name}") as web3:
            gas = function.estimate_gas({"from": account})  # a call that would be refused is refused here, by name
            return UnsignedCall(
                chain_id=self._connection.pin.chain_id,
                nonce=web3.eth.get_transaction_count(account, "pending"),
                to=self._connection.pin.contracts[contract].address,
                data=data,
                gas=gas * GAS_MARGIN_PERCENT // 100,
                gas_price_wei=int(web3.eth.gas_price),
            )

    def _wait(self, tx_hash: bytes) -> TxReceipt:
        deadline = self._monotonic_s() + self._wait_s
        while True:
            with self._connection.calling("eth_getTransactionReceipt") as web3:
                try:
                    return web3.eth.get_transaction_receipt(HexBytes(tx_hash))
                except (TransactionNotFound, TransactionIndexingInProgress):
                    pass
            if self._monotonic_s() > deadline:
                raise TransactionMissingError(f"0x{tx_hash.hex()}", self._wait_s)
            time.sleep(POLL_S)

    def _reason(self, function: ContractFunction) -> str:
        try:
            with self._connection.calling("eth_call"):
                function.call({"from": to_checksum_address(self._signer.address)})
        except TransactionRevertedError as error:
            return error.name
        return "no reason"
