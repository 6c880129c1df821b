"""What `concord audit` does: ask a node, and say what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ledger.hashing import hash_leaf
from node.cli.api_client import ApiClient
from node.cli.files import write_file
from node.cli.options import Language
from node.cli.output import printable, show, show_json
from node.cli.patient.words import describe_code, describe_line, line_json
from node.cli.texts import Texts, language_of, load_texts
from node.domain.verdict import ProvedLine
from node.wire.evidence.bundle import PatientBundle, parse_bundle_file
from node.wire.evidence.bundle_verification import verify_bundle
from node.wire.trust_root import parse_trust_root

_PRIVATE_MODE: Final = 0o600
"""Receipts name patients' records and staff."""


@dataclass(frozen=True, slots=True)
class FindingQuery:
    """Which findings to list."""

    code: str | None
    """Of this kind only."""
    institution: str | None
    """That this institution has to answer for."""
    open_only: bool
    """Without settled ones."""
    limit: int
    """How many."""
    before: str | None
    """Where to go on."""

    def parameters(self) -> dict[str, str | int]:
        """Return the parameters of the request."""
        given: Mapping[str, str | int | None] = {
            "code": self.code,
            "institution": self.institution,
            "open": "true" if self.open_only else None,
            "limit": self.limit,
            "before": self.before,
        }
        return {name: value for name, value in given.items() if value is not None}


def show_trail(
    url: str, api_key: str, trust_root: Path, record: str, evidence: Path | None, language: Language | None, *, as_json: bool
) -> None:
    """Tell a record's life; every line is verified here before it is said."""
    root = parse_trust_root(trust_root.read_bytes())
    with ApiClient(url, api_key) as client:
        content = client.get_bytes(f"/v1/records/{quote(record, safe='')}/trail")
    bundle = parse_bundle_file(content)
    verdict = verify_bundle(bundle, root, now=datetime.now(UTC))
    written = [] if evidence is None else _write_proofs(content, bundle, evidence)
    sizes = {head.origin: head.tree_size for head in verdict.heads}
    if as_json:
        lines = [_trail_json(line, sizes[line.origin], proof.leaf) for line, proof in zip(verdict.lines, bundle.lines, strict=True)]
        show_json({"record": record, "lines": lines, "written": written})
        return
    texts = load_texts(language or language_of())
    rows = [
        {
            "entry": f"{line.origin} #{line.leaf_index}",
            "what": printable(describe_line(line, texts)),
            "leaf": hash_leaf(proof.leaf).hex()[:16],
            "checkpoint": sizes[line.origin],
            "anchor": _anchor(line),
        }
        for line, proof in zip(verdict.lines, bundle.lines, strict=True)
    ]
    show({"trail": rows, "written": written}, as_json=False)


def _write_proofs(content: bytes, bundle: PatientBundle, directory: Path) -> list[str]:
    """Write the trail, which `concord verify` reads as a whole, and the evidence of each version."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {"trail.json": content}
    files |= {f"entry-{line.index}.evidence.json": line.evidence for line in bundle.lines if line.evidence is not None}
    for name, file in files.items():
        write_file(directory / name, file, mode=_PRIVATE_MODE)
    return [str(directory / name) for name in files]


def _trail_json(line: ProvedLine, tree_size: int, leaf: bytes) -> dict[str, object]:
    return {**line_json(line), "leaf_hash": hash_leaf(leaf).hex(), "checkpoint_size": tree_size, "anchor": _anchor(line)}


def _anchor(line: ProvedLine) -> str:
    return "-" if line.evidence is None else line.evidence.anchor.value


def list_findings(url: str, api_key: str, query: FindingQuery, language: Language | None, *, as_json: bool) -> None:
    """List findings."""
    with ApiClient(url, api_key) as client:
        page = client.get_json("/v1/supervision/findings", query.parameters())
    if as_json:
        show_json(page)
        return
    texts = load_texts(language or language_of())
    show({"findings": [_row(each, texts) for each in page["findings"]], "next_before": page["next_before"] or "-"}, as_json=False)


def export_finding(url: str, api_key: str, finding: str, output: Path, *, as_json: bool) -> None:
    """Write what shows a finding."""
    with ApiClient(url, api_key) as client:
        evidence = client.get_bytes(f"/v1/supervision/findings/{quote(finding, safe='')}/evidence")
    write_file(output, evidence, mode=_PRIVATE_MODE)
    show({"finding": finding, "written": str(output), "bytes": len(evidence)}, as_json=as_json)


def _row(finding: Mapping[str, Any], texts: Texts) -> dict[str, str]:
    return {
        "id": finding["finding_id"],
        "raised": finding["raised_at"],
        "settled": finding["settled_at"] or "-",
        "severity": texts.say("finding", f"severity_{finding['severity']}"),
        "code": finding["code"],
        "has to answer": ", ".join(finding["institutions"]),
        "found": describe_code(finding["code"], finding["values"], texts),
    }
