"""Check evidence of a fork against the trust root alone (docs/spec/fork-evidence.md). Pure.

What is proved is what the log's own signatures prove. Left out: asking the chain for the head that a contradicted anchor
names, and what the consortium does with a forked log.
"""

from __future__ import annotations

from datetime import datetime

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.errors import ContradictionError, LedgerError, MalformedError, OriginMismatchError
from ledger.forks import Contradiction, ContradictionKind, verify_contradiction
from ledger.notes import parse_note
from node.domain.moments import moment
from node.domain.trust import TrustedLog, TrustRoot
from node.domain.verdict import Finding, ForkVerdict
from node.errors import (
    ForkRefutedError,
    LogKeyRangeError,
    LogSignatureError,
    MalformedForkEvidenceError,
    UnknownLogError,
)
from node.wire.evidence.fork_evidence import ForkEvidence
from node.wire.trust_root import verify_trust_root


def verify_fork_evidence(evidence: ForkEvidence, trust_root: TrustRoot, *, now: datetime) -> ForkVerdict:
    """Verify that a log of the trust root signed what contradicts itself, or what contradicts a stated anchor.

    Raises:
        MalformedForkEvidenceError: A checkpoint in it is none.
        TrustRootExpiredError: The trust root may not be used any more.
        UnknownLogError, LogKeyRangeError, LogSignatureError: The log did not sign one of the checkpoints.
        ForkRefutedError: They contradict nothing.
    """
    verify_trust_root(trust_root, now)
    log = trust_root.logs.get(evidence.origin)
    if log is None:
        raise UnknownLogError(evidence.origin, trust_root.serial)
    found = evidence.contradiction
    _check_ranges(found, log)
    try:
        earlier, later = verify_contradiction(found, log.keys, log.origin)
    except MalformedError as error:
        raise MalformedForkEvidenceError(f"fork evidence: {error}") from error
    except (ContradictionError, OriginMismatchError) as error:
        raise ForkRefutedError(str(error)) from error
    except LedgerError as error:
        raise LogSignatureError(log.origin, str(error)) from error
    return ForkVerdict(
        origin=log.origin,
        institution=log.institution,
        kind=found.kind.value,
        earlier_size=None if earlier is None else earlier.size,
        later_size=later.size,
        trust_root_serial=trust_root.serial,
        proved=_proved(found, log, earlier, later),
        not_proved=_not_proved(found, evidence.observed_at_ms),
    )


def _check_ranges(found: Contradiction, log: TrustedLog) -> None:
    for note in filter(None, (found.earlier, found.later)):
        try:
            size = parse_checkpoint(parse_note(note).text).size
        except MalformedError as error:
            raise MalformedForkEvidenceError(f"fork evidence: {error}") from error
        if not any(key.covers(size) for key in log.keys):
            raise LogKeyRangeError(log.origin, size)


def _proved(found: Contradiction, log: TrustedLog, earlier: Checkpoint | None, later: Checkpoint) -> tuple[Finding, ...]:
    signed = {"origin": log.origin, "institution": log.institution}
    findings = [_finding("fork_signed", **signed, size=each.size, root=each.root.hex()) for each in (earlier, later) if each]
    if found.kind is ContradictionKind.ROLLBACK:
        return tuple(findings)
    held = earlier or found.anchored
    size = later.size if held is None else held.size
    if size == later.size:
        findings.append(_finding("fork_same_size", size=size))
    else:
        findings.append(_finding("fork_no_prefix", size=size, later=later.size))
    return tuple(findings)


def _not_proved(found: Contradiction, observed_at_ms: int) -> tuple[Finding, ...]:
    findings = []
    if found.kind is ContradictionKind.ROLLBACK:
        findings.append(_finding("fork_order"))
    if found.anchored is not None:
        findings.append(_finding("fork_anchor_stated", size=found.anchored.size, root=found.anchored.root.hex()))
    return (*findings, _finding("fork_observed", time=f"{moment(observed_at_ms):%Y-%m-%dT%H:%M:%SZ}"))


def _finding(code: str, **values: object) -> Finding:
    return Finding(code, tuple((name, str(value)) for name, value in values.items()))
