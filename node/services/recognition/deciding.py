"""Decisions on order lines: recognised, or ordered again with a reason; logged, and told to the issuers; reversible.

Everything is one transaction: that no other decision stands, the entry (type 5, class 1), the row, and what the outbox tells.
The rules are `node.recognition.decision`. Left out: slips (`slips`); what proves a decision to strangers (`certificates`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from node.domain.access import Actor
from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.patient import PatientKeys
from node.domain.recognition import Decision, DecisionOutcome, OrderableCheck
from node.domain.recognition_acts import CheckId, DecisionContent, DecisionId, OfferedResult, ReversalContent
from node.domain.record import Kind, Part
from node.errors import DecisionStandsError, ReversedDecisionError, RevisedResultError, StaleCheckError, UnknownDecisionError
from node.identity.sealed import encode_patient_keys, parse_patient_keys
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.recognition.decisions import DecisionStore, KeptDecision, VerifiedRetrievals
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.recognition.decision import DecisionBasis, Recognise, Reorder, decide
from node.services.catalogue.rulebook import Rulebook
from node.services.members.outbox import Outbox
from node.services.recognition.checking import OrderChecking
from node.services.recognition.order_results import OrderResults
from node.services.recognition.recall_standing import RecallStanding
from node.services.records.entries import ActEntry, EntryComposer
from node.wire.members.decisions import DECISION_KIND, DecisionMessage, Outcome, encode_decision_message
from node.wire.recognition.decision_summary import SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, encode_summary, summarise
from node.wire.recognition.text import (
    DECISION_MEDIA_TYPE,
    CheckText,
    DecisionText,
    ReversalText,
    decision_content,
    encode_decision,
    encode_reversal,
    parse_decision,
)

DECISION_SEAL = "decision"
"""Purpose under which decisions are sealed for this node."""
RECOGNITION_KIND = Kind("recognition-decision")

_ID_BYTES = 16
_PRIVATE = 1
"""Class of what its writer and the patient find."""


@dataclass(frozen=True, slots=True)
class DecisionOrder:
    """What a clinician decides."""

    check_id: CheckId
    """The check that the clinician saw."""
    order_id: str
    """The order line."""
    actor: Actor
    """Who decides."""
    wish: Recognise | Reorder
    """What."""


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """A decision that was taken."""

    decision_id: DecisionId
    """Names it."""
    decision: Decision
    """What was decided."""
    entry: LeafReference
    """Its entry."""
    told: tuple[InstitutionId, ...]
    """Institutions that are told of it."""


@dataclass(frozen=True, slots=True)
class DecidingParts:
    """What the service is made of."""

    rules: Rulebook
    """Catalogue, maps, marks, prices."""
    checking: OrderChecking
    """Recalls checks."""
    retrievals: VerifiedRetrievals
    """What was retrieved and verified."""
    store: DecisionStore
    """Keeps decisions."""
    revised: Callable[[RecordsTransaction, InstitutionId, Sequence[LeafReference]], frozenset[LeafReference]]
    """Says of which results notice came that they are amended, withdrawn or recalled."""
    results: OrderResults
    """What may be shown of the patient by now."""
    recalls: RecallStanding
    """Knows what recalls stand against: one that was announced after the check counts."""
    used: Callable[[RecordsTransaction, InstitutionId, DecisionText], None]
    """Notes what a decision uses: whom a notice that comes later concerns."""
    composer: EntryComposer
    """Stages entries."""
    outbox: Outbox
    """Tells the issuers."""
    keys: NodeKeys
    """Seals what is kept."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""
    staged: Callable[[Origin], None]
    """Says that a log has something staged."""
    origins: Mapping[InstitutionId, Origin]
    """Logs of the hosted institutions."""
    max_check_age_ms: int
    """How old a check may be that is decided on."""


Also = Callable[[RecordsTransaction, DecisionId], None]
"""What belongs into the transaction of a decision."""


def _nothing_else(_transaction: RecordsTransaction, _decision_id: DecisionId) -> None:
    """Do nothing."""


class Deciding:
    """Takes decisions; any thread."""

    def __init__(self, parts: DecidingParts) -> None:
        self._parts = parts

    def decide(self, institution: InstitutionId, order: DecisionOrder, also: Also = _nothing_else) -> DecisionAnswer:
        """Take a decision; durable, staged and on its way to the issuers when this returns.

        Args:
            institution: Who decides.
            order: What.
            also: What is done in the same transaction.

        Raises:
            UnknownCheckError: The institution made no such check.
            DecisionStandsError: One stands for this order line, which is named.
            DecisionError: It cannot be taken as it was asked for; nothing was logged.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)
        index = parts.rules.ordering(institution)
        check, patient = parts.checking.recall(institution, order.check_id)
        if not index.pins.issuperset(check.outcome.concerned_pins):
            raise StaleCheckError  # other versions of documents that concern it hold by now
        results = [offer.leaf for line in check.outcome.lines for offer in line.offers]
        verified = parts.retrievals.verified(institution, results)
        order_mac = self._order_mac(patient, check.outcome.encounter, order.order_id)
        decision_id = DecisionId(secrets.token_hex(_ID_BYTES))
        wanted = order.wish.results if isinstance(order.wish, Recognise) else ()
        # before the transaction, which holds everybody up; only a recall of this very moment lets it look itself
        found = parts.results.again(patient) if parts.recalls.against().concern(wanted) else None

        def work(transaction: RecordsTransaction) -> DecisionAnswer:
            standing = parts.store.standing(transaction, institution, order_mac)
            if standing is not None:
                raise DecisionStandsError(standing.decision_id)
            basis = DecisionBasis(check.outcome, verified, parts.max_check_age_ms)
            decision = decide(index, order.order_id, order.wish, basis, now_ms)
            if parts.revised(transaction, institution, decision.recognised):
                raise RevisedResultError
            recalled = parts.recalls.against(transaction)
            if recalled.concern(wanted) and recalled.among(found or parts.results.again(patient), decision.recognised):
                raise RevisedResultError
            text = _text(decision_id, order, check, decision)
            entry = _entry(decision_content(text, check.outcome.concerned_pins), encode_decision(text), now_ms, patient)
            (staged,) = parts.composer.stage(transaction, institution, [_with_summary(entry, text, check)])
            kept = KeptDecision(
                decision_id=decision_id,
                check_id=check.check_id,
                institution=institution,
                order_mac=order_mac,
                entry=staged.reference,
                decided_at_ms=now_ms,
                reversed_at_ms=None,
                content=parts.keys.seal(DECISION_SEAL, encode_decision(text)),
                patient=parts.keys.seal(DECISION_SEAL, encode_patient_keys(patient)),
            )
            parts.store.keep(transaction, kept)
            parts.used(transaction, institution, text)
            self._tell(transaction, institution, decision, decision_id, _concerned(_line(check, order.order_id), decision))
            also(transaction, decision_id)
            return DecisionAnswer(decision_id, decision, staged.reference, text.told)

        answer = parts.writer.submit(work).result()
        parts.staged(parts.origins[institution])
        return answer

    def reverse(self, institution: InstitutionId, decision_id: DecisionId, actor: Actor) -> LeafReference:
        """Take a decision back by an entry that supersedes its own; return that entry.

        Raises:
            UnknownDecisionError: The institution took no such decision.
            ReversedDecisionError: It was taken back already.
        """
        parts, now_ms = self._parts, unix_ms(self._parts.clock)

        def work(transaction: RecordsTransaction) -> LeafReference:
            kept = parts.store.decision(transaction, institution, decision_id)
            if kept is None:
                raise UnknownDecisionError(decision_id)
            if kept.reversed_at_ms is not None:
                raise ReversedDecisionError(decision_id)
            text = parse_decision(parts.keys.open(DECISION_SEAL, kept.content))
            patient = parse_patient_keys(parts.keys.open(DECISION_SEAL, kept.patient))
            content = ReversalContent(decision_id, kept.entry, actor, now_ms)
            body = encode_reversal(ReversalText(decision_id, actor, now_ms))
            (staged,) = parts.composer.stage(transaction, institution, [_entry(content, body, now_ms, patient, kept.entry)])
            parts.store.reverse(transaction, decision_id, now_ms)
            message = encode_decision_message(DecisionMessage(decision_id, "reversed", (), None, now_ms))
            parts.outbox.tell(transaction, institution, text.told, DECISION_KIND, decision_id, message)
            return staged.reference

        entry = parts.writer.submit(work).result()
        parts.staged(parts.origins[institution])
        return entry

    def _tell(
        self,
        transaction: RecordsTransaction,
        institution: InstitutionId,
        decision: Decision,
        decision_id: DecisionId,
        concerned: Mapping[InstitutionId, tuple[LeafReference, ...]],
    ) -> None:
        outcome: Outcome = "recognised" if decision.outcome is DecisionOutcome.RECOGNISED else "reordered"
        reason = None if decision.reason is None else int(decision.reason)
        for issuer, results in concerned.items():
            message = encode_decision_message(DecisionMessage(decision_id, outcome, results, reason, decision.decided_at_ms))
            self._parts.outbox.tell(transaction, institution, [issuer], DECISION_KIND, decision_id, message)

    def _order_mac(self, patient: PatientKeys, encounter: str, order_id: str) -> bytes:
        message = b"\0".join((encounter.encode(), order_id.encode()))
        return self._parts.keys.mac(DECISION_SEAL, patient.exchange_public_key + message)


def _text(decision_id: DecisionId, order: DecisionOrder, check: CheckText, decision: Decision) -> DecisionText:
    line = _line(check, order.order_id)
    used = tuple(
        OfferedResult(offer.leaf, offer.institution, tuple(each.item for each in offer.items))
        for offer in line.offers
        if offer.leaf in decision.recognised
    )
    told = tuple(_concerned(line, decision))
    encounter, campus = check.outcome.encounter, check.campus
    return DecisionText(decision_id, check.check_id, order.actor, encounter, decision, used, told, campus)


def _line(check: CheckText, order_id: str) -> OrderableCheck:
    """Return the line of an order; `decide` refuses one that the check does not have."""
    return next(line for line in check.outcome.lines if line.line.order_id == order_id)


def _concerned(line: OrderableCheck, decision: Decision) -> dict[InstitutionId, tuple[LeafReference, ...]]:
    """Return the other institutions whose results are used, or, of a re-order, had been offered; and which."""
    found: dict[InstitutionId, tuple[LeafReference, ...]] = {}
    for offer in line.offers:
        if not offer.own and (offer.leaf in decision.recognised or decision.outcome is DecisionOutcome.REORDERED):
            found[offer.institution] = (*found.get(offer.institution, ()), offer.leaf)
    return found


def _with_summary(entry: ActEntry, text: DecisionText, check: CheckText) -> ActEntry:
    """Add to a recognition the small part that a slip's QR code discloses, and not the clinician's words."""
    if text.decision.outcome is not DecisionOutcome.RECOGNISED:
        return entry
    summary = Part(SUMMARY_MEDIA_TYPE, SUMMARY_ROLE, "", encode_summary(summarise(text, check)), "")
    return replace(entry, parts=(*entry.parts, summary))


def _entry(
    content: DecisionContent | ReversalContent,
    body: bytes,
    at_ms: int,
    patient: PatientKeys,
    supersedes: LeafReference | None = None,
) -> ActEntry:
    return ActEntry(
        entry_type=EntryType.RECOGNITION_DECISION,
        kind=RECOGNITION_KIND,
        content=content,
        parts=(Part(DECISION_MEDIA_TYPE, "decision", "", body, ""),),
        performed_at_ms=at_ms,
        patient=patient,
        tag_class=_PRIVATE,
        supersedes=supersedes,
    )
