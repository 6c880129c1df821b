"""Find recognitions that stand though what they rest on was withdrawn or recalled (`node.supervision.reliance`).

One loop at nodes that host a regulator. What is new in the logs is noted with the figures (`figures`), and marks the recognitions
that it concerns; here they are judged, and again when their time is over. A decision that is taken back settles what was found.
What a step costs depends on what is new: versions of a result are followed by index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from node.domain.entry import LeafReference
from node.domain.recall import RecallLifting, RecallListing
from node.errors import InputError, VerificationError
from node.ports.clock import Clock, unix_ms
from node.ports.recognition.reliance import KeptReliance, KeptReplacement, RelianceStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.supervision.findings import EntryPlace, SupervisionFinding
from node.supervision.reliance import (
    RETRIEVAL_GRACE_MS,
    Lifted,
    Replaced,
    Withdrawal,
    judge_reliance,
    judge_retrievals,
    still_counts,
    subject_of,
)
from node.wire.leaf import parse_leaf
from node.wire.public_entry import open_public_entry
from node.wire.recall_entry import RECALL_KINDS, recall_statement

BATCH: Final = 500
"""Decisions that a step judges."""


@dataclass(frozen=True, slots=True)
class RelianceParts:
    """What the service is made of."""

    store: RelianceStore
    """Recognitions, and what became of what they rest on."""
    findings: SupervisionStore
    """Keeps what is found."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    grace_ms: int
    """How long a recognition may stand after the withdrawal."""


class RelianceReview:
    """Judges recognitions; `step` is a loop's."""

    def __init__(self, parts: RelianceParts) -> None:
        self._parts = parts

    def step(self) -> bool:
        """Judge the recognitions whose time has come.

        Returns:
            Whether there are more than one step takes.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        due = parts.store.due(now_ms, BATCH)
        if not due:
            return False
        uses: dict[LeafReference, list[KeptReliance]] = {each: [] for each in due}
        for each in parts.store.reliances(due):
            place = each.reliance.decision
            uses[LeafReference(place.origin, place.leaf_hash)].append(each)
        withdrawn = self._withdrawn({each.reliance.result for kept in uses.values() for each in kept if not each.is_taken_back})
        looks: dict[LeafReference, int | None] = {}
        groups: dict[str, list[SupervisionFinding]] = {}
        for decision, kept in uses.items():
            first = kept[0].reliance
            judged = judge_reliance(first.decision, first.institution, list(_withdrawals(kept, withdrawn)), now_ms, parts.grace_ms)
            groups[f"reliance {subject_of(first.decision)}"] = [] if judged.finding is None else [judged.finding]
            missing = [each for each in kept if not (each.is_taken_back or each.is_retrieved)]
            over = [each for each in missing if now_ms >= each.seen_at_ms + RETRIEVAL_GRACE_MS]
            found = judge_retrievals(first.decision, first.institution, [each.reliance for each in over])
            groups[f"retrieval {subject_of(first.decision)}"] = [] if found is None else [found]
            again = [each.seen_at_ms + RETRIEVAL_GRACE_MS for each in missing if each not in over]
            looks[decision] = min([*again, *_times(judged.look_again_at_ms)], default=None)

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.look_again(transaction, looks)
            parts.findings.keep(transaction, found_update(now_ms, groups))

        parts.writer.submit(keep).result()
        return len(due) == BATCH

    def _withdrawn(self, results: Iterable[LeafReference]) -> Mapping[LeafReference, list[KeptReplacement]]:
        """Return the withdrawals among the versions that followed each result."""
        found = defaultdict[LeafReference, list[KeptReplacement]](list)
        left = {result: {result} for result in results}
        seen: set[tuple[LeafReference, LeafReference]] = set()
        while left:
            newer = defaultdict[LeafReference, set[LeafReference]](set)
            for version, replacements in self._parts.store.replacements(left).items():
                for each in replacements:
                    following = LeafReference(each.place.origin, each.place.leaf_hash)
                    fresh = {used for used in left[version] if (used, following) not in seen}
                    seen.update((used, following) for used in fresh)
                    for used in fresh:
                        if each.is_withdrawal:
                            found[used].append(each)
                        newer[following].add(used)
            left = newer
        return found


def _times(at_ms: int | None) -> tuple[int, ...]:
    return () if at_ms is None else (at_ms,)


def said_of_recalls(leaf: bytes, header: bytes, place: EntryPlace) -> list[Replaced | Lifted]:
    """Return the results that an administrative entry recalls, or that it lifts a recall; of other entries nothing.

    Args:
        leaf: The bytes of the log.
        header: Its public slot.
        place: Where it is.
    """
    try:
        entry = open_public_entry(leaf, header, place.origin)
        statement = recall_statement(entry) if entry.manifest.kind in RECALL_KINDS else None
    except (InputError, VerificationError):
        return []  # whoever follows the log has looked at it already
    at_ms = parse_leaf(leaf).claimed_time_ms
    match statement:
        case RecallListing(recall_id, leaf_hashes):
            return [Replaced(place, each, is_withdrawal=True, at_ms=at_ms, recall_id=recall_id) for each in leaf_hashes]
        case RecallLifting(recall_id):
            return [Lifted(place, recall_id, at_ms)]
        case _:
            return []


def _withdrawals(uses: Iterable[KeptReliance], withdrawn: Mapping[LeafReference, list[KeptReplacement]]) -> Iterable[Withdrawal]:
    for kept in uses:
        for each in withdrawn.get(kept.reliance.result, ()) if not kept.is_taken_back else ():
            if still_counts(kept.reliance.at_ms, each.at_ms, each.lifted_at_ms):
                yield Withdrawal(each.place, kept.reliance.issuer, max(each.seen_at_ms, kept.seen_at_ms))
