"""Blocks, transactions, receipts and logs as Ethereum JSON-RPC shows them (execution-apis, `src/schemas`)."""

from __future__ import annotations

from collections.abc import Sequence

import rlp
from eth.abc import BlockHeaderAPI
from eth.constants import BLANK_ROOT_HASH, CREATE_CONTRACT_ADDRESS, EMPTY_SHA256
from eth_bloom.bloom import BloomFilter
from eth_utils.crypto import keccak

from devnet.engines.embedded import rules
from devnet.engines.embedded.admission import decode_transaction
from devnet.engines.embedded.store import BlockRow, LogRow, TransactionRow

Json = dict[str, object]
LEGACY_PARITY_OFFSET = 35
"""EIP-155: v = 35 + 2 * chain id + parity."""


def quantity(value: int) -> str:
    """Write a number."""
    return hex(value)


def data(value: bytes) -> str:
    """Write bytes."""
    return "0x" + value.hex()


def view_block(row: BlockRow, transactions: Sequence[TransactionRow], *, full: bool) -> Json:
    """Show a block, with its transactions in full or by hash."""
    header = rules.decode_header(row.header)
    shown: list[object] = [
        view_transaction(transaction, row.hash) if full else data(transaction.hash) for transaction in transactions
    ]
    return {
        **_view_header(header),
        "hash": data(row.hash),
        "size": quantity(len(row.header) + sum(len(transaction.raw) for transaction in transactions)),
        "transactions": shown,
        "uncles": [],
        "withdrawals": [],
    }


def _view_header(header: BlockHeaderAPI) -> Json:
    return {
        "number": quantity(header.block_number),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transaction_root),
        "receiptsRoot": data(header.receipt_root),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "difficulty": quantity(header.difficulty),
        "totalDifficulty": quantity(0),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas or 0),
        "withdrawalsRoot": data(header.withdrawals_root or BLANK_ROOT_HASH),
        "blobGasUsed": quantity(header.blob_gas_used or 0),
        "excessBlobGas": quantity(header.excess_blob_gas or 0),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root or BLANK_ROOT_HASH),
        "requestsHash": data(EMPTY_SHA256),
    }


def view_transaction(row: TransactionRow, block_hash: bytes) -> Json:
    """Show a transaction of a block."""
    return {
        **view_pooled(row.raw, row.hash, row.sender),
        "blockHash": data(block_hash),
        "blockNumber": quantity(row.block),
        "transactionIndex": quantity(row.position),
    }


def view_pooled(raw: bytes, transaction_hash: bytes, sender: bytes) -> Json:
    """Show a transaction that is in no block."""
    transaction = decode_transaction(raw)
    kind = transaction.type_id or 0
    chain_id = transaction.chain_id or 0
    v = transaction.y_parity if kind else LEGACY_PARITY_OFFSET + 2 * chain_id + transaction.y_parity
    shown: Json = {
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
        "hash": data(transaction_hash),
        "from": data(sender),
        "to": None if transaction.to == CREATE_CONTRACT_ADDRESS else data(transaction.to),
        "type": quantity(kind),
        "chainId": quantity(chain_id),
        "nonce": quantity(transaction.nonce),
        "gas": quantity(transaction.gas),
        # With a base fee of 0 the price paid is the priority fee; geth shows the price offered while it is pending.
        "gasPrice": quantity(transaction.max_priority_fee_per_gas),
        "value": quantity(transaction.value),
        "input": data(transaction.data),
        "v": quantity(v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if kind:
        shown["yParity"] = quantity(transaction.y_parity)
        shown["accessList"] = [
            {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
            for address, slots in transaction.access_list
        ]
    if kind == 2:  # noqa: PLR2004 - EIP-1559
        shown["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return shown


def view_receipt(row: TransactionRow, block_hash: bytes, timestamp_s: int, logs: Sequence[LogRow]) -> Json:
    """Show a receipt; `logs` are those of this transaction."""
    transaction = decode_transaction(row.raw)
    creates = transaction.to == CREATE_CONTRACT_ADDRESS
    bloom = BloomFilter()
    for log in logs:
        bloom.add(log.address)
        for topic in log.topics:
            bloom.add(topic)
    return {
        "transactionHash": data(row.hash),
        "transactionIndex": quantity(row.position),
        "blockHash": data(block_hash),
        "blockNumber": quantity(row.block),
        "from": data(row.sender),
        "to": None if creates else data(transaction.to),
        "contractAddress": data(_created_address(row.sender, transaction.nonce)) if creates else None,
        "cumulativeGasUsed": quantity(row.cumulative_gas_used),
        "gasUsed": quantity(row.gas_used),
        "effectiveGasPrice": quantity(transaction.max_priority_fee_per_gas),
        "logs": [view_log(log, block_hash, timestamp_s) for log in logs],
        "logsBloom": data(int(bloom).to_bytes(256, "big")),
        "status": quantity(int(row.succeeded)),
        "type": quantity(transaction.type_id or 0),
    }


def view_log(row: LogRow, block_hash: bytes, timestamp_s: int) -> Json:
    """Show an event."""
    return {
        "address": data(row.address),
        "topics": [data(topic) for topic in row.topics],
        "data": data(row.data),
        "blockNumber": quantity(row.block),
        "blockHash": data(block_hash),
        "blockTimestamp": quantity(timestamp_s),
        "transactionHash": data(row.tx_hash),
        "transactionIndex": quantity(row.tx_position),
        "logIndex": quantity(row.position),
        "removed": False,
    }


def _created_address(sender: bytes, nonce: int) -> bytes:
    return bytes(keccak(rlp.encode([sender, nonce]))[12:])
