"""Settle what was submitted: gather facts, judge, store what changed with the news of it, then send what is missing.

The order matters: news and states are stored in one transaction before anything is sent or returned, so that a crash
loses neither. Facts are of one final block; if it changes while they are gathered, they are thrown away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
import structlog

from ledger.hashing import TreeSize
from node.adapters.chain.gateway import AnchorGateway
from node.adapters.chain.journal import KEPT_ROWS, Journal, JournalTables, Row, State, Transaction
from node.adapters.chain.reports import add_reports, drop_reports, read_reports
from node.adapters.chain.sending import AnchorSender
from node.adapters.chain.settlement import ContractHead, Facts, Step, judge
from node.adapters.chain.transact import Transact
from node.domain.entry import Origin
from node.errors import ChainRefusedError
from node.ports.chain.anchoring import AnchoredHead, ChainHead, Outcome, Settled

_log = structlog.get_logger(__name__)


def read_head(gateway: AnchorGateway, origin: Origin, block: ChainHead) -> AnchoredHead | None:
    """Return the head of a log in a block's state, with the block that accepted it."""
    found = gateway.head_at(origin, block)
    return None if found is None else _with_block(gateway, origin, found)


def _with_block(gateway: AnchorGateway, origin: Origin, head: ContractHead) -> AnchoredHead:
    accepted = gateway.block_at(head.block_number)
    return AnchoredHead(origin, head.size, head.root, head.block_number, accepted.hash, head.timestamp_s)


@dataclass(slots=True)
class _View:
    """The chain as one settlement sees it: each question is asked once."""

    gateway: AnchorGateway
    newest: ChainHead
    final: ChainHead
    final_heads: dict[Origin, ContractHead | None] = field(default_factory=dict)
    newest_heads: dict[Origin, ContractHead | None] = field(default_factory=dict)
    counts: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def final_head(self, origin: Origin) -> ContractHead | None:
        if origin not in self.final_heads:
            self.final_heads[origin] = self.gateway.head_at(origin, self.final)
        return self.final_heads[origin]

    def newest_head(self, origin: Origin) -> ContractHead | None:
        if self.newest.hash == self.final.hash:
            return self.final_head(origin)
        if origin not in self.newest_heads:
            self.newest_heads[origin] = self.gateway.head_at(origin, self.newest)
        return self.newest_heads[origin]

    def count(self, sender: bytes, block: ChainHead) -> int:
        key = (sender, block.number)
        if key not in self.counts:
            self.counts[key] = self.gateway.count_at(sender, block)
        return self.counts[key]


@dataclass(slots=True)
class _Decisions:
    """What one settlement changes."""

    states: list[tuple[Row, State, int | None]] = field(default_factory=list)
    news: list[Settled] = field(default_factory=list)
    sends: list[Row] = field(default_factory=list)
    waits: int = 0


class AnchorSettler:
    """Brings the journal and the chain together."""

    def __init__(
        self,
        gateway: AnchorGateway,
        sender: AnchorSender,
        transact: Transact,
        declared: JournalTables,
        origins: Sequence[Origin],
    ) -> None:
        self._gateway = gateway
        self._sender = sender
        self._transact = transact
        self._declared = declared
        self._origins = origins
        self._returned: tuple[int, ...] = ()
        self._quiet_at: bytes | None = None

    def wake(self) -> None:
        """Look at everything at the next settlement, even if the chain has no new block."""
        self._quiet_at = None

    def settle(self) -> Sequence[Settled]:
        """Settle once; see `ports.chain.anchoring.AnchorChain.settle`."""
        newest = self._gateway.newest_block()
        if newest.hash == self._quiet_at:
            return ()
        self._gateway.identify()
        view = _View(self._gateway, newest, self._gateway.final_block(newest))
        decisions = _Decisions()
        self._find_vanished(view, decisions)
        self._judge_open(view, decisions)
        if self._gateway.block_at(view.final.number).hash != view.final.hash:
            return ()
        news = self._transact(lambda connection: self._store(connection, decisions))
        self._returned = tuple(news)
        if not news and not decisions.waits and not decisions.sends:
            self._quiet_at = newest.hash
        return [*news.values(), *self._send(view, decisions.sends)]

    def _find_vanished(self, view: _View, decisions: _Decisions) -> None:
        heads = {origin: view.final_head(origin) for origin in self._origins}

        def read(connection: sa.Connection) -> list[list[Row]]:
            journal = Journal(connection, self._declared)
            return [
                journal.above(origin, 0, None, view.final.number)
                if head is None
                else journal.above(origin, head.size, head.root, view.final.number)
                for origin, head in heads.items()
            ]

        for rows in self._transact(read):
            for row in rows:
                # what another transaction had put there comes back with that one, or its caller submits it anew
                state = State.OPEN if row.state is State.ANCHORED else State.SUPERSEDED
                decisions.states.append((row, state, None))
                decisions.waits += 1
            if rows:
                largest = max(rows, key=lambda row: row.wanted.size)
                decisions.news.append(self._news(view, largest, Outcome.VANISHED))

    def _judge_open(self, view: _View, decisions: _Decisions) -> None:
        rows = self._transact(lambda connection: Journal(connection, self._declared).open_rows())
        expected: dict[Origin, TreeSize] = {}
        # by size, for each proof starts from the head before it
        for row in sorted(rows, key=lambda row: row.wanted.size):
            origin = row.wanted.origin
            if origin not in expected:
                head = view.newest_head(origin)
                expected[origin] = TreeSize(0) if head is None else head.size
            step = judge(row, self._facts(view, row, expected[origin]))
            if step is Step.SEND:
                expected[origin] = row.wanted.size
                decisions.sends.append(row)
            elif step is Step.WAIT:
                decisions.waits += 1
            else:
                self._conclude(view, row, step, decisions)

    def _facts(self, view: _View, row: Row, expected: TreeSize) -> Facts:
        transaction = row.transaction
        origin = row.wanted.origin
        heads = (view.final_head(origin), view.newest_head(origin))
        if transaction is None:
            return Facts(view.final.number, *heads, expected, None, 0, 0, has_rival=False)
        receipt = self._gateway.receipt(transaction.tx_hash)
        newest_count = view.count(transaction.sender, view.newest)
        is_used_by_other = receipt is None and newest_count > transaction.nonce
        return Facts(
            view.final.number,
            *heads,
            expected,
            receipt,
            newest_count,
            view.count(transaction.sender, view.final),
            has_rival=is_used_by_other and self._has_rival(transaction),
        )

    def _has_rival(self, transaction: Transaction) -> bool:
        rows = self._transact(
            lambda connection: Journal(connection, self._declared).at_nonce(transaction.sender, transaction.nonce)
        )
        others = [row.transaction for row in rows if row.transaction is not None]
        return any(self._gateway.receipt(other.tx_hash) is not None for other in others)

    def _conclude(self, view: _View, row: Row, step: Step, decisions: _Decisions) -> None:
        if step in (Step.ANCHORED, Step.COVERED):
            head = view.final_head(row.wanted.origin)
            state = State.ANCHORED if step is Step.ANCHORED else State.COVERED
            decisions.states.append((row, state, None if head is None else head.block_number))
            decisions.news.append(self._news(view, row, Outcome.ANCHORED))
        elif step is Step.SUPERSEDED:
            decisions.states.append((row, State.SUPERSEDED, None))
            decisions.news.append(self._news(view, row, Outcome.SUPERSEDED))
        else:
            is_refused = step is Step.REFUSED and row.transaction is not None
            reason = self._gateway.refusal(row.transaction.tx_hash) if is_refused and row.transaction else "NonceTaken"
            decisions.states.append((row, State.REFUSED, None))
            decisions.news.append(self._news(view, row, Outcome.REFUSED, reason or "no reason"))

    def _news(self, view: _View, row: Row, outcome: Outcome, reason: str = "") -> Settled:
        wanted = row.wanted
        head = view.final_head(wanted.origin)
        shown = None if head is None else _with_block(self._gateway, wanted.origin, head)
        return Settled(row.id, wanted.origin, wanted.size, wanted.root, outcome, shown, reason)

    def _store(self, connection: sa.Connection, decisions: _Decisions) -> dict[int, Settled]:
        """Store what changed, drop the news that the caller has recorded by now, and return the rest."""
        journal = Journal(connection, self._declared)
        drop_reports(connection, self._declared, self._returned)
        for row, state, block_number in decisions.states:
            journal.set_state([row.id], state, block_number)
            if state is State.ANCHORED and row.transaction is not None:
                journal.prune(row.transaction.sender, row.transaction.nonce - KEPT_ROWS)
        add_reports(connection, self._declared, decisions.news)
        return read_reports(connection, self._declared)

    def _send(self, view: _View, wanted: Sequence[Row]) -> list[Settled]:
        """Send what is wanted, and before it whatever fills a free nonce below: nodes take nonces in order only."""
        highest: dict[bytes, int] = {}
        for row in wanted:
            if row.transaction is not None:
                sender = row.transaction.sender
                highest[sender] = max(highest.get(sender, 0), row.transaction.nonce)
        refused = [self._send_up_to(sender, view.count(sender, view.newest), last) for sender, last in sorted(highest.items())]
        return [self._news(view, row, Outcome.NOT_TAKEN, reason) for row, reason in (each for each in refused if each is not None)]

    def _send_up_to(self, sender: bytes, first: int, last: int) -> tuple[Row, str] | None:
        """Send a row for each nonce in order; return the one that the chain's node does not take, and why."""
        rows = self._transact(lambda connection: Journal(connection, self._declared).from_nonce(sender, first))
        slots: dict[int, Row] = {}
        for row in rows:
            if row.transaction is not None and row.transaction.nonce <= last:
                held = slots.get(row.transaction.nonce)
                if held is None or row.state is State.OPEN or held.state is not State.OPEN:
                    slots[row.transaction.nonce] = row
        for row in slots.values():
            try:
                if row.transaction is not None:
                    self._sender.send(row.transaction)
            except ChainRefusedError as error:
                _log.warning("anchor_not_taken", origin=row.wanted.origin, size=row.wanted.size, reason=error.reason)
                return row, error.reason
        return None
