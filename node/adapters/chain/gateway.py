"""What anchoring asks of the chain: contract state at a block, counts, receipts, and to take a transaction.

`AnchorGateway` is that much and no more, so that faults which no engine shows on demand can be put to the client too;
`ContractGateway` is the one that talks to a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from web3.exceptions import BadFunctionCallOutput, TransactionNotFound
from web3.types import TxParams

from contracts.artifacts import artifact
from contracts.slots import anchor_access_list, head_slots, parse_head_word
from ledger.hashing import NodeHash, RootHash, TreeSize
from node.adapters.chain.connection import ChainConnection
from node.adapters.chain.finality import block_at, final_block, newest_block
from node.adapters.chain.settlement import ContractHead, Receipt
from node.adapters.chain.signers import AccessList
from node.domain.entry import Origin
from node.errors import TransactionRevertedError
from node.ports.chain.anchoring import ChainHead

CONSORTIUM: Final = "consortium"
LOG_ANCHORS: Final = "log_anchors"
ANCHOR_GAS: Final = 400_000
"""Gas limit of an anchor: more than twice what 63 hashes and the first write of a head cost, and far below a block's."""

_ANCHOR: Final = "anchor(bytes32,uint64,bytes32,bytes32[])"


def origin_id(origin: Origin) -> bytes:
    """Return the id under which the contracts know a log."""
    return keccak(origin.encode())


def encode_anchor(origin: Origin, size: TreeSize, root: RootHash, proof: Sequence[NodeHash]) -> bytes:
    """Encode a call of `log_anchors.anchor`."""
    values = (origin_id(origin), size, root, list(proof))
    return artifact(LOG_ANCHORS).selectors[_ANCHOR] + encode(["bytes32", "uint64", "bytes32", "bytes32[]"], values)


class AnchorGateway(Protocol):
    """The chain, as anchoring needs it. Every method may raise a `ChainError`."""

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""

    @property
    def contract(self) -> bytes:
        """Address of `log_anchors`, 20 bytes."""

    def identify(self) -> None:
        """Check that it is the pinned chain."""

    def newest_block(self) -> ChainHead:
        """Return the newest block."""

    def final_block(self, newest: ChainHead) -> ChainHead:
        """Return the newest final block, given the newest one."""

    def block_at(self, number: int) -> ChainHead:
        """Return a block by its number."""

    def head_at(self, origin: Origin, block: ChainHead) -> ContractHead | None:
        """Return the head of a log in a block's state."""

    def count_at(self, account: bytes, block: ChainHead) -> int:
        """Return how many transactions of an account blocks hold up to this one."""

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what a block says of a transaction, or None when no block holds it."""

    def is_known(self, tx_hash: bytes) -> bool:
        """Tell whether the chain's node has a transaction, in a block or waiting for one."""

    def check(self, sender: bytes, data: bytes, block: ChainHead) -> None:
        """Run a call of `log_anchors` without sending it.

        Raises:
            TransactionRevertedError: The contract would refuse it.
        """

    def refusal(self, tx_hash: bytes) -> str:
        """Name the revert of a transaction that a block holds; an empty string when it cannot be found out."""

    def access_list(self, origin: Origin) -> AccessList:
        """Return what an anchor of this log reads outside its own contract: named ahead, it costs less to execute."""

    def gas_price_wei(self) -> int:
        """Return the price of a unit of gas that the chain's node suggests."""

    def balance_wei(self, account: bytes) -> int:
        """Return what an account can pay."""

    def send(self, raw: bytes) -> None:
        """Hand a signed transaction to the chain's node.

        Raises:
            ChainRefusedError: The node does not take it.
        """


class ContractGateway:
    """Asks the pinned chain through web3; an `AnchorGateway`."""

    def __init__(self, connection: ChainConnection) -> None:
        self._connection = connection

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._connection.pin.chain_id

    @property
    def contract(self) -> bytes:
        """Address of `log_anchors`, 20 bytes."""
        return self._connection.pin.contracts[LOG_ANCHORS].address

    def identify(self) -> None:
        """Check that it is the pinned chain."""
        self._connection.identify()

    def newest_block(self) -> ChainHead:
        """Return the newest block."""
        return newest_block(self._connection)

    def final_block(self, newest: ChainHead) -> ChainHead:
        """Return the newest final block, given the newest one."""
        return final_block(self._connection, newest)

    def block_at(self, number: int) -> ChainHead:
        """Return a block by its number."""
        return block_at(self._connection, number)

    def head_at(self, origin: Origin, block: ChainHead) -> ContractHead | None:
        """Return the head of a log in a block's state."""
        functions = self._connection.contract(LOG_ANCHORS).functions
        with self._connection.calling("log_anchors.head"):
            try:
                size, root, number, timestamp = functions.head(origin_id(origin)).call(block_identifier=block.number)
            except BadFunctionCallOutput:
                # the contract is there, its code was checked: this block is older than it
                return None
        # a head of size 0 cannot be anchored: zeros are nothing
        return ContractHead(TreeSize(size), RootHash(bytes(root)), number, timestamp) if size else None

    def count_at(self, account: bytes, block: ChainHead) -> int:
        """Return how many transactions of an account blocks hold up to this one."""
        with self._connection.calling("eth_getTransactionCount") as web3:
            return web3.eth.get_transaction_count(_checksum(account), block.number)

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        """Return what a block says of a transaction, or None when no block holds it."""
        with self._connection.calling("eth_getTransactionReceipt") as web3:
            try:
                found = web3.eth.get_transaction_receipt(HexBytes(tx_hash))
            except TransactionNotFound:
                return None
        return Receipt(found["blockNumber"], has_succeeded=found["status"] == 1)

    def is_known(self, tx_hash: bytes) -> bool:
        """Tell whether the chain's node has a transaction, in a block or waiting for one."""
        with self._connection.calling("eth_getTransactionByHash") as web3:
            try:
                web3.eth.get_transaction(HexBytes(tx_hash))
            except TransactionNotFound:
                return False
        return True

    def check(self, sender: bytes, data: bytes, block: ChainHead) -> None:
        """Run a call of `log_anchors` without sending it.

        Raises:
            TransactionRevertedError: The contract would refuse it.
        """
        self._call(sender, self.contract, data, block.number)

    def refusal(self, tx_hash: bytes) -> str:
        """Name the revert of a transaction that a block holds; an empty string when it cannot be found out.

        It is run again on the state before its block, then on that after it: receipts hold no reason.
        """
        with self._connection.calling("eth_getTransactionByHash") as web3:
            found: Any = web3.eth.get_transaction(HexBytes(tx_hash))
        number = int(found["blockNumber"])
        for state in (number - 1, number):
            try:
                self._call(bytes.fromhex(found["from"][2:]), self.contract, bytes(found["input"]), state)
            except TransactionRevertedError as error:
                return error.name
        return ""

    def access_list(self, origin: Origin) -> AccessList:
        """Return what an anchor of this log reads outside its own contract; nothing before its first anchor."""
        slot, _ = head_slots(origin_id(origin))
        with self._connection.calling("eth_getStorageAt") as web3:
            word = web3.eth.get_storage_at(_checksum(self.contract), slot)
        head = parse_head_word(int.from_bytes(word, "big"))
        if head is None:
            return ()
        consortium = self._connection.pin.contracts[CONSORTIUM].address
        return tuple((each, tuple(slots)) for each, slots in anchor_access_list(consortium, head.institution_number))

    def gas_price_wei(self) -> int:
        """Return the price of a unit of gas that the chain's node suggests."""
        with self._connection.calling("eth_gasPrice") as web3:
            return int(web3.eth.gas_price)

    def balance_wei(self, account: bytes) -> int:
        """Return what an account can pay."""
        with self._connection.calling("eth_getBalance") as web3:
            return int(web3.eth.get_balance(_checksum(account)))

    def send(self, raw: bytes) -> None:
        """Hand a signed transaction to the chain's node.

        Raises:
            ChainRefusedError: The node does not take it.
        """
        with self._connection.calling("eth_sendRawTransaction") as web3:
            web3.eth.send_raw_transaction(HexBytes(raw))

    def _call(self, sender: bytes, to: bytes, data: bytes, block_number: int) -> None:
        call: TxParams = {"from": _checksum(sender), "to": _checksum(to), "data": HexBytes(data), "gas": ANCHOR_GAS}
        with self._connection.calling("eth_call") as web3:
            web3.eth.call(call, block_number)


def _checksum(account: bytes) -> ChecksumAddress:
    return to_checksum_address(account)
