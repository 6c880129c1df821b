"""Cards, releases and openings in `records.db` (`ports.codes.registers`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from node.adapters.database.codes.tables_codes import code_cards, code_macs, code_releases, custodian_openings
from node.adapters.database.records.transaction import connection_of
from node.domain.access import RequestId
from node.domain.codes import CodeMac, DocumentMac
from node.domain.entry import InstitutionId
from node.ports.codes.registers import CardRow, OpeningRow, ReleaseRow
from node.ports.records.transaction import RecordsTransaction

_CHUNK = 400
"""Values in one IN list: below every engine's limit on bound parameters."""


class SqlCodeRegister:
    """A `CodeRegister`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def card(self, document: DocumentMac) -> CardRow | None:
        """Return a document's card."""
        query = sa.select(code_cards).where(code_cards.c.document_mac == document)
        with self._readers.connect() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else CardRow(DocumentMac(row.document_mac), row.sealed_card, row.issued_at_ms)

    def cards(self, after: DocumentMac | None, limit: int) -> list[CardRow]:
        """Return cards in the order of their documents, from after one on."""
        query = sa.select(code_cards).order_by(code_cards.c.document_mac).limit(limit)
        if after is not None:
            query = query.where(code_cards.c.document_mac > after)
        with self._readers.connect() as connection:
            return [CardRow(DocumentMac(row.document_mac), row.sealed_card, row.issued_at_ms) for row in connection.execute(query)]

    def claim_code(self, transaction: RecordsTransaction, code: CodeMac, document: DocumentMac) -> bool:
        """Let a code be a document's for ever; False where it is, or was, another's."""
        connection = connection_of(transaction)
        query = sa.select(code_macs.c.document_mac).where(code_macs.c.code_mac == code)
        owner = connection.execute(query).scalar_one_or_none()
        if owner is None:
            connection.execute(code_macs.insert().values(code_mac=code, document_mac=document))
        return owner in (None, document)

    def put_card(self, transaction: RecordsTransaction, row: CardRow, former: CardRow | None) -> bool:
        """Keep a document's card in place of the one before, None for the first; False where that is not so any more."""
        connection = connection_of(transaction)
        query = sa.select(code_cards.c.sealed_card).where(code_cards.c.document_mac == row.document)
        if connection.execute(query).scalar_one_or_none() != (None if former is None else former.sealed_card):
            return False
        connection.execute(code_cards.delete().where(code_cards.c.document_mac == row.document))
        connection.execute(
            code_cards.insert().values(document_mac=row.document, sealed_card=row.sealed_card, issued_at_ms=row.issued_at_ms)
        )
        return True

    def put_release(self, transaction: RecordsTransaction, row: ReleaseRow) -> None:
        """Keep that an institution has keys, in place of what was kept of that."""
        connection, at = connection_of(transaction), code_releases.c
        same = (at.document_mac == row.document, at.institution == row.institution, at.reference == row.reference)
        connection.execute(code_releases.delete().where(*same))
        connection.execute(
            code_releases.insert().values(
                document_mac=row.document,
                institution=row.institution,
                reference=row.reference,
                newest_epoch=row.newest_epoch,
            )
        )

    def releases(self, documents: Collection[DocumentMac]) -> list[ReleaseRow]:
        """Return who has keys of these documents' patients."""
        wanted, found = list(documents), list[ReleaseRow]()
        with self._readers.connect() as connection:
            for start in range(0, len(wanted), _CHUNK):
                chosen = code_releases.c.document_mac.in_(wanted[start : start + _CHUNK])
                found += [
                    ReleaseRow(DocumentMac(row.document_mac), InstitutionId(row.institution), row.reference, row.newest_epoch)
                    for row in connection.execute(sa.select(code_releases).where(chosen))
                ]
        return found


class SqlOpeningRegister:
    """An `OpeningRegister`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def note(self, transaction: RecordsTransaction, row: OpeningRow) -> None:
        """Keep that boxes were opened."""
        connection_of(transaction).execute(
            custodian_openings.insert().values(
                custodian=row.custodian,
                asker=row.asker,
                request_id=row.request_id,
                operation=row.operation,
                boxes=row.boxes,
                opened_at_ms=row.opened_at_ms,
            )
        )

    def opened_since(self, transaction: RecordsTransaction, custodian: InstitutionId, since_ms: int) -> int:
        """Return how many boxes a custodian opened since a time, unix ms."""
        at = custodian_openings.c
        query = sa.select(sa.func.coalesce(sa.func.sum(at.boxes), 0)).where(at.custodian == custodian, at.opened_at_ms >= since_ms)
        return int(connection_of(transaction).execute(query).scalar_one())

    def page(self, custodian: InstitutionId, limit: int) -> Sequence[OpeningRow]:
        """Return what a custodian opened, newest first."""
        query = sa.select(custodian_openings).where(custodian_openings.c.custodian == custodian)
        with self._readers.connect() as connection:
            rows = connection.execute(query.order_by(custodian_openings.c.id.desc()).limit(limit)).all()
        return [
            OpeningRow(
                custodian=InstitutionId(row.custodian),
                asker=InstitutionId(row.asker),
                request_id=RequestId(row.request_id),
                operation=row.operation,
                boxes=row.boxes,
                opened_at_ms=row.opened_at_ms,
            )
            for row in rows
        ]
