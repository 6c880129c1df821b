"""Receipts that name consents, and the chain's answers, in `records.db` (`ports.consents.review`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from node.adapters.database.consents.tables_review import consent_answers, consent_uses
from node.adapters.database.records.transaction import connection_of
from node.domain.access import AccessSide, BlockStamp, ConsentId
from node.domain.consent_state import ConsentHistory, SeenBlock
from node.domain.entry import InstitutionId, Origin
from node.ports.records.transaction import RecordsTransaction
from node.supervision.consented import ConsentUse, KnownConsent
from node.supervision.findings import EntryPlace


class SqlConsentReviewStore:
    """A `ConsentReviewStore`; what it is asked about at once is a step's batch."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(self, transaction: RecordsTransaction, uses: Sequence[ConsentUse], look_at_ms: int) -> None:
        """Keep receipts, and when to judge them, unix ms."""
        rows = [
            {
                "origin": use.place.origin,
                "leaf_index": use.place.leaf_index,
                "leaf_hash": use.place.leaf_hash,
                "tree_size": use.place.tree_size,
                "institution": use.institution,
                "side": use.side.value,
                "consent": use.consent,
                "cited_number": None if use.cited is None else use.cited.number,
                "cited_hash": None if use.cited is None else use.cited.block_hash,
                "moment_ms": use.moment_ms,
                "look_at_ms": look_at_ms,
            }
            for use in uses
        ]
        if rows:
            connection_of(transaction).execute(consent_uses.insert(), rows)

    def due(self, now_ms: int, limit: int) -> list[ConsentUse]:
        """Return receipts to judge, the longest overdue first."""
        table = consent_uses
        query = sa.select(table).where(table.c.look_at_ms <= now_ms)
        ordered = query.order_by(table.c.look_at_ms, table.c.origin, table.c.leaf_index).limit(limit)
        with self._readers.connect() as connection:
            return [_use(row) for row in connection.execute(ordered)]

    def known(self, consents: Collection[ConsentId]) -> dict[ConsentId, KnownConsent]:
        """Return what the chain said of some consents; those that it was never asked about are left out."""
        query = sa.select(consent_answers).where(consent_answers.c.consent.in_(list(consents)))
        with self._readers.connect() as connection:
            return {ConsentId(bytes(row.consent)): _known(row) for row in connection.execute(query)}

    def remember(self, transaction: RecordsTransaction, answers: Mapping[ConsentId, KnownConsent]) -> None:
        """Keep what the chain says, in place of what it said before."""
        if not answers:
            return
        connection = connection_of(transaction)
        connection.execute(consent_answers.delete().where(consent_answers.c.consent.in_(list(answers))))
        connection.execute(consent_answers.insert(), [_row(consent, known) for consent, known in answers.items()])

    def judged(self, transaction: RecordsTransaction, places: Sequence[EntryPlace]) -> None:
        """Drop receipts that are judged."""
        if places:
            connection_of(transaction).execute(consent_uses.delete().where(_AT), [_at(place) for place in places])

    def look_again(self, transaction: RecordsTransaction, places: Sequence[EntryPlace], look_at_ms: int) -> None:
        """Set when to judge receipts again, unix ms."""
        if places:
            later = consent_uses.update().where(_AT).values(look_at_ms=look_at_ms)
            connection_of(transaction).execute(later, [_at(place) for place in places])


_AT = sa.and_(consent_uses.c.origin == sa.bindparam("at_origin"), consent_uses.c.leaf_index == sa.bindparam("at_index"))


def _at(place: EntryPlace) -> dict[str, object]:
    return {"at_origin": place.origin, "at_index": place.leaf_index}


def _use(row: sa.Row[tuple[object, ...]]) -> ConsentUse:
    cited = None if row.cited_number is None else BlockStamp(row.cited_number, bytes(row.cited_hash))
    return ConsentUse(
        place=EntryPlace(Origin(row.origin), row.leaf_index, bytes(row.leaf_hash), row.tree_size),
        institution=InstitutionId(row.institution),
        side=AccessSide(row.side),
        consent=ConsentId(bytes(row.consent)),
        cited=cited,
        moment_ms=row.moment_ms,
    )


def _row(consent: ConsentId, known: KnownConsent) -> dict[str, object]:
    history = known.history
    return {
        "consent": consent,
        **_block("final", known.final),
        **_block("granted", None if history is None else history.granted),
        "expires_at_s": None if history is None else history.expires_at_s,
        **_block("revoked", None if history is None else history.revoked),
    }


def _block(name: str, block: SeenBlock | None) -> dict[str, object]:
    return {
        f"{name}_number": None if block is None else block.stamp.number,
        f"{name}_hash": None if block is None else block.stamp.block_hash,
        f"{name}_at_s": None if block is None else block.timestamp_s,
    }


def _known(row: sa.Row[tuple[object, ...]]) -> KnownConsent:
    final = _seen(row.final_number, row.final_hash, row.final_at_s)
    if row.granted_number is None:
        return KnownConsent(None, final)
    granted = _seen(row.granted_number, row.granted_hash, row.granted_at_s)
    revoked = None if row.revoked_number is None else _seen(row.revoked_number, row.revoked_hash, row.revoked_at_s)
    return KnownConsent(ConsentHistory(granted, row.expires_at_s, revoked), final)


def _seen(number: int, block_hash: bytes, timestamp_s: int) -> SeenBlock:
    return SeenBlock(BlockStamp(number, bytes(block_hash)), timestamp_s)
