"""Only the pinned chain is talked to; a chain that is away is said to be away, and is welcome back."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from node.adapters.chain.client import ChainClient
from node.domain.trust import ChainPin, ContractPin
from node.errors import ChainAwayError, ContractMismatchError, WrongChainError
from node.ports.chain.anchoring import Outcome
from tests.integration.chain_client.conftest import MakeNode, engine_named
from tests.integration.chain_client.consortium_chain import ConsortiumChain, found, key, origin
from tests.integration.chain_client.faulty_proxy import running_proxy
from tests.unit.chain_client_anchors.logs import GrowingLog

pytestmark = [pytest.mark.network, pytest.mark.slow]


@contextmanager
def client_of(rpc_url: str, pin: ChainPin) -> Iterator[ChainClient]:
    client = ChainClient(rpc_url, pin)
    try:
        yield client
    finally:
        client.close()


def with_contract(pin: ChainPin, changed: ContractPin) -> ChainPin:
    return replace(pin, contracts={**pin.contracts, changed.name: changed})


def test_the_pinned_chain_passes(chain: ConsortiumChain) -> None:
    with client_of(chain.engine.rpc_url, chain.pin) as client:
        client.check()


def test_another_chain_id_is_refused(chain: ConsortiumChain) -> None:
    with client_of(chain.engine.rpc_url, replace(chain.pin, chain_id=1)) as client:
        with pytest.raises(WrongChainError) as caught:
            client.check()
        assert (caught.value.what, caught.value.expected) == ("chain id", "1")


def test_another_genesis_is_refused_by_every_use(chain: ConsortiumChain, make_node: MakeNode) -> None:
    log = GrowingLog(origin(0))
    node = make_node(chain.engine.rpc_url, replace(chain.pin, genesis_hash=b"g" * 32), log, key("any"))
    for use in (node.anchors.head, lambda: node.submit(1, base=0), node.anchors.settle):
        with pytest.raises(WrongChainError) as caught:
            use()
        assert caught.value.what == "genesis"
        assert caught.value.actual == f"0x{chain.deployment.genesis_hash.hex()}"


def test_contracts_that_are_not_the_pinned_ones_are_refused(chain: ConsortiumChain) -> None:
    missing = with_contract(chain.pin, replace(chain.pin.contracts["log_anchors"], address=b"\x01" * 20))
    other = with_contract(chain.pin, replace(chain.pin.contracts["consortium"], code_hash=b"c" * 32))
    for pin, name in ((missing, "log_anchors"), (other, "consortium")):
        with client_of(chain.engine.rpc_url, pin) as client:
            with pytest.raises(ContractMismatchError) as caught:
                client.check()
            assert caught.value.contract == name
    unnamed = replace(chain.pin, contracts={"consortium": chain.pin.contracts["consortium"]})
    with client_of(chain.engine.rpc_url, unnamed) as client, pytest.raises(ContractMismatchError):
        client.anchors({}, lambda work: work(None), None, None).anchored_head(origin(0))  # type: ignore[arg-type]


class NotJsonRpc(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"oops")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.mark.parametrize(("status", "reason"), [(200, "its answer is not JSON"), (502, "it answers with HTTP status 502")])
def test_what_is_no_chain_at_all_counts_as_away(embedded: ConsortiumChain, status: int, reason: str) -> None:
    handler = type("Handler", (NotJsonRpc,), {"status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with client_of(f"http://127.0.0.1:{server.server_address[1]}", embedded.pin) as client:
            with pytest.raises(ChainAwayError) as caught:
                client.check()
            assert caught.value.reason == reason
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("engine_name", [pytest.param("embedded"), pytest.param("geth", marks=pytest.mark.engine_geth)])
def test_a_chain_that_died_is_used_again_when_it_is_back(engine_name: str, tmp_path: Path, make_node: MakeNode) -> None:
    engine = engine_named(engine_name)
    running = engine.start(tmp_path / "chain")
    try:
        chain = ConsortiumChain(running, found(running.rpc_url, tmp_path / "deployment.json"))
        log, anchor_key = chain.take()
        node = make_node(running.rpc_url, chain.pin, log, anchor_key)
        node.submit(2)
        node.settled(Outcome.ANCHORED)
        running.kill()
        for use in (node.anchors.head, lambda: node.submit(5, base=2), node.anchors.settle):
            with pytest.raises(ChainAwayError):
                use()
        assert node.anchors.pending(log.origin) is None
        running = engine.start(tmp_path / "chain")
        head = node.anchors.anchored_head(log.origin)
        assert head is not None
        assert head.size == 2
        node.submit(5)
        node.settled(Outcome.ANCHORED)
    finally:
        running.stop()


def test_another_chain_behind_the_same_address_is_noticed(embedded: ConsortiumChain, tmp_path: Path, make_node: MakeNode) -> None:
    """An operator who founds a devnet anew keeps its port: nothing of the old chain may be believed of the new one."""
    other = engine_named("embedded").start(tmp_path / "other")
    try:
        found(other.rpc_url, tmp_path / "deployment.json")
        log, anchor_key = embedded.take()
        with running_proxy(embedded.engine.rpc_url) as proxy:
            node = make_node(proxy.url, embedded.pin, log, anchor_key)
            node.submit(2)
            node.settled(Outcome.ANCHORED)
            proxy.point_to(other.rpc_url)
            with pytest.raises(WrongChainError):
                node.anchors.settle()
    finally:
        other.stop()
