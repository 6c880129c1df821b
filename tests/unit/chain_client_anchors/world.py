"""A node's anchors over the simulated chain, with a database that survives the node's crashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from ledger.hashing import TreeSize
from node.adapters.chain.anchors import ChainAnchors
from node.adapters.chain.journal import Journal, tables
from node.ports.chain.anchoring import Outcome, Settled, TransactionId
from tests.unit.chain_client_anchors.logs import GrowingLog
from tests.unit.chain_client_anchors.simulator import PlainSigner, SimulatedChain

ResultT = TypeVar("ResultT")
KEY = PlainSigner(b"k" * 20)
ELSEWHERE = PlainSigner(b"e" * 20)
METADATA = sa.MetaData()
DECLARED = tables(METADATA)


class CrashError(BaseException):
    """The process ends here."""


class StoppedClock:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """One node with one log, or two that share the institution's anchor key."""

    def __init__(self, depth: int = 0, database: Path | None = None) -> None:
        self.chain = SimulatedChain(depth)
        self.log = GrowingLog("hospital-a.example/log")
        self.other_log = GrowingLog("hospital-a.example/second", "second")
        pool = None if database is not None else sa.StaticPool
        self.engine = sa.create_engine(f"sqlite:///{database or ''}", poolclass=pool)
        METADATA.create_all(self.engine)
        self.crashes_after_commit = False
        self.start()

    def start(self, key: PlainSigner = KEY) -> None:
        """Start the node, or start it again after a crash: only the database is left."""
        signers = {self.log.origin: key, self.other_log.origin: key}
        self.anchors = ChainAnchors(self.chain, signers, self.transact, DECLARED, StoppedClock())

    def close(self) -> None:
        self.engine.dispose()

    def transact(self, work: Callable[[sa.Connection], ResultT]) -> ResultT:
        with self.engine.begin() as connection:
            result = work(connection)
        if self.crashes_after_commit:
            self.crashes_after_commit = False
            raise CrashError
        return result

    def submit(self, size: int, base: int | None = None, log: GrowingLog | None = None) -> TransactionId:
        """Anchor a size of a log from the chain's head, as the service does."""
        which = log or self.log
        if base is None:
            head = self.anchors.anchored_head(which.origin)
            base = 0 if head is None else head.size
        proof = which.proof(base, size) if base else ()
        return self.anchors.submit_anchor(which.origin, TreeSize(size), which.root(size), proof, TreeSize(base))

    def settle(self) -> list[tuple[Outcome, int]]:
        return [(news.outcome, news.size) for news in self.anchors.settle()]

    def news(self) -> Sequence[Settled]:
        return self.anchors.settle()

    def mine_and_settle(self, blocks: int = 1) -> list[tuple[Outcome, int]]:
        found = []
        for _ in range(blocks):
            self.chain.mine()
            found += self.settle()
        return found

    def journal_rows(self) -> list[tuple[int, int | None, str]]:
        """Return (size, nonce, state) of every row of the journal, oldest first."""
        table = DECLARED.transactions
        query = sa.select(table.c.size, table.c.nonce, table.c.state).order_by(table.c.id)
        with self.engine.connect() as connection:
            return [(row.size, row.nonce, row.state) for row in connection.execute(query)]

    def known_count(self) -> int:
        with self.engine.connect() as connection:
            return Journal(connection, DECLARED).known_count(KEY.address)

    def crash(self, during: Callable[[], object]) -> None:
        """Let the process end in the middle of something, and start again."""
        with suppress(CrashError):
            during()
            raise AssertionError("nothing crashed")
        self.start()
