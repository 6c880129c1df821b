"""What `concord verify` says of the files that patients and regulators hand out: proofs of contiguity, bundles, findings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from node.cli.patient.words import describe_code, describe_line, describe_lines, describe_place, line_json
from node.cli.texts import Texts
from node.domain.trust import TrustRoot
from node.domain.verdict import BundleHead, BundleVerdict, CompletenessVerdict, Finding, FindingVerdict
from node.wire.evidence.bundle import parse_bundle_file
from node.wire.evidence.bundle_verification import verify_bundle
from node.wire.evidence.completeness import parse_completeness
from node.wire.evidence.completeness_verification import verify_completeness
from node.wire.evidence.finding_evidence import parse_finding, verify_finding
from node.wire.evidence.verdict_json import findings_json, verdict_json

_SECTIONS: Final = ("results", "consents", "access", "other")

Shown = tuple[dict[str, object], list[str]]
"""The same for programs and for people."""


def check_completeness(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    """Verify a proof of contiguity.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    verdict = verify_completeness(parse_completeness(data), root, now=now)
    return completeness_json(verdict), describe_completeness(verdict, texts)


def check_bundle(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    """Verify a patient's bundle.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    verdict = verify_bundle(parse_bundle_file(data), root, now=now)
    return _bundle_json(verdict), _describe_bundle(verdict, texts)


def check_finding(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> Shown:
    """Verify a finding of supervision.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    verdict = verify_finding(parse_finding(data), root, now=now)
    return _finding_json(verdict), _describe_finding(verdict, texts)


def completeness_json(verdict: CompletenessVerdict) -> dict[str, object]:
    """Show a proof of contiguity to programs."""
    return {
        "verdict": "verified",
        "about": "contiguity",
        "origin": verdict.origin,
        "institution": verdict.institution,
        "tree_size": verdict.tree_size,
        "witnessed": verdict.witnessed,
        "witnesses": list(verdict.witnesses),
        "series": [
            {
                "tag_class": each.tag_class,
                "epoch": each.epoch,
                "exchange_key": None if each.exchange_key is None else each.exchange_key.hex(),
                "indices": list(each.indices),
            }
            for each in verdict.series
        ],
        "trust_root_serial": verdict.trust_root_serial,
        **_findings(verdict),
    }


def describe_completeness(verdict: CompletenessVerdict, texts: Texts) -> list[str]:
    """Say a proof of contiguity in words."""
    values = {"origin": verdict.origin, "institution": verdict.institution, "size": str(verdict.tree_size)}
    return [
        texts.say("complete", "verified"),
        texts.say("complete", "issuer", values),
        texts.say("report", "trust_root", {"serial": str(verdict.trust_root_serial)}),
        *say_findings(_groups(verdict), "complete", texts),
    ]


def _finding_json(verdict: FindingVerdict) -> dict[str, object]:
    return {
        "verdict": "verified",
        "about": "finding",
        "finding": {
            "code": verdict.code,
            "institutions": list(verdict.institutions),
            "subject": verdict.subject,
            "values": dict(verdict.values),
        },
        "heads": heads_json(verdict.heads),
        "lines": [line_json(line) for line in verdict.lines],
        "trust_root_serial": verdict.trust_root_serial,
        "proved": findings_json(verdict.proved),
        "not_proved": findings_json(verdict.not_proved),
    }


def _describe_finding(verdict: FindingVerdict, texts: Texts) -> list[str]:
    return [
        texts.say("bundle", "finding", {"text": describe_code(verdict.code, dict(verdict.values), texts)}),
        texts.say("bundle", "answers", {"institutions": texts.listed(verdict.institutions), "subject": verdict.subject}),
        *describe_heads(verdict.heads, texts),
        texts.say("report", "trust_root", {"serial": str(verdict.trust_root_serial)}),
        "",
        texts.say("bundle", "shown_by"),
        *(f"  {describe_line(line, texts)} [{describe_place(line, texts)}]" for line in verdict.lines),
        *say_findings((("proved", verdict.proved), ("not_proved", verdict.not_proved)), "bundle", texts),
    ]


def _bundle_json(verdict: BundleVerdict) -> dict[str, object]:
    return {
        "verdict": "verified",
        "about": "patient-bundle",
        "heads": heads_json(verdict.heads),
        "lines": [
            {**line_json(line), "evidence": None if line.evidence is None else verdict_json(line.evidence)}
            for line in verdict.lines
        ],
        "completeness": [completeness_json(each) for each in verdict.completeness],
        "trust_root_serial": verdict.trust_root_serial,
        **_findings(verdict),
    }


def _describe_bundle(verdict: BundleVerdict, texts: Texts) -> list[str]:
    said = [texts.say("bundle", "verified", {"count": str(len(verdict.lines))}), *describe_heads(verdict.heads, texts)]
    said.append(texts.say("report", "trust_root", {"serial": str(verdict.trust_root_serial)}))
    said += describe_lines(verdict.lines, texts, _SECTIONS)
    said += say_findings(_groups(verdict), "bundle", texts)
    for each in verdict.completeness:
        said += ["", *describe_completeness(each, texts)]
    return said


def heads_json(heads: Iterable[BundleHead]) -> list[dict[str, object]]:
    """Show heads to programs."""
    return [
        {
            "origin": head.origin,
            "institution": head.institution,
            "tree_size": head.tree_size,
            "witnessed": head.witnessed,
            "witnesses": list(head.witnesses),
        }
        for head in heads
    ]


def describe_heads(heads: Iterable[BundleHead], texts: Texts) -> list[str]:
    """Say heads, one a line."""
    return [
        texts.say(
            "bundle",
            "head",
            {
                "origin": head.origin,
                "institution": head.institution,
                "size": str(head.tree_size),
                "witnessed": texts.say("bundle", "witnessed" if head.witnessed else "unwitnessed"),
            },
        )
        for head in heads
    ]


def _groups(verdict: BundleVerdict | CompletenessVerdict) -> Iterable[tuple[str, tuple[Finding, ...]]]:
    return (("remarks", verdict.remarks), ("proved", verdict.proved), ("not_proved", verdict.not_proved))


def say_findings(groups: Iterable[tuple[str, tuple[Finding, ...]]], table: str, texts: Texts) -> list[str]:
    """Say what was proved and what was not, below headings; the words are those of a table of the texts."""
    said: list[str] = []
    for heading, findings in groups:
        if findings:
            said += ["", texts.say("report", heading)]
            said += [f"  - {texts.say(table, each.code, dict(each.values))}" for each in findings]
    return said


def _findings(verdict: BundleVerdict | CompletenessVerdict) -> dict[str, object]:
    return {
        "proved": findings_json(verdict.proved),
        "not_proved": findings_json(verdict.not_proved),
        "remarks": findings_json(verdict.remarks),
    }
