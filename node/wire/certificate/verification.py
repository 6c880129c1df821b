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
    ProvedRetrieval,
)
from node.domain.entry import EntryType, LeafReference, Origin
from node.domain.recognition import Pin
from node.domain.recognition_acts import ReversalContent
from node.domain.trust import TrustRoot
from node.domain.verdict import BundleHead, Finding, ProvedLine
from node.errors import (
    CertificateContradictedError,
    HeaderVerificationError,
    MisplacedManifestError,
    PartNotCommittedError,
    PinMismatchError,
)
from node.terminology.bundle import Terminology
from node.terminology.maps import InstitutionMap
from node.wire.catalogue.documents import digest_of, kind_of, load_terminology, parse_document
from node.wire.catalogue.entry import published_document
from node.wire.certificate.entries import CertifiedEntries, ShownReceipt, ShownResult, read_entries, receipts_of, replaces
from node.wire.certificate.file import DecisionCertificate, PinnedDocument, PublishedEntry
from node.wire.certificate.rules import RulesAgain
from node.wire.evidence.bundle_verification import verify_lines
from node.wire.evidence.findings import show_time, time_of
from node.wire.public_entry import OpenedPublicEntry, open_public_entry, tombstone_target
from node.wire.trust_root import verify_trust_root
from node.wire.trusted_head import open_trusted_head, verify_entry

_LATE_MS = 2 * 3_600_000
"""Checks are logged when their hour has ended: what comes later than this was not logged in its time."""
_Place = tuple[Origin, int]
_Receipts = Mapping[LeafReference, tuple[ShownReceipt, ShownReceipt | None]]


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that was checked."""

    certificate: DecisionCertificate
    heads: tuple[BundleHead, ...]
    read: CertifiedEntries
    documents: tuple[CertifiedDocument, ...]
    has_samples: bool
    results: tuple[CertifiedResult, ...]
    asserted: int
    unnamed: int


def verify_certificate(certificate: DecisionCertificate, trust_root: TrustRoot, *, now: datetime) -> CertificateVerdict:
    """Verify a decision certificate against a trust root.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It claims what is not so; the subclass says what.
    """
    verify_trust_root(trust_root, now)
    heads, lines = verify_lines(certificate.heads, certificate.lines, trust_root, now)
    _verify_heads(heads)
    read = read_entries(certificate, lines)
    contents = [_content(certificate, each, trust_root) for each in certificate.documents]
    documents = _verify_documents(contents, read.content.pins)
    _verify_deletions(certificate, read, trust_root)
    receipts = receipts_of(read)
    terminology = load_terminology(content for content, _ in contents)
    asserted = RulesAgain(read, terminology).verify(receipts.keys())
    results = tuple(_result(read, each, receipts) for each in read.results)
    facts = _Facts(certificate, heads, read, documents, _has_samples(terminology), results, asserted, _unnamed(lines))
    reversal = None if read.reversal is None else read.reversal.content
    return CertificateVerdict(
        decision=read.content,
        free_text=read.text.decision.free_text,
        entry=read.evidence,
        check_index=None if read.check_entry is None else read.check_entry.proved.leaf_index,
        checked_at_ms=read.check.outcome.checked_at_ms,
        price_fen=read.line.price_fen,
        results=results,
        reversed_at_ms=reversal.occurred_at_ms if isinstance(reversal, ReversalContent) else None,
        reversal_index=None if read.reversal is None else read.reversal.proved.leaf_index,
        documents=documents,
        heads=heads,
        trust_root_serial=trust_root.serial,
        proved=_proved(facts),
        not_proved=_not_proved(facts),
        remarks=_remarks(facts),
    )


def _verify_heads(heads: Sequence[BundleHead]) -> None:
    """Let each log have one head: what stands before what is shown in one history."""
    if len({head.origin for head in heads}) < len(heads):
        raise CertificateContradictedError("a log has two heads: what stands before what is shown under one")


# Documents


def _content(certificate: DecisionCertificate, given: PinnedDocument, trust_root: TrustRoot) -> tuple[bytes, _Place | None]:
    """Return a document's bytes, and where they are published."""
    if given.published is None:
        return given.content or b"", None
    origin, opened = _open_published(certificate, given.published, trust_root)
    published_document(opened)  # that it is one, and of the kind that its entry names
    return opened.parts[0].content, (origin, given.published.index)


def _open_published(
    certificate: DecisionCertificate, entry: PublishedEntry, trust_root: TrustRoot
) -> tuple[Origin, OpenedPublicEntry]:
    head = open_trusted_head(certificate.heads[entry.head], trust_root)
    verify_entry(head, entry.index, entry.leaf, entry.proof)
    try:
        return head.log.origin, open_public_entry(entry.leaf, entry.slot, head.log.origin)
    except (HeaderVerificationError, PartNotCommittedError, MisplacedManifestError) as error:
        raise CertificateContradictedError(f"public entry {entry.index} of {head.log.origin!r} does not open: {error}") from error


def _verify_deletions(certificate: DecisionCertificate, read: CertifiedEntries, trust_root: TrustRoot) -> None:
    """Let a result be closed only where its log says that its header was deleted: what counted is not kept back."""
    deleted = set()
    for entry in certificate.tombstones:
        origin, opened = _open_published(certificate, entry, trust_root)
        target = tombstone_target(opened)
        if target.origin == origin:
            deleted.add(target)
    closed = {each.reference for each in read.results if each.content is None}
    if closed != deleted:
        raise CertificateContradictedError("a result's header is kept back without a tombstone, or a tombstone is of none of them")


def _verify_documents(contents: Sequence[tuple[bytes, _Place | None]], pins: Sequence[Pin]) -> tuple[CertifiedDocument, ...]:
    found: dict[Pin, CertifiedDocument] = {}
    for content, place in contents:
        document = parse_document(content)
        subject = document.institution if isinstance(document, InstitutionMap) else ""
        pin = Pin(kind_of(document), subject, digest_of(content))
        if pin not in pins:
            raise PinMismatchError(pin.kind, pin.subject, "the decision pins another one, or none")
        found[pin] = CertifiedDocument(pin.kind, pin.subject, pin.digest, place)
    for pin in pins:
        if pin not in found:
            raise PinMismatchError(pin.kind, pin.subject, "the document that the decision pins is missing")
    return tuple(found[pin] for pin in pins)


def _has_samples(documents: Terminology) -> bool:
    heads = [each.head for each in documents.maps.values()]
    heads += (documents.catalogue.head, documents.regions.head, documents.institutions.head)
    heads += (documents.prices.head, documents.certificates.head)
    return any(head.sample for head in heads)


# What is told


def _unnamed(lines: Sequence[ProvedLine]) -> int:
    """Return how many entries bear no pseudonym."""
    return sum(line.header is None or line.header.pseudonym is None for line in lines)


def _result(read: CertifiedEntries, result: ShownResult, receipts: _Receipts) -> CertifiedResult:
    line, content = read.line, result.content
    offer = next((each for each in line.offers if each.leaf == result.reference), None)
    refused = next((each for each in line.unrecognisable if each.leaf == result.reference), None)
    told = offer or refused
    read_to = {each.origin: each.size for each in read.check.read}
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
        retrieval=_retrieval(receipts.get(result.reference)),
        later=tuple(_later(read, each) for each in read.later if replaces(each, result)),
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


def _later(read: CertifiedEntries, later: ShownResult) -> LaterVersion:
    proved = later.entry.proved
    return LaterVersion(
        leaf_index=proved.leaf_index,
        withdrawn=later.entry_type is EntryType.WITHDRAWAL,
        claimed_time_ms=proved.claimed_time_ms,
        is_after_decision=proved.claimed_time_ms > read.content.decided_at_ms,
    )


def _proved(facts: _Facts) -> tuple[Finding, ...]:
    read, entry = facts.read, facts.read.evidence
    retrieved = sum(each.retrieval is not None for each in facts.results)
    published = sum(each.published is not None for each in facts.documents)
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
    findings += [
        _finding("documents", count=len(facts.documents), published=published),
        _finding("offers_count", count=len(read.line.offers)),
        _finding("decision_follows"),
    ]
    if facts.results:
        findings.append(_finding("nothing_read_replaced"))
    return tuple(findings)


def _not_proved(facts: _Facts) -> tuple[Finding, ...]:
    read = facts.read
    findings = [] if read.check_entry is not None else [_finding("check_asserted")]
    if facts.results:
        findings.append(_finding("read_asserted"))
    if facts.asserted:
        findings.append(_finding("refusals_asserted", count=facts.asserted))
    gone = sum(each.version is None for each in facts.results)
    if gone:
        findings.append(_finding("headers_gone", count=gone))
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
    if facts.has_samples:
        remarks.append(_finding("sample_documents"))
    return (*remarks, _finding("handle_with_care"))


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))
