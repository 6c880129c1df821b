"""Nothing that comes in can bring the server down, and every answer is JSON-RPC."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.engines.embedded.jsonrpc import Dispatcher
from tests.unit.engines_embedded.chains import CHAIN_ID, KEYS, raw_transaction

HEX = st.one_of(
    st.sampled_from(["0x", "0x0", "0x00", "0x01", "0x1", "latest", "pending", "earliest", "0x" + "11" * 20, "0x" + "22" * 32]),
    st.text(max_size=8),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), HEX),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["to", "from", "data", "gas", "value", "address", "topics", "fromBlock", "toBlock", "blockHash"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
METHODS = (
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getBlockReceipts",
    "eth_getBlockTransactionCountByNumber",
    "eth_getBalance",
    "eth_getCode",
    "eth_getStorageAt",
    "eth_getTransactionCount",
    "eth_getProof",
    "eth_call",
    "eth_feeHistory",
    "eth_sendRawTransaction",
    "eth_getTransactionByHash",
    "eth_getTransactionReceipt",
    "eth_getLogs",
    "concord_revertTo",
    "net_version",
)


def ask(dispatcher: Dispatcher, method: str, *params: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        dispatcher.answer(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
    )
    return answer


@given(method=st.sampled_from(METHODS), params=st.lists(VALUES, max_size=4))
def test_any_parameters_are_answered_and_none_is_a_defect(dispatcher: Dispatcher, method: str, params: list[object]) -> None:
    answer = ask(dispatcher, method, *params)
    assert answer["id"] == 1
    assert answer.get("error", {}).get("code") != -32603, answer


@given(st.one_of(st.binary(max_size=60), VALUES.map(lambda value: json.dumps(value).encode())))
def test_any_body_is_answered(dispatcher: Dispatcher, body: bytes) -> None:
    answered = json.loads(dispatcher.answer(body))
    for answer in answered if isinstance(answered, list) else [answered]:
        assert answer["error"]["code"] in {-32700, -32600}


@pytest.mark.parametrize("identifier", [0, -1, 1.5, "x", "\u00e9", None, 2**80])
def test_the_id_comes_back(dispatcher: Dispatcher, identifier: object) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": identifier, "method": "eth_chainId"}).encode()
    assert json.loads(dispatcher.answer(body)) == {"jsonrpc": "2.0", "id": identifier, "result": hex(CHAIN_ID)}


def test_an_id_that_cannot_be_written_is_refused(dispatcher: Dispatcher) -> None:
    answer = json.loads(dispatcher.answer(b'{"jsonrpc":"2.0","id":"\\ud800","method":"eth_chainId"}'))
    assert answer["error"]["code"] in {-32700, -32600}


def test_a_mixed_batch_keeps_its_order(dispatcher: Dispatcher) -> None:
    head = ask(dispatcher, "eth_blockNumber")["result"]
    raws = ["0x" + raw_transaction(KEYS[3], nonce).hex() for nonce in (0, 1)]
    questions: list[object] = [
        {"jsonrpc": "2.0", "id": 1, "method": "eth_sendRawTransaction", "params": [raws[0]]},
        {"jsonrpc": "2.0", "method": "eth_sendRawTransaction", "params": [raws[1]]},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber"},
        {"jsonrpc": "2.0", "id": 3, "method": "eth_sendRawTransaction", "params": ["0xzz"]},
        7,
    ]
    answers = json.loads(dispatcher.answer(json.dumps(questions).encode()))
    assert [answer["id"] for answer in answers] == [1, 2, 3, None]
    assert int(answers[1]["result"], 16) == int(head, 16) + 1
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, None, -32602, -32600]
    assert ask(dispatcher, "eth_getTransactionCount", KEYS[3].address, "latest")["result"] == "0x2"


@pytest.mark.parametrize(
    ("method", "params", "message"),
    [
        ("eth_getBalance", [], "missing value for required argument 0"),
        ("eth_getBalance", ["0x11", "latest"], "invalid argument 0: hex string has length 2, want 40"),
        ("eth_getBalance", ["11" * 20, "latest"], "invalid argument 0: hex string without 0x prefix"),
        ("eth_getBalance", ["0x" + "11" * 20, "newest"], "invalid argument 1: hex string without 0x prefix"),
        ("eth_getBalance", ["0x" + "11" * 20, "0x01"], "invalid argument 1: hex number with leading zero digits"),
        ("eth_getBalance", ["0x" + "11" * 20, "latest", 1], "too many arguments, want at most 2"),
        ("eth_getBlockByNumber", ["latest", "yes"], "invalid argument 1: not a boolean"),
        ("eth_getBlockByHash", ["0x" + "11" * 31, False], "invalid argument 0: hex string has length 62, want 64"),
        ("eth_call", ["0x", "latest"], "invalid argument 0: not an object"),
        ("eth_call", [{"data": "0x01", "input": "0x02"}, "latest"], 'both "data" and "input" are set and not equal'),
        ("eth_call", [{}, "latest", {}], "state and block overrides are not supported"),
        ("eth_getLogs", [{"fromBlock": "0x2", "toBlock": "0x1"}], "invalid block range params"),
        ("eth_getLogs", [{"topics": [None] * 5}], "exceed max topics"),
        ("eth_getLogs", [{"blockHash": "0x" + "11" * 32, "fromBlock": "0x0"}], "cannot specify both BlockHash"),
        ("eth_sendRawTransaction", ["0x1"], "invalid argument 0: hex string of odd length"),
    ],
)
def test_wrong_parameters_are_named(dispatcher: Dispatcher, method: str, params: list[object], message: str) -> None:
    error = ask(dispatcher, method, *params)["error"]
    assert error["code"] == -32602
    assert error["message"].startswith(message)


def test_blocks_are_named_in_every_way(dispatcher: Dispatcher) -> None:
    genesis = ask(dispatcher, "eth_getBlockByNumber", "0x0")["result"]
    for reference in ("earliest", "0x0", {"blockNumber": "0x0"}, {"blockHash": genesis["hash"]}, genesis["hash"]):
        assert ask(dispatcher, "eth_getBalance", KEYS[0].address, reference)["result"] == hex(10**24)
    for tag in ("latest", "pending", "safe", "finalized"):
        assert ask(dispatcher, "eth_getBlockByNumber", tag)["result"]["number"] == ask(dispatcher, "eth_blockNumber")["result"]
