"""Check a patient's bundle against the trust root alone (docs/spec/bundle.md). Pure.

Every line is a log's entry under a signed head; what it says is what its sealed header says, which the leaf names and its
data key opens; evidence in a line is of the same entry. What is shown is read out of what was verified: a bundle has no
words of its own. Left out: that nothing is missing, where the bundle holds no completeness file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from node.domain.header import Header
from node.domain.trust import TrustRoot
from node.domain.verdict import BundleHead, BundleVerdict, CompletenessVerdict, Finding, ProvedLine, Verdict
from node.errors import BundleLineError, HeaderVerificationError, MalformedBundleError, MalformedPublicEntryError, VerificationError
from node.wire.evidence.bundle import BundleLine, PatientBundle
from node.wire.evidence.completeness import parse_completeness
from node.wire.evidence.completeness_verification import verify_completeness
from node.wire.evidence.file import parse_evidence
from node.wire.evidence.findings import show_time, time_of
from node.wire.evidence.verification import verify_evidence
from node.wire.header.seal import HeaderPlace, open_header_key, verify_header_digest
from node.wire.leaf import Leaf, parse_leaf
from node.wire.public_entry import open_public_entry
from node.wire.trust_root import verify_trust_root
from node.wire.trusted_head import Cosigned, TrustedHead, open_trusted_head, verify_entry, verify_witnesses


def verify_bundle(bundle: PatientBundle, trust_root: TrustRoot, *, now: datetime) -> BundleVerdict:
    """Verify a bundle against a trust root.

    Raises:
        WireError: Something in it is unreadable.
        TrustRootExpiredError: The trust root's time is over.
        EvidenceRefutedError: It claims what is not so; the subclass says what.
    """
    verify_trust_root(trust_root, now)
    heads, lines = verify_lines(bundle.heads, bundle.lines, trust_root, now)
    files = tuple(verify_completeness(parse_completeness(file), trust_root, now=now) for file in bundle.completeness)
    return BundleVerdict(
        heads=heads,
        lines=lines,
        completeness=files,
        trust_root_serial=trust_root.serial,
        proved=_proved(lines),
        not_proved=_not_proved(bundle, lines, files, heads),
        remarks=(_finding("holds_keys", count=len(files)),) if files else (),
    )


def verify_lines(
    notes: Sequence[bytes], bundle_lines: Sequence[BundleLine], trust_root: TrustRoot, now: datetime
) -> tuple[tuple[BundleHead, ...], tuple[ProvedLine, ...]]:
    """Verify lines under their heads.

    Raises:
        WireError: Something in them is unreadable.
        EvidenceRefutedError: They claim what is not so; the subclass says what.
    """
    heads = [open_trusted_head(note, trust_root) for note in notes]
    cosigned = [verify_witnesses(head, trust_root) for head in heads]
    lines = tuple(_verify_line(at, line, heads[line.head], trust_root, now) for at, line in enumerate(bundle_lines))
    places = [(line.origin, line.leaf_index) for line in lines]
    if len(set(places)) < len(places):
        raise MalformedBundleError("lines: an entry stands twice")
    return tuple(_head(head, who) for head, who in zip(heads, cosigned, strict=True)), lines


def _verify_line(at: int, line: BundleLine, head: TrustedHead, trust_root: TrustRoot, now: datetime) -> ProvedLine:
    verify_entry(head, line.index, line.leaf, line.proof)
    leaf = parse_leaf(line.leaf)
    return ProvedLine(
        origin=head.log.origin,
        institution=head.log.institution,
        leaf_index=line.index,
        entry_type=leaf.entry_type,
        claimed_time_ms=leaf.claimed_time_ms,
        header=_open_header(at, line, head, leaf),
        evidence=_verify_evidence(at, line, head, trust_root, now),
    )


def _open_header(at: int, line: BundleLine, head: TrustedHead, leaf: Leaf) -> Header | None:
    if line.header is None:
        return None
    if line.data_key is None:
        _verify_public(at, line, head)
        return None
    try:
        verify_header_digest(line.header, leaf.header_digest)
        return open_header_key(line.header, HeaderPlace(head.log.origin, leaf.entry_type, leaf.tag), line.data_key)
    except HeaderVerificationError as error:
        raise BundleLineError(at, str(error)) from error


def _verify_public(at: int, line: BundleLine, head: TrustedHead) -> None:
    try:
        open_public_entry(line.leaf, line.header or b"", head.log.origin)
    except (VerificationError, MalformedPublicEntryError) as error:
        raise BundleLineError(at, str(error)) from error


def _verify_evidence(at: int, line: BundleLine, head: TrustedHead, trust_root: TrustRoot, now: datetime) -> Verdict | None:
    if line.evidence is None:
        return None
    evidence = parse_evidence(line.evidence)
    verdict = verify_evidence(evidence, trust_root, now=now)
    if (evidence.leaf, verdict.origin, verdict.leaf_index) != (line.leaf, head.log.origin, line.index):
        raise BundleLineError(at, "its evidence is of another entry")
    return verdict


def _head(head: TrustedHead, cosigned: Cosigned) -> BundleHead:
    return BundleHead(
        origin=head.log.origin,
        institution=head.log.institution,
        tree_size=head.checkpoint.size,
        witnesses=cosigned.institutions,
        witnessed=cosigned.quorum_time_s is not None,
    )


def _proved(lines: Sequence[ProvedLine]) -> tuple[Finding, ...]:
    opened = sum(line.header is not None for line in lines)
    with_evidence = sum(line.evidence is not None for line in lines)
    findings = [_finding("lines_included", count=len(lines)), _finding("lines_opened", count=opened)]
    if with_evidence:
        findings.append(_finding("evidence_holds", count=with_evidence))
    return tuple(findings)


def _not_proved(
    bundle: PatientBundle, lines: Sequence[ProvedLine], files: Sequence[CompletenessVerdict], heads: Sequence[BundleHead]
) -> tuple[Finding, ...]:
    findings = []
    closed = sum(line.header is None for line in lines)
    if closed:
        findings.append(_finding("lines_closed", count=closed))
    unwitnessed = sum(not head.witnessed for head in heads)
    if unwitnessed:
        findings.append(_finding("heads_unwitnessed", count=unwitnessed))
    findings.append(_finding("end_open") if files else _finding("may_be_missing"))
    made_at = show_time(time_of(bundle.made_at_ms / 1000, "made_at_ms"))
    return (*findings, _finding("one_patient"), _finding("asserted"), _finding("made_at", time=made_at))


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))
