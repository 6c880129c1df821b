"""A founded consortium on a real engine, and nodes' clients of it."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from eth_account import Account

from contracts.terms import KeyKind, Role
from devnet.engines import RunningEngine
from devnet.genesis import Deployment, InstitutionPlan, OriginPlan, address_of, found_consortium
from devnet.transactions import open_web3
from ledger.hashing import TreeSize
from node.adapters.chain.client import ChainClient
from node.adapters.chain.journal import tables
from node.adapters.chain.signers import LocalSigner
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import ChainPin, Finality
from node.errors import ChainAwayError
from node.ports.chain.anchoring import Outcome, Settled, TransactionId
from tests.unit.chain_client_anchors.logs import GrowingLog

ResultT = TypeVar("ResultT")
METADATA = sa.MetaData()
DECLARED = tables(METADATA)
CHAIN_ID = 31_007
ORIGINS = 32
ANCHOR_KEY_COUNT = 40
DEADLINE_S = 60.0
IMMEDIATE = Finality(0)


def key(name: str) -> bytes:
    """Return a private key for a test; worthless anywhere else."""
    return hashlib.sha256(f"a test's key: {name}".encode()).digest()


ANCHOR_KEYS = [key(f"anchor {number}") for number in range(ANCHOR_KEY_COUNT)]
FOUNDERS = ("hospital-a.example", "regulator.example")
JOINER = "hospital-b.example"
MINER = key("miner")
RELAY = key("relay")
FUNDED = tuple(f"0x{address_of(each).hex()}" for each in [*ANCHOR_KEYS, MINER, RELAY, *(key(name) for name in (*FOUNDERS, JOINER))])


def origin(number: int) -> Origin:
    return Origin(f"{FOUNDERS[0]}/log-{number}")


def plans(origins: int) -> tuple[list[InstitutionPlan], list[InstitutionPlan]]:
    logs = tuple(OriginPlan(origin(number), "http://127.0.0.1:8080/log/") for number in range(origins))
    hospital = InstitutionPlan(
        InstitutionId(FOUNDERS[0]),
        Role.HOSPITAL,
        key(FOUNDERS[0]),
        {KeyKind.ANCHOR: address_of(key("unused")), KeyKind.LOG: b"l" * 32},
        logs,
    )
    regulator = InstitutionPlan(InstitutionId(FOUNDERS[1]), Role.REGULATOR, key(FOUNDERS[1]), {KeyKind.AUDIT: b"a" * 32}, ())
    other = OriginPlan(Origin(f"{JOINER}/log"), "http://127.0.0.1:8081/log/")
    joiner = InstitutionPlan(InstitutionId(JOINER), Role.HOSPITAL | Role.PHARMACY, key(JOINER), {}, (other,))
    return [hospital, regulator], [joiner]


def found(rpc_url: str, deployment_file: Path, *, origins: int = 1, threshold: int = 2) -> Deployment:
    founders, members = plans(origins)
    return found_consortium(rpc_url, founders=founders, members=members, threshold=threshold, deployment_file=deployment_file)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class ConsortiumChain:
    """An engine with a founded consortium; every test takes an origin and an anchor key that no other test uses."""

    engine: RunningEngine
    deployment: Deployment

    def __post_init__(self) -> None:
        self._origins = itertools.count()
        self._keys = itertools.count()

    @property
    def pin(self) -> ChainPin:
        return self.deployment.pin(IMMEDIATE)

    def take(self) -> tuple[GrowingLog, bytes]:
        """Return a log whose origin is open, and a fresh key that is the institution's anchor key from now on."""
        number = next(self._origins)
        anchor_key = ANCHOR_KEYS[next(self._keys)]
        self.register_anchor_key(anchor_key)
        return GrowingLog(origin(number), f"log {number}"), anchor_key

    def take_key(self, overlap_s: int = 3600) -> bytes:
        """Return one more fresh key; the last one stays valid beside it for the overlap."""
        anchor_key = ANCHOR_KEYS[next(self._keys)]
        self.register_anchor_key(anchor_key, overlap_s)
        return anchor_key

    def register_anchor_key(self, anchor_key: bytes, overlap_s: int = 0) -> None:
        client = ChainClient(self.engine.rpc_url, self.pin)
        try:
            member = client.consortium(LocalSigner(key(FOUNDERS[0])))
            member.register_key("anchor", address_of(anchor_key), overlap_s)
        finally:
            client.close()

    def mine(self, blocks: int = 1) -> None:
        """Let blocks be made that change nothing."""
        mine(self.engine.rpc_url, blocks)


def mine(rpc_url: str, blocks: int) -> None:
    """Let a chain that makes blocks for transactions make some."""
    account = Account.from_key(MINER)
    with open_web3(rpc_url) as web3:
        for _ in range(blocks):
            signed = account.sign_transaction(
                {
                    "chainId": web3.eth.chain_id,
                    "nonce": web3.eth.get_transaction_count(account.address),
                    "to": account.address,
                    "value": 0,
                    "gas": 21_000,
                    "gasPrice": web3.eth.gas_price,
                }
            )
            web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction), poll_latency=0.02)


def ask(rpc_url: str, method: str, *params: object) -> Any:  # noqa: ANN401 - whatever the method answers
    """Send one JSON-RPC request that web3 has no name for."""
    with open_web3(rpc_url) as web3:
        return web3.manager.request_blocking(method, list(params))  # type: ignore[arg-type]


class Node:
    """One node's chain client with its database; `restart` keeps nothing but the database."""

    def __init__(self, rpc_url: str, pin: ChainPin, log: GrowingLog, anchor_key: bytes, database: Path) -> None:
        self._rpc_url = rpc_url
        self._pin = pin
        self.log = log
        self._key = anchor_key
        self._engine = sa.create_engine(f"sqlite:///{database}")
        METADATA.create_all(self._engine)
        self._open()

    def _open(self) -> None:
        self.client = ChainClient(self._rpc_url, self._pin, read_timeout_s=30)
        self.anchors = self.client.anchors({self.log.origin: LocalSigner(self._key)}, self._transact, DECLARED, WallClock())

    def _transact(self, work: Callable[[sa.Connection], ResultT]) -> ResultT:
        with self._engine.begin() as connection:
            return work(connection)

    def restart(self) -> None:
        self.client.close()
        self._open()

    def close(self) -> None:
        self.client.close()
        self._engine.dispose()

    def submit(self, size: int, base: int | None = None, log: GrowingLog | None = None) -> TransactionId:
        which = log or self.log
        if base is None:
            head = self.anchors.anchored_head(which.origin)
            base = 0 if head is None else head.size
        proof = which.proof(base, size) if base else ()
        return self.anchors.submit_anchor(which.origin, TreeSize(size), which.root(size), proof, TreeSize(base))

    def settled(self, outcome: Outcome, between: Callable[[], None] = lambda: None) -> Settled:
        """Settle until there is news, which must be one piece of this outcome."""
        (news,) = self.all_settled(between)
        assert news.outcome is outcome
        return news

    def all_settled(self, between: Callable[[], None] = lambda: None) -> list[Settled]:
        """Settle until there is news."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            # geth is away for a moment after its start, and takes nothing while it is
            with suppress(ChainAwayError):
                news = [each for each in self.anchors.settle() if each.outcome is not Outcome.NOT_TAKEN]
                if news:
                    return news
            between()
            time.sleep(0.05)
        raise AssertionError("no news in time")

    def rows(self) -> Sequence[tuple[int, int | None, str]]:
        table = DECLARED.transactions
        query = sa.select(table.c.size, table.c.nonce, table.c.state).order_by(table.c.id)
        with self._engine.connect() as connection:
            return [(row.size, row.nonce, row.state) for row in connection.execute(query)]


def with_finality(pin: ChainPin, depth: int) -> ChainPin:
    return replace(pin, finality=Finality(depth))
