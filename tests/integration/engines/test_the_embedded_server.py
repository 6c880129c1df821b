"""What the embedded server does that other engines do otherwise or not at all: grouping, drills, limits, HTTP."""

from __future__ import annotations

import json

import pytest
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound

from devnet.engines import EmbeddedEngine, RunningEngine
from tests.integration.engines.clients import Sender, ask_batch, ask_raw, connect, deploy, disconnect, hash_of, post
from tests.integration.engines.conftest import CHAIN_ID, RICH, engine_named

pytestmark = [pytest.mark.network, pytest.mark.slow]


def test_transactions_that_arrive_together_share_a_block(embedded: RunningEngine) -> None:
    client = connect(embedded.rpc_url)
    sender = Sender.fresh(client)
    raws = [sender.sign(gas=21_000) for _ in range(30)]
    before = client.eth.block_number
    shuffled = [*raws[15:], *raws[:15]]
    answers = ask_batch(embedded.rpc_url, [("eth_sendRawTransaction", [Web3.to_hex(raw)]) for raw in shuffled])
    assert [answer["result"] for answer in answers] == [Web3.to_hex(hash_of(raw)) for raw in shuffled]
    assert client.eth.block_number == before + 1
    assert list(client.eth.get_block("latest")["transactions"]) == [hash_of(raw) for raw in raws]
    disconnect(client)


def test_an_answered_transaction_is_already_in_a_block(embedded: RunningEngine) -> None:
    client = connect(embedded.rpc_url)
    sent = client.eth.send_raw_transaction(Sender.fresh(client).sign())
    assert client.eth.get_transaction_receipt(sent)["status"] == 1
    disconnect(client)


def test_a_reorganisation_on_demand(embedded: RunningEngine) -> None:
    client = connect(embedded.rpc_url)
    sender = Sender.fresh(client)
    register = deploy(client, sender)
    kept = sender.send(to=register.address, data=register.encode_abi("write", [1]))
    raw = sender.sign(to=register.address, data=register.encode_abi("write", [2]))
    client.eth.send_raw_transaction(raw)
    dropped = client.eth.get_transaction_receipt(hash_of(raw))
    assert ask_raw(embedded.rpc_url, "concord_revertTo", [hex(kept["blockNumber"])])["result"] is True
    assert client.eth.block_number == kept["blockNumber"]
    assert register.functions.value().call() == 1
    with pytest.raises(TransactionNotFound):
        client.eth.get_transaction_receipt(hash_of(raw))
    with pytest.raises(BlockNotFound):
        client.eth.get_block(dropped["blockHash"])
    assert [log["args"]["value"] for log in register.events.Written().get_logs(from_block=0)] == [1]
    client.eth.send_raw_transaction(raw)
    again = client.eth.get_transaction_receipt(hash_of(raw))
    assert again["blockNumber"] == dropped["blockNumber"]
    assert again["blockHash"] != dropped["blockHash"]
    assert register.functions.value().call() == 2
    assert ask_raw(embedded.rpc_url, "concord_revertTo", ["0xffffff"])["error"]["code"] == -32000
    disconnect(client)


def test_the_drill_is_not_there_unless_asked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    running = EmbeddedEngine(chain_id=CHAIN_ID).start(tmp_path_factory.mktemp("plain"))
    try:
        assert ask_raw(running.rpc_url, "concord_revertTo", ["0x0"])["error"]["code"] == -32601
    finally:
        running.stop()


def test_a_contract_that_calls_itself_for_ever_ends(embedded: RunningEngine) -> None:
    client = connect(embedded.rpc_url)
    sender = Sender.fresh(client)
    register = deploy(client, sender)
    receipt = sender.send(to=register.address, data=register.encode_abi("descend"), gas=5_000_000)
    assert receipt["status"] == 0
    assert sender.send()["status"] == 1
    disconnect(client)


BAD_BODIES = {
    b"": -32700,
    b"{": -32700,
    b"\xff\xfe": -32700,
    b"[" * 100_000: -32700,
    b"[]": -32600,
    b"3": -32600,
    b'"eth_chainId"': -32600,
    b"{}": -32600,
    b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}': -32600,
    b'{"jsonrpc":"2.0","id":1,"method":7}': -32600,
    b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}': -32600,
    b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{"a":1}}': -32600,
    b'{"jsonrpc":"2.0","id":1,"method":"debug_traceTransaction","params":[]}': -32601,
    b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}': -32602,
    json.dumps([{}] * 1001).encode(): -32600,
}


@pytest.mark.parametrize("body", list(BAD_BODIES), ids=lambda body: body[:24].decode("latin-1"))
def test_malformed_bodies_are_answered(embedded: RunningEngine, body: bytes) -> None:
    status, answer = post(embedded.rpc_url, body)
    assert status == 200
    assert json.loads(answer)["error"]["code"] == BAD_BODIES[body]
    assert ask_raw(embedded.rpc_url, "eth_chainId")["result"] == hex(CHAIN_ID)


def test_notifications_are_not_answered(embedded: RunningEngine) -> None:
    note = b'{"jsonrpc":"2.0","method":"eth_chainId"}'
    assert post(embedded.rpc_url, note) == (200, b"")
    assert post(embedded.rpc_url, b"[" + note + b"]") == (200, b"")


@pytest.mark.parametrize(
    ("headers", "method", "status"),
    [
        ({"Content-Type": "text/plain"}, "POST", 415),
        ({"Content-Type": "application/json; charset=utf-8"}, "POST", 200),
        ({"Host": "rebound.example:80"}, "POST", 403),
        ({"Host": "localhost:1"}, "POST", 200),
        ({}, "GET", 405),
    ],
)
def test_a_page_in_a_browser_cannot_use_it(embedded: RunningEngine, headers: dict[str, str], method: str, status: int) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
    assert post(embedded.rpc_url, body, headers, method)[0] == status


def test_a_body_over_the_limit_is_refused(embedded: RunningEngine) -> None:
    assert post(embedded.rpc_url, b" " * (5 * 1024 * 1024 + 1))[0] == 413


@pytest.mark.engine_geth
def test_answers_have_the_shape_that_geth_gives_them(embedded: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> None:
    geth = engine_named("geth").start(tmp_path_factory.mktemp("geth"))
    try:
        ours, theirs = _shapes(embedded.rpc_url), _shapes(geth.rpc_url)
    finally:
        geth.stop()
    for name, shape in theirs.items():
        missing = {key: kind for key, kind in shape.items() if ours[name].get(key) != kind}
        assert missing == {}, name


def _shapes(url: str) -> dict[str, dict[str, str]]:
    """Write and read the same on any engine; return name and kind of every field of the answers."""
    client = connect(url)
    sender = Sender.fresh(client)
    register = deploy(client, sender)
    receipt = sender.send(to=register.address, data=register.encode_abi("write", [5]))
    place = hex(receipt["blockNumber"])
    paid = Sender(client, RICH, client.eth.get_transaction_count(RICH.address)).send(gasPrice=1)
    questions: dict[str, tuple[str, list[object]]] = {
        "block": ("eth_getBlockByNumber", [place, False]),
        "receipt": ("eth_getTransactionReceipt", [Web3.to_hex(receipt["transactionHash"])]),
        "transaction": ("eth_getTransactionByHash", [Web3.to_hex(receipt["transactionHash"])]),
        "legacy": ("eth_getTransactionByHash", [Web3.to_hex(paid["transactionHash"])]),
        "proof": ("eth_getProof", [register.address, ["0x1"], place]),
        "fees": ("eth_feeHistory", ["0x2", place, [50]]),
    }
    answers = {name: ask_raw(url, method, params)["result"] for name, (method, params) in questions.items()}
    answers["log"] = answers["receipt"]["logs"][0]
    answers["slot"] = answers["proof"]["storageProof"][0]
    disconnect(client)
    return {name: {key: _kind(value) for key, value in answer.items()} for name, answer in answers.items()}


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "hex" if value.startswith("0x") else "text"
    return type(value).__name__
