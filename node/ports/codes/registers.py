"""What the code service keeps of cards, and what a custodian keeps of the boxes that it opened."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from node.domain.access import RequestId
from node.domain.codes import CodeMac, DocumentMac
from node.domain.entry import InstitutionId
from node.ports.records.transaction import RecordsTransaction


@dataclass(frozen=True, slots=True)
class CardRow:
    """A document's card."""

    document: DocumentMac
    """The document."""
    sealed_card: bytes = field(repr=False)
    """The card, for two of the three custodians."""
    issued_at_ms: int
    """When the first one was issued, unix ms."""


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """That an institution has a patient's keys."""

    document: DocumentMac
    """Whose."""
    institution: InstitutionId
    """Who has them."""
    reference: bytes
    """How it calls the patient, 32 bytes."""
    newest_epoch: int
    """Up to which epoch."""


@dataclass(frozen=True, slots=True)
class OpeningRow:
    """That a custodian opened boxes."""

    custodian: InstitutionId
    """Who opened them."""
    asker: InstitutionId
    """For whom."""
    request_id: RequestId
    """For which request."""
    operation: str
    """For what."""
    boxes: int
    """How many."""
    opened_at_ms: int
    """When, unix ms."""


class CodeRegister(Protocol):
    """Keeps cards and releases; writes join the caller's transaction."""

    def card(self, document: DocumentMac) -> CardRow | None:
        """Return a document's card."""

    def cards(self, after: DocumentMac | None, limit: int) -> list[CardRow]:
        """Return cards in the order of their documents, from after one on."""

    def claim_code(self, transaction: RecordsTransaction, code: CodeMac, document: DocumentMac) -> bool:
        """Let a code be a document's for ever; False where it is, or was, another's."""

    def put_card(self, transaction: RecordsTransaction, row: CardRow, former: CardRow | None) -> bool:
        """Keep a document's card in place of the one before, None for the first; False where that is not so any more."""

    def put_release(self, transaction: RecordsTransaction, row: ReleaseRow) -> None:
        """Keep that an institution has keys, in place of what was kept of that."""

    def releases(self, documents: Collection[DocumentMac]) -> list[ReleaseRow]:
        """Return who has keys of these documents' patients."""


class OpeningRegister(Protocol):
    """Counts what custodians open."""

    def note(self, transaction: RecordsTransaction, row: OpeningRow) -> None:
        """Keep that boxes were opened."""

    def opened_since(self, transaction: RecordsTransaction, custodian: InstitutionId, since_ms: int) -> int:
        """Return how many boxes a custodian opened since a time, unix ms."""

    def page(self, custodian: InstitutionId, limit: int) -> Sequence[OpeningRow]:
        """Return what a custodian opened, newest first."""
