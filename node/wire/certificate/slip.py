"""Check a slip's QR text against the certificate of its decision: both of one entry, and the summary what was decided. Pure.

A slip alone shows what its institution committed to as a summary (docs/spec/slip.md). The certificate of the same decision
opens the decision and its check: with both, that the summary says the same is proved or refuted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from node.domain.trust import TrustRoot
from node.domain.verdict import Finding, Verdict
from node.errors import CertificateContradictedError
from node.wire.certificate.file import DecisionCertificate
from node.wire.certificate.verification import verify_certificate
from node.wire.evidence.file import Evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.recognition.decision_parts import find_summary, verify_summary


def verify_slip(
    evidence: Evidence, certificate: DecisionCertificate, trust_root: TrustRoot, *, now: datetime, max_age: timedelta | None = None
) -> Verdict:
    """Verify evidence of a decision's summary against the certificate of that decision.

    Raises:
        WireError: Something in one of them is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: One of them claims what is not so.
        CertificateContradictedError: They are of two entries, or the evidence opens no summary.
        SummaryRefutedError: The summary says something else than what was decided.
    """
    verdict = verify_evidence(evidence, trust_root, now=now, max_age=max_age)
    certified = verify_certificate(certificate, trust_root, now=now)
    entry = certified.entry
    decision = certificate.lines[certificate.decision]
    if (verdict.origin, verdict.leaf_index, evidence.leaf) != (entry.origin, entry.leaf_index, decision.leaf):
        raise CertificateContradictedError("the slip is of another entry than the certificate")
    summary = find_summary(verdict.parts)
    if summary is None:
        raise CertificateContradictedError("the slip opens no summary, so that there is nothing to compare")
    verify_summary(summary, certified.summary)
    left = tuple(each for each in verdict.not_proved if each.code != "summary_alone")
    return replace(verdict, proved=(*verdict.proved, Finding("summary_certified")), not_proved=left)
