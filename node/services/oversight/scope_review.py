"""Find disclosures that lay outside what their consent's document says, or whose consent has no document in any log.

One loop at nodes that host a regulator. Receipts and documents are noted with the figures (`figures`); a receipt is judged as soon
as a document of its consent was read, and without one a day later. A document that is read later has its receipts judged again:
what a log held that could not be followed is held against nobody for good. Left out: the rules (`node.supervision.consent_scope`),
the chain (`node.services.consents.consent_review`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.hashing import LeafIndex
from node.domain.access import AccessContent
from node.domain.header import Header
from node.ports.clock import Clock, unix_ms
from node.ports.consents.scopes import ConsentScopeStore
from node.ports.keys.signing import NodeKeys
from node.ports.logs.index import FollowedIndex, LeafPlace
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.ports.supervision.findings import SupervisionStore, found_update
from node.services.oversight.audit_keys import AuditKeys
from node.supervision.consent_scope import ConsentDocumented, PersonName, ScopedUse, judge_scope, needs_subjects
from node.supervision.findings import SupervisionFinding

BATCH: Final = 500
"""Receipts that a step judges."""

_PURPOSE: Final = "consent-persons"


@dataclass(frozen=True, slots=True)
class ScopeReviewParts:
    """What the service is made of."""

    store: ConsentScopeStore
    """Receipts and documents."""
    index: FollowedIndex
    """What was followed."""
    keys: AuditKeys
    """Open headers."""
    seals: NodeKeys
    """Name persons."""
    findings: SupervisionStore
    """Keeps what is found."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""


class ScopeReview:
    """Judges receipts; `step` is a loop's."""

    def __init__(self, parts: ScopeReviewParts) -> None:
        self._parts = parts

    def step(self) -> bool:
        """Judge the receipts whose time has come.

        Returns:
            Whether there are more than one step takes.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        due = parts.store.due(now_ms, BATCH)
        if not due:
            return False
        documents = parts.store.documents({use.consent for use in due})
        groups: dict[str, list[SupervisionFinding]] = {}
        for use in due:
            finding = self._judge(use, documents.get(use.consent, ()))
            # one group for both kinds: a document that comes settles that there was none
            groups[f"consent scope {use.place.origin}#{use.place.leaf_index}"] = [] if finding is None else [finding]

        def keep(transaction: RecordsTransaction) -> None:
            parts.store.judged(transaction, [use.place for use in due])
            parts.findings.keep(transaction, found_update(now_ms, groups))

        parts.writer.submit(keep).result()
        return len(due) == BATCH

    def _judge(self, use: ScopedUse, documents: Sequence[ConsentDocumented]) -> SupervisionFinding | None:
        of_subjects = self._persons(use) if documents and needs_subjects(use, documents) else frozenset[PersonName]()
        return judge_scope(use, documents, of_subjects)

    def _persons(self, use: ScopedUse) -> frozenset[PersonName]:
        """Return whose the records are that a receipt is about, by their own headers."""
        receipt = self._open(LeafPlace(use.place.origin, LeafIndex(use.place.leaf_index)))
        subjects = receipt.content.subjects if receipt is not None and isinstance(receipt.content, AccessContent) else ()
        persons = set()
        for subject in subjects:
            index = self._parts.index.find_leaf(subject.origin, subject.leaf_hash)
            record = None if index is None else self._open(LeafPlace(subject.origin, index))
            if record is not None:
                persons.add(person_name(self._parts.seals, record))
        return frozenset(persons)

    def _open(self, place: LeafPlace) -> Header | None:
        entry = self._parts.index.entries([place]).get(place)
        return None if entry is None else self._parts.keys.read(entry)


def person_name(seals: NodeKeys, header: Header) -> PersonName:
    """Return what stands for the person of an entry; empty where it names none."""
    return PersonName(b"" if header.pseudonym is None else seals.mac(_PURPOSE, header.pseudonym))
