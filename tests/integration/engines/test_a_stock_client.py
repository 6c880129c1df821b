"""What a stock web3 client does with an engine, the same on each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import rlp
from eth.rlp.accounts import Account as AccountRlp
from eth_typing import Hash32
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie
from web3 import Web3
from web3.contract.contract import Contract
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError
from web3.types import FilterParams, TxReceipt

from devnet.engines import FUNDED_BALANCE_WEI, RunningEngine
from tests.integration.engines.clients import Sender, ask_batch, ask_raw, connect, disconnect, hash_of, settle
from tests.integration.engines.conftest import CHAIN_ID, RICH

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_it_names_its_chain(web3: Web3, running: RunningEngine) -> None:
    assert web3.is_connected()
    assert web3.eth.chain_id == running.chain_id == CHAIN_ID
    assert web3.net.version == str(CHAIN_ID)
    assert Web3.to_hex(web3.eth.get_block("earliest", full_transactions=False)["hash"]) == running.genesis_hash
    assert web3.eth.get_balance(RICH.address, "earliest") == FUNDED_BALANCE_WEI
    assert web3.eth.gas_price >= 0


def test_a_contract_is_deployed_written_and_read_now_and_as_of_then(web3: Web3, register: Contract, sender: Sender) -> None:
    first = sender.send(to=register.address, data=register.encode_abi("write", [5]))
    second = sender.send(to=register.address, data=register.encode_abi("write", [6]))
    assert first["status"] == second["status"] == 1
    assert register.functions.value().call() == 6
    assert register.functions.value().call(block_identifier=first["blockNumber"]) == 5
    assert register.functions.value().call(block_identifier=first["blockNumber"] - 1) == 0
    assert register.functions.value().call(block_identifier=first["blockHash"]) == 5
    assert web3.eth.get_code(register.address) != b""
    assert web3.eth.get_code(register.address, 0) == b""
    assert (
        int.from_bytes(web3.eth.get_storage_at(register.address, 0)) + int.from_bytes(web3.eth.get_storage_at(register.address, 1))
        == 6
    )


def test_web3_fills_in_gas_fees_and_chain(web3: Web3, register: Contract, sender: Sender) -> None:
    fields: Any = {"from": sender.account.address, "nonce": sender.nonce, "maxPriorityFeePerGas": 0, "maxFeePerGas": 0}
    built: Any = register.functions.write(7).build_transaction(fields)
    receipt = settle(web3, bytes(sender.account.sign_transaction(built).raw_transaction))
    assert receipt["status"] == 1
    assert receipt["gasUsed"] <= built["gas"] <= receipt["gasUsed"] * 1.3


def test_blocks_transactions_and_receipts_agree(web3: Web3, register: Contract, sender: Sender) -> None:
    receipt = sender.send(to=register.address, data=register.encode_abi("write", [9]))
    block = web3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    transactions: Any = block["transactions"]
    shown = transactions[receipt["transactionIndex"]]
    by_hash = web3.eth.get_transaction(receipt["transactionHash"])
    assert shown == by_hash
    assert shown["from"] == sender.account.address
    assert shown["to"] == register.address
    assert shown["blockHash"] == block["hash"] == receipt["blockHash"]
    assert web3.eth.get_block(block["hash"], full_transactions=True) == block
    assert web3.eth.get_block(block["number"] - 1)["hash"] == block["parentHash"]
    receipts = web3.eth.get_block_receipts(block["number"])
    assert [one["transactionHash"] for one in receipts] == [one["hash"] for one in transactions]
    assert receipts[receipt["transactionIndex"]] == receipt
    assert block["gasUsed"] == sum(one["gasUsed"] for one in receipts) == receipts[-1]["cumulativeGasUsed"]
    parent = web3.eth.get_block(block["number"] - 1)
    assert block["timestamp"] >= parent["timestamp"]
    assert web3.eth.get_transaction_count(sender.account.address) == sender.nonce
    assert web3.eth.get_transaction_count(sender.account.address, block["number"] - 1) == sender.nonce - 1


def test_what_is_not_there_is_said_to_be_not_there(web3: Web3, running: RunningEngine) -> None:
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction(Hash32(b"\x77" * 32))
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(Hash32(b"\x77" * 32))
    assert ask_raw(running.rpc_url, "eth_getBlockByNumber", ["0xfffffff", False])["result"] is None
    assert ask_raw(running.rpc_url, "eth_getBlockByHash", ["0x" + "77" * 32, False])["result"] is None
    answer = ask_raw(running.rpc_url, "eth_getBalance", ["0x" + "11" * 20, "0xfffffff"])
    assert answer["error"]["code"] == -32000
    assert answer["error"]["message"] == "header not found"


def test_events_are_found_by_contract_topic_range_and_block(web3: Web3, register: Contract, sender: Sender) -> None:
    receipts = [sender.send(to=register.address, data=register.encode_abi("write", [i])) for i in range(3)]
    (event,) = register.events.Written().process_receipt(receipts[1])
    assert event["args"] == {"who": sender.account.address, "value": 1}
    found = register.events.Written().get_logs(from_block=0)
    assert [log["args"]["value"] for log in found] == [0, 1, 2]
    assert [log["transactionHash"] for log in found] == [receipt["transactionHash"] for receipt in receipts]
    by_sender = register.events.Written().get_logs(from_block=0, argument_filters={"who": sender.account.address})
    assert by_sender == found
    assert register.events.Written().get_logs(from_block=0, argument_filters={"who": RICH.address}) == []
    middle = receipts[1]["blockNumber"]
    assert [log["args"]["value"] for log in register.events.Written().get_logs(from_block=middle, to_block=middle)] == [1]
    topic = Web3.to_hex(keccak(text="Written(address,uint256)"))
    wanted: FilterParams = {"blockHash": receipts[2]["blockHash"], "topics": [[topic, "0x" + "00" * 32]]}
    (log,) = web3.eth.get_logs(wanted)
    assert log["blockNumber"] == receipts[2]["blockNumber"]
    assert log == receipts[2]["logs"][0]
    both: Any = {"fromBlock": 0, "address": [register.address, "0x" + "22" * 20], "topics": [None, None]}
    assert len(web3.eth.get_logs(both)) == 3
    assert web3.eth.get_logs({"fromBlock": 0, "address": register.address, "topics": [None, None, None]}) == []


def test_a_refusal_carries_its_reason_and_its_data(web3: Web3, register: Contract, sender: Sender) -> None:
    data = "0x08c379a0" + "20".zfill(64) + "9".zfill(64) + b"too large".hex().ljust(64, "0")
    with pytest.raises(ContractLogicError) as called:
        register.functions.write(1000).call()
    assert called.value.message == "execution reverted: too large"
    assert called.value.data == data
    with pytest.raises(ContractLogicError, match="too large"):
        register.functions.write(1000).estimate_gas()
    answer = ask_raw(_url(web3), "eth_call", [{"to": register.address, "data": register.encode_abi("write", [1000])}, "latest"])
    assert answer["error"] == {"code": 3, "message": "execution reverted: too large", "data": data}
    receipt = sender.send(to=register.address, data=register.encode_abi("write", [1000]))
    assert receipt["status"] == 0
    assert receipt["logs"] == []
    assert register.functions.value().call() == 0


def test_endless_work_ends_with_its_gas(web3: Web3, register: Contract) -> None:
    answer = ask_raw(
        _url(web3), "eth_call", [{"to": register.address, "data": register.encode_abi("spin"), "gas": hex(300_000)}, "latest"]
    )
    assert answer["error"]["code"] == -32000
    assert "out of gas" in answer["error"]["message"]


def test_calls_see_the_block_they_ask_about(register: Contract, sender: Sender, web3: Web3) -> None:
    receipt = sender.send()
    number, timestamp, parent = register.functions.block_facts().call(block_identifier=receipt["blockNumber"])
    block = web3.eth.get_block(receipt["blockNumber"])
    assert (number, timestamp, parent) == (block["number"], block["timestamp"], bytes(block["parentHash"]))


def test_every_kind_of_transaction_needs_no_money(web3: Web3, sender: Sender) -> None:
    legacy = sender.send(gasPrice=0)
    access: Any = [{"address": "0x" + "33" * 20, "storageKeys": ["0x" + "00" * 32]}]
    with_access_list = sender.send(gasPrice=0, accessList=access, type=1)
    dynamic = sender.send()
    assert [one["type"] for one in (legacy, with_access_list, dynamic)] == [0, 1, 2]
    assert [one["effectiveGasPrice"] for one in (legacy, with_access_list, dynamic)] == [0, 0, 0]
    shown: Any = web3.eth.get_transaction(with_access_list["transactionHash"])
    assert [entry["address"] for entry in shown["accessList"]] == [Web3.to_checksum_address("0x" + "33" * 20)]


def test_money_moves_and_is_missed(web3: Web3, sender: Sender) -> None:
    rich = Sender(web3, RICH, web3.eth.get_transaction_count(RICH.address))
    rich.send(to=sender.account.address, value=10)
    assert web3.eth.get_balance(sender.account.address) == 10
    with pytest.raises(Web3RPCError, match="insufficient funds"):
        web3.eth.send_raw_transaction(sender.sign(value=11))


def test_nonces_are_kept_in_order(web3: Web3, sender: Sender) -> None:
    first = sender.sign()
    settle(web3, first)
    with pytest.raises(Web3RPCError, match="nonce too low"):
        web3.eth.send_raw_transaction(sender.sign(nonce=0, value=0, gas=21_001))
    with pytest.raises(Web3RPCError, match=r"already known|nonce too low"):
        web3.eth.send_raw_transaction(first)
    second, third, fourth = (sender.sign(nonce=nonce) for nonce in (1, 2, 3))
    waiting = [web3.eth.send_raw_transaction(raw) for raw in (fourth, third)]
    assert web3.eth.get_transaction(waiting[1])["nonce"] == 2
    assert web3.eth.get_transaction_count(sender.account.address) == 1
    with pytest.raises(TransactionNotFound):
        web3.eth.get_transaction_receipt(waiting[0])
    with pytest.raises(Web3RPCError, match="already known"):
        web3.eth.send_raw_transaction(third)
    settle(web3, second)
    for sent in waiting:
        assert web3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.02)["status"] == 1
    assert web3.eth.get_transaction_count(sender.account.address) == 4


def test_what_is_not_for_this_chain_is_refused(web3: Web3, sender: Sender) -> None:
    with pytest.raises(Web3RPCError, match="invalid sender"):
        web3.eth.send_raw_transaction(sender.sign(chainId=CHAIN_ID + 1))
    unprotected: Any = {"nonce": 0, "gas": 21_000, "gasPrice": 0, "value": 0, "to": "0x" + "11" * 20}
    raw = sender.account.sign_transaction(unprotected).raw_transaction
    with pytest.raises(Web3RPCError, match="only replay-protected"):
        web3.eth.send_raw_transaction(raw)
    with pytest.raises(Web3RPCError, match="intrinsic gas too low"):
        web3.eth.send_raw_transaction(sender.sign(nonce=0, gas=20_999))
    with pytest.raises(Web3RPCError, match="exceeds block gas limit"):
        web3.eth.send_raw_transaction(sender.sign(nonce=0, gas=10**9))
    assert web3.eth.get_transaction_count(sender.account.address) == 0


@pytest.mark.parametrize("raw", ["0x", "0x00", "0xc0", "0x02", "0x02c0", "0x7f" + "00" * 40, "0x" + "ff" * 300, "0xf8"])
def test_bytes_that_are_no_transaction_are_refused(running: RunningEngine, raw: str) -> None:
    assert ask_raw(running.rpc_url, "eth_sendRawTransaction", [raw])["error"]["code"] == -32000


def test_a_batch_is_answered_in_full(web3: Web3, running: RunningEngine, sender: Sender) -> None:
    raws = [sender.sign() for _ in range(20)]
    requests: list[tuple[str, list[object]]] = [("eth_sendRawTransaction", [Web3.to_hex(raw)]) for raw in raws]
    answers = ask_batch(running.rpc_url, [*requests, ("eth_chainId", []), ("eth_nonsense", [])])
    assert [answer["result"] for answer in answers[:20]] == [Web3.to_hex(hash_of(raw)) for raw in raws]
    assert answers[20]["result"] == hex(CHAIN_ID)
    assert answers[21]["error"]["code"] == -32601
    last = web3.eth.wait_for_transaction_receipt(hash_of(raws[-1]), timeout=30, poll_latency=0.02)
    assert last["status"] == 1
    assert web3.eth.get_transaction_count(sender.account.address) == 20


def test_clients_write_side_by_side(running: RunningEngine) -> None:
    def write(_: int) -> list[TxReceipt]:
        client = connect(running.rpc_url)
        try:
            mine = Sender.fresh(client)
            return [mine.send() for _ in range(5)]
        finally:
            disconnect(client)

    with ThreadPoolExecutor(4) as threads:
        written = [receipt for receipts in threads.map(write, range(4)) for receipt in receipts]
    places = [(receipt["blockNumber"], receipt["transactionIndex"]) for receipt in written]
    assert len(set(places)) == 20
    assert all(receipt["status"] == 1 for receipt in written)


def test_a_stranger_can_prove_a_value_from_the_state_root(web3: Web3, register: Contract, sender: Sender) -> None:
    receipt = sender.send(to=register.address, data=register.encode_abi("write", [321]))
    block = web3.eth.get_block(receipt["blockNumber"])
    get_proof: Any = web3.eth.get_proof  # web3 types its arguments as one tuple
    proof = get_proof(register.address, [0, 1, 5], receipt["blockNumber"])
    account = rlp.decode(
        _verified(block["stateRoot"], keccak(bytes.fromhex(register.address[2:])), proof["accountProof"]), AccountRlp
    )
    assert account.storage_root == proof["storageHash"]
    values = []
    for slot in proof["storageProof"]:
        key = keccak(int.from_bytes(slot["key"]).to_bytes(32, "big"))
        encoded = _verified(account.storage_root, key, slot["proof"])
        values.append(int.from_bytes(rlp.decode(encoded)) if encoded else 0)
    assert sorted(values) == [0, 0, 321]


def _verified(root: bytes, key: bytes, proof: list[bytes]) -> bytes:
    nodes = [rlp.decode(bytes(node)) for node in proof]
    return bytes(HexaryTrie.get_from_proof(root, key, nodes))  # type: ignore[no-untyped-call] # trie leaves it untyped


def test_fee_history_says_that_gas_is_free(web3: Web3, sender: Sender) -> None:
    receipt = sender.send()
    history: Any = web3.eth.fee_history(2, receipt["blockNumber"], [50])
    assert history["oldestBlock"] == receipt["blockNumber"] - 1
    assert history["baseFeePerGas"] == [0, 0, 0]
    assert history["reward"] == [[0], [0]]
    assert history["gasUsedRatio"][-1] > 0


def _url(web3: Web3) -> str:
    return str(web3.provider.endpoint_uri)  # type: ignore[attr-defined] # the fixture's provider is HTTP
