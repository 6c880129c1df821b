"""What one entry shows by itself: an access without consent, a mark without a certificate.

Pure: an opened header in, findings out. Certificates are those of the documents at hand. Left out: what takes two entries to see
(`pairing`, `reorders`), and what takes the chain: whether an emergency was reviewed, whether a consent that is named was in force
(`node.services.consents.emergency_reviews`, `consent_review`).
"""

from __future__ import annotations

from collections.abc import Iterator

from node.domain.access import AccessContent, AccessOutcome
from node.domain.entry import InstitutionId
from node.domain.header import HeaderContent
from node.domain.recognition import ItemCode
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.reading import ReadEntry
from node.terminology.bundle import Terminology
from node.terminology.maps import ResultIndex
from node.terminology.marks import MarkIndex


def group_of(finding: SupervisionFinding) -> str:
    """Return what a finding of one entry is kept under: named by its kind too, since pairing judges receipts under their place."""
    return f"{finding.code} {finding.subject}"


class EntryRules:
    """Judges entries one by one, with one version of the documents."""

    def __init__(self, documents: Terminology) -> None:
        """Prepare certificates and maps."""
        self._marks = MarkIndex(documents.certificates, documents.regions)
        self._results = {each: ResultIndex(mapping, documents.catalogue) for each, mapping in documents.maps.items()}

    def findings(self, entry: ReadEntry, place: EntryPlace) -> Iterator[SupervisionFinding]:
        """Find what an entry shows by itself."""
        subject, blamed = f"{place.origin}#{place.leaf_index}", (entry.institution,)
        match entry.header.content:
            case AccessContent() as access if _is_unfounded(access, entry.institution):
                values = (("purpose", access.purpose.value), ("side", access.side.value))
                yield SupervisionFinding(FindingCode.ACCESS_WITHOUT_CONSENT, blamed, subject, (place,), values)
            case HeaderContent() as record if (record.mark or record.certificate) and not self._is_marked(
                entry.institution, record
            ):
                values = (("mark", record.mark or "-"), ("certificate", record.certificate or "-"))
                yield SupervisionFinding(FindingCode.MARK_WITHOUT_CERTIFICATE, blamed, subject, (place,), values)

    def _is_marked(self, institution: InstitutionId, record: HeaderContent) -> bool:
        """Tell whether a certificate, the one that a record names if it does, bears its mark, for one of its items, on the day."""
        return any(
            record.certificate in {"", mark.certificate} and record.mark in {"", mark.label}
            for item in self._items(institution, record)
            for mark in self._marks.marks(institution, item, record.performed_at_ms)
        )

    def _items(self, institution: InstitutionId, record: HeaderContent) -> Iterator[ItemCode]:
        index = self._results.get(institution)
        if index is not None:
            rows = (index.find(each) for each in record.items)
            yield from (row.item for row in rows if row is not None and row.item is not None)


def _is_unfounded(access: AccessContent, institution: InstitutionId) -> bool:
    """Tell whether something was disclosed to another institution on no basis at all."""
    without = access.consent_id is None and access.emergency_id is None
    return without and access.outcome is AccessOutcome.DISCLOSED and access.counterpart != institution
