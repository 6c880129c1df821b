"""How `concord verify` says what evidence against a log proves."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from node.cli.output import printable, show_json
from node.cli.texts import Texts
from node.domain.verdict import Finding, ForkVerdict
from node.wire.verdict_json import fork_json


def show_fork(verdict: ForkVerdict, texts: Texts, *, as_json: bool) -> None:
    """Print a verdict on evidence against a log."""
    if as_json:
        show_json(fork_json(verdict))
        return
    head = {"origin": verdict.origin, "institution": verdict.institution, "serial": str(verdict.trust_root_serial)}
    lines = [
        texts.say("report", f"against_{verdict.kind}"),
        texts.say("report", "against", head),
        texts.say("report", "trust_root", head),
        *findings_of("proved", verdict.proved, texts),
        *findings_of("not_proved", verdict.not_proved, texts),
    ]
    typer.echo("\n".join(map(printable, lines)))


def findings_of(heading: str, findings: Iterable[Finding], texts: Texts) -> list[str]:
    """Say findings in words, line by line, below their heading."""
    lines = [f"  - {texts.say('verify', each.code, dict(each.values))}" for each in findings]
    return ["", texts.say("report", heading), *lines] if lines else []
