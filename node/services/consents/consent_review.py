"""Find disclosures under consents that were not in force: receipts name consents, the chain says what became of them.

Each step takes the receipts that came since, and asks the chain once about all consents among them that it has not answered far
enough yet; answers are kept. Only final blocks count, so that no answer is taken back. Until the chain has come to what a receipt
cites it is held against nobody, and asked again. Left out: how it is judged (`node.supervision.consented`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from node.domain.access import BlockStamp, ConsentId
from node.domain.consent_state import ConsentHistories, SeenBlock
from node.ports.clock import Clock, unix_ms
from node.ports.consents.review import ConsentReviewStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.supervision.consented import ConsentUse, KnownConsent, is_told, judge_use, needs_cited_block, unfounded
from node.supervision.findings import EntryPlace, SupervisionFinding
from node.supervision.misconduct import group_of

BATCH: Final = 200
"""Receipts that a step judges."""
RECHECK_MS: Final = 60_000
"""When to ask again where the chain has not come far enough."""


class ConsentHistorian(Protocol):
    """What the chain says; both raise `ConsentStateUnknownError` while it does not answer."""

    def histories(self, consents: Sequence[ConsentId]) -> ConsentHistories:
        """Return what happened to consents up to the final block."""

    def block(self, number: int) -> SeenBlock:
        """Return a block of the chain."""


@dataclass(frozen=True, slots=True)
class ConsentReviewParts:
    """What the service is made of."""

    store: ConsentReviewStore
    """Receipts and answers."""
    findings: SupervisionStore
    """Keeps what is found."""
    chain: ConsentHistorian
    """Is asked."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""


@dataclass
class _Judged:
    """What one step came to."""

    done: list[EntryPlace] = field(default_factory=list)
    waiting: list[EntryPlace] = field(default_factory=list)
    groups: dict[str, list[SupervisionFinding]] = field(default_factory=dict)


class ConsentReview:
    """Asks and judges; `step` is a loop's."""

    def __init__(self, parts: ConsentReviewParts) -> None:
        self._parts = parts

    def step(self) -> bool:
        """Judge the receipts whose time has come.

        Returns:
            Whether there are more than one step takes.

        Raises:
            ConsentStateUnknownError: The chain does not answer; nothing is judged meanwhile.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        due = parts.store.due(now_ms, BATCH)
        if not due:
            return False
        known = parts.store.known({use.consent for use in due})
        news = self._ask(due, known)
        judged = self._judge(due, {**known, **news})

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.remember(transaction, news)
            parts.store.judged(transaction, judged.done)
            parts.store.look_again(transaction, judged.waiting, now_ms + RECHECK_MS)
            if judged.groups:
                parts.findings.keep(transaction, found_update(now_ms, judged.groups))

        parts.writer.submit(keep).result()
        return len(due) == BATCH

    def _ask(self, due: Sequence[ConsentUse], known: Mapping[ConsentId, KnownConsent]) -> dict[ConsentId, KnownConsent]:
        open_ones = [use.consent for use in due if use.consent not in known or not is_told(use, known[use.consent])]
        asked = list(dict.fromkeys(open_ones))
        if not asked:
            return {}
        told = self._parts.chain.histories(asked)
        return {each: KnownConsent(told.known.get(each), told.final) for each in asked}

    def _judge(self, due: Sequence[ConsentUse], known: Mapping[ConsentId, KnownConsent]) -> _Judged:
        judged = _Judged()
        blocks: dict[int, SeenBlock] = {}
        for use in due:
            said = known[use.consent]
            if not is_told(use, said):
                judged.waiting.append(use.place)
                continue
            judged.done.append(use.place)
            cited = self._on_chain(use.cited, blocks) if use.cited is not None and needs_cited_block(use, said) else None
            judgement = judge_use(use, said, cited)
            if judgement is not None:
                finding = unfounded(use, said, judgement)
                judged.groups[group_of(finding)] = [finding]
        return judged

    def _on_chain(self, cited: BlockStamp, blocks: dict[int, SeenBlock]) -> SeenBlock | None:
        """Return a cited block; None where the chain has another one in its place."""
        if cited.number not in blocks:
            blocks[cited.number] = self._parts.chain.block(cited.number)
        block = blocks[cited.number]
        return block if block.stamp == cited else None
