"""Access receipts: what each side of a disclosure logs, sealed for the patient and for supervision (FORMATS "Retrieval").

Class 1, so that the writer and the patient alone find them. The body keeps the request as it was signed and what became of
it. Left out: when a receipt is staged, which `disclosures` and `retrieval` decide.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.access import AccessContent
from node.domain.entry import EntryType
from node.domain.patient import PatientKeys
from node.domain.record import Kind, Part
from node.services.records.entries import ActEntry

RECEIPT_KIND = Kind("access-receipt")
CHECK_KIND = Kind("check-outcome")

_CLASS = 1
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class ReceiptDraft:
    """A receipt that is to be staged."""

    content: AccessContent
    """What its header says."""
    patient: PatientKeys | None
    """Who finds it; None where the patient is not known, or the record is not here."""
    request: bytes
    """The request, as it was signed or sent."""


def receipt_entry(draft: ReceiptDraft) -> ActEntry:
    """Return the entry of a receipt."""
    return _entry(EntryType.ACCESS_RECEIPT, RECEIPT_KIND, draft)


def check_entry(draft: ReceiptDraft) -> ActEntry:
    """Return the entry of a check outcome."""
    return _entry(EntryType.CHECK_OUTCOME, CHECK_KIND, draft)


def _entry(entry_type: EntryType, kind: Kind, draft: ReceiptDraft) -> ActEntry:
    parts = (Part(_JSON, "request", "", draft.request, ""),)
    return ActEntry(entry_type, kind, draft.content, parts, draft.content.occurred_at_ms, draft.patient, _CLASS)
