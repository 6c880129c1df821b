from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from node.domain.entry import EntryType, InstitutionId, LeafReference, Origin
from node.domain.trust import LogKey, TrustedLog
from node.domain.verdict import Finding, ForkVerdict, Verdict
from node.wire.certificate.file import parse_certificate
from node.wire.certificate.slip import verify_slip
from node.wire.evidence.file import parse_evidence
from node.wire.evidence.fork_evidence import ForkEvidence
from node.wire.evidence.fork_verification import verify_fork_evidence
from node.wire.evidence.verification import verify_evidence
from node.wire.trust_root import parse_trust_root
from tests.conformance.fork_evidence.make_vectors import cases
from tests.simulators import ORIGIN, SIGNER
from tests.unit.evidence_verify.world import NOW, A, make_checkpoint, make_entry, make_evidence, make_head, make_leaves, make_root

TEXTS = Path(__file__).parents[3] / "node" / "texts"
VECTORS = Path(__file__).parents[2] / "conformance" / "vectors" / "decision-certificate"
DECIDED = datetime(2026, 3, 2, tzinfo=UTC)


def all_findings() -> dict[str, Finding]:
    root = make_root()
    bare = make_checkpoint(make_leaves(make_entry(), 4, 16), 9, cosigners=())
    withdrawn = make_entry(A, EntryType.WITHDRAWAL, LeafReference(A, b"\x05" * 32))
    verdicts = [
        verify_evidence(make_evidence(), root, now=NOW, anchor_head=make_head()),
        verify_evidence(make_evidence(), root, now=NOW, anchor_head=make_head(size=15, block_number=9)),
        verify_evidence(make_evidence(numbers={1}), replace(root, witness_quorum=0), now=NOW),
        verify_evidence(make_evidence(checkpoint=bare, anchored=None), root, now=NOW),
        verify_evidence(make_evidence(withdrawn), root, now=NOW),
        *slip_verdicts(),
    ]
    findings = [each for verdict in verdicts for group in (verdict.proved, verdict.not_proved, verdict.remarks) for each in group]
    findings += [each for verdict in fork_verdicts() for group in (verdict.proved, verdict.not_proved) for each in group]
    return {finding.code: finding for finding in findings}


def slip_verdicts() -> list[Verdict]:
    """Return what evidence of a decision proves: with its words, with the summary alone, and against its certificate."""
    root = parse_trust_root((VECTORS / "published-and-read.trust-root.note").read_bytes())
    certificate = parse_certificate((VECTORS / "published-and-read.certificate.json").read_bytes())
    evidence = parse_evidence(certificate.lines[certificate.decision].evidence or b"")
    slip = replace(evidence, parts=evidence.parts[1:])
    return [
        verify_evidence(evidence, root, now=DECIDED),
        verify_evidence(slip, root, now=DECIDED),
        verify_slip(slip, certificate, root, now=DECIDED),
    ]


def fork_verdicts() -> list[ForkVerdict]:
    """Return what evidence against a log proves, for each kind of it."""
    log = TrustedLog(Origin(ORIGIN), InstitutionId("hospital"), "", (LogKey(SIGNER.verifier_key, 0, None),), None)
    root = replace(make_root(), logs={log.origin: log})
    good = [contradiction for contradiction, verifies in cases().values() if verifies]
    return [verify_fork_evidence(ForkEvidence(log.origin, each, 0), root, now=NOW) for each in good]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_finding_has_words_that_name_its_values(language: str) -> None:
    words = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))["verify"]
    findings = all_findings()
    assert findings.keys() == words.keys()
    for code, finding in findings.items():
        names = set(re.findall(r"{(\w+)}", words[code]))
        assert names <= dict(finding.values).keys()
        assert "{" not in words[code].format_map(dict(finding.values))
