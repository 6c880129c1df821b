"""What becomes of cards: a reason that a card offered is a decision to order again, an accepted suggestion one to recognise.

Both are taken under the clinician of the check, by the service of decisions (docs/spec/recognition.md, "Feedback"); the same
said again changes nothing. A suggestion that was accepted without the results having been retrieved and verified is noted,
and is no recognition; so is an override without a reason of the card's. Left out: the words of cards (`node.api.routes.cds_hooks`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from node.domain.entry import InstitutionId
from node.domain.recognition import UNRETRIEVABLE, OrderableCheck, Reason, ReasonCode
from node.domain.recognition_acts import CheckId, DecisionId
from node.errors import DecisionStandsError, MalformedReasonError, UnknownCardError
from node.ports.clock import Clock, unix_ms
from node.ports.keys.signing import NodeKeys
from node.ports.recognition.cards import CardId, CardStore, KeptCard, KeptFeedback
from node.ports.recognition.decisions import VerifiedRetrievals
from node.ports.records.transaction import RecordsTransaction, RecordsWriter
from node.recognition.decision import Recognise, Reorder
from node.services.catalogue.rulebook import Rulebook
from node.services.recognition.checking import OrderChecking
from node.services.recognition.deciding import Deciding, DecisionOrder
from node.services.recognition.view_links import needed_results
from node.wire.recognition.cds_feedback import CardFeedback
from node.wire.recognition.text import CheckText

FEEDBACK_SEAL = "card-feedback"
"""Purpose under which feedback is sealed for this node."""
REASONS: Final = "urn:concord:reason"
"""System of the six national reasons."""
SUB_REASONS: Final = "urn:concord:sub-reason"
"""System of the region's sub-reasons."""


@dataclass(frozen=True, slots=True)
class FeedbackParts:
    """What the service is made of."""

    store: CardStore
    """Keeps cards and feedback."""
    checking: OrderChecking
    """Recalls checks."""
    deciding: Deciding
    """Takes decisions."""
    retrievals: VerifiedRetrievals
    """What was retrieved and verified."""
    rules: Rulebook
    """The region's sub-reasons."""
    keys: NodeKeys
    """Seals what was said."""
    writer: RecordsWriter
    """The one writer."""
    clock: Clock
    """Tells the time."""


class CardFeedbackService:
    """Keeps cards, and takes what is said of them; any thread."""

    def __init__(self, parts: FeedbackParts) -> None:
        self._parts = parts

    def keep(self, institution: InstitutionId, check_id: CheckId, lines: Iterable[int]) -> dict[int, CardId]:
        """Keep cards for lines of a check, by their places in it; durable when this returns."""
        cards = {at: CardId(str(uuid.uuid4())) for at in lines}
        kept = [KeptCard(card_id, institution, check_id, at) for at, card_id in cards.items()]
        if kept:
            self._parts.writer.submit(lambda transaction: self._parts.store.keep(transaction, kept)).result()
        return cards

    def take(self, institution: InstitutionId, said: Sequence[CardFeedback]) -> list[tuple[CardId, DecisionId | None]]:
        """Take feedback; return each card with the decision that was taken, if it is one.

        Raises:
            UnknownCardError: The institution was shown no such card, or nobody keeps it any more; nothing was taken.
            DecisionError: A decision cannot be taken as it was asked for; what came before it was taken.
        """
        cards = [self._card(institution, each, at) for at, each in enumerate(said)]
        return [(card.card_id, self._take(card, each)) for card, each in zip(cards, said, strict=True)]

    def sweep(self) -> None:
        """Forget cards whose checks are no longer kept; a step of a loop."""
        self._parts.writer.submit(self._parts.store.forget).result()

    def _card(self, institution: InstitutionId, said: CardFeedback, at: int) -> KeptCard:
        card = self._parts.store.card(institution, CardId(said.card))
        if card is None or any(each != suggestion_id(card.card_id) for each in said.suggestions):
            raise UnknownCardError(at)
        return card

    def _take(self, card: KeptCard, said: CardFeedback) -> DecisionId | None:
        known = self._parts.store.feedback(card.card_id, said.digest)
        if known is not None:
            return known.decision_id
        check, _ = self._parts.checking.recall(card.institution, card.check_id)
        line = check.outcome.lines[card.line_at]
        wish = self._wish(card.institution, line, said)
        feedback = self._feedback(card, said)
        if wish is None:
            self._parts.writer.submit(lambda transaction: self._parts.store.note(transaction, feedback)).result()
            return None
        return self._decide(card, check, line, wish, feedback)

    def _decide(
        self, card: KeptCard, check: CheckText, line: OrderableCheck, wish: Recognise | Reorder, feedback: KeptFeedback
    ) -> DecisionId | None:
        def note(transaction: RecordsTransaction, decision_id: DecisionId) -> None:
            self._parts.store.note(transaction, replace(feedback, decision_id=decision_id))

        order = DecisionOrder(card.check_id, line.line.order_id, check.actor, wish)
        try:
            return self._parts.deciding.decide(card.institution, order, note).decision_id
        except DecisionStandsError:
            # the same may have come twice at once: then the other one took it
            known = self._parts.store.feedback(card.card_id, feedback.digest)
            if known is None:
                raise
            return known.decision_id

    def _wish(self, institution: InstitutionId, line: OrderableCheck, said: CardFeedback) -> Recognise | Reorder | None:
        if said.is_accepted:
            results = tuple(needed_results(line))
            verified = self._parts.retrievals.verified(institution, results)
            return Recognise(results) if results and verified.issuperset(results) else None
        if said.reason_system == REASONS:
            return Reorder(_national(said.reason_code), None, said.comment)
        if said.reason_system == SUB_REASONS:
            return Reorder(self._above(institution, said.reason_code), ReasonCode(said.reason_code), said.comment)
        return None

    def _above(self, institution: InstitutionId, code: str) -> Reason:
        """Return the national reason above a sub-reason; `decide` checks that the region has it there."""
        if code == UNRETRIEVABLE:
            return Reason.OTHER
        known = self._parts.rules.ordering(institution).region_rules.sub_reasons
        found = next((each.reason for each in known if each.code == code), None)
        if found is None:
            raise MalformedReasonError("overrideReason.reason", "no reason that a card offers")
        return found

    def _feedback(self, card: KeptCard, said: CardFeedback) -> KeptFeedback:
        told = msgspec.json.encode((said.reason_system, said.reason_code, said.comment))
        return KeptFeedback(
            card_id=card.card_id,
            digest=said.digest,
            outcome="accepted" if said.is_accepted else "overridden",
            said_at_ms=said.said_at_ms,
            received_at_ms=unix_ms(self._parts.clock),
            decision_id=None,
            content=self._parts.keys.seal(FEEDBACK_SEAL, told),
        )


def suggestion_id(card_id: CardId) -> str:
    """Return the UUID of a card's one suggestion."""
    return str(uuid.uuid5(uuid.UUID(card_id), "use"))


def _national(code: str) -> Reason:
    if code not in {str(int(reason)) for reason in Reason}:
        raise MalformedReasonError("overrideReason.reason", "no reason that a card offers")
    return Reason(int(code))
