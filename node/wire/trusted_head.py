"""A log's signed head, believed as far as the trust root says: whose log it is, whose keys count, who else saw it.

What every verifier of files begins with (docs/spec/evidence.md, the checks of log and witnesses). Left out: what the head
proves (`verification`, `completeness_verification`, `bundle_verification`).
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.checkpoints import Checkpoint, parse_checkpoint
from ledger.cosignatures import verify_cosignatures
from ledger.errors import InclusionError, MalformedError, SignatureError
from ledger.hashing import LeafIndex, NodeHash, hash_leaf
from ledger.notes import SignedNote, parse_note, verify_note
from ledger.proofs import verify_inclusion
from node.domain.entry import InstitutionId, Origin
from node.domain.trust import TrustedLog, TrustRoot
from node.errors import (
    ClosedOriginError,
    CosignatureRefutedError,
    LogInclusionError,
    LogKeyRangeError,
    LogSignatureError,
    MalformedEvidenceError,
    UnknownLogError,
)


class TrustedHead(NamedTuple):
    """A checkpoint that a log of the trust root signed."""

    note: SignedNote
    checkpoint: Checkpoint
    log: TrustedLog


class Cosigned(NamedTuple):
    """Whose witnesses cosigned, and since when a quorum of them did."""

    institutions: tuple[InstitutionId, ...]
    quorum_time_s: int | None


def open_trusted_head(note: bytes, trust_root: TrustRoot) -> TrustedHead:
    """Open a signed checkpoint.

    Raises:
        MalformedEvidenceError: It is none.
        UnknownLogError, LogKeyRangeError, LogSignatureError: No key that counts signed it.
    """
    try:
        signed = parse_note(note)
        checkpoint = parse_checkpoint(signed.text)
    except MalformedError as error:
        raise MalformedEvidenceError(f"proof: {error}") from error
    log = trust_root.logs.get(Origin(checkpoint.origin))
    if log is None:
        raise UnknownLogError(checkpoint.origin, trust_root.serial)
    keys = [each.key for each in log.keys if each.covers(checkpoint.size)]
    if not keys:
        raise LogKeyRangeError(log.origin, checkpoint.size)
    try:
        verify_note(signed, keys)
    except SignatureError as error:
        raise LogSignatureError(log.origin, str(error)) from error
    return TrustedHead(signed, checkpoint, log)


def verify_entry(head: TrustedHead, index: int, leaf: bytes, proof: tuple[NodeHash, ...]) -> None:
    """Verify that an entry is in the log, at its index and under the head.

    Raises:
        ClosedOriginError: The consortium closed the log before that.
        LogInclusionError: It is not there.
    """
    log, checkpoint = head.log, head.checkpoint
    closed = log.closed
    # A checkpoint beyond the final size is of the part of the log that the consortium rejected: what it says of earlier
    # entries is not shown to be the accepted history.
    if closed is not None and (index >= closed.final_size or checkpoint.size > closed.final_size):
        raise ClosedOriginError(log.origin, index, closed.final_size)
    try:
        verify_inclusion(index=LeafIndex(index), size=checkpoint.size, leaf=hash_leaf(leaf), proof=proof, root=checkpoint.root)
    except InclusionError as error:
        raise LogInclusionError(log.origin, index, checkpoint.size) from error


def verify_witnesses(head: TrustedHead, trust_root: TrustRoot) -> Cosigned:
    """Verify the cosignatures of the trust root's witnesses.

    Raises:
        CosignatureRefutedError: One of them fails.
    """
    lines = {(each.name, each.key_id) for each in head.note.signatures}
    # An institution is no witness of its own log.
    others = {
        each.key: each.institution
        for each in trust_root.witnesses
        if (each.key.name, each.key.key_id) in lines and each.institution != head.log.institution
    }
    try:
        times = verify_cosignatures(head.note, others)
    except SignatureError as error:
        raise CosignatureRefutedError(error.key_name or "", str(error)) from error
    latest: dict[InstitutionId, int] = {}
    for key, time_s in times.items():
        latest[others[key]] = max(time_s, latest.get(others[key], 0))
    quorum = trust_root.witness_quorum
    ranked = sorted(latest.values(), reverse=True)
    # That many institutions saw the head at this time or later: fewer than a quorum cannot make it seem more recent.
    return Cosigned(tuple(latest), ranked[quorum - 1] if 0 < quorum <= len(ranked) else None)
