"""The catalogue's documents in `records.db` (`ports.catalogue.publication.PublicationStore`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from node.adapters.database.catalogue.tables_publication import (
    catalogue_cursors,
    catalogue_documents,
    catalogue_places,
    catalogue_publications,
    catalogue_waiting,
)
from node.adapters.database.records.transaction import connection_of
from node.domain.entry import InstitutionId, Origin
from node.domain.recognition import DocumentDigest
from node.ports.catalogue.publication import DocumentPlace, Gathered, KnownDocument, PublishedDocument
from node.ports.records.transaction import RecordsTransaction

_KNOWN = (
    catalogue_documents.c.digest,
    catalogue_documents.c.kind,
    catalogue_documents.c.subject,
    catalogue_documents.c.serial,
)


class SqlPublicationStore:
    """A `PublicationStore`."""

    def __init__(self, readers: sa.Engine) -> None:
        self._readers = readers

    def by_digest(self, digest: DocumentDigest) -> PublishedDocument | None:
        """Return the document that a pin names; None where this node never had it."""
        table = catalogue_documents
        with self._readers.connect() as connection:
            row = connection.execute(sa.select(table).where(table.c.digest == digest)).first()
            if row is None:
                return None
            places = connection.execute(sa.select(catalogue_places).where(catalogue_places.c.digest == digest)).all()
        return PublishedDocument(_known(row, _first(map(_place, places))), bytes(row.document))

    def known(self) -> list[KnownDocument]:
        """Return all documents, by kind, subject and serial, without their bytes."""
        with self._readers.connect() as connection:
            rows = connection.execute(sa.select(*_KNOWN)).all()
            places = connection.execute(sa.select(catalogue_places)).all()
        by_digest = defaultdict[bytes, list[DocumentPlace]](list)
        for place in places:
            by_digest[bytes(place.digest)].append(_place(place))
        found = [_known(row, _first(by_digest[bytes(row.digest)])) for row in rows]
        return sorted(found, key=lambda each: (each.kind, each.subject, each.serial, each.digest))

    def cursors(self) -> Mapping[Origin, int]:
        """Return how far each log was looked at."""
        with self._readers.connect() as connection:
            return {Origin(row.origin): row.next_index for row in connection.execute(sa.select(catalogue_cursors))}

    def waiting(self, *, refused: bool, limit: int) -> list[tuple[Origin, int]]:
        """Return entries that are looked at again, lowest first: those that were refused, or whose bytes have not come."""
        table = catalogue_waiting
        query = sa.select(table).where(table.c.refused.is_(refused)).order_by(table.c.origin, table.c.leaf_index).limit(limit)
        with self._readers.connect() as connection:
            return [(Origin(row.origin), row.leaf_index) for row in connection.execute(query)]

    def places(self) -> list[KnownDocument]:
        """Return every publication, a document that was published twice twice; in no order."""
        at = catalogue_places.c.digest == catalogue_documents.c.digest
        query = sa.select(*_KNOWN, *(each for each in catalogue_places.c if each.name != "digest"))
        with self._readers.connect() as connection:
            rows = connection.execute(query.select_from(catalogue_places.join(catalogue_documents, at))).all()
        return [_known(row, _place(row)) for row in rows]

    def keep(self, transaction: RecordsTransaction, gathered: Gathered) -> None:
        """Keep what a step gathered; what is kept already is passed over."""
        connection = connection_of(transaction)
        for document in gathered.documents:
            _insert(connection, catalogue_documents, [_document_values(document)])
            if document.known.place is not None:
                _insert(connection, catalogue_places, [_place_values(document.known.place, document.known.digest)])
        for origin, next_index in gathered.cursors.items():
            connection.execute(catalogue_cursors.delete().where(catalogue_cursors.c.origin == origin))
            connection.execute(catalogue_cursors.insert().values(origin=origin, next_index=next_index))
        for origin, index in (*gathered.arrived, *gathered.waiting):
            at = sa.and_(catalogue_waiting.c.origin == origin, catalogue_waiting.c.leaf_index == index)
            connection.execute(catalogue_waiting.delete().where(at))
        waiting = sorted(gathered.waiting.items())
        _insert(
            connection,
            catalogue_waiting,
            [{"origin": origin, "leaf_index": index, "refused": refused} for (origin, index), refused in waiting],
        )

    def in_force(self) -> frozenset[DocumentDigest]:
        """Return the published documents that held here last; none where files hold, or nothing was published."""
        table = catalogue_documents
        with self._readers.connect() as connection:
            found = connection.scalars(sa.select(table.c.digest).where(table.c.in_force.is_(True)))
            return frozenset(DocumentDigest(bytes(digest)) for digest in found)

    def hold(self, transaction: RecordsTransaction, digests: Collection[DocumentDigest]) -> None:
        """Note which published documents hold from now on."""
        connection, table = connection_of(transaction), catalogue_documents
        connection.execute(table.update().where(table.c.in_force.is_(True)).values(in_force=False))
        for digest in sorted(digests):
            connection.execute(table.update().where(table.c.digest == digest).values(in_force=True))

    def staged(self, transaction: RecordsTransaction, origin: Origin, digest: DocumentDigest) -> int | None:
        """Return the entry of an own log in which a document was published, or is about to be."""
        connection = connection_of(transaction)
        # one that was recovered from others is known by its place alone
        for table in (catalogue_publications, catalogue_places):
            query = sa.select(sa.func.min(table.c.leaf_index)).where(table.c.origin == origin, table.c.digest == digest)
            index: int | None = connection.scalar(query)
            if index is not None:
                return index
        return None

    def staged_serial(self, transaction: RecordsTransaction, origin: Origin, kind: str, subject: str) -> int:
        """Return the greatest serial of a kind and subject that was published in an own log, or is about to be; 0 for none."""
        documents, publications = catalogue_documents, catalogue_publications
        query = (
            sa.select(sa.func.max(documents.c.serial))
            .select_from(documents.join(publications, publications.c.digest == documents.c.digest))
            .where(publications.c.origin == origin, documents.c.kind == kind, documents.c.subject == subject)
        )
        return int(connection_of(transaction).scalar(query) or 0)

    def stage(self, transaction: RecordsTransaction, origin: Origin, leaf_index: int, digest: DocumentDigest) -> None:
        """Note that an entry that is staged in this transaction publishes a document."""
        values = {"origin": origin, "leaf_index": leaf_index, "digest": digest}
        connection_of(transaction).execute(catalogue_publications.insert().values(values))


def _insert(connection: sa.Connection, table: sa.Table, values: Sequence[Mapping[str, object]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    if values:
        connection.execute(insert(table).on_conflict_do_nothing(), values)


def _known(row: Any, place: DocumentPlace | None) -> KnownDocument:  # noqa: ANN401 - a row with the columns of `_KNOWN`
    return KnownDocument(DocumentDigest(bytes(row.digest)), row.kind, row.subject, row.serial, place)


def _place(row: Any) -> DocumentPlace:  # noqa: ANN401 - a row of `catalogue_places`
    return DocumentPlace(
        Origin(row.origin),
        row.leaf_index,
        bytes(row.leaf_hash),
        InstitutionId(row.institution),
        row.claimed_at_ms,
        row.seen_at_ms,
    )


def _first(places: Iterable[DocumentPlace]) -> DocumentPlace | None:
    """Return the first of a document's publications: the same one wherever the same logs were followed."""
    return min(places, key=lambda each: (each.claimed_at_ms, each.origin, each.leaf_index), default=None)


def _document_values(document: PublishedDocument) -> dict[str, object]:
    known = document.known
    return {
        "digest": known.digest,
        "kind": known.kind,
        "subject": known.subject,
        "serial": known.serial,
        "document": document.data,
        "in_force": False,
    }


def _place_values(place: DocumentPlace, digest: DocumentDigest) -> dict[str, object]:
    return {
        "origin": place.origin,
        "leaf_index": place.leaf_index,
        "digest": digest,
        "leaf_hash": place.leaf_hash,
        "institution": place.institution,
        "claimed_at_ms": place.claimed_at_ms,
        "seen_at_ms": place.seen_at_ms,
    }
