"""What the engine tests ask an engine with: stock web3, eth-account, and plain HTTP where a client would not let us be wrong."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import Hash32
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3
from web3.contract.contract import Contract
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import TxReceipt

ARTIFACT = json.loads((Path(__file__).parent / "register.json").read_text(encoding="utf-8"))
GAS = 200_000
TIMEOUT_S = 30


def connect(url: str) -> Web3:
    web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": TIMEOUT_S}))
    # Clique's block headers carry a seal that web3 refuses unless it is told of it; nothing changes for other chains.
    web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    return web3


def disconnect(web3: Web3) -> None:
    provider = web3.provider
    assert isinstance(provider, HTTPProvider)
    provider._request_session_manager.session_cache.clear()


@dataclass
class Sender:
    """An account that nobody funded, which counts its nonces."""

    web3: Web3
    account: LocalAccount
    nonce: int = 0

    @classmethod
    def fresh(cls, web3: Web3) -> Sender:
        return cls(web3, Account.create())

    def sign(self, **fields: object) -> bytes:
        """Sign a type-2 transaction with the next nonce, unless the fields say otherwise."""
        transaction: dict[str, Any] = {
            "chainId": self.web3.eth.chain_id,
            "nonce": self.nonce,
            "gas": GAS,
            "value": 0,
            "to": "0x" + "11" * 20,
        }
        if "gasPrice" not in fields:
            transaction |= {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
        transaction |= fields
        if transaction["to"] is None:
            del transaction["to"]
        self.nonce = transaction["nonce"] + 1
        return bytes(self.account.sign_transaction(transaction).raw_transaction)

    def send(self, **fields: object) -> TxReceipt:
        return settle(self.web3, self.sign(**fields))


def settle(web3: Web3, raw: bytes) -> TxReceipt:
    sent = web3.eth.send_raw_transaction(raw)
    return web3.eth.wait_for_transaction_receipt(sent, timeout=TIMEOUT_S, poll_latency=0.02)


def hash_of(raw: bytes) -> Hash32:
    return Hash32(keccak(raw))


def deploy(web3: Web3, sender: Sender) -> Contract:
    receipt = sender.send(to=None, data=ARTIFACT["bytecode"], gas=1_000_000)
    assert receipt["status"] == 1
    address = receipt["contractAddress"]
    assert address is not None
    return web3.eth.contract(address=address, abi=ARTIFACT["abi"])


def post(url: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> tuple[int, bytes]:
    """Send a body over a connection of its own; return status and answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, "/", body, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def ask_raw(url: str, method: object, params: object = ()) -> dict[str, Any]:
    """Ask with parameters that no client would send; return the whole answer."""
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
    answer: dict[str, Any] = json.loads(post(url, body)[1])
    return answer


def ask_batch(url: str, requests: Sequence[tuple[str, Sequence[object]]]) -> list[dict[str, Any]]:
    """Ask several things in one body; return the answers in the order of the questions."""
    body = [{"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)} for i, (method, params) in enumerate(requests)]
    answers: list[dict[str, Any]] = json.loads(post(url, json.dumps(body).encode())[1])
    return sorted(answers, key=lambda answer: int(answer["id"]))
