"""How `concord verify` says what evidence against a log proves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from node.cli.texts import Texts
from node.domain.trust import TrustRoot
from node.domain.verdict import Finding
from node.wire.evidence.fork_evidence import parse_fork_evidence
from node.wire.evidence.fork_verification import verify_fork_evidence
from node.wire.evidence.verdict_json import fork_json


def check_fork(data: bytes, root: TrustRoot, now: datetime, texts: Texts) -> tuple[dict[str, object], list[str]]:
    """Verify evidence against a log, and return what to show programs and people.

    Raises:
        ConcordError: It is unreadable, or does not hold.
    """
    verdict = verify_fork_evidence(parse_fork_evidence(data), root, now=now)
    head = {"origin": verdict.origin, "institution": verdict.institution, "serial": str(verdict.trust_root_serial)}
    lines = [
        texts.say("report", f"against_{verdict.kind}"),
        texts.say("report", "against", head),
        texts.say("report", "trust_root", head),
        *findings_of("proved", verdict.proved, texts),
        *findings_of("not_proved", verdict.not_proved, texts),
    ]
    return fork_json(verdict), lines


def findings_of(heading: str, findings: Iterable[Finding], texts: Texts) -> list[str]:
    """Say findings in words, line by line, below their heading."""
    lines = [f"  - {texts.say('verify', each.code, dict(each.values))}" for each in findings]
    return ["", texts.say("report", heading), *lines] if lines else []
