"""Verdicts as JSON: the same document from `concord verify --json` and `POST /v1/verify`."""

from __future__ import annotations

from collections.abc import Sequence

from node.domain.verdict import Finding, ForkVerdict, Verdict
from node.errors import ConcordError


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """Show a verdict; contents of parts are left out, their numbers and roles stay."""
    supersedes = verdict.supersedes
    return {
        "verdict": "verified",
        "level": verdict.level.value,
        "witnessed": verdict.witnessed,
        "witnesses": list(verdict.witnesses),
        "anchor": verdict.anchor.value,
        "as_of": verdict.as_of.isoformat().replace("+00:00", "Z"),
        "as_of_basis": verdict.as_of_basis.value,
        "origin": verdict.origin,
        "institution": verdict.institution,
        "leaf_index": verdict.leaf_index,
        "tree_size": verdict.tree_size,
        "entry_type": verdict.entry_type.name.lower(),
        "kind": verdict.kind,
        "version": verdict.version,
        "status": verdict.status,
        "supersedes": None if supersedes is None else {"origin": supersedes.origin, "leaf_hash": supersedes.leaf_hash.hex()},
        "part_count": verdict.part_count,
        "parts": [{"number": part.number, "role": part.role, "media_type": part.media_type} for part in verdict.parts],
        "trust_root_serial": verdict.trust_root_serial,
        "proved": findings_json(verdict.proved),
        "not_proved": findings_json(verdict.not_proved),
        "remarks": findings_json(verdict.remarks),
    }


def fork_json(verdict: ForkVerdict) -> dict[str, object]:
    """Show a verdict on evidence against a log."""
    return {
        "verdict": "verified",
        "against": verdict.kind,
        "origin": verdict.origin,
        "institution": verdict.institution,
        "earlier_size": verdict.earlier_size,
        "later_size": verdict.later_size,
        "trust_root_serial": verdict.trust_root_serial,
        "proved": findings_json(verdict.proved),
        "not_proved": findings_json(verdict.not_proved),
    }


def refuted_json(error: ConcordError) -> dict[str, object]:
    """Show why evidence was refuted."""
    return {"verdict": "refuted", "error": type(error).__name__, "detail": str(error)}


def unreadable_json(error: ConcordError) -> dict[str, object]:
    """Show why evidence could not be read."""
    return {"verdict": "unreadable", "error": type(error).__name__, "detail": str(error)}


def findings_json(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Show what was, or was not, proved: codes and values."""
    return [{"code": finding.code, **dict(finding.values)} for finding in findings]
