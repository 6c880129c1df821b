"""What one entry shows by itself: a disclosure that names neither a consent nor an emergency.

Pure: an opened header in, findings out. Left out: what takes two entries to see (`pairing`, `reorders`), what takes documents
(`marks`), and what takes the chain: whether an emergency was reviewed, whether a consent that is named was in force
(`node.services.consents.emergency_reviews`, `consent_review`).
"""

from __future__ import annotations

from collections.abc import Iterator

from node.domain.access import AccessContent, AccessOutcome
from node.domain.entry import InstitutionId
from node.supervision.findings import EntryPlace, FindingCode, SupervisionFinding
from node.supervision.reading import ReadEntry


def group_of(finding: SupervisionFinding) -> str:
    """Return what a finding of one entry is kept under: named by its kind too, since pairing judges receipts under their place."""
    return f"{finding.code} {finding.subject}"


def findings_of(entry: ReadEntry, place: EntryPlace) -> Iterator[SupervisionFinding]:
    """Find what an entry shows by itself."""
    subject, blamed = f"{place.origin}#{place.leaf_index}", (entry.institution,)
    match entry.header.content:
        case AccessContent() as access if _is_unfounded(access, entry.institution):
            values = (("purpose", access.purpose.value), ("side", access.side.value))
            yield SupervisionFinding(FindingCode.ACCESS_WITHOUT_CONSENT, blamed, subject, (place,), values)


def _is_unfounded(access: AccessContent, institution: InstitutionId) -> bool:
    """Tell whether something was disclosed to another institution on no basis at all."""
    without = access.consent_id is None and access.emergency_id is None
    return without and access.outcome is AccessOutcome.DISCLOSED and access.counterpart != institution
