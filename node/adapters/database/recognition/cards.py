"""Cards at order time and feedback on them, in `records.db` (`ports.recognition.cards.CardStore`)."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from node.adapters.database.recognition.tables_cards import card_feedback, hook_cards
from node.adapters.database.recognition.tables_checks import order_checks
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId
from node.domain.recognition_acts import CheckId, DecisionId
from node.ports.recognition.cards import CardId, KeptCard, KeptFeedback
from node.ports.records.transaction import RecordsTransaction


class SqlCardStore:
    """A `CardStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def keep(self, transaction: RecordsTransaction, cards: Sequence[KeptCard]) -> None:
        """Keep cards."""
        rows = [
            {"card_id": each.card_id, "institution": each.institution, "check_id": each.check_id, "line_at": each.line_at}
            for each in cards
        ]
        if rows:
            connection_of(transaction).execute(hook_cards.insert(), rows)

    def card(self, institution: InstitutionId, card_id: CardId) -> KeptCard | None:
        """Return an institution's card; None for another institution's."""
        query = sa.select(hook_cards).where(hook_cards.c.card_id == card_id, hook_cards.c.institution == institution)
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else KeptCard(card_id, institution, CheckId(row.check_id), row.line_at)

    def note(self, transaction: RecordsTransaction, feedback: KeptFeedback) -> None:
        """Keep feedback, unless the same was said before."""
        connection, table = connection_of(transaction), card_feedback
        same = sa.and_(table.c.card_id == feedback.card_id, table.c.digest == feedback.digest)
        if connection.execute(sa.select(table.c.card_id).where(same)).first() is None:
            connection.execute(
                table.insert().values(
                    card_id=feedback.card_id,
                    digest=feedback.digest,
                    outcome=feedback.outcome,
                    said_at_ms=feedback.said_at_ms,
                    received_at_ms=feedback.received_at_ms,
                    decision_id=feedback.decision_id,
                    content_sealed=feedback.content,
                )
            )

    def feedback(self, card_id: CardId, digest: bytes) -> KeptFeedback | None:
        """Return what was said of a card before, if it was the same."""
        query = sa.select(card_feedback).where(card_feedback.c.card_id == card_id, card_feedback.c.digest == digest)
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return KeptFeedback(
            card_id=card_id,
            digest=digest,
            outcome=row.outcome,
            said_at_ms=row.said_at_ms,
            received_at_ms=row.received_at_ms,
            decision_id=None if row.decision_id is None else DecisionId(row.decision_id),
            content=row.content_sealed,
        )

    def forget(self, transaction: RecordsTransaction) -> None:
        """Remove cards whose checks are no longer kept, and what was said of them."""
        connection = connection_of(transaction)
        kept = sa.select(order_checks.c.check_id).where(order_checks.c.check_id == hook_cards.c.check_id).exists()
        connection.execute(hook_cards.delete().where(~kept))
        known = sa.select(hook_cards.c.card_id).where(hook_cards.c.card_id == card_feedback.c.card_id).exists()
        connection.execute(card_feedback.delete().where(~known))
