"""How far logs had been read when an order was checked: what a certificate proves of it (docs/spec/decision-certificate.md). Pure.

A check commits to a list of all logs and sizes, and holds the signed heads of those in which its results are. The certificate
opens the list, and shows that each head is of the history under which its entries stand: whoever checked was shown no other.
Left out: that nothing else of the patient lies below those sizes, which the patient's keys or an audit key show.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from ledger.checkpoints import Checkpoint
from ledger.errors import ConsistencyError
from ledger.hashing import NodeHash
from ledger.proofs import verify_consistency
from node.domain.certificate_verdict import ProvedReadHead, ReadProof
from node.domain.trust import TrustRoot
from node.errors import CertificateContradictedError
from node.wire.certificate.entries import CertifiedEntries
from node.wire.certificate.file import CertifiedRead, DecisionCertificate
from node.wire.recognition.read_logs import encode_read_logs, parse_read_logs, read_logs_digest
from node.wire.recognition.text import CheckText, ReadHeads
from node.wire.trusted_head import open_trusted_head, verify_witnesses

_MAX_AHEAD_MS = 300_000
"""Between the clocks of two members."""


def verify_read(certificate: DecisionCertificate, read: CertifiedEntries, trust_root: TrustRoot) -> ReadProof | None:
    """Verify what a certificate shows of how far logs had been read; None for a check that commits to nothing of it.

    Raises:
        MalformedReadLogsError: The list is none.
        EvidenceRefutedError: A head is none of its log.
        CertificateContradictedError: The list is not what the check commits to, or a head is of another history.
    """
    committed, shown = read.check.heads, certificate.read
    if committed is UNSET or shown is None:
        _require((committed is UNSET) == (shown is None), "how far all logs had been read is shown, or committed to, and not both")
        return None
    _verify_list(read.check, committed, shown)
    relied = {each.reference.origin for each in read.results}
    heads = [
        (log.origin, note) for log, note in zip(read.check.read, committed.notes, strict=True) if note and log.origin in relied
    ]
    proofs = {each.origin: each.proof for each in shown.consistency}
    _require(
        [each.origin for each in shown.consistency] == [origin for origin, _ in heads],
        "heads that had been read are shown to be of the history for other logs than those of the results",
    )
    present = {head.log.origin: head.checkpoint for head in (open_trusted_head(note, trust_root) for note in certificate.heads)}
    read_to = {each.origin: each.size for each in read.check.read}
    proved = []
    for origin, note in heads:
        head = open_trusted_head(note, trust_root)
        is_of_it = head.log.origin == origin and head.checkpoint.size >= read_to[origin]
        _require(is_of_it, "a head that had been read is none of its log, or lies below what had been read")
        _verify_history(head.checkpoint, present[origin], proofs[origin])
        witnessed_at_s = verify_witnesses(head, trust_root).quorum_time_s
        is_late = witnessed_at_s is not None and witnessed_at_s * 1000 > read.check.outcome.checked_at_ms + _MAX_AHEAD_MS
        _require(not is_late, "others saw a head that had been read only after the check")
        proved.append((origin, ProvedReadHead(head.checkpoint.size, witnessed_at_s)))
    known = {each.origin for each in shown.logs}
    return ReadProof(shown.logs, tuple(proved), tuple(sorted(trust_root.logs.keys() - known)))


def _verify_list(check: CheckText, committed: ReadHeads, shown: CertifiedRead) -> None:
    encoded = encode_read_logs((each.origin, each.size) for each in shown.logs)
    # once only, and in order: two spellings of one list would be two certificates
    _require(parse_read_logs(encoded) == shown.logs, "the list of logs is not in its order")
    _require(
        (len(shown.logs), read_logs_digest(encoded)) == (committed.logs, committed.digest),
        "the check commits to another list of how far all logs had been read",
    )
    _require(set(check.read) <= set(shown.logs), "the check says two things of how far a log had been read")
    _require(len(committed.notes) == len(check.read), "the check has heads of other logs than it names")


def _verify_history(head: Checkpoint, now: Checkpoint, proof: Sequence[NodeHash]) -> None:
    try:
        verify_consistency(old_size=head.size, new_size=now.size, old_root=head.root, new_root=now.root, proof=proof)
    except ConsistencyError as error:
        raise CertificateContradictedError("a head that had been read is of another history than is shown") from error


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise CertificateContradictedError(what)
