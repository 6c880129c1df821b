"""What consents cover, in `records.db` (`ports.consents.scopes`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ledger.store.sql_statements import MAX_LISTED, Statement
from node.adapters.database.consents.tables_scopes import consent_documents_seen, scoped_uses
from node.adapters.database.records.transaction import connection_of
from node.domain.access import AccessSide, ConsentId, Purpose
from node.domain.entry import InstitutionId, Origin
from node.ports.records.transaction import RecordsTransaction
from node.supervision.consent_scope import ConsentDocumented, PersonName, ScopedUse
from node.supervision.findings import EntryPlace


def _insert_new(table: sa.Table) -> Statement:
    return Statement(
        {
            "sqlite": sqlite.insert(table).on_conflict_do_nothing(),
            "postgresql": postgresql.insert(table).on_conflict_do_nothing(),
        }
    )


_KEEP_USE: Final = _insert_new(scoped_uses)
_KEEP_DOCUMENT: Final = _insert_new(consent_documents_seen)
_LOOK_AT_CONSENT: Final = Statement(
    scoped_uses.update().where(scoped_uses.c.consent == sa.bindparam("which")).values(look_at_ms=sa.bindparam("at"))
)
_JUDGED: Final = Statement(
    scoped_uses.update()
    .where(scoped_uses.c.origin == sa.bindparam("log"), scoped_uses.c.leaf_index == sa.bindparam("index"))
    .values(look_at_ms=None)
)
_LOOK_AT_USE: Final = Statement(
    scoped_uses.update()
    .where(scoped_uses.c.origin == sa.bindparam("log"), scoped_uses.c.leaf_index == sa.bindparam("index"))
    .values(look_at_ms=sa.bindparam("at"))
)
_DOCUMENTS: Final = Statement(
    sa.select(consent_documents_seen).where(consent_documents_seen.c.consent.in_(sa.bindparam("listed", expanding=True)))
)
_DOCUMENTED: Final = Statement(
    sa.select(consent_documents_seen.c.leaf_index).where(consent_documents_seen.c.consent == sa.bindparam("which")).limit(1)
)


class SqlConsentScopeStore:
    """A `ConsentScopeStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(
        self,
        transaction: RecordsTransaction,
        uses: Sequence[ScopedUse],
        documents: Sequence[ConsentDocumented],
        now_ms: int,
        look_at_ms: int,
    ) -> None:
        """Keep what was read."""
        connection = connection_of(transaction)
        _KEEP_DOCUMENT.run_all(connection, [_document_values(each) for each in documents])
        _KEEP_USE.run_all(connection, [_use_values(each, look_at_ms) for each in uses])
        news = {each.consent for each in documents}
        known = {use.consent for use in uses if _DOCUMENTED.row(connection, which=use.consent) is not None}
        _LOOK_AT_CONSENT.run_all(connection, [{"which": each, "at": now_ms} for each in sorted(news)])
        for use in uses:
            if use.consent in known - news:
                _LOOK_AT_USE.run(connection, log=use.place.origin, index=use.place.leaf_index, at=now_ms)

    def due(self, now_ms: int, limit: int) -> list[ScopedUse]:
        """Return receipts to judge, the longest overdue first."""
        table = scoped_uses
        query = sa.select(table).where(table.c.look_at_ms <= now_ms)
        ordered = query.order_by(table.c.look_at_ms, table.c.origin, table.c.leaf_index).limit(limit)
        with self._readers.connect() as connection:
            return [_use(row) for row in connection.execute(ordered)]

    def documents(self, consents: Collection[ConsentId]) -> Mapping[ConsentId, Sequence[ConsentDocumented]]:
        """Return the documents of consents; those without one are left out."""
        found, listed = defaultdict[ConsentId, list[ConsentDocumented]](list), sorted(consents)
        for start in range(0, len(listed), MAX_LISTED):
            for row in _DOCUMENTS.read(self._readers, listed=listed[start : start + MAX_LISTED]):
                document = _document(row)
                found[document.consent].append(document)
        return found

    def judged(self, transaction: RecordsTransaction, places: Sequence[EntryPlace]) -> None:
        """Have receipts judged no more until another document of their consent is read."""
        rows = [{"log": place.origin, "index": place.leaf_index} for place in places]
        _JUDGED.run_all(connection_of(transaction), rows)


def _use_values(use: ScopedUse, look_at_ms: int) -> dict[str, object]:
    return {
        "origin": use.place.origin,
        "leaf_index": use.place.leaf_index,
        "leaf_hash": use.place.leaf_hash,
        "tree_size": use.place.tree_size,
        "institution": use.institution,
        "side": use.side.value,
        "consent": use.consent,
        "requester": use.requester,
        "purpose": use.purpose.value,
        "person": use.person,
        "moment_ms": use.moment_ms,
        "look_at_ms": look_at_ms,
    }


def _document_values(document: ConsentDocumented) -> dict[str, object]:
    return {
        "origin": document.place.origin,
        "leaf_index": document.place.leaf_index,
        "leaf_hash": document.place.leaf_hash,
        "tree_size": document.place.tree_size,
        "consent": document.consent,
        "grantee": document.grantee,
        "purposes": " ".join(each.value for each in document.purposes),
        "person": document.person,
        "logged_at_ms": document.logged_at_ms,
    }


def _use(row: sa.Row[tuple[object, ...]]) -> ScopedUse:
    return ScopedUse(
        place=EntryPlace(Origin(row.origin), row.leaf_index, bytes(row.leaf_hash), row.tree_size),
        institution=InstitutionId(row.institution),
        side=AccessSide(row.side),
        consent=ConsentId(bytes(row.consent)),
        requester=InstitutionId(row.requester),
        purpose=Purpose(row.purpose),
        person=PersonName(bytes(row.person)),
        moment_ms=row.moment_ms,
    )


def _document(row: sa.Row[tuple[object, ...]]) -> ConsentDocumented:
    return ConsentDocumented(
        place=EntryPlace(Origin(row.origin), row.leaf_index, bytes(row.leaf_hash), row.tree_size),
        consent=ConsentId(bytes(row.consent)),
        grantee=InstitutionId(row.grantee),
        purposes=tuple(Purpose(each) for each in row.purposes.split()),
        person=PersonName(bytes(row.person)),
        logged_at_ms=row.logged_at_ms,
    )
