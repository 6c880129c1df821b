"""Check a decision certificate against the trust root alone (docs/spec/decision-certificate.md). Pure.

In this order: heads, entries and what opens them; that they belong together and are one person's; that the documents are
those that the decision pins; receipts before the decision; the rules, run again. What is shown is read out of what was
verified. Words for people: `node/texts`, `certificate`. Left out: the chain's state of consents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from node.domain.access import AccessContent
from node.domain.certificate_verdict import (
    CertificateVerdict,
    CertifiedDocument,
    CertifiedResult,
    LaterVersion,
    ProvedReadHead,
    ProvedRetrieval,
    PublicationStanding,
    ReadProof,
)
from node.domain.entry import EntryType, LeafReference
from node.domain.recognition import DecisionOutcome
from node.domain.recognition_acts import ReversalContent
from node.domain.slip import DecisionSummary
from node.domain.trust import TrustRoot
from node.domain.verdict import BundleHead, Finding, ProvedLine
from node.errors import (
    CertificateContradictedError,
)
from node.wire.certificate.documents import PinnedDocuments, deleted_headers, verify_documents
from node.wire.certificate.entries import CertifiedEntries, ShownReceipt, ShownResult, read_entries, receipts_of, replaces
from node.wire.certificate.file import DecisionCertificate
from node.wire.certificate.read import verify_read
from node.wire.certificate.rules import RulesAgain
from node.wire.evidence.bundle_verification import verify_lines
from node.wire.evidence.findings import show_time, time_of
from node.wire.recognition.decision_parts import find_summary, verify_summary
from node.wire.recognition.decision_summary import summarise
from node.wire.trust_root import verify_trust_root

_LATE_MS = 2 * 3_600_000
"""Checks are logged when their hour has ended: what comes later than this was not logged in its time."""
_NAMED_LOGS = 5
"""Logs that a remark names; a consortium has some hundred."""
_UNPROVED_DOCUMENTS = {
    PublicationStanding.EMBEDDED: "documents_embedded",
    PublicationStanding.ROLE_UNKNOWN: "publishers_unknown",
    PublicationStanding.LATER: "documents_later",
}
_Receipts = Mapping[LeafReference, tuple[ShownReceipt, ShownReceipt | None]]


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that was checked."""

    certificate: DecisionCertificate
    heads: tuple[BundleHead, ...]
    read: CertifiedEntries
    documents: PinnedDocuments
    results: tuple[CertifiedResult, ...]
    asserted: int
    unnamed: int
    read_proof: ReadProof | None
    has_summary: bool

    def published(self, standing: PublicationStanding) -> list[CertifiedDocument]:
        """Return the documents of whose publication just that is known."""
        return [each for each in self.documents.told if each.standing is standing]


@dataclass(frozen=True, slots=True)
class OpenedCertificate:
    """A certificate that holds, for whoever goes on from it."""

    verdict: CertificateVerdict
    """What it proves."""
    read: CertifiedEntries
    """Its entries."""
    documents: PinnedDocuments
    """The documents that the decision pins."""


def verify_certificate(certificate: DecisionCertificate, trust_root: TrustRoot, *, now: datetime) -> CertificateVerdict:
    """Verify a decision certificate against a trust root.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It claims what is not so; the subclass says what.
    """
    return open_certificate(certificate, trust_root, now=now).verdict


def open_certificate(certificate: DecisionCertificate, trust_root: TrustRoot, *, now: datetime) -> OpenedCertificate:
    """Verify a decision certificate, and return its entries and documents too; raises as `verify_certificate`."""
    verify_trust_root(trust_root, now)
    heads, lines = verify_lines(certificate.heads, certificate.lines, trust_root, now)
    _verify_heads(heads)
    read = read_entries(certificate, lines)
    documents = verify_documents(certificate, read.content.pins, read.check.outcome.checked_at_ms, trust_root)
    _verify_deletions(certificate, read, trust_root)
    receipts = receipts_of(read)
    asserted = RulesAgain(read, documents.terminology).verify(receipts.keys())
    proof = verify_read(certificate, read, trust_root)
    results = tuple(_result(read, each, receipts, proof) for each in read.results)
    expected = summarise(read.text, read.check) if read.content.outcome is DecisionOutcome.RECOGNISED else None
    summary = find_summary(read.evidence.parts)
    if summary is not None:
        verify_summary(summary, expected)
    facts = _Facts(certificate, heads, read, documents, results, asserted, _unnamed(lines), proof, summary is not None)
    return OpenedCertificate(_verdict(facts, expected, trust_root), read, documents)


def _verdict(facts: _Facts, summary: DecisionSummary | None, trust_root: TrustRoot) -> CertificateVerdict:
    read = facts.read
    reversal = None if read.reversal is None else read.reversal.content
    return CertificateVerdict(
        decision=read.content,
        free_text=read.text.decision.free_text,
        entry=read.evidence,
        check_index=None if read.check_entry is None else read.check_entry.proved.leaf_index,
        checked_at_ms=read.check.outcome.checked_at_ms,
        summary=summary,
        price_fen=read.line.price_fen,
        results=facts.results,
        reversed_at_ms=reversal.occurred_at_ms if isinstance(reversal, ReversalContent) else None,
        reversal_index=None if read.reversal is None else read.reversal.proved.leaf_index,
        read=facts.read_proof,
        documents=facts.documents.told,
        heads=facts.heads,
        trust_root_serial=trust_root.serial,
        proved=_proved(facts),
        not_proved=_not_proved(facts),
        remarks=_remarks(facts),
    )


def _verify_heads(heads: Sequence[BundleHead]) -> None:
    """Let each log have one head: what stands before what is shown in one history."""
    if len({head.origin for head in heads}) < len(heads):
        raise CertificateContradictedError("a log has two heads: what stands before what is shown under one")


def _verify_deletions(certificate: DecisionCertificate, read: CertifiedEntries, trust_root: TrustRoot) -> None:
    """Let a result be closed only where its log says that its header was deleted: what counted is not kept back."""
    closed = {each.reference for each in read.results if each.content is None}
    if closed != deleted_headers(certificate, trust_root):
        raise CertificateContradictedError("a result's header is kept back without a tombstone, or a tombstone is of none of them")


# What is told


def _unnamed(lines: Sequence[ProvedLine]) -> int:
    """Return how many entries bear no pseudonym."""
    return sum(line.header is None or line.header.pseudonym is None for line in lines)


def _result(read: CertifiedEntries, result: ShownResult, receipts: _Receipts, proof: ReadProof | None) -> CertifiedResult:
    line, content = read.line, result.content
    offer = next((each for each in line.offers if each.leaf == result.reference), None)
    refused = next((each for each in line.unrecognisable if each.leaf == result.reference), None)
    told = offer or refused
    read_to = {each.origin: each.size for each in read.check.read}
    head = None if proof is None else dict(proof.heads).get(result.reference.origin)
    return CertifiedResult(
        reference=result.reference,
        institution=result.entry.proved.institution,
        leaf_index=result.entry.proved.leaf_index,
        is_relocated=result.entry.reference != result.reference,
        performed_at_ms=0 if told is None else told.performed_at_ms,
        version=None if content is None else int(content.version),
        status="" if content is None else content.status,
        offered=() if offer is None else offer.items,
        refused=() if refused is None else refused.items,
        used=result.reference in read.text.decision.recognised,
        read_to=read_to.get(result.reference.origin),
        read_head=head,
        retrieval=_retrieval(receipts.get(result.reference)),
        later=tuple(_later(read, each, head) for each in read.later if replaces(each, result)),
    )


def _retrieval(pair: tuple[ShownReceipt, ShownReceipt | None] | None) -> ProvedRetrieval | None:
    if pair is None:
        return None
    receipt, other = pair
    content: AccessContent = receipt.content
    return ProvedRetrieval(
        leaf_index=receipt.entry.proved.leaf_index,
        occurred_at_ms=content.occurred_at_ms,
        consent=content.consent_id,
        block=content.consent_block,
        emergency=content.emergency_id,
        holder_index=None if other is None else other.entry.proved.leaf_index,
    )


def _later(read: CertifiedEntries, later: ShownResult, head: ProvedReadHead | None) -> LaterVersion:
    proved = later.entry.proved
    return LaterVersion(
        leaf_index=proved.leaf_index,
        withdrawn=later.entry_type is EntryType.WITHDRAWAL,
        claimed_time_ms=proved.claimed_time_ms,
        is_after_decision=proved.claimed_time_ms > read.content.decided_at_ms,
        was_in_log=None if head is None else proved.leaf_index < head.size,
    )


def _proved(facts: _Facts) -> tuple[Finding, ...]:
    read, entry = facts.read, facts.read.evidence
    retrieved = sum(each.retrieval is not None for each in facts.results)
    entitled = facts.published(PublicationStanding.ENTITLED)
    findings = [
        _finding("entries", count=len(facts.certificate.lines)),
        _finding("decision", institution=entry.institution, origin=entry.origin, index=entry.leaf_index),
    ]
    if read.check_entry is not None:
        findings.append(_finding("check_logged", index=read.check_entry.proved.leaf_index))
    if retrieved:
        findings.append(_finding("retrieved", count=retrieved))
    if facts.unnamed < len(facts.certificate.lines):
        findings.append(_finding("one_person", count=len(facts.certificate.lines) - facts.unnamed))
    findings.append(_finding("documents", count=len(facts.documents.told)))
    if entitled:
        publishers = sorted({each.publisher or "" for each in entitled})
        findings.append(_finding("documents_published", count=len(entitled), institutions=", ".join(publishers)))
    findings += [_finding("offers_count", count=len(read.line.offers)), _finding("decision_follows")]
    if facts.has_summary:
        findings.append(_finding("summary_matches"))
    findings += _proved_of_reading(facts)
    if facts.results:
        findings.append(_finding("nothing_read_replaced"))
    return tuple(findings)


def _proved_of_reading(facts: _Facts) -> list[Finding]:
    proof = facts.read_proof
    findings = []
    if proof is not None and facts.read.check_entry is not None:
        findings.append(_finding("read_committed", count=len(proof.logs)))
    if proof is not None and proof.heads:
        witnessed = sum(head.witnessed_at_s is not None for _, head in proof.heads)
        findings.append(_finding("read_heads", count=len(proof.heads), witnessed=witnessed))
    return findings


def _not_proved(facts: _Facts) -> tuple[Finding, ...]:
    read = facts.read
    findings = [] if read.check_entry is not None else [_finding("check_asserted")]
    if facts.results:
        findings.append(_finding("read_asserted" if facts.read_proof is None else "read_alone"))
    if facts.asserted:
        findings.append(_finding("refusals_asserted", count=facts.asserted))
    for standing, code in _UNPROVED_DOCUMENTS.items():
        if documents := facts.published(standing):
            findings.append(_finding(code, kinds=", ".join(f"{each.kind} {each.subject}".rstrip() for each in documents)))
    gone = sum(each.version is None for each in facts.results)
    if gone:
        findings.append(_finding("headers_gone", count=gone))
    if read.content.outcome is DecisionOutcome.RECOGNISED and not facts.has_summary:
        findings.append(_finding("summary_closed"))
    if any(each.retrieval is not None for each in facts.results):
        findings.append(_finding("consent_state"))
    unwitnessed = sum(not head.witnessed for head in facts.heads)
    if unwitnessed:
        findings.append(_finding("heads_unwitnessed", count=unwitnessed))
    if facts.unnamed:
        findings.append(_finding("person_unknown", count=facts.unnamed))
    made_at = show_time(time_of(facts.certificate.made_at_ms / 1000, "made_at_ms"))
    return (*findings, _finding("left_out"), _finding("later_unknown", time=made_at), _finding("asserted"))


def _remarks(facts: _Facts) -> tuple[Finding, ...]:
    reversal = None if facts.read.reversal is None else facts.read.reversal.content
    remarks = []
    if isinstance(reversal, ReversalContent):
        remarks.append(_finding("reversed", time=show_time(time_of(reversal.occurred_at_ms / 1000, "reversal"))))
    check = facts.read.check_entry
    if check is not None and check.proved.claimed_time_ms - facts.read.check.outcome.checked_at_ms > _LATE_MS:
        logged_at = show_time(time_of(check.proved.claimed_time_ms / 1000, "check"))
        remarks.append(_finding("check_late", time=logged_at))
    for result in facts.results:
        for later in result.later:
            time = show_time(time_of(later.claimed_time_ms / 1000, "later version"))
            code = ("withdrawn" if later.withdrawn else "corrected") + ("_after" if later.is_after_decision else "_unread")
            remarks.append(_finding(code, institution=result.institution, time=time, index=later.leaf_index))
    remarks += _remarks_on_reading(facts)
    if facts.documents.has_samples:
        remarks.append(_finding("sample_documents"))
    return (*remarks, _finding("handle_with_care"))


def _remarks_on_reading(facts: _Facts) -> list[Finding]:
    proof = facts.read_proof
    if proof is None:
        return []
    sizes = {each.origin: each.size for each in proof.logs}
    behind = [(origin, head) for origin, head in proof.heads if sizes[origin] < head.size]
    remarks = [_finding("read_behind", origin=origin, read=sizes[origin], size=head.size) for origin, head in behind]
    if proof.unread:
        named = ", ".join(proof.unread[:_NAMED_LOGS]) + (" …" if len(proof.unread) > _NAMED_LOGS else "")
        remarks.append(_finding("logs_unread", count=len(proof.unread), origins=named))
    return remarks


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))
