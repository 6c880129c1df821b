"""Find what was ordered again without a reason, or in silence: by what checks offered, whatever decisions say of it.

One loop at nodes that host a regulator. What is new in the logs is noted with the figures (`figures`), and has the history of its
person at its institution judged (`node.supervision.reorders`), with the checks that its decisions name. What a step costs depends
on what is new. Histories are kept sealed, under names that this node alone can make.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from node.domain.entry import InstitutionId, LeafReference, Origin
from node.domain.header import HeaderContent
from node.domain.recognition_acts import CheckId
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.logs.index import FollowedEntry, FollowedIndex, LeafPlace
from node.ports.recognition.reliance import RelianceStore
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.ports.supervision.orders import CheckName, HistoryName, KeptOrderNote, OrderStore
from node.services.oversight.audit_keys import AuditKeys
from node.supervision.findings import EntryPlace, SupervisionFinding
from node.supervision.orders import OrderHistory, OrderNote, encode_parts, parse_parts
from node.supervision.reorders import OfferedFacts, Reorders

BATCH: Final = 200
"""Histories that a step judges."""

_PURPOSE: Final = "orders"
_OF_PERSON, _OF_CHECK = b"person\0", b"check\0"


@dataclass(frozen=True, slots=True)
class OrderReviewParts:
    """What the service is made of."""

    store: OrderStore
    """Histories."""
    index: FollowedIndex
    """What was followed."""
    keys: AuditKeys
    """Open headers."""
    seals: NodeKeys
    """Open what is kept."""
    replaced: RelianceStore
    """What became of results."""
    findings: SupervisionStore
    """Keeps what is found."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    grace_ms: int
    """How long a decision may be read later than the examination."""


class OrderReview:
    """Judges histories; `step` is a loop's."""

    def __init__(self, parts: OrderReviewParts) -> None:
        self._parts = parts

    def step(self) -> bool:
        """Judge the histories whose time has come.

        Returns:
            Whether there are more than one step takes.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        due = parts.store.due(now_ms, BATCH)
        if not due:
            return False
        looks: dict[HistoryName, int | None] = dict.fromkeys(due)
        groups: dict[str, list[SupervisionFinding]] = {}
        for name, (institution, sealed) in parts.store.histories(due).items():
            judged = Reorders(institution, self._open(sealed), self._facts).judge(now_ms, parts.grace_ms)
            looks[name] = judged.look_again_at_ms
            groups |= judged.groups

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.look_again(transaction, looks)
            if groups:
                parts.findings.keep(transaction, found_update(now_ms, groups))

        parts.writer.submit(keep).result()
        return len(due) == BATCH

    def _open(self, sealed: Iterable[bytes]) -> OrderHistory:
        history = OrderHistory()
        for each in sealed:
            for part in parse_parts(self._parts.seals.open(_PURPOSE, each)):
                history.add(part)
        return history

    def _facts(self, results: Sequence[LeafReference]) -> Mapping[LeafReference, OfferedFacts]:
        replaced = self._parts.replaced.replacements(results)
        return {each: self._fact(each, [kept.at_ms for kept in replaced.get(each, ())]) for each in results}

    def _fact(self, result: LeafReference, replaced_at_ms: Sequence[int]) -> OfferedFacts:
        parts, found = self._parts, self._parts.index.find_leaf(result.origin, result.leaf_hash)
        if found is None:
            # its log may be behind the one of whoever checked
            return OfferedFacts(None, None, is_awaited=result.origin in parts.index.origins())
        place = LeafPlace(result.origin, found)
        entry = parts.index.entries([place])[place]
        record = self._record(entry)
        performed_at_ms = None if record is None else record.performed_at_ms
        is_awaited = entry.header is None and entry.tombstone is None
        return OfferedFacts(performed_at_ms, min(replaced_at_ms, default=None), is_awaited)

    def _record(self, entry: FollowedEntry) -> HeaderContent | None:
        header = self._parts.keys.read(entry)
        return header.content if header is not None and isinstance(header.content, HeaderContent) else None


def kept_notes(
    seals: NodeKeys, institution: InstitutionId, place: EntryPlace, notes: Iterable[OrderNote]
) -> Iterator[KeptOrderNote]:
    """Yield notes of an entry as they are kept: sealed, under MACs of whom and of which check they are.

    What names no person is kept under its check: whoever leaves the person out of a decision is judged by the check that it names.

    Args:
        seals: Of this node.
        institution: Whose log the entry is in.
        place: Where it is.
        notes: What it says.
    """
    for number, note in enumerate(notes):
        check = None if note.check is None else _check_name(seals, institution, note.check)
        history = check if note.person is None else _name(seals, institution, _OF_PERSON + note.person)
        if history is not None:
            yield KeptOrderNote(
                history=HistoryName(history),
                check=check,
                is_check=note.is_check,
                weighs=note.weighs,
                institution=institution,
                origin=Origin(place.origin),
                leaf_index=place.leaf_index,
                number=number,
                offered=note.offered,
                sealed=seals.seal(_PURPOSE, encode_parts(note.parts)),
            )


def _check_name(seals: NodeKeys, institution: InstitutionId, check: CheckId) -> CheckName:
    return CheckName(_name(seals, institution, _OF_CHECK + check.encode()))


def _name(seals: NodeKeys, institution: InstitutionId, what: bytes) -> bytes:
    return seals.mac(_PURPOSE, institution.encode() + b"\0" + what)
