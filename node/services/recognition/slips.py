"""Slips for the medical record: what a recognition says, and what proves it (docs/spec/slip.md).

A slip is made whenever it is asked for, as far as the decision's entry got by then: while no checkpoint covers it, it is
`stored`, and nothing proves it. What the QR code discloses is the entry's summary, not the clinician's words. Left out: how it
is drawn (`node.printing`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from node.domain.entry import InstitutionId, LeafReference, Level, Origin
from node.domain.recognition import DecisionOutcome
from node.domain.recognition_acts import DecisionId
from node.domain.slip import Slip
from node.errors import NotYetLoggedError, QrTooLargeError, SlipRefusedError, UnknownDecisionError, UnknownPartError
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.logs.index import FollowedIndex, LeafPlace
from node.ports.recognition.decisions import DecisionStore
from node.ports.records.own_entries import OwnTags
from node.ports.records.transaction import EntryRow, RecordsTransaction, RecordsWriter
from node.services.recognition.checking import OrderChecking
from node.services.recognition.deciding import DECISION_SEAL
from node.services.records.evidence import EvidenceService
from node.wire.evidence.file import parse_evidence
from node.wire.evidence.qr_evidence import encode_qr_evidence
from node.wire.leaf import parse_leaf
from node.wire.recognition.decision_summary import summarise
from node.wire.recognition.text import parse_decision

SUMMARY_PART = 2
"""Number of the summary in a decision's entry."""


@dataclass(frozen=True, slots=True)
class SlipParts:
    """What the service is made of."""

    store: DecisionStore
    """Decisions."""
    checking: OrderChecking
    """Recalls checks."""
    index: FollowedIndex
    """Where the decision's entry stands."""
    tags: OwnTags
    """Own entries."""
    evidence: EvidenceService
    """Proves them."""
    level: Callable[[Origin, int], Level]
    """How far an own entry got."""
    is_witnessed: Callable[[Origin, int], bool]
    """Whether a quorum of others saw it."""
    keys: NodeKeys
    """Opens what is kept."""
    writer: RecordsWriter
    """Looks decisions up."""
    clock: Clock
    """Tells the time."""


class Slips:
    """Makes slips; any thread."""

    def __init__(self, parts: SlipParts) -> None:
        self._parts = parts

    def make(self, institution: InstitutionId, decision_id: DecisionId) -> Slip:
        """Make the slip of a decision that recognised.

        Raises:
            UnknownDecisionError: The institution took no such decision.
            SlipRefusedError: It recognises nothing, or was taken back.
        """
        parts = self._parts
        kept = parts.writer.submit(lambda transaction: parts.store.decision(transaction, institution, decision_id)).result()
        if kept is None:
            raise UnknownDecisionError(decision_id)
        if kept.reversed_at_ms is not None:
            raise SlipRefusedError(decision_id, "it was taken back")
        text = parse_decision(parts.keys.open(DECISION_SEAL, kept.content))
        if text.decision.outcome is not DecisionOutcome.RECOGNISED:
            raise SlipRefusedError(decision_id, "it orders again; a slip is of results that are recognised")
        check, _ = parts.checking.recall(institution, text.check_id)
        row = self._row(kept.entry)
        proof, lacks = self._prove(row)
        level = Level.STORED if row is None else parts.level(row.origin, row.leaf_index)
        return Slip(
            summary=summarise(text, check),
            entry=kept.entry,
            leaf_index=None if row is None else row.leaf_index,
            level=level,
            is_witnessed=row is not None and parts.is_witnessed(row.origin, row.leaf_index),
            proof=proof,
            lacks=lacks,
            made_at_ms=unix_ms(parts.clock),
        )

    def _row(self, reference: LeafReference) -> EntryRow | None:
        """Return the decision's entry once a checkpoint covers it and this node, which follows its own logs too, has read it."""
        index = self._parts.index.find_leaf(reference.origin, reference.leaf_hash)
        if index is None:
            return None
        place = LeafPlace(reference.origin, index)
        tag = parse_leaf(self._parts.index.entries([place])[place].leaf).tag

        def find(transaction: RecordsTransaction) -> EntryRow | None:
            return self._parts.tags.places(transaction, reference.origin, [tag]).get(tag)

        row = self._parts.writer.submit(find).result()
        return row if row is not None and row.leaf_hash == reference.leaf_hash else None

    def _prove(self, row: EntryRow | None) -> tuple[str | None, str]:
        """Return the text of the QR code, or why there is none."""
        if row is None:
            return None, "stored"
        try:
            evidence = self._parts.evidence.export_act(row, {SUMMARY_PART})
            return encode_qr_evidence(parse_evidence(evidence)), ""
        except NotYetLoggedError:
            return None, "stored"
        except UnknownPartError:
            return None, "older"
        except QrTooLargeError:
            return None, "large"
