"""What a verification found, in words' keys: from the facts that were checked to the verdict (`node.texts`, `verify`).

Left out: checking anything (`node.wire.evidence.verification`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from ledger.proofs import TlogProof
from node.domain.entry import EntryType, Level
from node.domain.trust import TrustRoot
from node.domain.verdict import AnchoredHeadLike, AnchorStanding, AsOfBasis, Finding, ProvedPart, Verdict
from node.errors import MalformedEvidenceError
from node.wire.evidence.file import Evidence
from node.wire.leaf import Leaf
from node.wire.manifest import Manifest
from node.wire.trusted_head import Cosigned, TrustedHead


class Signed(NamedTuple):
    """A checkpoint that a log of the trust root signed."""

    proof: TlogProof
    head: TrustedHead


class Opened(NamedTuple):
    """Leaf and parts that open its commitment."""

    leaf: Leaf
    manifest: Manifest
    parts: tuple[ProvedPart, ...]


class Age(NamedTuple):
    """As of when, and who says so."""

    time: datetime
    basis: AsOfBasis


class Facts(NamedTuple):
    """All that was checked; nothing in it was refuted."""

    evidence: Evidence
    trust_root: TrustRoot
    signed: Signed
    opened: Opened
    cosigned: Cosigned
    standing: AnchorStanding
    head: AnchoredHeadLike | None
    """What the verifier read from the chain, whether it could be compared or not."""
    age: Age


def make_verdict(facts: Facts) -> Verdict:
    """Sum up what was checked.

    Raises:
        MalformedEvidenceError: A time in the evidence is beyond all calendars.
    """
    signed, opened, manifest = facts.signed, facts.opened, facts.opened.manifest
    return Verdict(
        origin=signed.head.log.origin,
        institution=signed.head.log.institution,
        leaf_index=signed.proof.index,
        tree_size=signed.head.checkpoint.size,
        entry_type=opened.leaf.entry_type,
        kind=manifest.kind,
        version=manifest.version,
        status=manifest.status,
        supersedes=manifest.supersedes,
        part_count=manifest.count,
        parts=opened.parts,
        level=Level.ANCHORED if facts.standing is AnchorStanding.CHECKED else Level.LOGGED,
        anchor=facts.standing,
        witnesses=facts.cosigned.institutions,
        witnessed=facts.cosigned.quorum_time_s is not None,
        as_of=facts.age.time,
        as_of_basis=facts.age.basis,
        trust_root_serial=facts.trust_root.serial,
        proved=_proved(facts),
        not_proved=_not_proved(facts),
        remarks=_remarks(opened),
    )


def time_of(seconds: float, place: str) -> datetime:
    """Return a unix time as an aware time in UTC.

    Raises:
        MalformedEvidenceError: It is beyond all calendars.
    """
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MalformedEvidenceError(f"{place}: a time beyond all calendars") from error


def show_time(time: datetime) -> str:
    """Spell a time for people, whole seconds in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))


def _proved(facts: Facts) -> tuple[Finding, ...]:
    signed, opened, anchor, head = facts.signed, facts.opened, facts.evidence.anchor, facts.head
    log, size, manifest = signed.head.log, signed.head.checkpoint.size, opened.manifest
    findings = [
        _finding("log_signature", origin=log.origin, institution=log.institution, size=size),
        _finding("inclusion", index=signed.proof.index, size=size),
        _finding("manifest", kind=manifest.kind, version=manifest.version, status=manifest.status),
    ]
    if opened.parts:
        numbers = ", ".join(str(part.number) for part in opened.parts)
        findings.append(_finding("parts", numbers=numbers, last=manifest.count - 1))
    if facts.cosigned.institutions:
        findings.append(_finding("cosignatures", institutions=", ".join(facts.cosigned.institutions)))
    if anchor is not None:
        findings.append(_finding("consistency", size=anchor.size))
    if head is not None and facts.standing is AnchorStanding.CHECKED:
        time = show_time(time_of(head.timestamp_s, "anchor head"))
        findings.append(_finding("anchored", size=head.size, block=head.block_number, time=time))
    return tuple(findings)


def _not_proved(facts: Facts) -> tuple[Finding, ...]:
    opened, cosigned, anchor = facts.opened, facts.cosigned, facts.evidence.anchor
    findings = []
    if cosigned.quorum_time_s is None:
        count = len(cosigned.institutions)
        findings.append(_finding("not_witnessed", count=count, quorum=facts.trust_root.witness_quorum))
    if anchor is not None and facts.standing is AnchorStanding.STATED:
        time = show_time(time_of(anchor.timestamp_s, "anchor"))
        findings.append(_finding("anchor_stated", block=anchor.block_number, time=time))
    if facts.standing is AnchorStanding.NONE:
        findings.append(_finding("anchor_none"))
    if facts.head is not None and facts.standing is not AnchorStanding.CHECKED:
        findings.append(_finding("anchor_other_head", size=facts.head.size))
    hidden = opened.manifest.count - 1 - len(opened.parts)
    if hidden:
        findings.append(_finding("hidden_parts", count=hidden))
    claimed = show_time(time_of(opened.leaf.claimed_time_ms / 1000, "leaf"))
    findings += [
        _finding("claimed_time", time=claimed),
        _finding(f"later_{facts.age.basis.value}", time=show_time(facts.age.time)),
        _finding("content"),
    ]
    return tuple(findings)


def _remarks(opened: Opened) -> tuple[Finding, ...]:
    manifest = opened.manifest
    remarks = []
    if opened.leaf.entry_type is EntryType.WITHDRAWAL:
        remarks.append(_finding("withdrawal", status=manifest.status))
    if manifest.supersedes is not None:
        reference = manifest.supersedes
        remarks.append(_finding("supersedes", origin=reference.origin, leaf_hash=reference.leaf_hash.hex()))
    return tuple(remarks)
