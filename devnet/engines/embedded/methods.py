"""The JSON-RPC methods, each a function of one open chain and its parameters (execution-apis, `eth`, `net` and `web3` namespaces).

Left out: filters that the server would have to remember (`eth_newFilter`), subscriptions, accounts and signing, uncles, blobs,
state overrides, `debug` and `trace`.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from eth.abc import BlockHeaderAPI

from devnet.engines.embedded import execution, rules, state
from devnet.engines.embedded.admission import admit
from devnet.engines.embedded.chain import Chain, Reader
from devnet.engines.embedded.errors import InvalidParamsError, LimitError, RpcError, ServerError
from devnet.engines.embedded.params import BlockReference, LogFilter, Params, Tag
from devnet.engines.embedded.store import BlockRow, LogQuery, LogRow
from devnet.engines.embedded.views import (
    Json,
    data,
    quantity,
    view_block,
    view_log,
    view_pooled,
    view_receipt,
    view_transaction,
)

MAX_LOGS = 10_000
"""Most logs that one answer holds."""
MAX_FEE_HISTORY = 1024
"""Most blocks that one fee history covers."""
MAX_PROOF_SLOTS = 1024
"""Most storage slots that one proof covers."""

Method = Callable[[Params], object]


class Methods:
    """The methods of one chain; safe to call from any thread.

    Args:
        chain: What they answer from.
        allow_reorg: Whether the fault drill `concord_revertTo` is there.
    """

    def __init__(self, chain: Chain, *, allow_reorg: bool) -> None:
        self._chain = chain
        client = f"concord-embedded/py-evm-{version('py-evm')}/python-{platform.python_version()}"
        constants: dict[str, object] = {
            "web3_clientVersion": client,
            "net_version": str(chain.chain_id),
            "net_listening": False,
            "net_peerCount": quantity(0),
            "eth_chainId": quantity(chain.chain_id),
            "eth_accounts": [],
            "eth_syncing": False,
            "eth_mining": False,
            "eth_gasPrice": quantity(0),
            "eth_maxPriorityFeePerGas": quantity(0),
        }
        self._methods: dict[str, Method] = {name: partial(_constant, value) for name, value in constants.items()}
        self._methods |= {
            "eth_blockNumber": self._block_number,
            "eth_getBlockByNumber": self._get_block,
            "eth_getBlockByHash": self._get_block_by_hash,
            "eth_getBlockTransactionCountByNumber": self._count_transactions,
            "eth_getBlockReceipts": self._get_block_receipts,
            "eth_getBalance": self._get_balance,
            "eth_getCode": self._get_code,
            "eth_getStorageAt": self._get_storage_at,
            "eth_getTransactionCount": self._get_transaction_count,
            "eth_getProof": self._get_proof,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate_gas,
            "eth_feeHistory": self._fee_history,
            "eth_sendRawTransaction": self._send_raw_transaction,
            "eth_getTransactionByHash": self._get_transaction,
            "eth_getTransactionReceipt": self._get_receipt,
            "eth_getLogs": self._get_logs,
        }
        if allow_reorg:
            self._methods["concord_revertTo"] = self._revert_to

    def find(self, name: str) -> Method | None:
        """Return a method, or None if there is none of that name."""
        return self._methods.get(name)

    # -- blocks

    def _block_number(self, params: Params) -> str:
        params.expect_at_most(0)
        with self._chain.read() as reader:
            return quantity(reader.store.head().number)

    def _get_block(self, params: Params) -> Json | None:
        params.expect_at_most(2)
        params.required(0)
        return self._show_block(params.block(0), full=params.flag(1))

    def _get_block_by_hash(self, params: Params) -> Json | None:
        params.expect_at_most(2)
        return self._show_block(params.hash(0), full=params.flag(1))

    def _show_block(self, reference: BlockReference, *, full: bool) -> Json | None:
        with self._chain.read() as reader:
            row = _find_block(reader, reference)
            return None if row is None else view_block(row, reader.store.transactions_of(row.number), full=full)

    def _count_transactions(self, params: Params) -> str | None:
        params.expect_at_most(1)
        params.required(0)
        with self._chain.read() as reader:
            row = _find_block(reader, params.block(0))
            return None if row is None else quantity(len(reader.store.transactions_of(row.number)))

    def _get_block_receipts(self, params: Params) -> list[Json] | None:
        params.expect_at_most(1)
        params.required(0)
        with self._chain.read() as reader:
            row = _find_block(reader, params.block(0))
            if row is None:
                return None
            timestamp_s = rules.decode_header(row.header).timestamp
            logs: dict[bytes, list[LogRow]] = {}
            for log in reader.store.logs_of(row.number):
                logs.setdefault(log.tx_hash, []).append(log)
            return [
                view_receipt(transaction, row.hash, timestamp_s, logs.get(transaction.hash, []))
                for transaction in reader.store.transactions_of(row.number)
            ]

    def _fee_history(self, params: Params) -> Json:
        params.expect_at_most(3)
        wanted = params.quantity(0)
        percentiles = params.optional(2) or []
        if not isinstance(percentiles, list):
            raise InvalidParamsError("invalid argument 2: not an array")
        with self._chain.read() as reader:
            newest = _require_block(reader, params.block(1))
            count = min(wanted, MAX_FEE_HISTORY, newest.number + 1)
            oldest = newest.number + 1 - count
            headers = [_header(_require_block(reader, number)) for number in range(oldest, newest.number + 1)]
        history: Json = {
            "oldestBlock": quantity(oldest),
            "baseFeePerGas": [quantity(0)] * (count + 1),
            "gasUsedRatio": [header.gas_used / header.gas_limit for header in headers],
        }
        if percentiles:
            history["reward"] = [[quantity(0)] * len(percentiles) for _ in headers]
        return history

    # -- state

    def _get_balance(self, params: Params) -> str:
        params.expect_at_most(2)
        with self._chain.read() as reader:
            accounts = state.accounts_at(reader.nodes, _require_header(reader, params.block(1)))
            return quantity(accounts.get_balance(state.address(params.address(0))))

    def _get_transaction_count(self, params: Params) -> str:
        params.expect_at_most(2)
        with self._chain.read() as reader:
            accounts = state.accounts_at(reader.nodes, _require_header(reader, params.block(1)))
            return quantity(accounts.get_nonce(state.address(params.address(0))))

    def _get_code(self, params: Params) -> str:
        params.expect_at_most(2)
        with self._chain.read() as reader:
            accounts = state.accounts_at(reader.nodes, _require_header(reader, params.block(1)))
            return data(accounts.get_code(state.address(params.address(0))))

    def _get_storage_at(self, params: Params) -> str:
        params.expect_at_most(3)
        slot = state.parse_slot(params.required(1), "argument 1")
        with self._chain.read() as reader:
            accounts = state.accounts_at(reader.nodes, _require_header(reader, params.block(2)))
            value = accounts.get_storage(state.address(params.address(0)), slot)
            return data(value.to_bytes(32, "big"))

    def _get_proof(self, params: Params) -> Json:
        params.expect_at_most(3)
        slots = params.required(1)
        if not isinstance(slots, list):
            raise InvalidParamsError("invalid argument 1: not an array")
        if len(slots) > MAX_PROOF_SLOTS:
            raise InvalidParamsError(f"too many slots (max {MAX_PROOF_SLOTS})")
        parsed = [state.parse_slot(slot, f"argument 1: slot {i}") for i, slot in enumerate(slots)]
        with self._chain.read() as reader:
            return state.prove(reader.nodes, _require_header(reader, params.block(2)), params.address(0), parsed)

    def _call(self, params: Params) -> str:
        _refuse_overrides(params)
        with self._chain.read() as reader:
            return data(execution.call(self._after(reader, params), params.call(0)))

    def _estimate_gas(self, params: Params) -> str:
        _refuse_overrides(params)
        with self._chain.read() as reader:
            return quantity(execution.estimate_gas(self._after(reader, params), params.call(0)))

    def _after(self, reader: Reader, params: Params) -> execution.After:
        return execution.After(reader.nodes, _require_header(reader, params.block(1)), self._chain.chain_id)

    # -- transactions and logs

    def _send_raw_transaction(self, params: Params) -> str:
        params.expect_at_most(1)
        (outcome,) = self.send([params.data(0)])
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome

    def send(self, raws: list[bytes]) -> list[str | RpcError]:
        """Submit raw transactions together; return for each its hash, when it is durable, or why it was refused."""
        results: list[str | RpcError] = []
        admitted = []
        for raw in raws:
            try:
                admitted.append(admit(raw, self._chain.chain_id))
                results.append("")
            except RpcError as refusal:
                results.append(refusal)
        outcomes = iter(self._chain.writer.submit(admitted).result() if admitted else [])
        for position, result in enumerate(results):
            if isinstance(result, str):
                outcome = next(outcomes)
                results[position] = outcome if isinstance(outcome, RpcError) else data(outcome)
        return results

    def _get_transaction(self, params: Params) -> Json | None:
        params.expect_at_most(1)
        transaction_hash = params.hash(0)
        with self._chain.read() as reader:
            row = reader.store.transaction_by_hash(transaction_hash)
            if row is not None:
                return view_transaction(row, _require_block(reader, row.block).hash)
            pooled = reader.store.pooled_by_hash(transaction_hash)
            return None if pooled is None else view_pooled(pooled.raw, pooled.hash, pooled.sender)

    def _get_receipt(self, params: Params) -> Json | None:
        params.expect_at_most(1)
        transaction_hash = params.hash(0)
        with self._chain.read() as reader:
            row = reader.store.transaction_by_hash(transaction_hash)
            if row is None:
                return None
            block = _require_block(reader, row.block)
            logs = [log for log in reader.store.logs_of(row.block) if log.tx_position == row.position]
            return view_receipt(row, block.hash, _header(block).timestamp, logs)

    def _get_logs(self, params: Params) -> list[Json]:
        params.expect_at_most(1)
        wanted = params.log_filter(0)
        with self._chain.read() as reader:
            query = _log_query(reader, wanted)
            rows = [] if query is None else reader.store.find_logs(query)
            if len(rows) > MAX_LOGS:
                raise LimitError(f"query returned more than {MAX_LOGS} results; ask for fewer blocks")
            blocks: dict[int, tuple[bytes, int]] = {}
            for number in {row.block for row in rows}:
                block = _require_block(reader, number)
                blocks[number] = (block.hash, _header(block).timestamp)
        return [view_log(row, *blocks[row.block]) for row in rows]

    def _revert_to(self, params: Params) -> bool:
        """Drop the blocks above a height: a fault drill, there only with `--allow-reorg`."""
        params.expect_at_most(1)
        self._chain.writer.revert_to(params.quantity(0)).result()
        return True


def _constant(value: object, params: Params) -> object:
    params.expect_at_most(0)
    return value


def _refuse_overrides(params: Params) -> None:
    params.expect_at_most(4)
    if params.optional(2) is not None or params.optional(3) is not None:
        raise InvalidParamsError("state and block overrides are not supported")


def _find_block(reader: Reader, reference: BlockReference) -> BlockRow | None:
    if isinstance(reference, bytes):
        return reader.store.block_by_hash(reference)
    if isinstance(reference, Tag):
        return reader.store.block_by_number(0) if reference is Tag.EARLIEST else reader.store.head()
    return reader.store.block_by_number(reference)


def _require_block(reader: Reader, reference: BlockReference) -> BlockRow:
    row = _find_block(reader, reference)
    if row is None:
        raise ServerError("header not found")
    return row


def _require_header(reader: Reader, reference: BlockReference) -> BlockHeaderAPI:
    return _header(_require_block(reader, reference))


def _header(row: BlockRow) -> BlockHeaderAPI:
    return rules.decode_header(row.header)


def _log_query(reader: Reader, wanted: LogFilter) -> LogQuery | None:
    """Resolve the block range; None for a range that holds no block."""
    if wanted.block_hash is not None:
        row = reader.store.block_by_hash(wanted.block_hash)
        if row is None:
            raise ServerError("unknown block")
        first = last = row.number
    else:
        head = reader.store.head().number
        first, last = _height(reader, wanted.first, head), min(_height(reader, wanted.last, head), head)
        if _height(reader, wanted.first, head) > _height(reader, wanted.last, head):
            raise InvalidParamsError("invalid block range params")
    return None if first > last else LogQuery(first, last, wanted.addresses, wanted.topics, MAX_LOGS + 1)


def _height(reader: Reader, reference: BlockReference, head: int) -> int:
    if isinstance(reference, Tag):
        return 0 if reference is Tag.EARLIEST else head
    return reference if isinstance(reference, int) else _require_block(reader, reference).number
